#!/usr/bin/env bash
# Runs the vendors' own Python clients against a simulator that is running
# already, without faults and without a limit of the rate:
#
#   scripts/sdkcheck/run.sh http://127.0.0.1:PORT [CACHE_DIR]
#
# The clients are installed into a virtual environment in CACHE_DIR, or in a
# temporary directory that is removed again. Prints "N passed, 0 failed".
set -euo pipefail

if [[ $# -lt 1 || $# -gt 2 ]]; then
  echo "usage: ${0##*/} BASE_URL [CACHE_DIR]" >&2
  exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=$1

if [[ $# -eq 2 ]]; then
  mkdir -p "$2"
  cache=$(cd "$2" && pwd)
else
  cache=$(mktemp -d)
  trap 'rm -rf "$cache"' EXIT
fi

# One environment for each list of requirements, so that a change of the list
# makes a new one and an interrupted installation is not taken for a whole one.
sum=$(cksum <"$here/requirements.txt" | cut -d' ' -f1)
venv=$cache/sdkcheck-$sum
if [[ ! -f $venv/complete ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  touch "$venv/complete"
fi

# The simulator is on this machine: no proxy must come between.
env -u http_proxy -u https_proxy -u all_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY \
  "$venv/bin/python" -B "$here/check.py" "$base"
