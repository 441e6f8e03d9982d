#!/usr/bin/env bash
# Ask `partnerlens simulate` with the vendors' own Python client libraries:
# what their signatures open, and what their paging reads.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill "$simulator" 2>/dev/null || true; rm -rf "$work"' EXIT
go build -o "$work/partnerlens" ./cmd/partnerlens
"$work/partnerlens" simulate --customers 450 >"$work/out" &
simulator=$!
for _ in $(seq 100); do
	base=$(sed -n 's/^listening on //p' "$work/out")
	[ -n "$base" ] && break
	sleep 0.1
done
scripts/sdkcheck/run.sh "$base"
