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
// A name is relative, of segments out of [A-Za-z0-9._=-] between single slashes, none
// of them "." or "..", up to 255 bytes each and 512 in all. Every other name is
// refused as CodeInvalid before the Store is asked. A name must not be another's
// folder: where there is an "a", a Store need not be able to hold an "a/b", and names
// that differ only in case may be one.
//
// Every method may be called from many goroutines at once, and returns soon after ctx
// is done, with CodeCanceled or CodeDeadline. (Giving up an upload may take three
// seconds more.) Except for ErrExists and what a caller's own function returned, every
// error is a *core.Error.
//
// Put, PutNew and Delete may have taken effect although they report an error: an
// answer can get lost. Nothing ever takes effect in part.
type Store interface {
	// Get opens the object for reading; one that is not there is CodeNotFound.
	// The body streams and must be closed. It ends with io.EOF only where the object
	// has been read whole. A body that is cut short continues where it was cut; if it
	// cannot, Read returns CodeUnavailable. It ends with ctx. What is put meanwhile
	// does not change what is read.
	Get(ctx context.Context, name string) (io.ReadCloser, error)

	// Put stores what write writes, in place of what there is. It holds at most
	// one part of it in memory. Readers see the old object or the whole new one.
	//
	// write is called once, or not at all, and must not keep w, which is not safe
	// for concurrent use. If write returns an error, panics, or ignores an error of
	// w, nothing is stored; the error is returned as it is. If ctx ends before the last
	// byte was handed over, nothing is stored either.
	Put(ctx context.Context, name string, write func(w io.Writer) error) error

	// PutNew stores body where there is no such object yet, and otherwise returns
	// ErrExists and changes nothing. Of many at once one succeeds.
	//
	// That is as good as the store behind it. One that does not know conditional
	// writes (OBS, COS on a bucket with versions) may let a later one of several that
	// come at the same moment overwrite an earlier one: callers must be right then,
	// too. Those that need to know who won must not write equal bodies, since an answer that
	// got lost is made up for by comparing what is there.
	PutNew(ctx context.Context, name string, body []byte) error

	// List goes over the objects whose name begins with prefix, which need not
	// end at a slash and may be empty, in the order of the names' bytes. An error is
	// the last pair and comes once. It may be ranged over again, and then starts anew. What
	// is put or deleted meanwhile may come or not. COS documents that an object may be
	// missing from lists for a while after Put; Get finds it at once.
	//
	// Whatever else is in the folder or the bucket, under names that this package
	// would refuse, is passed over.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Delete removes the object. That there is none is no error.
	Delete(ctx context.Context, name string) error
}

// Object is what List tells of one.
type Object struct {
	Name     string
	Size     int64
	Modified time.Time // by the store's clock
}

// ErrExists is what PutNew returns where there is such an object.
var ErrExists = errors.New("there is an object of that name")

// Options are what a Store needs to know beyond its URL.
type Options struct {
	// Getenv reads the environment: keys, at each use, since they rotate, and the
	// default of region. nil: there is nothing in it.
	Getenv func(name string) string

	// Setting is the setting that the URL came from, for errors. "": "store".
	Setting string

	// Transport carries the calls of a bucket. nil: one of the Store's own, with time
	// limits on connecting and on waiting for an answer.
	Transport http.RoundTripper
}

// Open gives the Store at a URL. It makes a folder that is missing; a bucket is
// not asked for anything yet. Its errors are CodeMisconfigured, and quote nothing of a
// URL that may hold a password.
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

// failure completes an error with what was being done and to which object.
func failure(op, name string, e *core.Error) *core.Error {
	e.Op = "store." + op
	if name != "" && e.Detail != "" {
		e.Detail = name + ": " + e.Detail
	}
	return e
}

// over is the error of a context that is done; nil: it is not.
func over(ctx context.Context, op string) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return failure(op, "", &core.Error{Code: core.CodeCanceled, Err: context.Canceled})
	default:
		return failure(op, "", &core.Error{Code: core.CodeDeadline, Err: context.DeadlineExceeded})
	}
}

// begin is what every operation on one object starts with.
func begin(ctx context.Context, op, name string) error {
	if err := checkName(name); err != nil {
		err.Op = "store." + op
		return err
	}
	return over(ctx, op)
}
