package watch_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// tagBook is a vendor's customers and their tags, "Y 2026-11" or "Y unread" each.
type tagBook map[string]string

func (b tagBook) FetchPage(_ context.Context, _ core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	ids := slices.Sorted(maps.Keys(b))
	for _, id := range ids[min(at.Offset, len(ids)):] {
		c := &core.CustomerTag{CustomerID: id}
		var month string
		fmt.Sscan(b[id], &c.Tag.Value, &month)
		if month == "unread" {
			c.Unreadable = []string{core.ExpireTimeMember}
		} else if month == "begins-unread" {
			c.Unreadable = []string{"effective_time"}
		} else if m, err := core.ParseMonth(month); err == nil {
			c.ExpireMonth = &m
		}
		page.Items = append(page.Items, c)
	}
	if n := len(page.Items); n > 0 {
		page.Next = &core.Cursor{Offset: at.Offset + n, Size: 1000}
	}
	return page, nil
}

// run makes the run of a day, in its morning, and returns its manifest.
func (b tagBook) run(t *testing.T, s *memory, day string) watch.Manifest {
	return b.witnessed(t, s, day, nil)
}

func (b tagBook) witnessed(t *testing.T, s *memory, day string, witness *core.Reader[core.TagQuery, *core.Member]) watch.Manifest {
	t.Helper()
	at, err := time.ParseInLocation(time.DateOnly, day, core.VendorZone)
	if err != nil {
		t.Fatal(err)
	}
	at = at.Add(9 * time.Hour)
	now := func() time.Time { return at }
	reader := core.NewReader(b, &core.ReaderOptions[core.TagQuery]{Schema: core.Schema("tags"), Provider: "huaweicloud", Account: "north", Now: now, Witness: witness})
	job := newWorld(s, 0).job(day)
	job.Evaluator = alert.Tags
	job.Now, job.Function = now, core.TagFunction(func(context.Context, string) (*core.Reader[core.TagQuery, *core.CustomerTag], error) {
		return reader, nil
	}, func(context.Context) ([]string, error) { return []string{"north"}, nil })
	outcome, err := watch.Run(t.Context(), s, job)
	if err != nil || outcome.State != watch.Done {
		t.Fatalf("%s: %+v, %v", day, outcome, err)
	}
	return outcome.Manifest
}

// A run counts which reading of a tag's month the vendor's data shows, and adds to the
// counts of the runs before it.
func TestManifestCountsTagEnds(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), tagBook{"a": "Y 2026-11", "b": "Y 2026-11", "c": "Y 2026-12", "d": "Y 2027-06", "e": "N", "f": "Y 2026-01"}
	for _, day := range []struct {
		date   string
		change tagBook
		want   core.TagEnds
	}{
		{"2026-11-29", nil, core.TagEnds{Unturned: 1}},
		{"2026-11-30", tagBook{"d": "N 2027-06", "f": "N 2026-01"}, core.TagEnds{}}, // for other reasons
		{"2026-12-01", tagBook{"a": "N 2026-11"}, core.TagEnds{LastValid: 1, New: 1}},
		{"2026-12-02", tagBook{"b": "N"}, core.TagEnds{LastValid: 2, New: 1}},
		{"2026-12-03", tagBook{"c": "N 2026-12"}, core.TagEnds{LastValid: 2, FirstInvalid: 1, New: 1}},
		{"2026-12-20", nil, core.TagEnds{LastValid: 2, FirstInvalid: 1}},
	} {
		maps.Copy(b, day.change)
		m := b.run(t, s, day.date)
		if m.TagEnds == nil || *m.TagEnds != day.want {
			t.Errorf("%s: %+v, want %+v", day.date, m.TagEnds, day.want)
		}
		stored := parse[watch.Manifest](t, get(t, s, "runs/tags/north/"+day.date+"/manifest.json"))
		if !reflect.DeepEqual(stored.TagEnds, m.TagEnds) {
			t.Errorf("%s: stored %+v", day.date, stored.TagEnds)
		}
	}
	if m := newWorld(s, 3).watch(t, "2026-11-22").Manifest; m.TagEnds != nil {
		t.Errorf("of credits: %+v", m.TagEnds)
	}
}

// A change of days_left is no change of a customer: it follows from the day.
func TestDaysLeftAreNoChange(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), tagBook{"a": "Y 2027-06", "b": "Y 2027-06"}
	left := func(day string) string {
		t.Helper()
		return parse[struct {
			DaysLeft jsontext.Value `json:"days_left"`
		}](t, strings.SplitAfter(unpacked(t, get(t, s, "runs/tags/north/"+day+"/customers.ndjson.gz")), "\n")[0]).DaysLeft.String()
	}
	b.run(t, s, "2026-11-21")
	m := b.run(t, s, "2026-11-22")
	if first, second := left("2026-11-21"), left("2026-11-22"); first == second || first == "null" {
		t.Fatalf("%s days are left, and a day later %s", first, second)
	}
	if changes := get(t, s, "runs/tags/north/2026-11-22/changes.ndjson"); changes != "" || m.Changes != (watch.ChangeCounts{}) {
		t.Errorf("%+v:\n%s", m.Changes, changes)
	}
}

// The manifest of a complete run warns of values that could not be read, whatever the
// number of invocations. Channels are notified when the warning is new.
func TestManifestWarnsOfWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), tagBook{}
	for i := range 30 {
		b[fmt.Sprintf("c%02d", i)] = "Y 2027-06"
	}
	for _, day := range []struct {
		date   string
		change tagBook
		want   []string
		notify bool
	}{
		{"2026-11-21", nil, nil, false},
		{"2026-11-22", tagBook{"c07": "Y unread", "c11": "N unread"}, []string{"value_unreadable expire_time 2 c07"}, true},
		{"2026-11-23", nil, []string{"value_unreadable expire_time 2 c07"}, false},
		{"2026-11-24", tagBook{"c08": "MAYBE", "c09": "MAYBE"}, []string{"value_unreadable expire_time 2 c07", "mostly_unknown  4 "}, true},
		{"2026-11-25", tagBook{"c08": "Y"}, []string{"value_unreadable expire_time 2 c07"}, false},
		{"2026-11-26", tagBook{"c08": "MAYBE"}, []string{"value_unreadable expire_time 2 c07", "mostly_unknown  4 "}, true},
		{"2026-11-27", tagBook{"c08": "Y", "c09": "Y", "c20": "Y begins-unread"}, []string{"value_unreadable expire_time 2 c07", "value_unreadable effective_time 1 c20"}, true},
		{"2026-11-28", nil, []string{"value_unreadable expire_time 2 c07", "value_unreadable effective_time 1 c20"}, false},
	} {
		maps.Copy(b, day.change)
		m := b.run(t, s, day.date)
		var got []string
		for _, w := range m.Warnings {
			got = append(got, fmt.Sprint(w.Code, " ", w.Field, " ", w.Count, " ", w.CustomerID))
		}
		if !slices.Equal(got, day.want) || m.Notify != day.notify || !m.Complete {
			t.Errorf("%s: %q, notify %t, want %q, %t", day.date, got, m.Notify, day.want, day.notify)
		}
	}
}

// nameBook is a list of customers' ids.
type nameBook []string

func (b nameBook) FetchPage(context.Context, core.TagQuery, core.Cursor) (page core.Page[*core.Member], _ error) {
	for _, id := range b {
		page.Items = append(page.Items, &core.Member{MemberID: id})
	}
	total := len(b)
	page.Total = &total
	return page, nil
}

// The manifest of a complete run has the other warnings of the read.
func TestManifestKeepsWarningsOfACompleteRead(t *testing.T) {
	t.Parallel()
	b := tagBook{"a": "Y", "b": "Y", "c": "Y unread", "d": "N", "e": "N", "f": "N", "g": "N", "h": "N", "i": "N", "j": "N"}
	names := nameBook(slices.Sorted(maps.Keys(b)))[1:]
	witness := core.NewReader(names, &core.ReaderOptions[core.TagQuery]{})
	m := b.witnessed(t, newMemory(nil), "2026-11-21", witness)
	var codes []string
	for _, w := range m.Warnings {
		codes = append(codes, w.Code)
	}
	if !slices.Equal(codes, []string{core.WarnWitness, core.WarnValueUnreadable}) || !m.Complete {
		t.Errorf("%+v", m.Warnings)
	}
}
