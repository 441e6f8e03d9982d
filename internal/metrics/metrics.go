// Package metrics keeps the numbers of this program and writes them in two
// forms, by one set of names: as Prometheus's text format, and as what an invocation
// added, for CloudWatch's embedded metric format or a line of a log.
//
// Numbers are aggregates. What they are told apart by (Labels) is from lists that
// the configuration or the program bounds: a function, an account as configured, a
// cloud, a trigger, a code. Never a customer, nor anything that a caller makes up; and
// however many there are, memory is bounded.
//
// It is written by hand, since Prometheus's own client library costs every cold
// start: with v1.25.0 linked in, hello world on Lambda takes 1.35 times as long until it is
// ready, most of it in that package's init, and is 2.3 MB larger (November 2026).
//
// It imports nothing of this module. internal/app may import it, and tests.
package metrics

import (
	"cmp"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Name is one of the numbers.
type Name int

// The names. A text in the comment is what tells series apart beside function
// and account.
const (
	Invocations    Name = iota // trigger, code
	Duration                   // trigger
	InFlight                   // nothing
	ColdStarts                 // nothing
	WrongKeys                  // nothing
	Calls                      // provider, code
	CallDuration               // provider
	Refusals                   // provider
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

// Names ranges over all of them.
func Names() iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for name := range names {
			if !yield(name) {
				return
			}
		}
	}
}

type kind int

const (
	counter kind = iota
	gauge
	histogram
)

// facts are what follows from a Name.
type facts struct {
	name string // alone in CloudWatch; in Prometheus between partnerlens_ and, of a counter, _total
	kind kind
	help string
	live bool // of this moment: nothing to tell of an invocation that is over
}

// OK is the code of what did not fail.
const OK = "ok"

var all = [names]facts{
	Invocations:    {name: "invocations", help: "Requests, schedules, messages and direct payloads that were answered, by trigger and code."},
	Duration:       {name: "duration_seconds", kind: histogram, help: "What answering one of them took."},
	InFlight:       {name: "in_flight", kind: gauge, live: true, help: "Requests that are being answered."},
	ColdStarts:     {name: "cold_starts", help: "Processes that were asked for the first time: 1, once this one was."},
	WrongKeys:      {name: "wrong_keys", help: "Requests with a key that opens nothing."},
	Calls:          {name: "calls", help: "Calls of a cloud, by code."},
	CallDuration:   {name: "call_duration_seconds", kind: histogram, help: "What a call of a cloud took."},
	Refusals:       {name: "refusals", help: "Calls that a cloud refused as one too many."},
	Retries:        {name: "retries", help: "Calls that repeat one that failed."},
	Pages:          {name: "pages", help: "Pages that were taken in."},
	Customers:      {name: "customers", help: "Customers on those pages."},
	Incomplete:     {name: "incomplete", help: "Answers that could not be proven whole, or that the cloud or the time cut off."},
	CompleteRuns:   {name: "complete_runs", help: "Runs that were finished and proven whole."},
	IncompleteRuns: {name: "incomplete_runs", help: "Calls for a run whose list could not be proven complete."},
	FailedRuns:     {name: "failed_runs", help: "Calls for a run that failed."},
	HeldRuns:       {name: "held_runs", help: "Calls for a run whose list shrank too much to be compared."},
	DataAge:        {name: "data_age_seconds", kind: gauge, help: "How long ago the newest complete run began to be read."},
	AlertsSent:     {name: "alerts_sent", help: "Digests that a channel took."},
	AlertsFailed:   {name: "alerts_failed", help: "Digests that a channel did not take."},
	Undelivered:    {name: "undelivered", kind: gauge, help: "Digests that channels lack: of the run of the last call, and what is pending of earlier ones."},
}

// Labels tell the series of a name apart. The zero value of a field is none.
type Labels struct {
	Function, Account, Provider, Trigger, Code, Channel string
}

// bounds are the upper bounds of the buckets of histograms, in seconds: from one
// page to the longest that a platform lets a function run.
var bounds = [...]float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900}

const (
	// maxSeries is far more than 32 accounts of two functions have. Beyond it
	// accounts are no longer told apart.
	maxSeries = 4096
	// maxSamples is how many of an invocation's durations are kept: as many as
	// the embedded metric format takes.
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

	// Since Take:
	added   float64
	seen    uint64
	samples []float64 // some of a histogram's, each as likely as the others
	changed bool
}

// Set is what a process counts. The zero Set is ready. Safe for concurrent use; a
// nil Set counts nothing.
type Set struct {
	mu     sync.Mutex
	series map[key]*series
}

// of gives a series. The Set is locked.
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

// Add counts. To add 0 shows that there is something to count: Prometheus sees
// only then that the first one was added.
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

// Set says what something is now.
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

// plus adds seconds to the nanosecond. A plain sum of floats gathers digits that
// were never measured, as in 0.004405300000000001.
func plus(a, b float64) float64 { return math.Round((a+b)*1e9) / 1e9 }

// keys gives the series in an order that stays. The Set is locked.
func (s *Set) keys() []key {
	keys := make([]key, 0, len(s.series))
	for k := range s.series {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Trigger, b.Trigger), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Channel, b.Channel))
	})
	return keys
}
