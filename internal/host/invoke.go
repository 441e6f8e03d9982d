package host

import "context"

// Invoke answers one event as a platform sends it, without a platform. ctx ends
// when the platform would end the invocation.
func Invoke(ctx context.Context, opts Options, requestID string, event []byte) ([]byte, error) {
	return nil, nil
}

func prepare(opts Options) { opts.Prepare() }
