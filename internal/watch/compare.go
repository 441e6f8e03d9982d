package watch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/owners"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
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

// stateLine is one line of state.ndjson.gz.
type stateLine struct {
	Key   string         `json:"key"`
	State jsontext.Value `json:"state"`
}

// compareAndWrite goes through the customers of this run, those of the previous complete run and
// what is remembered of them, in the order of their keys, and writes the run's objects.
// They follow from the parts and from earlier runs: writing them again gives the same
// bytes. A run that is Held is neither compared nor evaluated.
func (r *invocation) compareAndWrite(ctx context.Context, h history, state State) (m Manifest, err error) {
	start := time.Now()
	m = r.manifest()
	m.State, m.Complete, m.Proven, m.Held = state, state == Done, r.checkpoint.Proven, r.checkpoint.Held
	if state == Held {
		h = history{}
	}
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
	partner, err := r.loadPartner(ctx)
	if err != nil {
		return m, err
	}
	m.Partner = partner.summary()
	m.Warnings = append(m.Warnings, partner.Warnings...)
	if r.Alerts.NoRules && state != Held {
		r.warn(WarnNotEvaluated, core.AsError(r.Alerts.Err).Public()+"; no alert was evaluated, and the next run reports what changed since the run before")
	}
	c := &comparison{
		run: r, m: &m, previous: h.previous, state: h.state, reference: reference,
		partner: partner.State, unlisted: partner.direct(), context: r.runContext(&m, reference),
	}
	names := []string{customersName, tableName, changesName, alertsName, openName, stateName}
	switch {
	case state == Held:
		names = names[:2]
	case r.Alerts.NoRules:
		names = names[:3]
	default:
		m.Open = make(map[string]int)
	}
	if partner.State.Resellers != nil {
		names = append(names, resellersName)
	}
	m.Objects, err = r.writeObjects(ctx, state, names, func(out outputs) error {
		c.out = out
		return c.customers(ctx)
	})
	if err != nil {
		return m, err
	}
	m.Sample = append(m.Sample, c.sample...)
	if state != Held {
		m.Warnings = append(m.Warnings, c.witness()...)
		m.Warnings = append(m.Warnings, c.notes.WholeWarnings()...)
		if r.MoreWarnings != nil {
			m.Warnings = append(m.Warnings, r.MoreWarnings(m.Proven)...)
		}
		// The account whose run ends last has the warning of customers that no account has.
		m.Notify = slices.ContainsFunc(m.Warnings, func(w core.Warning) bool { return w.Code != owners.WarnUnknown && !reference.warns(w) })
	}
	m.Warnings = append(m.Warnings, r.warnings...)
	if err := r.writeWorkbook(ctx, &m); err != nil {
		return m, err
	}
	if state != Held {
		m.FinishMS = time.Since(start).Milliseconds()
	}
	return m, nil
}

// runContext returns the context in which the run's alerts are evaluated. reference is the
// run whose customers are known, or nil.
func (r *invocation) runContext(m, reference *Manifest) alert.RunContext {
	run := alert.RunContext{
		Function: m.Function, Account: m.Account, Run: m.Run, Provider: m.Provider, Store: r.storeID, AsOf: m.AsOf,
		First: reference == nil, FirstVouchers: true, Low: r.Low, Evaluator: r.Evaluator,
		Opening: reference == nil && r.Alerts.Opening(m.Account), FullNames: r.Alerts.FullNames(m.Account),
	}
	if reference != nil {
		run.Since = reference.AsOf
		run.FirstVouchers = reference.Partner == nil || !slices.Contains(reference.Partner.Known, alert.VoucherExpiring)
	}
	return run
}

// comparison is a compare under way.
type comparison struct {
	run             *invocation
	m               *Manifest
	previous, state *Manifest
	reference       *Manifest // the run whose customers are known: state's, or previous
	context         alert.RunContext
	partner         core.PartnerState
	unlisted        map[string]bool // direct customers that were not on the list so far

	out    outputs
	table  *sheet.CSV // customers.csv
	buffer []byte
	lists  alertLists
	sample sample
	notes  core.RecordNotes
	names  *nameJoiner
}

func (c *comparison) customers(ctx context.Context) error {
	r := c.run
	columns := r.Function.Columns
	if c.m.ReadLate {
		columns = append([]core.Column{{Name: "read_late"}}, columns...)
	}
	c.table = sheet.NewCSV(columns, sheet.Style{Zone: r.Zone, Excel: true})
	c.out[tableName].add(c.table.Header())
	c.lists.begin(c.out, c.m.Proven)
	if err := c.evaluatePartner(); err != nil {
		return err
	}
	c.m.Count = 0
	if c.previous != nil {
		c.m.TagEnds = c.previous.TagEnds.Next()
	}
	c.names = r.joinNames(ctx)
	defer c.names.stop()
	all := join(r.parts(ctx), r.linesOf(ctx, c.previous, customersName, r.identifyRecord), r.linesOf(ctx, c.state, stateName, identifyState))
	for customer, err := range all {
		if err == nil {
			err = c.customer(customer)
		}
		if err == nil {
			err = c.out.failed()
		}
		if err != nil {
			return err
		}
	}
	if err := c.lists.end(c.out); err != nil {
		return err
	}
	return ctx.Err()
}

// customer processes one customer.
func (c *comparison) customer(lines joined) error {
	prev, current := lines.before.record, lines.now.record
	if current != nil {
		delete(c.unlisted, current.ID())
		read := current
		var err error
		if current, err = c.names.join(lines.key, prev, current); err != nil {
			return err
		}
		if c.run.Details != nil || c.partner.Vouchers != nil {
			current = current.With(c.details(current))
		}
		if current != read {
			if lines.now.text, err = core.AppendJSON(nil, current); err != nil {
				return err
			}
		}
		lines.now.text = c.record(lines.key, current, lines.now.text)
	}
	if c.m.State == Held {
		return nil
	}
	if current != nil {
		var since time.Time
		if c.previous != nil {
			since = c.previous.AsOf
		}
		c.m.TagEnds = c.m.TagEnds.Note(prev, current, since, c.m.AsOf)
		if c.m.AsOf.Before(c.mutedUntil(current)) {
			c.m.Muted++
		}
	}
	if c.previous != nil {
		if err := c.change(lines, prev, current); err != nil {
			return err
		}
	}
	if c.run.Alerts.NoRules {
		return nil
	}
	return c.evaluate(lines, prev, current)
}

// record writes a customer to the lists, and returns its line.
func (c *comparison) record(key string, current core.Record, text []byte) []byte {
	if c.m.ReadLate {
		text = c.run.marked(c.m, text)
		current = lateRecord{current, c.m.AsOf.Format(time.RFC3339)}
	}
	c.m.Count++
	c.m.ByStatus[current.StatusText()]++
	c.sample.add(key)
	c.notes.Add(current)
	c.out[customersName].row(append(text, '\n'))
	c.buffer = c.table.AppendRow(c.buffer[:0], current.Row())
	c.out[tableName].row(c.buffer)
	return text
}

// change writes a line if the customer is new, gone or changed.
func (c *comparison) change(lines joined, prev, current core.Record) error {
	line, is := changeOf(c.run.Function.Columns, c.previous, c.m, lines, prev, current)
	if !is {
		return nil
	}
	c.m.Changes.count(line.Change)
	text, err := json.Marshal(line, json.Deterministic(true))
	if err != nil {
		return &core.Error{Code: core.CodeInternal, Err: err}
	}
	c.out[changesName].row(c.run.marked(c.m, append(text, '\n')))
	return nil
}

// changeOf returns how a customer differs between the lists of two runs; false if it does
// not, or if a list that has it says nothing of whether the other should.
func changeOf(columns []core.Column, from, to *Manifest, lines joined, prev, current core.Record) (line change, is bool) {
	line.Key = lines.key
	switch {
	case prev == nil && current == nil:
		return line, false
	case prev == nil:
		line.Change, line.CustomerID, line.Record = "new", current.ID(), lines.now.text
		return line, from.covers(lines.key)
	case current == nil:
		line.Change, line.CustomerID, line.Record = "gone", prev.ID(), lines.before.text
		return line, to.Proven && to.covers(lines.key)
	}
	line.Change, line.CustomerID = "changed", current.ID()
	before, after := prev.Row(), current.Row()
	for i, column := range columns {
		notRead := column.Detail && (before[i] == "" || after[i] == "")
		if before[i] != after[i] && !notRead && !slices.Contains(derived, column.Name) {
			if line.Fields == nil {
				line.Fields = make(map[string]oldNew)
			}
			line.Fields[column.Name] = oldNew{before[i], after[i]}
		}
	}
	return line, line.Fields != nil
}

// derived are the columns that follow from other columns or from the day. They do not
// count as changes.
var derived = []string{"used", "days_left"}

// evaluate writes the alerts about a customer, its open conditions, and what to remember of
// it.
func (c *comparison) evaluate(lines joined, prev, current core.Record) error {
	var known stateLine
	if lines.last.text != nil && json.Unmarshal(lines.last.text, &known) != nil {
		return damaged(stateName, "a line of it is not what was stored")
	}
	e, state, err := c.evaluation(lines.key, prev, current, known.State)
	if err != nil {
		return err
	}
	if err := c.write(e); err != nil || state == nil {
		return err
	}
	text, err := core.AppendJSON(nil, stateLine{lines.key, state})
	if err != nil {
		return err
	}
	c.out[stateName].row(append(text, '\n'))
	return nil
}

// write writes the result of an evaluation.
func (c *comparison) write(e alert.Evaluation) error {
	if c.reference == nil {
		e.Silent = nil // the journal begins with this run's open.json
	}
	for _, a := range e.Alerts {
		c.m.Alerts[string(a.Kind)]++
	}
	for _, a := range e.Open {
		c.m.Open[string(a.Kind)]++
	}
	return c.lists.write(c.out, e)
}

// evaluation evaluates a customer, and returns what to remember of it as it is stored. A
// customer is known if something is remembered of it, or, without a state, if the previous
// complete run has it.
func (c *comparison) evaluation(key string, prev, current core.Record, remembered jsontext.Value) (e alert.Evaluation, state jsontext.Value, err error) {
	known := remembered != nil
	if c.state != nil && !known && (c.previous == nil || c.previous.Run != c.state.Run) {
		prev = nil // reported as gone by a run after the previous complete one
	}
	var last alert.State
	if known && json.Unmarshal(remembered, &last) != nil {
		last = alert.State{} // of another version: what the previous run has counts as reported
	}
	if current == nil && prev == nil {
		if !known {
			return e, nil, nil
		}
		if prev, err = c.stub(key, last); err != nil {
			return e, nil, err
		}
	}
	rules, runContext := &c.run.Alerts.Rules, c.context
	switch {
	case current != nil:
		runContext.MutedUntil = c.mutedUntil(current)
		// A customer is not new if the run before did not ask for it.
		runContext.First = runContext.First || prev == nil && !known && c.reference != nil && !c.reference.covers(key)
	default:
		if c.run.Details != nil {
			prev = prev.With(c.run.Details(prev))
		}
		runContext.MutedUntil = c.mutedUntil(prev)
		if !c.m.Proven { // a customer may be missing from a list that is not proven
			e.Open = rules.Unseen(runContext, prev, last)
			return e, remembered, nil
		}
		if !c.m.covers(key) {
			e.Silent = rules.Forget(runContext, prev, last)
			return e, nil, nil
		}
	}
	if e, err = rules.Evaluate(runContext, prev, current, last); err != nil {
		return e, nil, err
	}
	if c.previous == nil { // without a proven list it is not known which customers are new
		isNew := func(a alert.Alert) bool { return a.Kind == alert.CustomerNew }
		e.Alerts, e.Silent = slices.DeleteFunc(e.Alerts, isNew), slices.DeleteFunc(e.Silent, isNew)
	}
	if e.State.Empty() {
		return e, nil, nil
	}
	state, err = core.AppendJSON(nil, e.State)
	return e, state, err
}

// mutedUntil returns the end of a customer's mute, zero if it has none.
func (c *comparison) mutedUntil(record core.Record) time.Time {
	if c.run.MutedUntil == nil {
		return time.Time{}
	}
	return c.run.MutedUntil(record)
}

// stub makes a record of a customer from what is remembered of it.
func (c *comparison) stub(key string, state alert.State) (core.Record, error) {
	fields := map[string]string{"provider": c.m.Provider, "account": c.m.Account, "customer_id": key, "status": state.Status}
	if reseller, id, ok := strings.Cut(key, "/"); ok {
		fields["reseller_id"], fields["customer_id"] = reseller, id
	}
	text, err := core.AppendJSON(nil, fields)
	if err != nil {
		return nil, err
	}
	return c.run.Function.Decode(text)
}

// marked adds read_late to a line of JSON if the run was read late.
func (r *invocation) marked(m *Manifest, line []byte) []byte {
	if !m.ReadLate {
		return line
	}
	return append([]byte(`{"read_late":"`+m.AsOf.Format(time.RFC3339)+`",`), line[1:]...)
}

// lateRecord is a record of a run that was read late: its row begins with the moment.
type lateRecord struct {
	core.Record
	at string
}

// Row implements core.Record.
func (r lateRecord) Row() []string { return append([]string{r.at}, r.Record.Row()...) }

// sampleSize is the number of customers in a manifest's sample.
const sampleSize = 64

// sample holds the lowest hashes of customers' keys, so that two lists of the same
// customers have the same sample.
type sample []string

func (s *sample) add(key string) {
	hash := Sampled(key)
	if len(*s) == sampleSize && hash >= (*s)[sampleSize-1] {
		return
	}
	at, _ := slices.BinarySearch(*s, hash)
	*s = slices.Insert((*s)[:min(len(*s), sampleSize-1)], at, hash)
}

// Sampled returns the hash of a key that a manifest's sample may hold.
func Sampled(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
