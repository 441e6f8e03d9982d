#!/usr/bin/env bash
# Build every artefact into dist/: the same commit gives the same bytes, anywhere.
#
#   dist/lambda/<function>/bootstrap         AWS Lambda, provided.al2023, amd64
#   dist/lambda/<function>/arm64/bootstrap   the same for arm64
#   dist/scf/<function>/main                 Tencent SCF, Go1, amd64
#   dist/lambda/<function>-<arch>.zip, dist/scf/<function>.zip, dist/SHA256SUMS
#
# usage: scripts/build.sh [OUTPUT-FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${1:-dist}

version=$(git describe --tags --always --dirty 2>/dev/null || echo unversioned)
# No paths, no build id, no symbols; C is off since SCF's glibc is older than most builders'.
export CGO_ENABLED=0 GOOS=linux GOFLAGS=
flags=(-trimpath -buildvcs=false -ldflags "-s -w -buildid= -X partnerlens/internal/app.Version=$version")

rm -rf "$dist"
mkdir -p "$dist"
for function in credit tags; do
	GOARCH=amd64 go build "${flags[@]}" -tags lambda.norpc -o "$dist/lambda/$function/bootstrap" "./functions/$function"
	GOARCH=arm64 go build "${flags[@]}" -tags lambda.norpc -o "$dist/lambda/$function/arm64/bootstrap" "./functions/$function"
	GOARCH=amd64 go build "${flags[@]}" -tags scf -o "$dist/scf/$function/main" "./functions/$function"
done

GOOS='' go build -o "$dist/.pack" ./scripts/pack
for function in credit tags; do
	"$dist/.pack" "$dist/lambda/$function-amd64.zip" "$dist/lambda/$function/bootstrap"
	"$dist/.pack" "$dist/lambda/$function-arm64.zip" "$dist/lambda/$function/arm64/bootstrap"
	"$dist/.pack" "$dist/scf/$function.zip" "$dist/scf/$function/main"
done
rm "$dist/.pack"
(cd "$dist" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | sed 's|^\./||' | xargs sha256sum >SHA256SUMS)

echo "built $version:"
(cd "$dist" && find . -type f | LC_ALL=C sort | xargs ls -l | awk '{printf "%10d  %s\n", $5, $NF}')
