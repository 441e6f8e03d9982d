#!/usr/bin/env bash
# Where a Docker engine runs, make the container of docs/deploy-huawei.md from dist/ and run it by that
# page's lines: it answers, counts as healthy, and keeps runs in a volume. Says what it did.
# usage: scripts/container.sh    after scripts/build.sh
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v docker >/dev/null || ! timeout 10 docker info >/dev/null 2>&1; then
	echo "container: not run: no Docker engine answers"
	exit 0
fi
page=docs/deploy-huawei.md
line() { # START: the page's line with that start
	grep -m 1 "^$1" $page || { echo "container: $page has no line that starts with $1" >&2; exit 1; }
}
work=$(mktemp -d)
name=partnerlens-check-$$
cleanup() {
	docker rm -f "$name" "$name-clouds" >/dev/null 2>&1 || true
	docker volume rm "$name" >/dev/null 2>&1 || true
	docker rmi -f "$name" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
fail() {
	echo "container: $*" >&2
	docker logs "$name" >&2 2>/dev/null || true
	exit 1
}

image=$name
case $(uname -m) in aarch64 | arm64) arch=arm64 ;; *) arch=amd64 ;; esac
build=$(line 'docker build ')
${build/-t partnerlens/-t $image --build-arg TARGETARCH=$arch} >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }

run=$(line 'docker run .* serve --demo')
run=${run/ -p 127.0.0.1:8080:8080 partnerlens / -d --name $name -p 127.0.0.1::8080 $image }
$run >/dev/null
address=$(docker port "$name" 8080/tcp | head -n 1)
inspect=$(line 'docker inspect ')
for _ in $(seq 60); do
	healthy=$(eval "${inspect/CONTAINER/$name}")
	[ "$healthy" = healthy ] && break
	sleep 1
done
[ "$healthy" = healthy ] || fail "its health is $healthy"
[ "$(docker inspect --format '{{.Config.User}}' "$name")" = 65532:65532 ] || fail "it does not run as 65532"
# A container has no caller on the same machine: without a key only the two open paths answer.
command -v curl >/dev/null && curl -sS --fail --noproxy '*' "http://$address/healthz" >/dev/null || fail "it does not answer at $address"
docker rm -f "$name" >/dev/null

# The watch, against simulated clouds in a container whose loopback it shares.
docker run -d --name "$name-clouds" "$image" simulate --listen 127.0.0.1:8090 --customers 60 >/dev/null
for _ in $(seq 60); do
	docker logs "$name-clouds" 2>/dev/null | grep -q '^listening on ' && break
	sleep 0.5
done
cat >"$work/partnerlens.env" <<'ENV'
PARTNERLENS_TENCENT_SECRET_ID=SIMULATORID
PARTNERLENS_TENCENT_SECRET_KEY=simulator-secret
PARTNERLENS_TENCENT_ENDPOINT=http://127.0.0.1:8090
ENV
watch=$(line 'docker run .* watch ')
watch=${watch/ partnerlens watch/ --network container:$name-clouds $image watch}
watch=${watch/ -v runs:/ -v $name:}
(cd "$work" && $watch >watched) || { cat "$work/watched" >&2; fail "the watch did not end well"; }
(cd "$work" && $watch >watched) || fail "the watch did not find its own run"
echo "container: ran docker build, the server with its health check, and the watch into a volume"
