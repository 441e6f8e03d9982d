package transport

import (
	"context"

	"partnerlens/pkg/core"
)

// Credentials provides the key that a Source signs its calls with, in the shape of
// aws.CredentialsProvider. K is the vendor's type of key. Safe for concurrent use.
type Credentials[K any] interface {
	// Retrieve returns the key.
	Retrieve(ctx context.Context) (K, error)
	// Refresh reads the key again, since the vendor refuses this one, and returns it.
	Refresh(ctx context.Context, refused K) (K, error)
}

// Static returns Credentials of one key.
func Static[K any](key K) Credentials[K] { return static[K]{key} }

type static[K any] struct{ key K }

func (s static[K]) Retrieve(context.Context) (K, error)   { return s.key, nil }
func (s static[K]) Refresh(context.Context, K) (K, error) { return s.key, nil }

// WithKey makes a call with the key of credentials. Where the vendor refuses the key
// and another one takes its place, the error is marked as KeyRenewed.
func WithKey[K interface {
	Check() error
	Equal(K) bool
}](ctx context.Context, credentials Credentials[K], call func(K) error) error {
	key, err := credentials.Retrieve(ctx)
	if err == nil {
		err = key.Check()
	}
	if err != nil {
		return err
	}
	err = call(key)
	if failure := core.AsError(err); failure != nil && failure.StaleKey {
		fresh, err := credentials.Refresh(ctx, key)
		failure.KeyRenewed = err == nil && !fresh.Equal(key)
		return failure
	}
	return err
}
