#!/usr/bin/env bash
# Run every test, and search all that the run printed for the keys that the tests
# plant: in logs, errors, panics, answers, and the lists of processes that
# functions_test records. usage: scripts/leaks.sh [FLAGS OF go test]
set -euo pipefail
cd "$(dirname "$0")/.."
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT

if ! go test -v "$@" ./... >"$printed" 2>&1; then
	grep -aE '^ *--- FAIL|^FAIL|^panic' "$printed"
	go test "$@" ./... 2>&1 | grep -av -E '^(ok|\?)' || true # the same without what passes
	exit 1
fi

# Keys that no test has a reason to print; scripts of internal/cli get theirs from a file.
planted=(simulator-secret simulator-temp-secret simulator-token simulator-auth-token rotated-secret south-secret planted- plk_SAMPLE)
for key in "${planted[@]}"; do
	git grep -q -e "$key" -- '*_test.go' 'internal/simulator/*.go' || { echo "leaks.sh: no test plants $key any more"; exit 1; }
	if grep -an -e "$key" "$printed" | cut -c1-300; then
		echo "leaks.sh: the key $key was printed"
		exit 1
	fi
done
echo "$(wc -c <"$printed") bytes were printed, and none of ${#planted[@]} planted keys"
