package host

import (
	"context"
	"net/http"
	"strings"

	"partnerlens/pkg/core"
)

// Key is a temporary key of the function's agency, which FunctionGraph passes in a
// request's headers ("Transferring Secret Keys Through the Request Header", 2025-08-19).
type Key struct {
	AccessKey core.Secret
	SecretKey core.Secret
	Token     core.Secret
}

type platformKeyKey struct{}

// PlatformKey returns the key that came with the request. ok is false without one, and on
// other platforms, where any caller can send such headers.
func PlatformKey(ctx context.Context) (Key, bool) {
	key, ok := ctx.Value(platformKeyKey{}).(Key)
	return key, ok
}

// The variables that only FunctionGraph sets.
const (
	functionGraphProject = "RUNTIME_PROJECT_ID"
	functionGraphTimeout = "RUNTIME_TIMEOUT" // of the function, in seconds
)

const (
	cffAccessKey = "X-Cff-Security-Access-Key"
	cffSecretKey = "X-Cff-Security-Secret-Key"
	cffToken     = "X-Cff-Security-Token"
)

// withPlatformKey returns a context with the key in the headers. FunctionGraph does not
// document what it does with a caller's headers of these names; a request that has one of
// them twice is invalid.
func withPlatformKey(ctx context.Context, header http.Header) (context.Context, error) {
	values := make(map[string]string)
	for _, name := range []string{cffAccessKey, cffSecretKey, cffToken} {
		if len(header.Values(name)) > 1 {
			return ctx, core.Invalid("", "a header that only the platform may send came twice; leave out X-CFF-Security-…")
		}
		values[name] = header.Get(name)
	}
	if values[cffAccessKey] == "" || values[cffSecretKey] == "" {
		return ctx, nil
	}
	return context.WithValue(ctx, platformKeyKey{}, Key{
		AccessKey: core.NewSecret(values[cffAccessKey]),
		SecretKey: core.NewSecret(values[cffSecretKey]),
		Token:     core.NewSecret(values[cffToken]),
	}), nil
}

// dropPlatformKeys removes the headers that hold a key of the function itself, so that no
// handler can leak it. SCF sends them to Web functions, FunctionGraph to HTTP functions.
func dropPlatformKeys(header http.Header) {
	for name := range header {
		lower := strings.ToLower(name) // names in an event need not be canonical
		for _, prefix := range []string{"x-scf-secret-", "x-scf-session-token", "x-cff-security-", "x-cff-auth-token"} {
			if strings.HasPrefix(lower, prefix) {
				delete(header, name)
			}
		}
	}
}
