#!/usr/bin/env bash
# Test the deployment to AWS on this machine with AWS's own SAM CLI, which is installed once into
# a cache folder of its own.
#
#   scripts/sam-local.sh check                       without an engine: the template and the state machine under
#                                                    their validators, and `sam build`, to the bytes of scripts/build.sh
#   scripts/sam-local.sh events                      with a Docker engine: every sample event through `sam local`,
#                                                    compared with the golden answers
#   scripts/sam-local.sh invoke credit|tags EVENT    one event; the answer on stdout
#   scripts/sam-local.sh api [PORT]                  the HTTP API on 127.0.0.1 (3000) until Ctrl+C
#   scripts/sam-local.sh all                         check, and events if an engine runs; prints which it ran
#   scripts/sam-local.sh sam ARGUMENTS…              the SAM CLI itself
#
# The functions run in Lambda's memory and time, from the files that `sam build` made, and ask
# `partnerlens simulate`. The image that they run in is made here, from the runtime interface
# emulator that the SAM CLI ships: no registry is asked.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	echo "sam-local: $*" >&2
	exit 1
}
say() { printf '%s\n' "-- $*" >&2; }

verb=${1:-all}
case $verb in check | events | invoke | api | all | sam) shift $(($# > 0)) ;; *)
	sed -n '5,13s/^# *//p' "$0" >&2
	exit 2
	;;
esac

# -- tools ---------------------------------------------------------------------------------

command -v python3 >/dev/null || fail "python3 is needed for the SAM CLI; install it (3.9 or later)"
sum=$(cksum <scripts/sam-local/requirements.txt | cut -d' ' -f1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/partnerlens/sam-$sum
if [ ! -f "$cache/complete" ]; then
	say "installing the SAM CLI, once (a minute)"
	rm -rf "$cache"
	python3 -m venv "$cache"
	"$cache/bin/pip" install --quiet --disable-pip-version-check -r scripts/sam-local/requirements.txt >&2
	touch "$cache/complete"
fi
export PATH=$cache/bin:$PATH
# The SAM CLI is to send nothing, nor to look for an account: what runs here needs none.
export SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true
if [ "$verb" = sam ]; then exec sam "$@"; fi
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-central-1}
# No account's keys go into a container, where the template's functions could use them.
export AWS_ACCESS_KEY_ID=AKSAMPLE AWS_SECRET_ACCESS_KEY=sample-secret
unset AWS_SESSION_TOKEN AWS_PROFILE

work=$(mktemp -d)
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
ran=()
skipped=()

# -- what needs no engine --------------------------------------------------------------------

build() { # ARCHITECTURE: into $work/ARCHITECTURE
	ARCHITECTURE=$1 sam build --build-dir "$work/$1/build" --cache-dir "$work/cache" \
		--parameter-overrides "Architecture=$1" >"$work/said" 2>&1 || {
		cat "$work/said" >&2
		fail "sam build failed for $1"
	}
	for function in Credit Tags; do
		[ -x "$work/$1/build/${function}Function/bootstrap" ] || fail "sam build made no bootstrap of ${function}Function"
	done
}

check() {
	say "sam validate --lint, cfn-lint"
	sam validate --lint >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
	cfn-lint template.yaml
	ran+=("sam validate --lint" "cfn-lint")

	say "the state machine"
	# As CloudFormation fills it in; cfn-lint looks only into a definition that stands in a template.
	python3 - "$work" <<-'PYTHON'
		import json, re, sys
		values = {"Partition": "aws", "CreditAccounts": "all", "TagsAccounts": "all"}
		for name in ("Credit", "Tags"):
		    values[name + "FunctionArn"] = f"arn:aws:lambda:eu-central-1:123456789012:function:partnerlens-{name.lower()}"
		text = open("statemachine.asl.json", encoding="utf-8").read()
		machine = json.loads(re.sub(r"\$\{(\w+)\}", lambda m: values[m[1]], text))
		json.dump(machine, open(sys.argv[1] + "/machine.json", "w"))
		json.dump({"Resources": {"WatchMachine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
		    "RoleArn": "arn:aws:iam::123456789012:role/watch", "Definition": machine}}}}, open(sys.argv[1] + "/machine.template.json", "w"))
	PYTHON
	cfn-lint "$work/machine.template.json"
	ran+=("cfn-lint on the state machine")
	if command -v npm >/dev/null; then
		validator=$cache/asl-validator
		if [ ! -f "$validator/complete" ]; then
			npm install --silent --no-fund --no-audit --prefix "$validator" asl-validator@4.0.0 >&2
			touch "$validator/complete"
		fi
		"$validator/node_modules/.bin/asl-validator" --json-path "$work/machine.json" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
		node scripts/sam-local/machine.cjs "$validator/node_modules/jsonata" "$work/machine.json"
		ran+=("asl-validator" "runs of the state machine")
	else
		skipped+=("asl-validator and runs of the state machine: there is no npm")
	fi

	say "sam build, both architectures"
	for pair in arm64:arm64/ x86_64:; do
		architecture=${pair%%:*}
		build "$architecture"
		for function in credit tags; do
			made=$work/$architecture/build/${function^}Function/bootstrap
			same=dist/lambda/$function/${pair#*:}bootstrap
			if [ ! -f "$same" ]; then
				compared="no: there is no $same; scripts/build.sh makes it"
			elif cmp -s "$made" "$same"; then
				compared=yes
			elif ! diff -q <(go version -m "$made" | tail -n +2) <(go version -m "$same" | tail -n +2) >/dev/null; then
				fail "$same was built otherwise than sam build builds: compare Makefile with scripts/build.sh (or build dist/ again, if Go was updated)"
			elif [ -n "$(find . -path ./dist -prune -o -name '*.go' -newer "$same" -print -quit)" ] || ! grep -aqF "$(. scripts/flags.sh && echo "$version")" "$same"; then
				compared="no: $same is of another state of the code; scripts/build.sh renews it"
			else
				fail "$same and what sam build makes differ: compare Makefile with scripts/build.sh"
			fi
			[ "$compared" = yes ] || break 2
		done
	done
	ran+=("sam build")
	if [ "$compared" = yes ]; then ran+=("comparison with scripts/build.sh"); else skipped+=("comparison with scripts/build.sh: ${compared#no: }"); fi
}

# -- what needs one ----------------------------------------------------------------------------

engine() { command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1; }

# prepare builds the functions, makes the image, starts the simulator, and says how to `sam local`.
prepare() {
	engine || fail "no Docker engine answers; start one (Debian: apt install docker.io, then dockerd), or use partnerlens invoke, which needs none"
	case $(uname -m) in
	x86_64 | amd64) architecture=x86_64 ;;
	aarch64 | arm64) architecture=arm64 ;;
	*) fail "Lambda has no architecture $(uname -m)" ;;
	esac
	[ -d "$work/$architecture/build" ] || build "$architecture"

	# Under a name of its own, so that it never stands for AWS's image.
	image=partnerlens-lambda
	mkdir -p "$work/image"/{var/rapid,var/runtime,var/task,opt,etc,tmp}
	chmod 1777 "$work/image/tmp"
	rie=$(python3 -c 'import pathlib, samcli; print(pathlib.Path(samcli.__file__).parent / "local/rapid")')
	install -m 755 "$rie/aws-lambda-rie-$architecture" "$work/image/var/rapid/aws-lambda-rie"
	tar -C "$work/image" -c . | docker import - "$image:rapid-$architecture" >/dev/null
	rm -rf "$work/image"

	go build -o "$work/partnerlens" ./cmd/partnerlens
	# A container reaches this machine by the address of its bridge, which only containers reach;
	# Docker Desktop hands it on to loopback.
	gateway=$(docker network inspect bridge -f '{{(index .IPAM.Config 0).Gateway}}' 2>/dev/null || true)
	if [ -z "$gateway" ]; then # unknown to an engine that has just started: the first of its network
		subnet=$(docker network inspect bridge -f '{{(index .IPAM.Config 0).Subnet}}' 2>/dev/null || true)
		gateway=$(python3 -c 'import ipaddress, sys; print(ipaddress.ip_network(sys.argv[1])[1])' "$subnet" 2>/dev/null || true)
	fi
	for host in $gateway 127.0.0.1; do
		"$work/partnerlens" simulate --customers 60 --listen "$host:0" >"$work/simulator" 2>&1 &
		pids+=($!)
		for _ in $(seq 50); do
			port=$(sed -n 's/^listening on .*://p' "$work/simulator")
			[ -n "$port" ] && break 2
			kill -0 $! 2>/dev/null || break
			sleep 0.1
		done
	done
	[ -n "$port" ] || fail "the simulator did not start: $(cat "$work/simulator")"

	# Only localhost may have http://; the container has two addresses of that name.
	python3 - "http://localhost:$port" >"$work/env.json" <<-'PYTHON'
		import json, sys
		keys = {"keys": [{"name": "sample", "hash": "sha256:24de9022a74e6a01e6100b499ae5aa83d0aae3e7280f678796f48e2261d048b6"}]}
		json.dump({"Parameters": {
		    "PARTNERLENS_TENCENT_SECRET_ID": "SIMULATORID", "PARTNERLENS_TENCENT_SECRET_KEY": "simulator-secret", "PARTNERLENS_TENCENT_ENDPOINT": sys.argv[1],
		    "PARTNERLENS_HUAWEI_AK": "SIMULATORID", "PARTNERLENS_HUAWEI_SK": "simulator-secret", "PARTNERLENS_HUAWEI_ENDPOINT": sys.argv[1],
		    "PARTNERLENS_KEYS": json.dumps(keys), "PARTNERLENS_STORE": "", "PARTNERLENS_ALERTS": "",
		}}, sys.stdout)
	PYTHON
	# KeysSecret makes PARTNERLENS_KEYS a variable of the template, without which it could not be set here.
	options=(--template "$work/$architecture/build/template.yaml" --invoke-image "$image" --skip-pull-image
		--add-host localhost:host-gateway --env-vars "$work/env.json" --parameter-overrides "Architecture=$architecture KeysSecret=sample")
}

sam_invoke() { # credit|tags EVENT
	local function=$1
	[ -f "$2" ] || fail "there is no event $2; samples are in functions/$1/events"
	sam local invoke "${function^}Function" --event "$2" "${options[@]}"
}

# until_answers PORT PID
until_answers() {
	for _ in $(seq 300); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

events() {
	prepare
	say "sam local invoke"
	mkdir -p "$work/answers"
	for function in credit tags; do
		for event in lambda-function-url lambda-direct; do
			mkdir -p "$work/answers/$function"
			sam_invoke "$function" "functions/$function/events/$event.json" >"$work/answers/$function/$event.json" 2>"$work/said" || {
				cat "$work/said" >&2
				exit 1
			}
		done
	done

	say "sam local start-lambda, start-api"
	lambda=$(free_port)
	sam local start-lambda --port "$lambda" --warm-containers LAZY "${options[@]}" >"$work/start-lambda" 2>&1 &
	pids+=($!)
	until_answers "$lambda" $! || fail "sam local start-lambda did not start: $(cat "$work/start-lambda")"
	start_api "$(free_port)" >"$work/start-api" 2>&1 &
	pids+=($!)
	api=$(until_api $!)
	say "against the golden answers"
	PARTNERLENS_DIST="$PWD/dist" PARTNERLENS_SAM_ANSWERS=$work/answers PARTNERLENS_SAM_LAMBDA=http://127.0.0.1:$lambda PARTNERLENS_SAM_API=$api \
		go test -count=1 -run '^TestSAM' ./functions || {
		tail -n 50 "$work/start-lambda" "$work/start-api" >&2
		exit 1
	}
	ran+=("sam local invoke" "sam local start-lambda with every sample event" "sam local start-api")
}

start_api() { # PORT
	echo "http://127.0.0.1:$1" >"$work/api"
	python3 scripts/sam-local/http_api.py "$work/$architecture/build/template.yaml" "$work/$architecture/build/api.yaml"
	exec sam local start-api --port "$1" --warm-containers LAZY "${options[@]}" --template "$work/$architecture/build/api.yaml"
}
until_api() { # PID
	while [ ! -s "$work/api" ]; do sleep 0.1; done
	until_answers "$(sed 's/.*://' "$work/api")" "$1" || fail "sam local start-api did not start: $(cat "$work/start-api")"
	cat "$work/api"
}

report() {
	printf 'sam-local: ran'
	printf ' %s;' "${ran[@]}"
	echo
	for what in "${skipped[@]}"; do echo "sam-local: not run: $what"; done
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
	if engine; then events; else skipped+=("sam local (every sample event in its container): no Docker engine answers"); fi
	report
	;;
invoke)
	[ $# = 2 ] || fail "usage: scripts/sam-local.sh invoke credit|tags EVENT"
	case $1 in credit | tags) ;; *) fail "there is no function $1; there are credit and tags" ;; esac
	prepare
	sam_invoke "$1" "$2"
	;;
api)
	prepare
	say "try: curl -H 'X-Api-Key: plk_SAMPLEKEYSAMPLEKEYSAMPLEKEYSAMPLEKEY' 'http://127.0.0.1:${1:-3000}/v1/credit?limit=5'"
	start_api "${1:-3000}" &
	pids+=($!)
	wait $!
	;;
esac
