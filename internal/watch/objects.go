package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

const (
	readAttempts  = 6 // without progress
	writeAttempts = 3
	retryPause    = 200 * time.Millisecond // before the second attempt; it doubles with each
)

// errDamaged is the cause of the error of an object that can be read and is not what was stored.
var errDamaged = errors.New("damaged")

func damaged(name, what string) *core.Error {
	return &core.Error{Op: "watch.read", Code: core.CodeUpstream, Detail: name + " is damaged: " + what, Err: errDamaged}
}

// broken is the error of reading an object's content: the store's own, or errDamaged.
func broken(name string, err error) error {
	var failure *core.Error
	if errors.As(err, &failure) {
		return failure
	}
	return damaged(name, "it cannot be read")
}

// reader reads an object. If the store becomes unavailable, it opens the object again and
// resumes where it was.
type reader struct {
	ctx   context.Context
	store store.Store
	name  string
	body  io.ReadCloser // nil until it is opened
	at    int64
}

func open(ctx context.Context, s store.Store, name string) (*reader, error) {
	r := &reader{ctx: ctx, store: s, name: name}
	return r, retry(ctx, readAttempts, r.reopen)
}

func (r *reader) Read(p []byte) (n int, err error) {
	err = retry(r.ctx, readAttempts, func() error {
		if r.body == nil {
			if err := r.reopen(); err != nil {
				return err
			}
		}
		n, err = r.body.Read(p)
		r.at += int64(n)
		if core.CodeOf(err) != core.CodeUnavailable {
			return err
		}
		r.close()
		if n > 0 {
			pause(r.ctx, retryPause)
			return nil // the next Read opens the object again
		}
		return err
	})
	return n, err
}

func (r *reader) reopen() error {
	body, err := r.store.Get(r.ctx, r.name)
	if err != nil {
		return err
	}
	r.body = body
	_, err = io.CopyN(io.Discard, body, r.at)
	if err != nil {
		r.close()
	}
	if errors.Is(err, io.EOF) {
		return damaged(r.name, "it was replaced while it was read")
	}
	return err
}

func (r *reader) close() {
	if r.body != nil {
		_ = r.body.Close() // it was only read
		r.body = nil
	}
}

// retry calls do until it returns another error than that the store is unavailable, at most
// attempts times.
func retry(ctx context.Context, attempts int, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if core.CodeOf(err) != core.CodeUnavailable || attempt == attempts || !pause(ctx, retryPause<<(attempt-1)) {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// maxSmall is larger than any manifest or checkpoint.
const maxSmall = 64 << 20

// getJSON reads a small object; false if there is none. An object that is not JSON of the
// type is errDamaged.
func getJSON(ctx context.Context, s store.Store, name string, into any) (bool, error) {
	body, err := open(ctx, s, name)
	if core.CodeOf(err) == core.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer body.close()
	text, err := io.ReadAll(io.LimitReader(body, maxSmall))
	if err != nil {
		return false, core.AsError(err)
	}
	if json.Unmarshal(text, into) != nil {
		return false, damaged(name, "it is not the JSON that was stored")
	}
	return true, nil
}

// getOrZero is getJSON, but a damaged object reads as missing: the caller writes it again.
func getOrZero[T any](ctx context.Context, s store.Store, name string) (v T, there bool, err error) {
	there, err = getJSON(ctx, s, name, &v)
	if errors.Is(err, errDamaged) {
		var none T
		return none, false, nil
	}
	return v, there, err
}

// putJSON stores a small object. It tries again while the store is unavailable.
func putJSON(ctx context.Context, s store.Store, name string, v any) error {
	return retry(ctx, writeAttempts, func() error { return putOnce(ctx, s, name, v) })
}

func putOnce(ctx context.Context, s store.Store, name string, v any) error {
	text, err := core.AppendJSON(nil, v)
	if err != nil {
		return err
	}
	return s.Put(ctx, name, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// sameJSON reports whether two values have the same JSON.
func sameJSON(a, b any) bool {
	x, err := core.AppendJSON(nil, a)
	if err != nil {
		return false
	}
	y, err := core.AppendJSON(nil, b)
	return err == nil && bytes.Equal(x, y)
}

// checkedObject is an object of a run while it is read. Its content is what the manifest
// says only once finish has returned nil.
type checkedObject struct {
	*reader
	want Object
	sum  hash.Hash
	read int64
}

// openChecked opens an object of a run. A missing one is errDamaged.
func openChecked(ctx context.Context, s store.Store, name string, want Object) (*checkedObject, error) {
	body, err := open(ctx, s, name)
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, damaged(name, "it is missing")
	}
	if err != nil {
		return nil, err
	}
	return &checkedObject{reader: body, want: want, sum: sha256.New()}, nil
}

func (o *checkedObject) Read(p []byte) (int, error) {
	n, err := o.reader.Read(p)
	o.sum.Write(p[:n])
	o.read += int64(n)
	return n, err
}

// finish reads the rest of the object and checks all of it against the manifest.
func (o *checkedObject) finish() error {
	_, err := io.Copy(io.Discard, o)
	switch {
	case err != nil:
		return core.AsError(err)
	case o.read != o.want.Bytes:
		return damaged(o.name, fmt.Sprintf("it has %d bytes, and the manifest says %d", o.read, o.want.Bytes))
	case hex.EncodeToString(o.sum.Sum(nil)) != o.want.SHA256:
		return damaged(o.name, "its checksum is not the manifest's")
	}
	return nil
}

// verify checks an object of a run against the manifest.
func verify(ctx context.Context, s store.Store, name string, want Object) error {
	body, err := openChecked(ctx, s, name, want)
	if err != nil {
		return err
	}
	defer body.close()
	return body.finish()
}
