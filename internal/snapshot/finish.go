package snapshot

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// change is one line of changes.ndjson.
type change struct {
	Change     string            `json:"change"` // "new", "gone", "changed"
	CustomerID string            `json:"customer_id"`
	Key        string            `json:"key"`
	Fields     map[string]oldNew `json:"fields,omitempty"` // of a customer who changed, by column
	Record     jsontext.Value    `json:"record,omitempty"` // of one who is new, or as he was last
}

// oldNew is one field of a customer who changed, as the CSV writes it.
type oldNew struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// kept is one line of state.ndjson.gz.
type kept struct {
	Key   string         `json:"key"`
	State jsontext.Value `json:"state"`
}

// finish makes the run's objects of its parts and the run before, tells who is
// to be told, and writes the manifest. All of it follows from the claim: doing it
// again, or twice at once, gives the same bytes.
func (r *run) finish(ctx context.Context, begin Begin, postponed bool) (Outcome, error) {
	began := time.Now()
	m := r.manifest()
	m.Complete = true
	watch := begin(m)
	if err := r.join(ctx, &m, watch); err != nil {
		return Outcome{}, err
	}
	if deadline, ok := ctx.Deadline(); ok && !postponed && time.Until(deadline) < timeToTell {
		return Outcome{GoingOn, m}, nil // a channel that is not reached in time is never told; the next call has all its time
	}
	if err := r.retell(ctx, begin); err != nil { // first, so that nobody hears of today before yesterday
		return Outcome{}, err
	}
	newer, err := r.newer(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if !newer { // or what is told was told with that one
		m.Deliveries = watch.Tell(ctx, m)
		if watch.Untold(m) {
			if err := r.noteUntold(ctx); err != nil {
				return Outcome{}, err
			}
		}
	}
	m.FinishedAt, m.FinishMS = r.Now().UTC().Truncate(time.Second), time.Since(began).Milliseconds()
	if err := putJSON(ctx, r.store, r.object(manifestName), m); err != nil {
		return Outcome{}, err
	}
	return Outcome{Done, m}, r.tidy(ctx, m)
}

// join goes over the customers now, those of the run before, and what that one
// left to remember, all in the order of their keys.
func (r *run) join(ctx context.Context, m *Manifest, watch Watch) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends what is still being written
	now, err := r.parts(ctx)
	if err != nil {
		return err
	}
	defer now.close()
	before, err := r.ofPrevious(ctx, customersName, r.keyOfRecord)
	if err != nil {
		return err
	}
	defer before.close()
	state, err := r.ofPrevious(ctx, stateName, keyOfState)
	if core.CodeOf(err) == core.CodeNotFound { // then what was is taken as told
		state, err = none{}, nil
	}
	if err != nil {
		return err
	}
	defer state.close()

	out := newOutputs(ctx, r)
	defer func() {
		var objects []Object
		if objects, err = out.close(err); err == nil {
			m.Objects = objects
		}
	}()
	j := joiner{run: r, m: m, watch: watch, out: out}
	if r.before != nil {
		if j.before, err = manifestOf(ctx, r.store, r.place, *r.before); err != nil {
			return err
		}
	}
	j.begin()
	was, err := peek(before)
	if err != nil {
		return err
	}
	remembered, err := peek(state)
	if err != nil {
		return err
	}
	m.Count = 0
	for {
		l, ok, err := now.next()
		if err != nil {
			return err
		}
		for was.ok && (!ok || was.head.key < l.key) { // in the run before, and not in this one
			key := was.head.key
			text, err := was.take(key)
			if err != nil {
				return err
			}
			if err := j.customer(key, text, nil, remembered); err != nil {
				return err
			}
		}
		if !ok {
			break
		}
		text, err := was.take(l.key)
		if err != nil {
			return err
		}
		if err := j.customer(l.key, text, l.text, remembered); err != nil {
			return err
		}
	}
	j.end()
	return ctx.Err()
}

// parts opens what was read.
func (r *run) parts(ctx context.Context) (*merged, error) {
	var all []*object
	for _, name := range r.at.Parts {
		o, err := openLines(ctx, r.store, r.object(name), r.keyOfRecord)
		if err != nil {
			for _, o := range all {
				o.close()
			}
			return nil, err
		}
		all = append(all, o)
	}
	m, err := merge(all)
	if err != nil {
		m.close()
	}
	return m, err
}

// ofPrevious opens an object of the run before.
func (r *run) ofPrevious(ctx context.Context, name string, key func([]byte) (string, error)) (sorted, error) {
	if r.before == nil {
		return none{}, nil
	}
	return openLines(ctx, r.store, r.place.object(*r.before, name), key)
}

func (r *run) keyOfRecord(text []byte) (string, error) {
	record, err := r.Function.Decode(text)
	if err != nil {
		return "", err
	}
	return record.Key(), nil
}

func keyOfState(text []byte) (string, error) {
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return "", broken(stateName, err)
	}
	return k.Key, nil
}

// derived are the columns that follow from others, or from the day: that they
// are others than before is no change.
var derived = []string{"used", "days_left"}

// joiner is a join under way.
type joiner struct {
	run    *run
	m      *Manifest
	watch  Watch
	out    *outputs
	row    func([]byte, core.Record) []byte
	buffer []byte
	alerts int
	before Manifest // of the run that this one is compared with; zero: there is none
	notes  core.RecordNotes
}

func (j *joiner) begin() {
	j.m.TagEnds = j.before.TagEnds.Next()
	opening, row := j.run.Table()
	j.row = row
	j.out.table.add(opening)
	j.out.alerts.add([]byte(`{"schema":"partnerlens.alerts/v1","alerts":[`))
}

func (j *joiner) end() {
	j.out.alerts.add([]byte("\n]}\n"))
	j.m.Warnings = append(j.m.Warnings, j.notes.WholeWarnings()...)
	j.m.Notify = slices.ContainsFunc(j.m.Warnings, func(w core.Warning) bool {
		return !slices.ContainsFunc(j.before.Warnings, func(old core.Warning) bool { return old.Code == w.Code && old.Field == w.Field })
	})
}

// customer takes one customer in: as he was, as he is, either may be nil.
func (j *joiner) customer(key string, wasText, isText []byte, remembered *peeked) error {
	was, err := j.decode(wasText)
	if err != nil {
		return err
	}
	is, err := j.decode(isText)
	if err != nil {
		return err
	}
	if is != nil {
		j.m.Count++
		j.m.ByStatus[is.StatusText()]++
		j.notes.Add(is)
		j.m.TagEnds = j.m.TagEnds.Note(was, is, j.before.AsOf, j.m.AsOf)
		j.out.customers.line(append(isText, '\n'))
		j.buffer = j.row(j.buffer[:0], is)
		j.out.table.line(j.buffer)
	}
	if j.m.Previous != nil {
		if err := j.change(key, was, is, wasText, isText); err != nil {
			return err
		}
	}
	state, err := j.remembered(key, remembered)
	if err != nil {
		return err
	}
	alerts, kinds, state, err := j.watch.Judge(was, is, state)
	if err != nil {
		return err
	}
	for i, alert := range alerts {
		if j.alerts > 0 {
			j.out.alerts.add([]byte{','})
		}
		j.alerts++
		j.m.Alerts[kinds[i]]++
		j.out.alerts.line(append([]byte{'\n'}, alert...))
	}
	if state != nil && is != nil {
		text, err := core.AppendJSON(nil, kept{key, state})
		if err != nil {
			return err
		}
		j.out.state.line(append(text, '\n'))
	}
	return j.out.failed()
}

func (j *joiner) decode(text []byte) (core.Record, error) {
	if text == nil {
		return nil, nil
	}
	return j.run.Function.Decode(text)
}

// remembered gives what the run before left of a customer; it passes over whom it
// no longer knows.
func (j *joiner) remembered(key string, from *peeked) (jsontext.Value, error) {
	for from.ok && from.head.key < key {
		if err := from.advance(); err != nil {
			return nil, err
		}
	}
	text, err := from.take(key)
	if err != nil || text == nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, broken(stateName, err)
	}
	return k.State, nil
}

// change writes a line where a customer is not as he was.
func (j *joiner) change(key string, was, is core.Record, wasText, isText []byte) error {
	c := change{Key: key}
	switch {
	case was == nil:
		c.Change, c.CustomerID, c.Record = "new", is.ID(), isText
		j.m.Changes.New++
	case is == nil:
		c.Change, c.CustomerID, c.Record = "gone", was.ID(), wasText
		j.m.Changes.Gone++
	default:
		c.Change, c.CustomerID = "changed", is.ID()
		old, fresh := was.Cells(), is.Cells()
		for i, column := range j.run.Function.Columns {
			if old[i] != fresh[i] && !slices.Contains(derived, column.Name) {
				if c.Fields == nil {
					c.Fields = make(map[string]oldNew)
				}
				c.Fields[column.Name] = oldNew{old[i], fresh[i]}
			}
		}
		if c.Fields == nil {
			return nil
		}
		j.m.Changes.Changed++
	}
	text, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		return &core.Error{Code: core.CodeInternal, Err: err}
	}
	j.out.changes.line(append(text, '\n'))
	return nil
}

// outputs are the run's objects, all of them written at once, side by side.
type outputs struct {
	customers, table, changes, alerts, state *output
	all                                      []*output
	under                                    sync.WaitGroup
}

func newOutputs(ctx context.Context, r *run) *outputs {
	o := new(outputs)
	open := func(name string) *output {
		out := &output{name: name, sum: sha256.New()}
		var in *io.PipeReader
		in, out.pipe = io.Pipe()
		out.buffer = bufio.NewWriterSize(io.MultiWriter(out.pipe, out.sum, (*counter)(&out.bytes)), 64<<10)
		out.to = out.buffer
		if strings.HasSuffix(name, ".gz") {
			out.packed = gzip.NewWriter(out.buffer)
			out.to = out.packed
		}
		o.all = append(o.all, out)
		o.under.Go(func() {
			err := r.store.Put(ctx, r.object(name), func(w io.Writer) error {
				_, err := io.Copy(w, in)
				return err
			})
			out.set(err)
			in.CloseWithError(errGone) // a writer that is left waiting for us must not
		})
		return out
	}
	o.customers, o.table, o.changes, o.alerts, o.state = open(customersName), open(tableName), open(changesName), open(alertsName), open(stateName)
	return o
}

// errGone ends the writing of an object that cannot be stored any more.
var errGone = &core.Error{Code: core.CodeUnavailable, Detail: "the object can no longer be stored"}

// failed gives the first error of storing.
func (o *outputs) failed() error {
	for _, out := range o.all {
		if err := out.get(); err != nil {
			return err
		}
	}
	return nil
}

// close ends all objects; with a failure none is stored.
func (o *outputs) close(failure error) ([]Object, error) {
	for _, out := range o.all {
		if failure == nil && out.packed != nil {
			out.keep(out.packed.Close())
		}
		if failure == nil {
			out.keep(out.buffer.Flush())
		}
		out.pipe.CloseWithError(failure)
	}
	o.under.Wait()
	if failure == nil {
		failure = o.failed()
	}
	if failure != nil {
		return nil, failure
	}
	var objects []Object
	for _, out := range o.all {
		objects = append(objects, Object{out.name, out.bytes, hex.EncodeToString(out.sum.Sum(nil)), out.rows})
	}
	return objects, nil
}

// output is one object on its way.
type output struct {
	name   string
	pipe   *io.PipeWriter
	buffer *bufio.Writer
	packed *gzip.Writer // nil where it is not packed
	to     io.Writer
	sum    hash.Hash
	bytes  int64
	rows   int

	mu  sync.Mutex
	err error
}

func (o *output) add(text []byte) {
	_, err := o.to.Write(text)
	o.keep(err)
}

func (o *output) line(text []byte) {
	o.rows++
	o.add(text)
}

// keep notes an error of writing; the one of storing says more.
func (o *output) keep(err error) {
	if err != nil && err != error(errGone) {
		o.set(err)
	}
}

func (o *output) set(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

func (o *output) get() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
