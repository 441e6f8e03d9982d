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

const (
	cffAccessKey = "X-Cff-Security-Access-Key"
	cffSecretKey = "X-Cff-Security-Secret-Key"
	cffToken     = "X-Cff-Security-Token"
)

// withPlatformKey gives a context with the key in the headers.
func withPlatformKey(ctx context.Context, header http.Header) context.Context {
	if header.Get(cffAccessKey) == "" || header.Get(cffSecretKey) == "" {
		return ctx
	}
	return context.WithValue(ctx, platformKeyKey{}, Key{
		AccessKey: core.NewSecret(header.Get(cffAccessKey)),
		SecretKey: core.NewSecret(header.Get(cffSecretKey)),
		Token:     core.NewSecret(header.Get(cffToken)),
	})
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
