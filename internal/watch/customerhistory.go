package watch

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// DayState says what a Day knows of the customer.
type DayState string

// The states. Only DayListed and DayUnproven have a record.
const (
	DayListed     DayState = "listed"     // the record is of a proven list
	DayUnproven   DayState = "unproven"   // the run's list is not proven: without a record, it may lack the customer
	DayAbsent     DayState = "absent"     // the run's proven list does not have the customer
	DayReadLate   DayState = "read_late"  // the run's list is of another day
	DayHeld       DayState = "held"       // the run's list shrank too much to be accepted
	DayUnfinished DayState = "unfinished" // the run has not ended
	DayDamaged    DayState = "damaged"    // an object of the run is not what was stored
	DayNotRead    DayState = "not_read"   // time ran out, or the store cannot be read
	DayNoRun      DayState = "no_run"     // there is no run of the day
)

// Day is what one run has of a customer, or a day without a run. A run whose list has the
// customer below several resellers has a Day for each.
type Day struct {
	Day    string // as 2026-11-22
	Run    string // "": there is none
	AsOf   time.Time
	State  DayState
	Detail string        // why there is no record; may be empty
	Record core.Record   // nil: none
	Alerts []alert.Alert // of the run, about the customer
}

// HistoryQuery selects the history of a customer.
type HistoryQuery struct {
	Function   *core.Function
	Account    string
	CustomerID string
	From, To   string // days, as 2026-11-22; both are included
}

// ReadHistory reads what the runs of the days have of one customer, oldest first. A day on
// which it has nothing is in the list with the reason: no value is carried over from another
// day. The newest runs are read first, and those that are not read when ctx ends are
// DayNotRead. The error is of the store, if
// no run can be read.
func ReadHistory(ctx context.Context, s store.Store, q HistoryQuery) ([]Day, error) {
	h, err := newHistoryReader(s, q)
	if err != nil {
		return nil, err
	}
	folders, err := h.folders(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(folders)
	days := make([][]Day, len(folders))
	failures := make([]error, len(folders))
	next := make(chan int)
	var workers sync.WaitGroup
	for range 2 { // most of the time is spent on unpacking
		workers.Go(func() {
			for i := range next {
				days[i], failures[i] = h.day(ctx, folders[i])
			}
		})
	}
	for i := range folders {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range failures {
		if core.CodeOf(err) == core.CodeCanceled {
			return nil, err
		}
	}
	if len(folders) > 0 && !slices.Contains(failures, nil) {
		return nil, failures[0]
	}
	return h.withoutRuns(slices.Concat(days...)), nil
}

// historyReader reads the history of a customer.
type historyReader struct {
	HistoryQuery
	store    store.Store
	place    place
	from, to time.Time
	id       []byte                     // the customer's id as JSON
	failed   atomic.Pointer[core.Error] // the store's first failure: no further run is read
}

// idMember begins the member of a line that has the customer's id. Only the function's own
// texts precede it.
const idMember = `"customer_id":`

func newHistoryReader(s store.Store, q HistoryQuery) (*historyReader, error) {
	h := &historyReader{HistoryQuery: q, store: s, place: place{q.Function.Name, q.Account}}
	for _, day := range []struct {
		param, text string
		into        *time.Time
	}{{"from", q.From, &h.from}, {"to", q.To, &h.to}} {
		var err error
		if *day.into, err = time.Parse(dayLayout, day.text); err != nil {
			return nil, core.Invalid(day.param, "not a day; write it as 2026-11-22")
		}
	}
	id, err := core.AppendJSON(nil, q.CustomerID)
	h.id = id
	return h, err
}

// folders returns the runs of the days, with and without a manifest, the oldest first.
func (h *historyReader) folders(ctx context.Context) (all []string, err error) {
	for month := h.from.AddDate(0, 0, 1-h.from.Day()); !month.After(h.to); month = month.AddDate(0, 1, 0) {
		_, folders, err := runsNamed(ctx, h.store, h.place, month.Format("2006-01"))
		if err != nil {
			return nil, err
		}
		for _, run := range folders {
			if date := dateOf(run); date >= h.From && date <= h.To {
				all = append(all, run)
			}
		}
	}
	return all, nil
}

// withoutRuns adds the days that have no run, and sorts.
func (h *historyReader) withoutRuns(days []Day) []Day {
	has := make(map[string]bool)
	for _, day := range days {
		has[day.Day] = true
	}
	for at := h.from; !at.After(h.to); at = at.AddDate(0, 0, 1) {
		if day := at.Format(dayLayout); !has[day] {
			days = append(days, Day{Day: day, State: DayNoRun})
		}
	}
	slices.SortStableFunc(days, func(a, b Day) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Run, b.Run)) })
	return days
}

// day returns what one run has of the customer. A failure is a Day, too.
func (h *historyReader) day(ctx context.Context, run string) ([]Day, error) {
	day := Day{Day: dateOf(run), Run: run}
	failure := h.failed.Load()
	if failure == nil {
		days, err := h.read(ctx, day)
		if failure = core.AsError(err); failure == nil {
			return days, nil
		}
		if errors.Is(failure, errDamaged) {
			day.State, day.Detail = DayDamaged, failure.Public()
			return []Day{day}, nil
		}
		h.failed.CompareAndSwap(nil, failure)
	}
	day.State, day.Detail = DayNotRead, failure.Public()
	return []Day{day}, failure
}

func (h *historyReader) read(ctx context.Context, day Day) ([]Day, error) {
	if err := ctx.Err(); err != nil {
		return nil, core.AsError(err)
	}
	var m Manifest
	there, err := getJSON(ctx, h.store, h.place.objectName(day.Run, manifestName), &m)
	if err != nil {
		return nil, err
	}
	day.AsOf = m.AsOf
	switch state := m.effectiveState(); {
	case !there, state == Incomplete:
		day.State = DayUnfinished
		return []Day{day}, nil
	case m.Run != day.Run || m.Account != h.Account || m.Function != h.Function.Name:
		return nil, damaged(h.place.objectName(day.Run, manifestName), "it is of another run")
	case state == Held:
		day.State, day.Detail = DayHeld, "the list shrank too much; partnerlens watch --accept accepts it"
		return []Day{day}, nil
	case m.ReadLate:
		day.State, day.Detail = DayReadLate, "the list was read on "+m.AsOf.Format(time.RFC3339)
		return []Day{day}, nil
	}
	if day.Alerts, err = h.alerts(ctx, &m); err != nil {
		return nil, err
	}
	records, err := h.records(ctx, &m)
	if err != nil {
		return nil, err
	}
	return h.listed(day, &m, records), nil
}

// listed returns a Day for each record, or one that says why there is none.
func (h *historyReader) listed(day Day, m *Manifest, records []core.Record) (days []Day) {
	day.State = DayListed
	if m.effectiveState() == Unproven {
		day.State = DayUnproven
	}
	if len(records) == 0 {
		switch {
		case day.State == DayUnproven:
			day.Detail = "the list is not proven complete, and lacks the customer"
		case slices.Contains(h.Function.Params, "reseller_id") && len(m.Query["reseller_id"]) == 0:
			day.State, day.Detail = DayAbsent, "the run did not ask for the customers of resellers"
		case len(m.Resellers) > 0:
			day.State, day.Detail = DayAbsent, fmt.Sprintf("the run asked for the customers of %d resellers, and not for those of others", len(m.Resellers))
		default:
			day.State = DayAbsent
		}
		return []Day{day}
	}
	for i, record := range records {
		day.Record = record
		if days = append(days, day); i == 0 {
			day.Alerts = nil
		}
	}
	return days
}

// alerts returns the run's alerts about the customer.
func (h *historyReader) alerts(ctx context.Context, m *Manifest) (about []alert.Alert, err error) {
	object, has := m.object(alertsName)
	if !has || len(m.Alerts) == 0 {
		return nil, nil
	}
	_, err = readAlerts(ctx, h.store, h.place.objectName(m.Run, object.Name), object, alertsSchema, func(a alert.Alert) bool {
		if a.CustomerID == h.CustomerID {
			about = append(about, a)
		}
		return false
	})
	return about, err
}

// records returns the customer's records in the run's list: more than one if it is below
// several resellers.
func (h *historyReader) records(ctx context.Context, m *Manifest) (records []core.Record, err error) {
	object, has := m.object(customersName)
	if !has {
		return nil, damaged(h.place.objectName(m.Run, manifestName), "it does not name the customers")
	}
	body, err := openChecked(ctx, h.store, h.place.objectName(m.Run, object.Name), object)
	if err != nil {
		return nil, err
	}
	defer body.close()
	var lines [][]byte
	var readErr error
	switch sorted := len(m.Query["reseller_id"]) == 0; { // in the order of the customers' ids, and not of their resellers'
	case sorted && object.divided():
		lines, readErr = h.inSections(body, object.Sections)
	default:
		var unpacked io.Reader
		if unpacked, readErr = gzip.NewReader(bufio.NewReader(body)); readErr == nil {
			lines, readErr = h.scan(unpacked, sorted)
		}
	}
	if err := body.finish(); err != nil { // the reason why it cannot be read, if it is damaged
		return nil, err
	}
	if readErr != nil {
		return nil, damaged(body.name, "it is not what was stored")
	}
	for _, line := range lines {
		record, err := h.Function.Decode(line)
		if err != nil {
			return nil, damaged(body.name, "a line of it is not what was stored")
		}
		if record.ID() == h.CustomerID {
			records = append(records, record)
		}
	}
	return records, nil
}

// divided reports whether the object can be read by its Sections.
func (o *Object) divided() bool {
	sum := int64(0)
	for _, size := range o.Sections {
		if size <= 0 || size > maxSmall {
			return false
		}
		sum += size
	}
	return len(o.Sections) > 1 && sum == o.Bytes
}

// inSections returns the lines that have the customer's id, of which there is one at most.
// They are in the last section whose first line is not of a later id, so that of the others
// only the beginning is unpacked.
func (h *historyReader) inSections(packed io.Reader, sections []int64) ([][]byte, error) {
	var last, next []byte
	found := 0 // the index of last
	for i, size := range sections {
		next = slices.Grow(next[:0], int(size))[:size]
		if _, err := io.ReadFull(packed, next); err != nil {
			return nil, err
		}
		line, err := bufio.NewReader(unpackSection(next, i == 0)).ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		order, err := h.compare(line)
		if err != nil {
			return nil, err
		}
		if order > 0 {
			break
		}
		last, next, found = next, last, i
	}
	if last == nil {
		return nil, nil
	}
	return h.scan(unpackSection(last, found == 0), true)
}

// scan returns the lines that have the customer's id. sorted stops at the first line of a
// later id.
func (h *historyReader) scan(unpacked io.Reader, sorted bool) (lines [][]byte, err error) {
	in := bufio.NewReaderSize(unpacked, 64<<10)
	var long []byte // the beginning of a line that is longer than the buffer
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, line...)
			continue
		}
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return nil, err
		}
		if long != nil {
			line, long = append(long, line...), nil
		}
		if len(line) == 0 {
			return lines, nil
		}
		order, unreadable := h.compare(line)
		switch {
		case unreadable != nil:
			return nil, unreadable
		case order == 0:
			lines = append(lines, bytes.Clone(line))
		case sorted && order > 0:
			return lines, nil
		}
		if atEnd {
			return lines, nil
		}
	}
}

// compare compares the id of a line with the customer's.
func (h *historyReader) compare(line []byte) (int, error) {
	i := bytes.Index(line, []byte(idMember))
	if i < 0 {
		return 0, errDamaged
	}
	member := line[i+len(idMember):]
	if bytes.HasPrefix(member, h.id) {
		return 0, nil
	}
	text := member[min(len(member), 1):]
	end := bytes.IndexAny(text, `"\\`)
	if end >= 0 && text[end] == '"' {
		return bytes.Compare(text[:end], []byte(h.CustomerID)), nil
	}
	id, err := jsontext.NewDecoder(bytes.NewReader(member)).ReadToken()
	if err != nil || id.Kind() != '"' {
		return 0, errDamaged
	}
	return strings.Compare(id.String(), h.CustomerID), nil
}
