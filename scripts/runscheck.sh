#!/usr/bin/env bash
# Read runs as docs/runs.md describes: with DuckDB, by Athena's SQL, and as a
# spreadsheet; offline, on runs of simulated clouds.
#
#   scripts/runscheck.sh [CACHE_DIR]
#
# The Python libraries are installed into a virtual environment in CACHE_DIR, or
# in a temporary directory that is removed again. LibreOffice, which opens the
# spreadsheets, is installed where it is missing (Debian, as root). Prints
# "N passed, 0 failed".
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
simulator=
stop() {
	if [ -n "$simulator" ]; then
		kill "$simulator" 2>/dev/null || true
		wait "$simulator" 2>/dev/null || true
		simulator=
	fi
}
trap 'stop; rm -rf "$work"' EXIT

cache=$work
if [ $# -gt 0 ]; then
	mkdir -p "$1"
	cache=$(cd "$1" && pwd)
fi
# One environment for each list of requirements, so that a change of the list
# makes a new one and an interrupted installation is not taken for a whole one.
venv=$cache/runscheck-$(cksum <scripts/runscheck/requirements.txt | cut -d' ' -f1)
if [ ! -f "$venv/complete" ]; then
	rm -rf "$venv"
	python3 -m venv "$venv" >&2
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/runscheck/requirements.txt >&2
	touch "$venv/complete"
fi
if ! command -v soffice >/dev/null; then
	apt-get -o Acquire::Retries=3 update -qq >&2
	DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -qq --no-install-recommends libreoffice-calc-nogui >&2
fi
go build -o "$work/partnerlens" ./cmd/partnerlens

# A store with two days of two accounts, one of which has only the second. Neither is
# read late: two zones that are a day apart always have two dates.
unset "${!PARTNERLENS_@}"
export no_proxy='*' NO_PROXY='*'
watch() { # ZONE ACCOUNT FUNCTION; with the variables that the simulator printed
	env $(grep '^PARTNERLENS_' "$work/out") PARTNERLENS_ACCOUNTS="$accounts" PARTNERLENS_WATCH_ZONE="$1" \
		"$work/partnerlens" watch --account "$2" --function "$3" --store "file://$work/store"
}
for day in 0 1; do
	"$work/partnerlens" simulate --customers 300 --day "$day" --print-env >"$work/out" &
	simulator=$!
	for _ in $(seq 100); do
		grep -q '^PARTNERLENS_HUAWEI_ENDPOINT=' "$work/out" && break
		kill -0 "$simulator"
		sleep 0.1
	done
	base=$(sed -n 's/^listening on //p' "$work/out")
	accounts='{"north": {"vendor": "tencentcloud", "secret_id": "SIMULATORID", "secret_key": "simulator-secret", "endpoint": "'$base'", "credit_low": "60%"}}'
	zones=(-11:00 +13:00)
	watch "${zones[day]}" default credit
	watch "${zones[day]}" default tags
	if [ "$day" = 1 ]; then
		watch "${zones[day]}" north credit
	fi
	stop
done

"$venv/bin/python" -B scripts/runscheck/check.py "$work/store" docs/runs.md "$work/partnerlens"
