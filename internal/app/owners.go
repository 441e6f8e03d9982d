package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"partnerlens/internal/owners"
	"partnerlens/internal/secrets"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

const (
	ownersFor    = time.Minute     // how long a table is used before it is looked at again
	ownersWithin = 5 * time.Second // to read it, and at most half of an answer's time
	storeScheme  = "store:"
)

// ownersTable is the table of owners.Setting as it is where it is kept. Safe for concurrent
// use.
type ownersTable struct {
	env      Environment
	resolver *Resolver
	open     func(where string) (store.Store, error)
	now      func() time.Time

	turn chan struct{}                // holds a token while an answer uses what follows
	last atomic.Pointer[owners.Table] // is table, for answers that have no time for the turn

	place   string        // the setting's text
	looked  time.Time     // when the table was looked at
	version string        // of the place's content when it was read; "": read it
	table   *owners.Table // the last that could be read; nil: none
	err     error         // of the last attempt
}

func newOwnersTable(env Environment, resolver *Resolver, open func(string) (store.Store, error), now func() time.Time) *ownersTable {
	if now == nil {
		now = time.Now
	}
	return &ownersTable{env: env.orOwn(), resolver: resolver, open: open, now: now, turn: make(chan struct{}, 1)}
}

// enabled reports whether there is a table.
func (o *ownersTable) enabled() bool { return o.env(owners.Setting) != "" }

// load returns the table. If it cannot be read, load returns the error, and the last table
// that could be read, nil if there is none.
func (o *ownersTable) load(ctx context.Context) (*owners.Table, error) {
	within := ownersWithin
	if deadline, ok := ctx.Deadline(); ok {
		within = min(within, time.Until(deadline)/2)
	}
	reading, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-reading.Done(): // another answer reads it
		return o.last.Load(), &core.Error{Op: "owners", Code: core.CodeDeadline, Param: owners.Setting, Detail: "there was no time to read it", Err: reading.Err()}
	}
	defer func() { o.last.Store(o.table) }()
	now := o.now()
	place := o.env(owners.Setting)
	if place != o.place {
		o.place, o.looked, o.version, o.table = place, time.Time{}, "", nil
	}
	if age := now.Sub(o.looked); !o.looked.IsZero() && age >= 0 && age < ownersFor {
		return o.table, o.err
	}
	err := o.read(reading)
	if reading.Err() != nil && within < ownersWithin || ctx.Err() != nil { // the caller's failure is not the table's
		return o.table, cmp.Or(o.err, err)
	}
	o.looked, o.err = now, err
	return o.table, o.err
}

// read reads the table if it changed.
func (o *ownersTable) read(ctx context.Context) error {
	version, text, err := o.content(ctx)
	if err != nil {
		o.version = ""
		failure := *core.AsError(err)
		if failure.Op = "owners"; failure.Param != StoreSetting {
			failure.Param = owners.Setting
		}
		return &failure
	}
	if text == nil { // it did not change; neither did a mistake in it
		return o.err
	}
	table, err := owners.Parse(text)
	if o.version = version; err != nil {
		return err
	}
	o.table = table
	return nil
}

// content returns the text of the table and its version; a nil text if it did not change.
func (o *ownersTable) content(ctx context.Context) (version string, text []byte, err error) {
	if name, ok := strings.CutPrefix(o.place, storeScheme); ok {
		return o.object(ctx, name)
	}
	path, isFile := strings.CutPrefix(o.place, "file:")
	if at, err := url.Parse(o.place); err == nil && isFile && strings.HasPrefix(path, "//") {
		path = at.Path
	}
	if _, isReference, _ := secrets.Parse(o.place); isReference && !isFile {
		value, err := o.resolver.Setting(ctx, owners.Setting)
		if err != nil || value == o.version {
			return value, nil, err
		}
		return value, []byte(value), nil
	}
	return o.file(path)
}

func (o *ownersTable) file(path string) (version string, text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", nil, fileError(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", nil, fileError(err)
	}
	if info.IsDir() {
		return "", nil, &core.Error{Code: core.CodeMisconfigured, Detail: "a folder, not a file"}
	}
	if version = versionOf(info.Size(), info.ModTime()); version == o.version {
		return version, nil, nil
	}
	text, err = readTable(file)
	if err != nil {
		return "", nil, fileError(err)
	}
	return version, text, nil
}

func (o *ownersTable) object(ctx context.Context, name string) (version string, text []byte, err error) {
	where := o.env(StoreSetting)
	if where == "" {
		return "", nil, &core.Error{Code: core.CodeMisconfigured, Detail: "an object of the store, and " + StoreSetting + " is not set"}
	}
	s, err := o.open(where)
	if err != nil {
		return "", nil, err
	}
	for object, err := range s.List(ctx, name) {
		if err == nil && object.Name == name {
			version = versionOf(object.Size, object.Modified)
		}
		break // it is the first; without its version it is read each time
	}
	if version != "" && version == o.version {
		return version, nil, nil
	}
	body, err := s.Get(ctx, name)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = body.Close() }()
	text, err = readTable(body)
	return version, text, err
}

func versionOf(size int64, modified time.Time) string {
	return fmt.Sprintf("%d bytes of %s", size, modified.UTC().Format(time.RFC3339Nano))
}

func readTable(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, owners.MaxSize+1))
	if text == nil {
		text = []byte{}
	}
	return text, err
}

// fileError is the error of a file, without its path.
func fileError(err error) error {
	failure := &core.Error{Code: core.CodeMisconfigured, Detail: "the file cannot be read"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		failure.Detail = "there is no such file; write a path, file:///folder/owners.csv, store:owners.csv for an object of the store, or a reference to a secret"
	case errors.Is(err, fs.ErrPermission):
		failure.Detail = "the file may not be read by this program's user"
	}
	return failure
}

// unavailable is the warning of a table that cannot be read; used is whether an earlier one is in use.
func unavailable(err error, used bool) core.Warning {
	says := "no customer has an owner or is muted"
	if used {
		says = "the table that was read before is used"
	}
	return core.Warning{Code: owners.WarnUnavailable, Message: core.AsError(err).Public() + "; until it can be read, " + says}
}

// stage is the core.OpenStage that adds the owners to answers.
func (o *ownersTable) stage(ctx context.Context, _ string, _ core.Params) *core.Stage {
	if !o.enabled() {
		return nil
	}
	table, err := o.load(ctx)
	stage := new(core.Stage)
	if table != nil {
		stage.Join = func(record core.Record) core.Record {
			if entry := table.Find(record.ID()); entry != nil {
				return record.With(entry.Details())
			}
			return record
		}
	}
	if err != nil {
		stage.End = func(core.Report) []core.Warning { return []core.Warning{unavailable(err, table != nil)} }
	}
	return stage
}

// runOwners is the table during a call of the watch, for all accounts of a function.
type runOwners struct {
	table  *owners.Table // nil: none can be read
	err    error
	census *owners.Census
	zone   *time.Location

	mu    sync.Mutex
	lists int // accounts whose whole list was not seen yet; negative: not all are asked for
}

// forRun returns the table for runs of a number of accounts; nil if there is none. all is
// whether they are all accounts of the function.
func (o *ownersTable) forRun(ctx context.Context, zone *time.Location, accounts int, all bool) *runOwners {
	if !o.enabled() {
		return nil
	}
	r := &runOwners{zone: zone, lists: accounts}
	if !all {
		r.lists = -1
	}
	if r.table, r.err = o.load(ctx); r.table != nil {
		r.census = r.table.Census()
	}
	return r
}

// join adds the owners and the mutes to a run.
func (r *runOwners) join(job *watch.Job) {
	if r == nil {
		return
	}
	if r.table != nil {
		job.Details = func(record core.Record) core.Details {
			r.census.See(record.ID())
			if entry := r.table.Find(record.ID()); entry != nil {
				return entry.Details()
			}
			return core.Details{}
		}
		job.MutedUntil = func(record core.Record) time.Time {
			if entry := r.table.Find(record.ID()); entry != nil {
				return entry.MutedUntil(r.zone)
			}
			return time.Time{}
		}
	}
	now := job.Now
	job.MoreWarnings = func(proven bool) []core.Warning { return r.warnings(now(), proven) }
}

// warnings are those of a run. The run that is the last to see its whole list warns of
// customers that no account has.
func (r *runOwners) warnings(now time.Time, proven bool) (all []core.Warning) {
	if r.err != nil {
		all = append(all, unavailable(r.err, r.table != nil))
	}
	if r.table == nil {
		return all
	}
	all = append(all, r.table.Warnings(now, r.zone)...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if proven {
		if r.lists--; r.lists == 0 {
			all = append(all, r.census.Unknown()...)
		}
	}
	return all
}

// checkOwners checks the table.
func (w *Watcher) checkOwners(ctx context.Context, zone *time.Location) (checks []Check) {
	const name = "owners"
	if !w.owners.enabled() {
		return nil
	}
	table, err := w.owners.load(ctx)
	if err != nil {
		return []Check{{name, CheckFailed, core.AsError(err).Public()}}
	}
	for _, warning := range table.Warnings(w.Now(), zone) {
		checks = append(checks, Check{name, CheckLook, warning.Message})
	}
	return append(checks, Check{name, CheckOK, fmt.Sprintf("%d customers are in the table, %d of them are muted", table.Len(), table.Muted(w.Now(), zone))})
}
