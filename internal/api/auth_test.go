package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"partnerlens/internal/api"
)

// The keys of the tests. They are valid only for a test's handler.
const (
	keyEverything = "plk_SAMPLEEVERYTHING2222222222222222222"
	keyMasked     = "plk_SAMPLEMASKED22222222222222222222222"
	keyCreditOnly = "plk_SAMPLECREDITONLY2222222222222222222"
	keyEMEAOnly   = "plk_SAMPLEEMEAONLY222222222222222222222"
	keyExpired    = "plk_SAMPLEEXPIRED2222222222222222222222"
	keyWrong      = "plk_SAMPLEWRONG222222222222222222222222"
)

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// keysText is the tests' setting of keys.
func keysText() string {
	return fmt.Sprintf(`{"keys":[
		{"name":"everything","hash":%q,"pii":true},
		{"name":"masked","hash":%q},
		{"name":"credit-only","hash":%q,"functions":["credit"]},
		{"name":"emea-only","hash":%q,"accounts":["emea"],"expires":"2099-01-01"},
		{"name":"expired","hash":%q,"expires":"2026-06-30T00:00:00Z","pii":true},
		{"name":"on-call","principal":"arn:aws:sts::123456789012:assumed-role/on-call/*","functions":["credit"],"pii":true},
		{"name":"left","principal":"arn:aws:sts::123456789012:assumed-role/on-call/left","expires":"2026-06-30"}
	]}`, hashOf(keyEverything), hashOf(keyMasked), hashOf(keyCreditOnly), hashOf(keyEMEAOnly), hashOf(keyExpired))
}

// withKeys returns options that require a key.
func withKeys(t testing.TB) api.Options {
	t.Helper()
	keys, err := api.ParseKeys([]byte(keysText()), "credit", "tags")
	if err != nil {
		t.Fatal(err)
	}
	return api.Options{Keys: func(context.Context) (*api.Keys, error) { return keys, nil }}
}
