#!/usr/bin/env bash
# Try what goes to Tencent SCF on this machine, with Tencent's own SCF CLI, which is installed once
# into a cache folder of its own.
#
#   scripts/scf-local.sh check                       what needs no engine: the template under the CLI's validator, and the
#                                                    events that the CLI writes through the artefacts of scripts/build.sh
#   scripts/scf-local.sh events                      where a Docker engine runs: every sample event through
#                                                    `scf local invoke`, held against the golden answers
#   scripts/scf-local.sh invoke credit|tags EVENT    one event; the answer on stdout
#   scripts/scf-local.sh all                         check, and events where an engine runs; says which it ran
#   scripts/scf-local.sh scf ARGUMENTS…              the SCF CLI itself
#
# `scf local invoke` runs a function in the image hub.tencentyun.com/qcloud_scf/scf:go1. One of that
# name is made here, around our emulator of SCF's runtime and simulated clouds, and removed again: no
# registry is asked.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	echo "scf-local: $*" >&2
	exit 1
}
say() { printf '%s\n' "-- $*" >&2; }

verb=${1:-all}
case $verb in check | events | invoke | all | scf) shift $(($# > 0)) ;; *)
	sed -n '5,12s/^# *//p' "$0" >&2
	exit 2
	;;
esac

# -- tools ---------------------------------------------------------------------------------

command -v python3 >/dev/null || fail "python3 is needed for the SCF CLI; install it (3.11)"
sum=$(cksum <scripts/scf-local/requirements.txt | cut -d' ' -f1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/partnerlens/scf-$sum
if [ ! -f "$cache/complete" ]; then
	say "installing the SCF CLI, once (a minute)"
	rm -rf "$cache"
	python3 -m venv "$cache"
	"$cache/bin/pip" install --quiet --disable-pip-version-check --no-deps -r scripts/scf-local/requirements.txt >&2
	touch "$cache/complete"
fi

work=$(mktemp -d)
pids=()
image=
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	if [ -n "$image" ]; then
		docker ps --all --quiet --filter "ancestor=$image" | xargs -r docker rm -f >/dev/null 2>&1 || true
		docker rmi -f "$image" >/dev/null 2>&1 || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
ran=()
skipped=()

# The CLI reports its use, and looks for a newer version of itself, once a day and with TLS's checks off. In a
# home of its own it has done so today and may not report; what it tries all the same goes to no proxy.
mkdir "$work/home"
cat >"$work/home/.tcli_config.ini" <<INI
[USER_1]
[OTHERS]
curr-user = USER_1
version-time = $(date +%F)
allow-report = False
INI
cli=(env HOME="$work/home" https_proxy=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 "$cache/bin/scf")
if [ "$verb" = scf ]; then
	"${cli[@]}" "$@"
	exit
fi
generate_event() { "${cli[@]}" local generate-event "$@"; }

template=deploy/tencent/template.yaml
keys='{"keys":[{"name":"sample","hash":"sha256:24de9022a74e6a01e6100b499ae5aa83d0aae3e7280f678796f48e2261d048b6"}]}'
artefacts() { [ -x dist/scf/package/credit ] && [ -x dist/scf/package/tags ] || fail "there is no dist/scf/package; scripts/build.sh makes it"; }

# -- what needs no engine --------------------------------------------------------------------

check() {
	say "scf validate"
	"${cli[@]}" validate -t "$template"
	ran+=("scf validate")
	if [ "$(uname -sm)" != "Linux x86_64" ]; then
		skipped+=("scf local generate-event through the artefacts: they are for Linux on amd64")
		return
	fi

	artefacts
	say "scf local generate-event"
	go build -o "$work/partnerlens" ./cmd/partnerlens
	unset "${!PARTNERLENS_@}"
	: >"$work/simulator" # the shell may make it later than it is read
	"$work/partnerlens" simulate --customers 60 >"$work/simulator" 2>&1 &
	pids+=($!)
	for _ in $(seq 100); do
		clouds=$(sed -n 's/^listening on //p' "$work/simulator")
		[ -n "$clouds" ] && break
		kill -0 $! 2>/dev/null || fail "the simulator did not start: $(cat "$work/simulator")"
		sleep 0.1
	done
	for function in credit tags; do
		mkdir -p "$work"/{events,answers}/$function
		for event in "apigateway proxy" "timer timeup --message {\"limit\":5}" "timer timeup --message="; do
			generate_event $event | python3 scripts/scf-local/events.py $function "$work/events/$function"
		done
		for event in "$work/events/$function"/*.json; do
			invoke_here $function "$event" >"$work/answers/$function/$(basename "$event")"
		done
		# An event without a trigger here is refused, without a call to a cloud.
		for event in "cos put" "cos post" "cos delete" "cmq notification" "ckafka consume"; do
			generate_event $event >"$work/event"
			status=0
			invoke_here $function "$work/event" >"$work/answer" 2>"$work/said" || status=$?
			[ $status = 2 ] && [ ! -s "$work/answer" ] && grep -q '^invalid_request: ' "$work/said" ||
				fail "$function does not refuse the event of scf local generate-event $event (exit status $status): $(cat "$work/answer" "$work/said")"
		done
	done
	compare
	ran+=("scf local generate-event, every kind, through partnerlens invoke")
}

invoke_here() { # FUNCTION EVENT
	"$work/partnerlens" invoke --quiet --platform scf --binary "dist/scf/package/$1" --event "$2" \
		--env PARTNERLENS_TENCENT_SECRET_ID=SIMULATORID --env PARTNERLENS_TENCENT_SECRET_KEY=simulator-secret --env PARTNERLENS_TENCENT_ENDPOINT="$clouds" \
		--env PARTNERLENS_HUAWEI_AK=SIMULATORID --env PARTNERLENS_HUAWEI_SK=simulator-secret --env PARTNERLENS_HUAWEI_ENDPOINT="$clouds" \
		--env PARTNERLENS_KEYS="$keys"
}

compare() { # what is in $work/answers
	say "against the golden answers"
	PARTNERLENS_DIST="$PWD/dist" PARTNERLENS_SCF_ANSWERS=$work/answers go test -count=1 -run '^TestSCFAnswers$' ./functions
	rm -rf "$work/answers"
}

# -- what needs one ----------------------------------------------------------------------------

engine() { command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1; }

# prepare makes the image, and the variables that point the functions at the simulated clouds in it.
prepare() {
	engine || fail "no Docker engine answers; start one (Debian: apt install docker.io, then dockerd), or use partnerlens invoke, which needs none"
	artefacts
	name=hub.tencentyun.com/qcloud_scf/scf:go1
	docker image inspect "$name" >/dev/null 2>&1 && fail "this machine has an image $name already; remove it (docker rmi) or run scf local invoke with it"
	image=$name
	mkdir -p "$work/image"/{tmp,var/user}
	chmod 1777 "$work/image/tmp"
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o "$work/image/runtime" ./scripts/scf-local/runtime
	tar -C "$work/image" -c . | docker import --platform linux/amd64 --change 'ENTRYPOINT ["/runtime"]' - "$image" >/dev/null
	rm -rf "$work/image"

	python3 - "$keys" >"$work/env.json" <<-'PYTHON'
		import json, sys
		clouds = "http://127.0.0.1:9090" # scripts/scf-local/runtime
		variables = {
		    "PARTNERLENS_TENCENT_SECRET_ID": "SIMULATORID", "PARTNERLENS_TENCENT_SECRET_KEY": "simulator-secret", "PARTNERLENS_TENCENT_ENDPOINT": clouds,
		    "PARTNERLENS_HUAWEI_AK": "SIMULATORID", "PARTNERLENS_HUAWEI_SK": "simulator-secret", "PARTNERLENS_HUAWEI_ENDPOINT": clouds,
		    "PARTNERLENS_KEYS": sys.argv[1], "PARTNERLENS_STORE": "", "PARTNERLENS_ALERTS": "",
		}
		json.dump({"partnerlens-credit": variables, "partnerlens-tags": variables}, sys.stdout)
	PYTHON
}

scf_invoke() { # credit|tags EVENT
	[ "$2" = - ] || [ -f "$2" ] || fail "there is no event $2; samples are in functions/$1/events"
	timeout 120 "${cli[@]}" local invoke --quiet --skip-pull-image --template "$template" --env-vars "$work/env.json" --event "$2" default "partnerlens-$1"
}

events() {
	prepare
	say "scf local invoke"
	for function in credit tags; do
		mkdir -p "$work/answers/$function"
		for event in functions/$function/events/scf-*.json; do
			answer=$work/answers/$function/$(basename "$event")
			scf_invoke $function "$event" >"$answer" 2>"$work/said" && [ -s "$answer" ] || fail "no answer to $event: $(cat "$work/said")"
		done
		# As the CLI's own help pipes one command into the other; it writes a line about that to stdout.
		generate_event timer timeup --message= | scf_invoke $function - 2>"$work/said" | grep '^{' >"$work/answers/$function/lambda-eventbridge-rule.json" ||
			fail "no answer to a timer: $(cat "$work/said")"
	done
	compare
	ran+=("scf local invoke with every sample event in a container")
}

report() {
	printf 'scf-local: ran'
	printf ' %s;' "${ran[@]}"
	echo
	for what in "${skipped[@]}"; do echo "scf-local: not run: $what"; done
}

case $verb in
check)
	check
	report
	;;
events)
	events
	report
	;;
all)
	check
	if engine; then events; else skipped+=("scf local invoke (every sample event in a container): no Docker engine answers"); fi
	report
	;;
invoke)
	[ $# = 2 ] || fail "usage: scripts/scf-local.sh invoke credit|tags EVENT"
	case $1 in credit | tags) ;; *) fail "there is no function $1; there are credit and tags" ;; esac
	prepare
	scf_invoke "$1" "$2" | tee "$work/answer"
	[ -s "$work/answer" ] # the CLI's exit status is 0 whatever the function's is
	;;
esac
