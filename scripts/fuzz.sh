#!/usr/bin/env bash
# Run every fuzz target for a while; they are found, not listed.
#
# usage: scripts/fuzz.sh [TIME]    as 3s (the default) or 10m
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-3s}
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
	grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/' | while read -r target; do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" </dev/null | tail -n 1
	done
done
