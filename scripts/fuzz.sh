#!/usr/bin/env bash
# Run every fuzz target for a while; they are found, not listed.
#
# A number of inputs, and no length of time: Go's coordinator races its workers
# when a time ends, and on a busy machine reports "context deadline exceeded" as
# a failure that no input causes (golang/go#75804).
#
# usage: scripts/fuzz.sh [INPUTS]    10000 by default
set -euo pipefail
cd "$(dirname "$0")/.."
inputs=${1:-10000}
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
	grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/' | while read -r target; do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${inputs}x" -fuzzminimizetime 100x "$package" </dev/null >"$printed" 2>&1 ||
			{ cat "$printed"; exit 1; }
		tail -n 1 "$printed"
	done
done
