package app

import (
	"context"

	"partnerlens/pkg/core"
)

// credentials provides the key of an account, as the settings have it at each call: on
// SCF the environment is set anew at every invocation, and keys are rotated elsewhere.
type credentials[K interface{ Equal(K) bool }] struct {
	accounts *Accounts
	account  string
	key      func(Settings) (K, error)
}

func (c credentials[K]) Retrieve(ctx context.Context) (K, error) {
	settings, err := c.accounts.Settings(ctx, c.account)
	if err != nil {
		var none K
		return none, err
	}
	return c.key(settings)
}

// Refresh reads references again, unless another call has done so already.
func (c credentials[K]) Refresh(ctx context.Context, refused K) (K, error) {
	key, err := c.Retrieve(ctx)
	if err != nil || !key.Equal(refused) {
		return key, err
	}
	c.accounts.Renew(ctx, c.account)
	return c.Retrieve(ctx)
}

// named is a Source whose errors name settings as the account does.
type named[Q core.Query, T core.Record] struct {
	core.Source[Q, T]
	settings Settings
}

func (n named[Q, T]) FetchPage(ctx context.Context, query Q, at core.Cursor) (core.Page[T], error) {
	page, err := n.Source.FetchPage(ctx, query, at)
	return page, n.settings.renamed(err)
}
