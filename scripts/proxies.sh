#!/usr/bin/env bash
# Put the real nginx and haproxy before the local server. Where they are missing, root on Debian
# gets them installed, without their services; on other machines this is skipped, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
missing=()
command -v nginx >/dev/null || missing+=(nginx-light)
command -v haproxy >/dev/null || missing+=(haproxy)
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "proxies.sh: skipped, since these Debian packages are not installed: ${missing[*]}"
		exit 0
	fi
	policy=/usr/sbin/policy-rc.d # keeps a package from starting its service
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi
go test -race -count=1 -run '^TestProxies' ./internal/app
