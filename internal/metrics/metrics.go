// Package metrics holds the counters of this program and writes them in two
// formats, under one set of names: Prometheus's text format, and the changes of an
// invocation, in CloudWatch's embedded metric format or for a line of the log.
//
// Metrics are aggregates. Labels have values that the configuration or the program
// limits: a function, an account as configured, a cloud, a trigger, a code; never a
// customer or a text of a caller. The number of series is limited too.
//
// It does not use Prometheus's client library, which costs every cold start: with
// v1.25.0 linked, hello world on Lambda takes 1.35 times as long to be ready, most
// of it in that package's init, and is 2.3 MB larger (November 2026).
//
// It imports no other package of this module.
package metrics

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Name is the name of a metric.
type Name int

// The names. The comment has the labels beside function and account.
const (
	Invocations    Name = iota // trigger, code
	Duration                   // trigger
	InFlight                   // none
	ColdStarts                 // none
	WrongKeys                  // none
	Calls                      // provider, code
	CallDuration               // provider
	Refusals                   // provider
	LateRefusals               // provider
	CallsPerSecond             // provider
	Retries                    // provider
	Pages                      // provider
	Customers                  // provider
	Incomplete                 // provider
	CompleteRuns               //
	IncompleteRuns             //
	FailedRuns                 //
	HeldRuns                   //
	DataAge                    //
	AlertsSent                 // channel
	AlertsFailed               // channel
	Undelivered                //
	names
)

type kind int

const (
	counter kind = iota
	gauge
	histogram
)

// facts are the properties of a Name.
type facts struct {
	name string // alone in CloudWatch; in Prometheus between partnerlens_ and, of a counter, _total
	kind kind
	help string
	live bool // of this moment: left out of a Snapshot
}

// OK is the code of success.
const OK = "ok"

var all = [names]facts{
	Invocations:    {name: "invocations", help: "Requests, schedules, messages and direct payloads that were answered, by trigger and code."},
	Duration:       {name: "duration_seconds", kind: histogram, help: "How long answering one of them takes."},
	InFlight:       {name: "in_flight", kind: gauge, live: true, help: "Requests that are being answered."},
	ColdStarts:     {name: "cold_starts", help: "1 once this process has had its first invocation."},
	WrongKeys:      {name: "wrong_keys", help: "Requests with a key that opens nothing."},
	Calls:          {name: "calls", help: "Calls of a cloud, by code."},
	CallDuration:   {name: "call_duration_seconds", kind: histogram, help: "How long a call of a cloud takes."},
	Refusals:       {name: "refusals", help: "Calls that a cloud refused as one too many."},
	LateRefusals:   {name: "late_refusals", help: "Those of them that earlier calls of this process can explain, which arrived late. The others show that the key is used elsewhere, or that the limit is lower."},
	CallsPerSecond: {name: "calls_per_second", kind: gauge, help: "Calls a second that this process allows itself. While the key is used elsewhere it is below the configured rate."},
	Retries:        {name: "retries", help: "Calls that repeat one that failed."},
	Pages:          {name: "pages", help: "Pages that were read."},
	Customers:      {name: "customers", help: "Customers on those pages."},
	Incomplete:     {name: "incomplete", help: "Answers that could not be proven complete, or that the vendor or the deadline cut short."},
	CompleteRuns:   {name: "complete_runs", help: "Runs that were finished and proven complete."},
	IncompleteRuns: {name: "incomplete_runs", help: "Calls for a run whose list could not be proven complete."},
	FailedRuns:     {name: "failed_runs", help: "Calls for a run that failed."},
	HeldRuns:       {name: "held_runs", help: "Calls for a run whose list shrank too much to be compared."},
	DataAge:        {name: "data_age_seconds", kind: gauge, help: "How long ago the newest complete run started to be read."},
	AlertsSent:     {name: "alerts_sent", help: "Digests that a channel accepted."},
	AlertsFailed:   {name: "alerts_failed", help: "Digests that a channel refused."},
	Undelivered:    {name: "undelivered", kind: gauge, help: "Digests that are not delivered: of the run of the last call, and pending ones of earlier runs."},
}

// Labels distinguish the series of a name. An empty field is no label.
type Labels struct {
	Function, Account, Provider, Trigger, Code, Channel string
}

// bounds are the upper bounds of the buckets of histograms, in seconds: from one
// page to the longest that a platform lets a function run.
var bounds = [...]float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900}

const (
	// maxSeries is far more than 32 accounts of two functions have. Beyond it the
	// series of all accounts are one.
	maxSeries = 4096
	// maxSamples is the most durations of an invocation that are recorded, which is
	// the limit of the embedded metric format.
	maxSamples = 100

	otherAccounts = "(other)"
)

type key struct {
	name Name
	Labels
}

// series is one number, or one histogram.
type series struct {
	value   float64 // the sum, of a histogram
	count   uint64  // of a histogram
	buckets [len(bounds)]uint64

	// Since Snapshot:
	added   float64
	seen    uint64
	samples []float64 // a uniform sample of a histogram's
	changed bool
}

// Set is the metrics of a process. The zero Set is ready to use. It is safe for
// concurrent use; a nil Set counts nothing.
type Set struct {
	mu     sync.Mutex
	series map[key]*series
}

// of returns a series, which it creates if need be. s.mu is held.
func (s *Set) of(name Name, labels Labels) *series {
	k := key{name, labels}
	if found := s.series[k]; found != nil {
		return found
	}
	if len(s.series) >= maxSeries && labels.Account != otherAccounts {
		labels.Account = otherAccounts
		return s.of(name, labels)
	}
	if s.series == nil {
		s.series = make(map[key]*series)
	}
	made := new(series)
	s.series[k] = made
	return made
}

// Add adds n to a counter. Adding 0 creates the series, without which Prometheus
// does not see the first increase.
func (s *Set) Add(name Name, labels Labels, n int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of(name, labels)
	one.value += float64(n)
	one.added += float64(n)
	one.changed = one.changed || n != 0
}

// Set sets a gauge.
func (s *Set) Set(name Name, labels Labels, to float64) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of(name, labels)
	one.value, one.changed = plus(to, 0), true
}

// Observe adds a duration to a histogram.
func (s *Set) Observe(name Name, labels Labels, took time.Duration) {
	if s == nil {
		return
	}
	seconds := float64(took) / 1e9 // Seconds rounds twice
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of(name, labels)
	one.value = plus(one.value, seconds)
	one.count++
	if i, _ := slices.BinarySearch(bounds[:], seconds); i < len(bounds) {
		one.buckets[i]++
	}
	one.added = plus(one.added, seconds)
	one.seen++
	one.changed = true
	if len(one.samples) < maxSamples {
		one.samples = append(one.samples, seconds)
	} else if i := rand.Uint64N(one.seen); i < maxSamples {
		one.samples[i] = seconds
	}
}

// plus adds seconds, rounded to the nanosecond. A plain sum of floats has digits that
// were not measured, as in 0.004405300000000001.
func plus(a, b float64) float64 { return math.Round((a+b)*1e9) / 1e9 }

// keys returns the keys of all series in a stable order. s.mu is held.
func (s *Set) keys() []key {
	return slices.SortedFunc(maps.Keys(s.series), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Trigger, b.Trigger), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Channel, b.Channel))
	})
}
