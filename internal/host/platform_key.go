package host

import (
	"context"
	"net/http"
	"strings"

	"partnerlens/pkg/core"
)

// Key is a temporary key of the function's own agency, as FunctionGraph hands
// it over in a request's headers ("Transferring Secret Keys Through the Request
// Header", 2025-08-19).
type Key struct {
	AccessKey core.Secret
	SecretKey core.Secret
	Token     core.Secret
}

type platformKeyKey struct{}

// PlatformKey gives the key that came with the request, if one did, and the
// process runs on FunctionGraph: elsewhere such headers are somebody's claim.
func PlatformKey(ctx context.Context) (Key, bool) {
	key, ok := ctx.Value(platformKeyKey{}).(Key)
	return key, ok
}

// functionGraphProject is set by FunctionGraph and by nothing else.
const functionGraphProject = "RUNTIME_PROJECT_ID"

// functionGraphTimeout is set by FunctionGraph to the function's timeout in seconds.
const functionGraphTimeout = "RUNTIME_TIMEOUT"

const (
	cffAccessKey = "X-Cff-Security-Access-Key"
	cffSecretKey = "X-Cff-Security-Secret-Key"
	cffToken     = "X-Cff-Security-Token"
)

// withPlatformKey gives a context with the key in the headers. What FunctionGraph does
// with a caller's own headers of these names it does not say; beside the platform's they
// come twice, and such a request is refused.
func withPlatformKey(ctx context.Context, header http.Header) (context.Context, error) {
	values := make(map[string]string)
	for _, name := range []string{cffAccessKey, cffSecretKey, cffToken} {
		if len(header.Values(name)) > 1 {
			return ctx, core.Invalid("", "a header that only the platform writes came twice; leave out X-CFF-Security-…")
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

// dropPlatformKeys takes the headers away that hold a key of the function's own:
// what a handler does not see, it cannot tell. SCF sends its own to Web
// functions, FunctionGraph to HTTP functions.
func dropPlatformKeys(header http.Header) {
	for name := range header {
		lower := strings.ToLower(name) // of an event, a name need not be a canonical one
		for _, prefix := range []string{"x-scf-secret-", "x-scf-session-token", "x-cff-security-", "x-cff-auth-token"} {
			if strings.HasPrefix(lower, prefix) {
				delete(header, name)
			}
		}
	}
}
