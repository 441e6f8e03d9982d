package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// identityName is the object with the store's identity.
const identityName = "store.json"

type identity struct {
	Schema string `json:"schema"`
	ID     string `json:"id"`
}

const identitySchema = "partnerlens.store/v1"

// Identity returns the identity of a store. The first call makes it and stores it. No two
// stores share one, and a store that was deleted and made again has another.
func Identity(ctx context.Context, s store.Store) (string, error) {
	stored, _, err := getOrZero[identity](ctx, s, identityName)
	if err != nil || stored.ID != "" {
		return stored.ID, err
	}
	made := identity{identitySchema, newID()}
	text, err := core.AppendJSON(nil, made)
	if err != nil {
		return "", err
	}
	if err = s.PutNew(ctx, identityName, text); err != nil && !errors.Is(err, store.ErrExists) {
		return "", err
	}
	// Another process may have stored its own, before or after.
	if stored, _, err = getOrZero[identity](ctx, s, identityName); err != nil || stored.ID != "" {
		return stored.ID, err
	}
	return made.ID, putJSON(ctx, s, identityName, made) // the object is damaged
}

// newID returns a unique identity.
func newID() string { return strings.ToLower(rand.Text()[:16]) }
