package watch

import (
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// ManifestSchema is the schema that manifests carry.
const ManifestSchema = "partnerlens.run/v1"

// Manifest describes a run. It is written last: without it there is no run.
type Manifest struct {
	Schema        string           `json:"schema"`
	Function      string           `json:"function"`
	Account       string           `json:"account"`
	Run           string           `json:"run"`
	State         State            `json:"state"` // Done, Unproven, Held or Incomplete
	Provider      string           `json:"provider"`
	Version       string           `json:"version"`   // of the program
	Query         core.Params      `json:"query"`     // what the vendor was asked, beside all customers
	Resellers     []string         `json:"resellers"` // the resellers that were asked for; null: all that the vendor lists
	AsOf          time.Time        `json:"as_of"`     // when reading began
	PeriodStart   time.Time        `json:"period_start"`
	PeriodEnd     time.Time        `json:"period_end"` // the end of the run's day or hour
	ReadLate      bool             `json:"read_late"`  // reading began after that
	FinishedAt    time.Time        `json:"finished_at"`
	Complete      bool             `json:"complete"` // proven to be every customer, and compared
	Proven        bool             `json:"proven"`   // proven to be every customer
	Warnings      []core.Warning   `json:"warnings"` // why the list is not proven, and other warnings
	Notify        bool             `json:"notify"`   // the run before lacks one of the warnings: channels are notified even if nothing else is new
	TagEnds       *core.TagEnds    `json:"tag_ends,omitempty"`
	Count         int              `json:"count"`
	Total         *int             `json:"total"` // the vendor's count; null if it gives none
	ByStatus      map[string]int   `json:"by_status"`
	Previous      *string          `json:"previous"`       // the complete run that this one is compared with, or null
	PreviousState *string          `json:"previous_state"` // the run whose open alerts this one goes on from, or null
	Held          *alert.Held      `json:"held"`           // how far the list shrank; null: within the limits
	Changes       ChangeCounts     `json:"changes"`
	Partner       *Partner         `json:"partner,omitempty"` // nil: the function has none
	Alerts        map[string]int   `json:"alerts"`            // by kind
	Open          map[string]int   `json:"open,omitzero"`     // conditions that are open, by kind; nil: not evaluated
	Muted         int              `json:"muted"`             // customers that are muted
	Objects       []Object         `json:"objects"`
	Deliveries    []alert.Delivery `json:"deliveries"`
	RequestIDs    []string         `json:"request_ids"`
	Thresholds    map[string]any   `json:"thresholds"`  // used to evaluate statuses and alerts
	Sample        []string         `json:"sample"`      // hashes of customers' keys; see Sampled
	Attempt       string           `json:"attempt"`     // the identity of the attempt whose list this is
	Attempts      int              `json:"attempts"`    // the number of attempts at reading
	Invocations   int              `json:"invocations"` // the number that worked on the run
	Calls         Calls            `json:"calls"`
	ReadMS        int64            `json:"read_ms"`
	FinishMS      int64            `json:"finish_ms"`
}

// Calls count the calls of the vendor for a run, those of all attempts.
type Calls struct {
	Made        int `json:"made"`
	Refused     int `json:"refused"`      // for the rate limit
	RefusedLate int `json:"refused_late"` // those of them that are explained by calls that arrived late
	PerSecond   int `json:"per_second"`   // what the last call's Pacer allowed; 0: no bound
}

// ChangeCounts count the lines of changes.ndjson.
type ChangeCounts struct {
	New     int `json:"new"`
	Gone    int `json:"gone"`
	Changed int `json:"changed"`
}

// count counts a change.
func (c *ChangeCounts) count(kind string) {
	*map[string]*int{"new": &c.New, "gone": &c.Gone, "changed": &c.Changed}[kind]++
}

// Object is one of a run's objects.
type Object struct {
	Name   string `json:"name"` // within the run's folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`

	// Sections are the sizes of the sections of a long compressed object, each of which can
	// be unpacked by itself and begins with a row; see packer.
	Sections []int64 `json:"sections,omitempty"`
}

// effectiveState is State, or, in a manifest of the version before, which has none, follows
// from Complete.
func (m *Manifest) effectiveState() State {
	switch {
	case m.State != "":
		return m.State
	case m.Complete:
		return Done
	case m.Schema != "":
		return Incomplete
	}
	return ""
}

// finished reports whether the run has ended: it is Done, Unproven or Held. An Incomplete run
// has a manifest and goes on.
func (m *Manifest) finished() bool {
	return m.effectiveState() == Done || m.effectiveState() == Unproven || m.effectiveState() == Held
}

// accepted reports whether later runs build on this one: it is Done or Unproven. A Held run
// has ended, but its list is not accepted.
func (m *Manifest) accepted() bool {
	return m.effectiveState() == Done || m.effectiveState() == Unproven
}

// object returns one of the run's objects by its plain name.
func (m *Manifest) object(name string) (Object, bool) {
	i := slices.IndexFunc(m.Objects, func(o Object) bool { return o.Name == named(name, m.effectiveState()) })
	if i < 0 {
		return Object{}, false
	}
	return m.Objects[i], true
}

// warns reports whether the run has a warning of the same kind; a nil run has none.
func (m *Manifest) warns(of core.Warning) bool {
	return m != nil && slices.ContainsFunc(m.Warnings, func(w core.Warning) bool { return w.Code == of.Code && w.Field == of.Field })
}

// Notes returns what a digest says about the list as a whole.
func (m *Manifest) Notes() alert.Notes {
	expireMonth, _ := m.Thresholds["expire_month"].(string)
	return alert.Notes{Warnings: m.Warnings, Notify: m.Notify, TagEnds: m.TagEnds, ExpireMonth: core.ExpireReading(expireMonth)}
}

// effectiveTime is when the list was read, or, if it was read late, the end of the run's period.
func (m *Manifest) effectiveTime(zone *time.Location) time.Time {
	end := m.PeriodEnd
	if end.IsZero() {
		_, end = Period(m.Run, zone)
	}
	if m.AsOf.Before(end) {
		return m.AsOf
	}
	return end
}

// covers reports whether the run asked for the customer of a key: for its reseller, if it
// has one.
func (m *Manifest) covers(key string) bool {
	reseller, _, found := strings.Cut(key, "/")
	switch {
	case !found:
		return true
	case len(m.Query["reseller_id"]) == 0:
		return false
	}
	return m.Resellers == nil || slices.Contains(m.Resellers, reseller)
}

// resellerOf returns the reseller of a customer's key; "" for the account's own customers.
func resellerOf(key string) string {
	reseller, _, found := strings.Cut(key, "/")
	if !found {
		return ""
	}
	return reseller
}

// Latest is latest.json, which names the newest complete run.
type Latest struct {
	Run       string      `json:"run"`
	AsOf      time.Time   `json:"as_of"`
	Manifest  string      `json:"manifest"`
	Customers string      `json:"customers"`
	Open      string      `json:"open,omitempty"` // "": the run has none
	Count     int         `json:"count"`
	Query     core.Params `json:"query"`
	Resellers []string    `json:"resellers"`
	Sample    []string    `json:"sample"`
}
