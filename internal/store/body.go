package store

import (
	"context"
	"errors"
	"io"
	"time"

	"partnerlens/pkg/core"
)

const (
	// maxCuts is the number of cuts in a row, without progress, after which a body fails.
	maxCuts = 4
	// progress is the number of bytes that count as progress.
	progress = 64 << 10
	// firstPause precedes the first attempt to resume; it doubles with each.
	firstPause = 100 * time.Millisecond
)

// body reads an object. It returns io.EOF only after the whole object. If the source is
// cut, it resumes at that byte, unless the object was replaced.
type body struct {
	ctx  context.Context
	name string
	from io.ReadCloser
	at   int64 // bytes read so far
	size int64
	fail func(error) *core.Error
	rest func(at int64) (io.ReadCloser, error) // opens the same object at a byte

	cuts  int   // since the last progress
	cutAt int64 // where the last cut was
	err   error // the error that ended it
}

func (b *body) Read(p []byte) (int, error) {
	for b.err == nil {
		if b.err = over(b.ctx, "Get"); b.err != nil {
			break
		}
		n, err := b.from.Read(p)
		b.at += int64(n)
		switch {
		case err == nil:
			return n, nil
		case b.at == b.size:
			b.err = io.EOF
		case over(b.ctx, "Get") != nil:
			b.err = over(b.ctx, "Get")
		default:
			b.err = b.resume(b.cut(err))
		}
		if n > 0 {
			return n, b.err
		}
	}
	return 0, b.err
}

// cut returns the error of a source that ended too early.
func (b *body) cut(err error) *core.Error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return failure("Get", b.name, &core.Error{Code: core.CodeUnavailable, Detail: "it broke off before it was whole", Err: io.ErrUnexpectedEOF})
	}
	return failure("Get", b.name, b.fail(err))
}

// resume opens the rest of the object. If it cannot, it returns why the body was cut.
func (b *body) resume(why *core.Error) error {
	if b.at-b.cutAt >= progress {
		b.cuts = 0
	}
	b.cutAt = b.at
	for ; why.Code == core.CodeUnavailable && b.cuts < maxCuts; b.cuts++ {
		if err := core.Sleep(b.ctx, firstPause<<b.cuts); err != nil {
			return failure("Get", "", core.AsError(err))
		}
		from, err := b.rest(b.at)
		if err == nil {
			_ = b.from.Close()
			b.from = from
			b.cuts++
			return nil
		}
		if core.CodeOf(err) != core.CodeUnavailable {
			break
		}
	}
	return why
}

func (b *body) Close() error {
	// The rest is not read to reuse the connection: it can be gigabytes. An error of
	// closing does not matter to a reader.
	_ = b.from.Close()
	return nil
}

// replaced is the error of a body whose object was replaced.
func replaced(name string) error {
	return failure("Get", name, &core.Error{Code: core.CodeInternal, Detail: "it was replaced while it was read"})
}
