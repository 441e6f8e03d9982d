package watch

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// change is one line of changes.ndjson.
type change struct {
	Change     string            `json:"change"` // "new", "gone", "changed"
	CustomerID string            `json:"customer_id"`
	Key        string            `json:"key"`
	Fields     map[string]oldNew `json:"fields,omitempty"` // of a customer who changed, by column
	Record     jsontext.Value    `json:"record,omitempty"` // of one who is new, or as it was last
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

// compare goes over the customers of this run, those of the run before and what is
// remembered of them, all in the order of their keys, and writes the run's objects. They
// follow from the parts and from the runs before: doing it again gives the same bytes.
func (r *run) compare(ctx context.Context, h history) (m Manifest, err error) {
	start := time.Now()
	m = r.manifest()
	m.State, m.Complete, m.Proven = Done, true, true
	if !r.at.Proven {
		m.State, m.Complete, m.Proven = Unproven, false, false
	}
	m.Held = r.at.Held
	if h.previous != nil {
		m.Previous = &h.previous.Run
	}
	if h.state != nil {
		m.PreviousState = &h.state.Run
	}
	reference := cmp.Or(h.state, h.previous)
	if reference != nil && (len(reference.Query["reseller_id"]) != len(m.Query["reseller_id"]) || !slices.Equal(reference.Resellers, m.Resellers)) {
		r.warn(WarnScopeChanged, "the run before was of other resellers; their customers are neither new nor gone, and are compared from the next run on")
	}
	if r.Alerts.NoRules {
		r.warn(WarnNotEvaluated, core.AsError(r.Alerts.Err).Public()+"; no alert was evaluated, and the next run reports what changed since the run before")
	}
	c := &comparison{
		run: r, m: &m, previous: h.previous, state: h.state, reference: reference,
		moment: alert.RunContext{
			Function: m.Function, Account: m.Account, Run: m.Run, Store: r.storeID, AsOf: m.AsOf,
			First: reference == nil, Low: r.Low, Evaluator: r.Evaluator,
		},
	}
	if reference != nil {
		c.moment.Since = reference.AsOf
	}
	if err := c.compare(ctx); err != nil {
		return m, err
	}
	m.Warnings = append(m.Warnings, c.notes.WholeWarnings()...)
	m.Notify = slices.ContainsFunc(m.Warnings, func(w core.Warning) bool { return !reference.warns(w) })
	m.Warnings = append(m.Warnings, r.warnings...)
	m.FinishMS = time.Since(start).Milliseconds()
	return m, nil
}

// comparison is a compare under way.
type comparison struct {
	run             *run
	m               *Manifest
	previous, state *Manifest
	reference       *Manifest // the run whose customers are known: state's, or previous
	moment          alert.RunContext

	out    *outputs
	row    func([]byte, core.Record) []byte
	buffer []byte
	alerts int
	sample sample
	notes  core.RecordNotes
}

func (c *comparison) compare(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends what is still being written
	r := c.run
	parts, err := r.parts(ctx)
	if err != nil {
		return err
	}
	defer parts.close()
	previous, err := r.linesOf(ctx, c.previous, customersName, r.keyOfRecord)
	if err != nil {
		return err
	}
	defer previous.close()
	state, err := r.linesOf(ctx, c.state, stateName, keyOfState)
	if err != nil {
		return err
	}
	defer state.close()
	now, before, remembered, err := peekAll(parts, previous, state)
	if err != nil {
		return err
	}
	names := []string{customersName, tableName, changesName, alertsName, stateName}
	if r.Alerts.NoRules {
		names = names[:3]
	}
	c.out = newOutputs(ctx, r, c.m.State, names)
	defer func() {
		var objects []Object
		if objects, err = c.out.close(err); err == nil {
			c.m.Objects, c.m.Sample = objects, c.sample.texts()
		}
	}()
	c.begin()
	c.m.Count = 0
	var since time.Time // when the run began that this one is compared with
	if c.previous != nil {
		c.m.TagEnds, since = c.previous.TagEnds.Next(), c.previous.AsOf
	}
	for now.ok || before.ok || remembered.ok {
		key := firstKey(now, before, remembered)
		is, err := now.take(key)
		if err != nil {
			return err
		}
		was, err := before.take(key)
		if err != nil {
			return err
		}
		known, err := remembered.take(key)
		if err != nil {
			return err
		}
		if err := c.customer(key, was, is, known, since); err != nil {
			return err
		}
	}
	c.out.of(alertsName).add([]byte("\n]}\n"))
	return ctx.Err()
}

func (c *comparison) begin() {
	columns := c.run.Function.Columns
	if c.m.ReadLate {
		columns = append([]core.Column{{Name: "read_late"}}, columns...)
	}
	opening, row := c.run.Table(columns)
	c.row = row
	c.out.of(tableName).add(opening)
	proven := ""
	if !c.m.Proven {
		proven = `"proven":false,`
	}
	c.out.of(alertsName).add([]byte(`{"schema":"partnerlens.alerts/v1",` + proven + `"alerts":[`))
}

// customer takes one customer in: as it was, as it is, and what is remembered of it;
// each may be nil.
func (c *comparison) customer(key string, wasText, isText, knownText []byte, since time.Time) error {
	was, err := c.run.decode(wasText)
	if err != nil {
		return err
	}
	is, err := c.run.decode(isText)
	if err != nil {
		return err
	}
	if is != nil {
		isText = c.record(key, is, isText)
		c.m.TagEnds = c.m.TagEnds.Note(was, is, since, c.m.AsOf)
	}
	if c.previous != nil {
		if err := c.change(key, was, is, wasText, isText); err != nil {
			return err
		}
	}
	if !c.run.Alerts.NoRules {
		if err := c.evaluate(key, was, is, knownText); err != nil {
			return err
		}
	}
	return c.out.failed()
}

// record writes a customer as it is, and returns the line.
func (c *comparison) record(key string, is core.Record, text []byte) []byte {
	text = c.run.marked(c.m, text)
	c.m.Count++
	c.m.ByStatus[is.StatusText()]++
	c.sample.add(key)
	c.notes.Add(is)
	c.out.of(customersName).line(append(text, '\n'))
	c.buffer = c.row(c.buffer[:0], c.run.markedRow(c.m, is))
	c.out.of(tableName).line(c.buffer)
	return text
}

// list writes the customers of a run that is not compared.
func (c *comparison) list(ctx context.Context) (err error) {
	parts, err := c.run.parts(ctx)
	if err != nil {
		return err
	}
	defer parts.close()
	c.out = newOutputs(ctx, c.run, c.m.State, []string{customersName, tableName})
	defer func() {
		var objects []Object
		if objects, err = c.out.close(err); err == nil {
			c.m.Objects, c.m.Sample = objects, c.sample.texts()
		}
	}()
	c.begin()
	c.m.Count = 0
	for {
		l, ok, err := parts.next()
		if err != nil || !ok {
			return err
		}
		is, err := c.run.decode(l.text)
		if err != nil {
			return err
		}
		c.record(l.key, is, l.text)
		if err := c.out.failed(); err != nil {
			return err
		}
	}
}

// change writes a line where a customer is not as it was.
func (c *comparison) change(key string, was, is core.Record, wasText, isText []byte) error {
	line := change{Key: key}
	switch {
	case was == nil && is == nil:
		return nil
	case was == nil:
		if !c.previous.covers(key) {
			return nil
		}
		line.Change, line.CustomerID, line.Record = "new", is.ID(), isText
		c.m.Changes.New++
	case is == nil:
		if !c.m.Proven || !c.m.covers(key) {
			return nil
		}
		line.Change, line.CustomerID, line.Record = "gone", was.ID(), wasText
		c.m.Changes.Gone++
	default:
		line.Change, line.CustomerID = "changed", is.ID()
		old, fresh := was.Row(), is.Row()
		for i, column := range c.run.Function.Columns {
			if old[i] != fresh[i] && !slices.Contains(derived, column.Name) {
				if line.Fields == nil {
					line.Fields = make(map[string]oldNew)
				}
				line.Fields[column.Name] = oldNew{old[i], fresh[i]}
			}
		}
		if line.Fields == nil {
			return nil
		}
		c.m.Changes.Changed++
	}
	text, err := json.Marshal(line, json.Deterministic(true))
	if err != nil {
		return &core.Error{Code: core.CodeInternal, Err: err}
	}
	c.out.of(changesName).line(c.run.marked(c.m, append(text, '\n')))
	return nil
}

// derived are the columns that follow from others, or from the day: that they
// are others than before is no change.
var derived = []string{"used", "days_left"}

// evaluate writes the alerts about a customer, and what to remember of it.
func (c *comparison) evaluate(key string, was, is core.Record, knownText []byte) error {
	var known kept
	if knownText != nil && json.Unmarshal(knownText, &known) != nil {
		return damaged(stateName, "a line of it is not what was stored")
	}
	alerts, state, err := c.judge(key, was, is, known.State)
	if err != nil {
		return err
	}
	for _, a := range alerts {
		text, err := core.AppendJSON(nil, a)
		if err != nil {
			return err
		}
		if c.alerts > 0 {
			c.out.of(alertsName).add([]byte{','})
		}
		c.alerts++
		c.m.Alerts[string(a.Kind)]++
		c.out.of(alertsName).line(append([]byte{'\n'}, text...))
	}
	if state == nil {
		return nil
	}
	text, err := core.AppendJSON(nil, kept{key, state})
	if err != nil {
		return err
	}
	c.out.of(stateName).line(append(text, '\n'))
	return nil
}

// judge returns the alerts about a customer and what to remember of it. What is
// remembered says who is known, as the list of the run before does where no state can
// be had.
func (c *comparison) judge(key string, was, is core.Record, remembered jsontext.Value) ([]alert.Alert, jsontext.Value, error) {
	known := remembered != nil
	if c.state != nil && !known && (c.previous == nil || c.previous.Run != c.state.Run) {
		was = nil // reported as gone by a run after the previous complete one
	}
	var state alert.State
	if known && json.Unmarshal(remembered, &state) != nil {
		state = alert.State{} // another version's: what was is taken as reported
	}
	moment := c.moment
	switch {
	case is == nil && !c.m.Proven: // that a list lacks a customer says nothing where it is not proven
		return nil, remembered, nil
	case is == nil && was == nil && !known, is == nil && !c.m.covers(key):
		return nil, nil, nil
	case is == nil && was == nil:
		var err error
		if was, err = c.stub(key, state); err != nil {
			return nil, nil, err
		}
	case is != nil && was == nil && !known && c.reference != nil && !c.reference.covers(key):
		moment.First = true // not new: the run before did not ask for it
	}
	alerts, next, err := c.run.Alerts.Rules.Evaluate(moment, was, is, state)
	if err != nil {
		return nil, nil, err
	}
	if c.previous == nil { // without a proven list no customer is known to be new
		alerts = slices.DeleteFunc(alerts, func(a alert.Alert) bool { return a.Kind == alert.CustomerNew })
	}
	if next.Empty() {
		return alerts, nil, nil
	}
	text, err := core.AppendJSON(nil, next)
	return alerts, text, err
}

// stub is a customer of whom nothing is left but what is remembered.
func (c *comparison) stub(key string, state alert.State) (core.Record, error) {
	fields := map[string]string{"provider": c.m.Provider, "account": c.m.Account, "customer_id": key, "status": state.Status}
	if reseller, id, is := strings.Cut(key, "/"); is {
		fields["reseller_id"], fields["customer_id"] = reseller, id
	}
	text, err := core.AppendJSON(nil, fields)
	if err != nil {
		return nil, err
	}
	return c.run.Function.Decode(text)
}

func (r *run) decode(text []byte) (core.Record, error) {
	if text == nil {
		return nil, nil
	}
	return r.Function.Decode(text)
}

// marked is a line of JSON that says so where the run was read late.
func (r *run) marked(m *Manifest, line []byte) []byte {
	if !m.ReadLate {
		return line
	}
	return append([]byte(`{"read_late":"`+m.AsOf.Format(time.RFC3339)+`",`), line[1:]...)
}

// markedRow is a record whose row says so where the run was read late.
func (r *run) markedRow(m *Manifest, record core.Record) core.Record {
	if !m.ReadLate {
		return record
	}
	return lateRecord{record, m.AsOf.Format(time.RFC3339)}
}

// lateRecord is a record of a run that was read late, at a moment.
type lateRecord struct {
	core.Record
	at string
}

// Row are the moment and then the record's own.
func (r lateRecord) Row() []string { return append([]string{r.at}, r.Record.Row()...) }

// sampleSize is how many customers a manifest's sample is of.
const sampleSize = 64

// sample holds the hashes of some customers' keys: the lowest ones, so that two lists of
// the same customers have the same sample.
type sample []string

func (s *sample) add(key string) {
	hash := Sampled(key)
	if len(*s) == sampleSize && hash >= (*s)[sampleSize-1] {
		return
	}
	at, _ := slices.BinarySearch(*s, hash)
	*s = slices.Insert((*s)[:min(len(*s), sampleSize-1)], at, hash)
}

func (s sample) texts() []string { return append([]string{}, s...) }

// Sampled is a key as a manifest's sample has it.
func Sampled(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// outputs are the run's objects, all of them written at once, side by side.
type outputs struct {
	all   map[string]*output // by plain name
	order []string
	none  output // takes what is not wanted
	under sync.WaitGroup
}

func newOutputs(ctx context.Context, r *run, state State, names []string) *outputs {
	o := &outputs{all: make(map[string]*output), order: names}
	o.none.to = io.Discard
	for _, name := range names {
		out := &output{name: named(name, state), sum: sha256.New()}
		var in *io.PipeReader
		in, out.pipe = io.Pipe()
		out.buffer = bufio.NewWriterSize(io.MultiWriter(out.pipe, out.sum, (*counter)(&out.bytes)), 64<<10)
		out.to = out.buffer
		if strings.HasSuffix(name, ".gz") {
			out.packed = gzip.NewWriter(out.buffer)
			out.to = out.packed
		}
		o.all[name] = out
		o.under.Go(func() {
			err := r.store.Put(ctx, r.object(out.name), func(w io.Writer) error {
				_, err := io.Copy(w, in)
				return err
			})
			out.set(err)
			in.CloseWithError(errGone) // a writer that is left waiting for us must not
		})
	}
	return o
}

// errGone ends the writing of an object that cannot be stored any more.
var errGone = &core.Error{Code: core.CodeUnavailable, Detail: "the object can no longer be stored"}

// of returns the output of a plain name.
func (o *outputs) of(name string) *output {
	if out, is := o.all[name]; is {
		return out
	}
	return &o.none
}

// failed gives the first error of storing.
func (o *outputs) failed() error {
	for _, name := range o.order {
		if err := o.all[name].get(); err != nil {
			return err
		}
	}
	return nil
}

// close ends all objects; with a failure none is stored.
func (o *outputs) close(failure error) ([]Object, error) {
	for _, name := range o.order {
		out := o.all[name]
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
	for _, name := range o.order {
		out := o.all[name]
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
