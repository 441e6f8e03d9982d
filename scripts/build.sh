#!/usr/bin/env bash
# Build every artefact into dist/: the same commit gives the same bytes, anywhere
# with the same version of Go (scripts/flags.sh).
#
#   dist/lambda/<function>/bootstrap         AWS Lambda, provided.al2023, amd64
#   dist/lambda/<function>/arm64/bootstrap   the same for arm64
#   dist/lambda/<function>-<arch>.zip
#   dist/scf/<function>/main                 Tencent SCF, Go1, amd64
#   dist/scf/<function>.zip
#   dist/scf/package/<function>              both in one folder, as serverless.yml uploads it
#   dist/functiongraph/<function>.zip        Huawei FunctionGraph, HTTP function: bootstrap and binary
#   dist/functiongraph/<function>-timer.zip  event function with a custom runtime, for timers
#   dist/container/<arch>/partnerlens        what the Dockerfile copies, with the
#   dist/container/ca-certificates.crt       authorities that it trusts, and an
#   dist/container/runs                      empty folder
#   dist/sbom/<artefact>.cdx.json            what each binary is built from (CycloneDX)
#   dist/SHA256SUMS
#
# usage: scripts/build.sh [OUTPUT-FOLDER]    a new or empty one, or one that it filled before
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "${1:-dist}"
dist=$(cd "${1:-dist}" && pwd)
# It removes its own earlier output first, and nothing from a folder that is not its own.
made=(lambda scf functiongraph container sbom SHA256SUMS .pack .timer .sbom .said)
sums=$dist/SHA256SUMS # empty during a build
if [ -n "$(ls -A "$dist")" ] && { [ ! -f "$sums" ] || { [ -s "$sums" ] && ! grep -q ' lambda/credit/bootstrap$' "$sums"; }; }; then
	echo "build.sh: $dist holds other things than artefacts: name a new folder, or an empty one" >&2
	exit 2
fi
(cd "$dist" && rm -rf "${made[@]}" && : >SHA256SUMS)

. scripts/flags.sh
host() { GOOS='' GOARCH='' "$@"; } # a tool for this machine

mkdir -p "$dist/scf/package" "$dist/functiongraph" "$dist/sbom"
for function in "${functions[@]}"; do
	GOARCH=amd64 go build "${flags[@]}" -tags lambda.norpc -o "$dist/lambda/$function/bootstrap" "./functions/$function"
	GOARCH=arm64 go build "${flags[@]}" -tags lambda.norpc -o "$dist/lambda/$function/arm64/bootstrap" "./functions/$function"
	GOARCH=amd64 go build "${flags[@]}" -tags scf -o "$dist/scf/$function/main" "./functions/$function"
	cp "$dist/scf/$function/main" "$dist/scf/package/$function"
done
GOARCH=amd64 go build "${flags[@]}" -o "$dist/.timer" ./deploy/functiongraph/timer
for arch in amd64 arm64; do
	GOARCH=$arch go build "${flags[@]}" -tags lambda.norpc -o "$dist/container/$arch/partnerlens" ./cmd/partnerlens
done
mkdir "$dist/container/runs"
host go -C scripts/release run ./roots >"$dist/container/ca-certificates.crt"

host go build -o "$dist/.pack" ./scripts/pack
pack=$dist/.pack
for function in "${functions[@]}"; do
	"$pack" "$dist/lambda/$function-amd64.zip" "$dist/lambda/$function/bootstrap"
	"$pack" "$dist/lambda/$function-arm64.zip" "$dist/lambda/$function/arm64/bootstrap"
	"$pack" "$dist/scf/$function.zip" "$dist/scf/$function/main"
	# HTTP and Lambda's runtime are in one build; the relay speaks the latter.
	"$pack" "$dist/functiongraph/$function.zip" deploy/functiongraph/bootstrap "$function=$dist/lambda/$function/bootstrap"
	"$pack" "$dist/functiongraph/$function-timer.zip" "bootstrap=$dist/.timer" "$function=$dist/lambda/$function/bootstrap"
done

# Read from the binaries themselves: what was linked, not what go.mod allows.
host go -C scripts/release build -o "$dist/.sbom" ./sbom
sbom() { # NAME BINARY
	host go -C scripts/release tool cyclonedx-gomod bin -json -std -noserial -notimestamp -version "$version" "$2" 2>"$dist/.said" |
		"$dist/.sbom" >"$dist/sbom/$1.cdx.json" || {
		cat "$dist/.said" >&2
		return 1
	}
}
for function in "${functions[@]}"; do
	sbom "$function-lambda-amd64" "$dist/lambda/$function/bootstrap"
	sbom "$function-lambda-arm64" "$dist/lambda/$function/arm64/bootstrap"
	sbom "$function-scf" "$dist/scf/$function/main"
done
for arch in amd64 arm64; do
	sbom "container-$arch" "$dist/container/$arch/partnerlens"
done
sbom functiongraph-timer "$dist/.timer"
rm "$dist/.pack" "$dist/.timer" "$dist/.sbom" "$dist/.said"
(cd "$dist" && find lambda scf functiongraph container sbom -type f | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)

echo "built $version:"
(cd "$dist" && find . -type f | LC_ALL=C sort | xargs ls -l | awk '{printf "%10d  %s\n", $5, $NF}')
