package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"time"

	"partnerlens/pkg/core"
)

// Store keeps objects by name.
//
// A name is relative: segments of [A-Za-z0-9._=-] between single slashes, none of them "."
// or "..", of up to 255 bytes each and 512 in all. Any other name is CodeInvalid, without
// a request to the service. A name must not be the folder of another: a Store with an "a"
// need not be able to hold an "a/b". Names that differ only in case may be the same.
//
// Methods are safe for concurrent use, and return soon after ctx is done, with
// CodeCanceled or CodeDeadline. (Aborting an upload may take three seconds more.) Every
// error is a *core.Error, except ErrExists and errors of the caller's own function.
//
// Put, PutNew and Delete may have taken effect although they return an error: an answer
// can get lost. They never take effect in part.
type Store interface {
	// Get opens the object for reading; a missing object is CodeNotFound. The body
	// streams and must be closed. It returns io.EOF only after the whole object. If the
	// connection breaks, reading resumes where it broke; if it cannot, Read returns
	// CodeUnavailable. It ends with ctx. A concurrent Put does not change what is read.
	Get(ctx context.Context, name string) (io.ReadCloser, error)

	// Put stores what write writes, and replaces any object of the name. It holds at most
	// one part of it in memory. Readers see the old object or the whole new one.
	//
	// write is called at most once and must not retain w, which is not safe for
	// concurrent use. If write returns an error, panics, or ignores an error of w, nothing
	// is stored; the error is returned as it is. If ctx ends before the last byte is
	// written, nothing is stored either.
	Put(ctx context.Context, name string, write func(w io.Writer) error) error

	// PutNew stores body if there is no object of the name; otherwise it returns ErrExists
	// and changes nothing. Of concurrent calls one succeeds.
	//
	// A service without conditional writes (OBS, COS on a bucket with versions) may let
	// one of several concurrent calls overwrite another: callers must be correct even so.
	// Callers that race must write different bodies: after an answer got lost, the object
	// is compared with body.
	PutNew(ctx context.Context, name string, body []byte) error

	// List yields the objects whose names begin with prefix, in the order of the names'
	// bytes. The prefix need not end at a slash and may be empty. An error is the last
	// pair. Each range over the sequence lists again. Objects that are put or deleted
	// meanwhile may be yielded or not. COS documents that an object may be missing from
	// lists for a while after Put; Get finds it at once.
	//
	// Objects whose names are invalid here are skipped.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Delete removes the object. It is no error if there is none.
	Delete(ctx context.Context, name string) error
}

// Object describes a listed object.
type Object struct {
	Name     string
	Size     int64
	Modified time.Time // by the store's clock
}

// ErrExists is the error of PutNew if there is an object of the name.
var ErrExists = errors.New("there is an object of that name")

// Options complete the URL of a Store.
type Options struct {
	// Getenv reads the environment: keys, at each use, since they rotate, and the
	// default of region. A nil Getenv is an empty environment.
	Getenv func(name string) string

	// Setting names the setting with the URL, in errors. The default is "store".
	Setting string

	// Transport sends the requests to a bucket. The default has time limits on connecting
	// and on waiting for an answer.
	Transport http.RoundTripper
}

// Open returns the Store at a URL. It creates a missing folder; it sends no request to a
// bucket. Its errors are CodeMisconfigured and do not quote the URL, which may hold a
// password.
func Open(rawURL string, opts Options) (Store, error) {
	if opts.Getenv == nil {
		opts.Getenv = func(string) string { return "" }
	}
	if opts.Setting == "" {
		opts.Setting = "store"
	}
	place, err := parse(rawURL, opts)
	if err != nil {
		return nil, err
	}
	if place.folder != "" {
		return openFolder(place.folder, opts.Setting)
	}
	return openBucket(place, opts), nil
}

// failure adds the operation and the object to an error.
func failure(op, name string, e *core.Error) *core.Error {
	e.Op = "store." + op
	if name != "" && e.Detail != "" {
		e.Detail = name + ": " + e.Detail
	}
	return e
}

// over returns the error of a context that has ended, or nil.
func over(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return failure(op, "", core.AsError(err))
	}
	return nil
}

// guard passes writes on until one fails or ctx ends, and keeps the error: a Put fails even
// if the caller's function ignores it.
type guard struct {
	ctx context.Context
	op  string
	to  io.Writer
	err error
}

func (g *guard) Write(p []byte) (n int, err error) {
	if g.err == nil {
		g.err = over(g.ctx, g.op)
	}
	if g.err == nil {
		n, g.err = g.to.Write(p)
	}
	return n, g.err
}

// writeTo calls write with to behind a guard, and returns its error, else the guard's.
func writeTo(ctx context.Context, op string, to io.Writer, write func(w io.Writer) error) error {
	g := &guard{ctx: ctx, op: op, to: to}
	if err := write(g); err != nil {
		return err
	}
	_, err := g.Write(nil)
	g.err = io.ErrClosedPipe // of a write after Put has returned
	return err
}

// check returns why an operation on an object cannot start, or nil.
func check(ctx context.Context, op, name string) error {
	if err := checkName(name); err != nil {
		err.Op = "store." + op
		return err
	}
	return over(ctx, op)
}
