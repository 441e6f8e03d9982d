# How every binary that is shipped is built; sourced (bash) by scripts/build.sh and by Makefile for `sam build`.
# Gives $version, ${flags[@]} and ${functions[@]}; the caller sets GOARCH.
#
# The same commit, its tags (v1.2.3) and version of Go give the same bytes, whatever a machine has set for Go
# or git: Go's own file of settings (go env -w) is left out, since it stands in for every variable that is empty.
# The variables of where modules come from and are stored are copied from it.
for name in GOPROXY GONOPROXY GOPRIVATE GOSUMDB GONOSUMDB GOINSECURE GOVCS GOAUTH GOTOOLCHAIN GOPATH GOMODCACHE GOCACHE GOCACHEPROG GOTMPDIR; do
	export "$name=$(go env "$name")"
done
export GOENV=off GOOS=linux GOFLAGS= GOWORK=off CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= GOFIPS140=off GO_EXTLINK_ENABLED=
version=$(git describe --tags --match 'v[0-9]*' --always --dirty --abbrev=12 2>/dev/null || echo unversioned)
commit=$(git rev-parse HEAD 2>/dev/null || true)
# No paths, no build id, no symbols; C is off since SCF's glibc is older than most builders'.
flags=(-trimpath -buildvcs=false -ldflags "-s -w -buildid= -X partnerlens/internal/app.Version=$version -X partnerlens/internal/app.Commit=$commit")
functions=()
for main in functions/*/main.go; do functions+=("$(basename "$(dirname "$main")")"); done
