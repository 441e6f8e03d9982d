package store

import (
	"context"
	"io"

	"partnerlens/pkg/core"
)

// body is an object being read. It ends with io.EOF only after all of it.
type body struct {
	ctx  context.Context
	name string
	from io.ReadCloser
	left int64 // bytes still to come
	fail func(error) *core.Error
	err  error // why it ended
}

func (b *body) Read(p []byte) (int, error) {
	if b.err == nil {
		b.err = over(b.ctx, "Get")
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	switch {
	case err == nil:
	case err == io.EOF && b.left == 0:
		b.err = io.EOF
	case over(b.ctx, "Get") != nil:
		b.err = over(b.ctx, "Get")
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		b.err = failure("Get", b.name, &core.Error{Code: core.CodeUnavailable, Detail: "it broke off before it was whole", Err: io.ErrUnexpectedEOF})
	default:
		b.err = failure("Get", b.name, b.fail(err))
	}
	return n, b.err
}

func (b *body) Close() error {
	// What is left is not read on to save the connection: it can be gigabytes.
	// Nor is an error of closing what was read of any use to the reader.
	b.from.Close()
	return nil
}
