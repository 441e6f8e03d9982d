package app

import (
	"context"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// Renewing is a Source over the one that an account's settings make. Where the
// cloud refuses the key as stale it reads the settings again, references and all: a
// key that is rotated in the middle of a read loses no page.
func Renewing[Q core.Query, T core.Record, S interface {
	comparable
	core.Source[Q, T]
}](accounts *Accounts, settings Settings, open func(Settings) (S, error)) (core.Source[Q, T], error) {
	source, err := open(settings)
	if err != nil {
		return nil, err
	}
	return &renewing[Q, T, S]{accounts: accounts, open: open, settings: settings, source: source}, nil
}

type renewing[Q core.Query, T core.Record, S interface {
	comparable
	core.Source[Q, T]
}] struct {
	accounts *Accounts
	open     func(Settings) (S, error) // gives the same Source while settings stay the same

	mu       sync.Mutex
	settings Settings
	source   S
	renewed  time.Time
}

func (r *renewing[Q, T, S]) FetchPage(ctx context.Context, query Q, at core.Cursor) (core.Page[T], error) {
	r.mu.Lock()
	source, settings := r.source, r.settings
	r.mu.Unlock()
	page, err := source.FetchPage(ctx, query, at)
	if err != nil {
		err = settings.renamed(err)
	}
	return page, err
}

// Renew keeps core.Renewer's rules. Pages that are under way side by side find
// that one of them has renewed the key already.
func (r *renewing[Q, T, S]) Renew(ctx context.Context, since time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.renewed.After(since) {
		return true
	}
	r.accounts.Renew(ctx, r.settings.Account, since)
	settings, err := r.accounts.Settings(ctx, r.settings.Account)
	if err != nil {
		return false
	}
	fresh, err := r.open(settings)
	if err != nil || fresh == r.source {
		return false
	}
	r.settings, r.source, r.renewed = settings, fresh, time.Now()
	return true
}
