package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// identityName is the object, at the top of a store, that holds the store's identity.
const identityName = "store.json"

type identity struct {
	Schema string `json:"schema"`
	ID     string `json:"id"`
}

const identitySchema = "partnerlens.store/v1"

// Identity returns the identity of a store: a text that is made once, with the first
// call, and kept in the store. No two stores share one, and a store that was deleted
// and made anew has another.
func Identity(ctx context.Context, s store.Store) (string, error) {
	kept, _, err := getOwn[identity](ctx, s, identityName)
	if err != nil || kept.ID != "" {
		return kept.ID, err
	}
	made := identity{identitySchema, newID()}
	text, err := core.AppendJSON(nil, made)
	if err != nil {
		return "", err
	}
	if err = s.PutNew(ctx, identityName, text); err != nil && !errors.Is(err, store.ErrExists) {
		return "", err
	}
	// Another process may have been first, and the store may have let a later one win.
	if kept, _, err = getOwn[identity](ctx, s, identityName); err != nil || kept.ID != "" {
		return kept.ID, err
	}
	return made.ID, putJSON(ctx, s, identityName, made) // what is there is damaged
}

// newID is an identity that no other has.
func newID() string { return strings.ToLower(rand.Text()[:16]) }
