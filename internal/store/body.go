package store

import (
	"context"
	"io"
	"time"

	"partnerlens/pkg/core"
)

const (
	// mostCuts is how often in a row a body is continued without much progress.
	mostCuts = 4
	// progress is what counts as much.
	progress = 64 << 10
	// firstPause precedes the first attempt to continue; each further one waits twice as long.
	firstPause = 100 * time.Millisecond
)

// body is an object being read. It ends with io.EOF only after all of it. A body that
// is cut short continues at the byte where it was cut, as long as the object is the
// same one.
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
	err   error // why it ended
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

// cut is the error of a body that ended too early.
func (b *body) cut(err error) *core.Error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return failure("Get", b.name, &core.Error{Code: core.CodeUnavailable, Detail: "it broke off before it was whole", Err: io.ErrUnexpectedEOF})
	}
	return failure("Get", b.name, b.fail(err))
}

// resume opens the rest of the object. It returns why the body was cut where the rest
// cannot be had.
func (b *body) resume(why *core.Error) error {
	if b.at-b.cutAt >= progress {
		b.cuts = 0
	}
	b.cutAt = b.at
	for ; why.Code == core.CodeUnavailable && b.cuts < mostCuts; b.cuts++ {
		timer := time.NewTimer(firstPause << b.cuts)
		select {
		case <-timer.C:
		case <-b.ctx.Done():
			timer.Stop()
			return over(b.ctx, "Get")
		}
		from, err := b.rest(b.at)
		if err == nil {
			b.from.Close()
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
	// What is left is not read on to save the connection: it can be gigabytes.
	// Nor is an error of closing what was read of any use to the reader.
	b.from.Close()
	return nil
}

// replaced is the error of a body whose rest is of another object by now.
func replaced(name string) error {
	return failure("Get", name, &core.Error{Code: core.CodeInternal, Detail: "it was replaced while it was read"})
}
