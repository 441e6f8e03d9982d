#!/usr/bin/env bash
# Generate clients from api/openapi.yaml with oapi-codegen, openapi-python-client and
# openapi-typescript, run a program over each against `partnerlens serve --demo`, and
# lint the document with Redocly and Spectral.
#
#   scripts/clients.sh
#
# The tools are pinned in scripts/clients and installed once, into a cache folder of
# their own. Go is needed, and python3 and npm for what is written in their languages: the
# last line says what was not run.
set -euo pipefail
cd "$(dirname "$0")/.."
pins=scripts/clients
document=$PWD/api/openapi.yaml
ran=()
skipped=()

work=$(mktemp -d)
server=
cleanup() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# install_once NAME PINS… -- COMMAND…: runs the command in the cache folder of these pins, once.
# A change of the pins makes a new folder, and an interrupted installation is made again.
install_once() {
	local name=$1 files=()
	shift
	while [ "$1" != -- ]; do
		files+=("$1")
		shift
	done
	shift
	folder=${XDG_CACHE_HOME:-$HOME/.cache}/partnerlens/clients-$name-$(cat "${files[@]}" | cksum | cut -d' ' -f1)
	if [ ! -f "$folder/complete" ]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		cp "${files[@]}" "$folder"
		(cd "$folder" && "$@") >&2
		touch "$folder/complete"
	fi
}

go build -o "$work/partnerlens" ./cmd/partnerlens
unset "${!PARTNERLENS_@}"
: >"$work/out" # the shell may make it later than it is read
"$work/partnerlens" serve --demo --listen 127.0.0.1:0 >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
	base=$(sed -n 's/^listening on //p' "$work/out")
	[ -n "$base" ] && break
	kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
	sleep 0.1
done

cp -r "$pins/go" "$work/go"
go -C "$work/go" tool oapi-codegen -generate types,client -package client -o client.gen.go "$document"
go -C "$work/go" test -count=1 . -args "$base"
ran+=(oapi-codegen)

if command -v python3 >/dev/null; then
	python_packages() {
		python3 -m venv venv
		venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	}
	install_once python $pins/python/requirements.txt -- python_packages
	"$folder/venv/bin/openapi-python-client" generate --path "$document" --config $pins/python/config.yaml \
		--meta none --output-path "$work/partnerlens_client" --fail-on-warning >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
	no_proxy='*' PYTHONPATH=$work "$folder/venv/bin/python" -B $pins/python/check.py "$base"
	ran+=(openapi-python-client)
else
	skipped+=("openapi-python-client: there is no python3")
fi

if command -v npm >/dev/null; then
	# No script of a package runs, and no tool reports its use.
	export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
	install_once typescript $pins/typescript/package{,-lock}.json -- npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	mkdir "$work/typescript"
	ln -s "$folder/node_modules" "$work/typescript/node_modules"
	cp $pins/typescript/{package.json,check.ts} "$work/typescript"
	(
		cd "$work/typescript"
		node_modules/.bin/openapi-typescript "$document" --output contract.d.ts >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
		node_modules/.bin/tsc --strict --noUncheckedIndexedAccess --target es2022 --module nodenext --skipLibCheck check.ts
		node check.js "$base"
	)
	ran+=(openapi-typescript)

	"$folder/node_modules/.bin/redocly" lint --config $pins/redocly.yaml api/openapi.yaml >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
	"$folder/node_modules/.bin/spectral" lint --fail-severity=hint --quiet --ruleset $pins/spectral.yaml api/openapi.yaml
	ran+=("redocly lint" "spectral lint")
else
	skipped+=("openapi-typescript, redocly and spectral: there is no npm")
fi

printf 'clients: ran'
printf ' %s;' "${ran[@]}"
echo
for what in "${skipped[@]}"; do echo "clients: not run: $what"; done
