#!/usr/bin/env bash
# Run a command with a real S3 server on this machine, which checks signatures.
# It is started for the command and ends with it.
#
# usage: scripts/s3.sh go test ./internal/store/...
set -euo pipefail
version=v1.8.0 # of github.com/versity/versitygw, an S3 gateway over a folder
cache="${XDG_CACHE_HOME:-$HOME/.cache}/partnerlens/versitygw-$version"
if [ ! -x "$cache/versitygw" ]; then
	echo "building versitygw $version, once (some minutes)" >&2
	GOFLAGS='' GOBIN="$cache" go install -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@$version"
fi
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work/objects/partnerlens" "$work/metadata" # a folder in the first is a bucket
export ROOT_ACCESS_KEY=AKSAMPLESTORE ROOT_SECRET_KEY=sample-secret-of-the-store
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 10000))
	answers && continue # in use
	"$cache/versitygw" --port "127.0.0.1:$port" --keep-alive --quiet posix --sidecar "$work/metadata" "$work/objects" >"$work/out" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		kill -0 "$server" 2>/dev/null || break
		answers && break 2
		sleep 0.1
	done
	kill "$server" 2>/dev/null || true
	server=
done
if [ -z "$server" ]; then
	cat "$work/out" >&2
	exit 1
fi
# Where this script is killed, nothing else would end the server.
(while kill -0 $$ 2>/dev/null && kill -0 "$server" 2>/dev/null; do sleep 1; done; kill "$server" 2>/dev/null) >/dev/null 2>&1 </dev/null &
export PARTNERLENS_TEST_S3="s3://partnerlens?region=us-east-1&endpoint=http://127.0.0.1:$port"
export PARTNERLENS_STORE_ACCESS_KEY=$ROOT_ACCESS_KEY PARTNERLENS_STORE_SECRET_KEY=$ROOT_SECRET_KEY
"$@"
