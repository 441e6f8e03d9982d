#!/usr/bin/env bash
# Everything that must hold before a change goes in. CI runs it in a clean clone.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }

step "format, modules, vet, staticcheck"
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "gofmt would change:"
	echo "$unformatted"
	exit 1
fi
go mod tidy -diff
for tags in "" lambda.norpc scf; do
	go vet -tags "$tags" ./...
	go tool staticcheck -tags "$tags" ./...
done
go -C scripts/release vet ./...

step "golangci-lint (.golangci.yml), and actionlint over the workflow"
go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...
go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= -pyflakes= .github/workflows/check.yml

step "go test ./..."
go test ./...

step "every operation of a store fails once, two hundred random lives of a watch, and clouds of both sizes"
PARTNERLENS_TEST_WORLDS=200 go test -count=1 ./internal/watch -run 'EveryOperation|RandomDays' -every 1
go test -count=1 ./internal/app -run HostileClouds -both-sizes

step "guards that are broken, one at a time, fail a test of their package"
scripts/mutate.sh

step "go test -race -short ./..., and no key in anything that the tests print"
scripts/leaks.sh -race -short

step "the local server behind nginx and haproxy"
scripts/proxies.sh

step "object stores against a real S3 server"
scripts/s3.sh go test -race -short -count=1 ./internal/watch/...

step "fuzz targets, ten thousand inputs each"
scripts/fuzz.sh

step "build the artefacts, twice, to the same bytes, whatever is set for Go and git"
scripts/build.sh
settings=$(mktemp)
printf '%s\n' GOFLAGS=-race GOEXPERIMENT=fieldtrack "GOPROXY=$(go env GOPROXY)" "GOTOOLCHAIN=$(go env GOTOOLCHAIN)" >"$settings"
GOENV=$settings GOAMD64=v3 GOARM64=v9.0 GOFIPS140=latest GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.abbrev GIT_CONFIG_VALUE_0=40 scripts/build.sh dist.again >/dev/null
rm "$settings"
cmp dist/SHA256SUMS dist.again/SHA256SUMS
rm -rf dist.again

step "run the built artefacts under the platforms' runtimes"
PARTNERLENS_DIST="$PWD/dist" go test -count=1 ./functions/...

step "what goes to AWS: its validators, its build, and its containers where an engine runs"
scripts/sam-local.sh all

step "what goes to Tencent Cloud: its own CLI, and its container where an engine runs"
scripts/scf-local.sh all

step "the container, where an engine runs"
scripts/container.sh

step "ask the simulator with the vendors' own Python clients"
scripts/sdkcheck.sh

step "clients generated from openapi.yaml, and its linters"
scripts/clients.sh

step "read a run with DuckDB, Athena's SQL and as a spreadsheet"
scripts/runscheck.sh

step "the work tree is as it was"
git diff --exit-code
