// Package simulator serves both upstream APIs and the secret stores on one port:
// Tencent Cloud International's QueryCustomersCredit and what it says of the partner
// itself; Huawei Cloud's new-customer
// tags with the lists of customers and of cloud resellers; AWS Secrets Manager,
// AWS Systems Manager's Parameter Store, Tencent Cloud's SSM and Huawei Cloud's
// CSMS. The Lambda extension in front of the AWS stores is a handler of its own.
// Keys can be rotated while it runs.
//
// It is written from the vendors' published descriptions alone. It imports no
// vendor SDK and none of this project's own packages, so that a mistake in the
// clients cannot be repeated here and cancel out: signatures are recomputed from
// the bytes that arrive, as the vendors' pages describe.
//
// Nothing is scripted. A row is computed from the seed, the customer's index and
// the day whenever a call asks for it. In memory are the list of customers, by
// index, and the events that change it. Two simulators with the same Options
// answer alike. From day to day customers change: see Life. Where the vendors
// publish nothing, which is often, a comment says so and says what was chosen; a
// client must not rely on such a choice.
//
// The command line (simulate, demo, serve --demo) and tests may import it. No
// shipped function may.
package simulator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The keys that the simulator accepts. All are made up.
const (
	// KeyID and KeySecret are the ordinary key of both vendors and all secret
	// stores until RotateKey.
	KeyID     = "SIMULATORID"
	KeySecret = "simulator-secret"

	// NoAuthKeyID has the same secret and no permission for any call.
	NoAuthKeyID = "SIMULATORNOAUTH"

	// TempKeyID and TempKeySecret are a temporary key, which needs Token in
	// X-TC-Token, X-Security-Token or X-Amz-Security-Token. ExpiredToken is no
	// longer valid.
	TempKeyID     = "SIMULATORTEMPID"
	TempKeySecret = "simulator-temp-secret"
	Token         = "simulator-token"
	ExpiredToken  = "simulator-token-expired"

	// AuthToken replaces a signature in Huawei's X-Auth-Token.
	AuthToken = "simulator-auth-token"

	// DomainID is the account in Huawei's X-Domain-Id that Env sets.
	DomainID = "5d000000000000000000000000000001"

	// ProjectID is the project of Huawei's secrets.
	ProjectID = "0a000000000000000000000000000001"
)

// Options configure a Simulator. The zero value is useful: a thousand customers,
// no rate limit, no faults.
type Options struct {
	// Customers is how many customers the partner has at either vendor.
	// 0 means 1000; a negative number means an empty account.
	Customers int

	// Seed decides all data, all request ids and which calls a fault hits.
	// 0 means 1.
	Seed uint64

	// Rate is how many calls a second each API allows each key.
	// 0 means no limit.
	Rate int

	// RateCounting is how those calls are counted.
	RateCounting RateCounting

	// There is how long a call is on its way. It is counted when it arrives, so
	// a call may overtake another. Work is how long the answer takes to make,
	// and Back how long it is on its way.
	There, Work, Back Delay

	// PageMax is the largest page. 0 means 100 for Tencent, which silently
	// cuts larger ones, and 200 for Huawei, which refuses larger ones.
	PageMax int

	// Faults are names out of FaultNames. They add up; where two hit the same
	// call, the one named first acts.
	Faults []string

	// Secrets are the initial texts of all secret stores, by name.
	Secrets map[string]string

	// Now is the clock that signatures are checked against, and the date of day
	// 0, to which the months of tags are relative. nil means time.Now. The rate
	// and all waits use the real clock.
	Now func() time.Time

	// Day is the first day of the customers' lives; see SetDay and Life. The
	// events of a day are dated that many days after day 0. Signatures are
	// checked against Now on every day.
	Day int

	// Today is the date of day 0 where it differs from Now's.
	Today time.Time
}

// Simulator serves both upstream APIs and the secret stores. It is safe for
// concurrent use and starts no goroutines.
type Simulator struct {
	opts       Options
	customers  int
	seed       seed
	faults     map[string]bool // those in force for the whole run, by name
	hits       []callFault     // those that hit some calls
	credit     *roster
	tags       *roster
	resellers  []Reseller
	vouchers   voucherLists
	creditMax  int        // Tencent's largest page
	tagsMax    int        // Huawei's largest limit
	stranger   *Simulator // the partner of the strange day, if a fault wants one
	start      atomic.Pointer[dayStart]
	limiter    limiter
	key        atomic.Pointer[ordinaryKey]
	tencent    *vendor
	huawei     *vendor
	secrets    secretSet
	counters   counters
	requestIDs sequence
	done       chan struct{}
	close      func()
}

// New returns a simulator. The error is about the Options only.
func New(opts Options) (*Simulator, error) {
	if opts.Rate < 0 || opts.PageMax < 0 || opts.Day < 0 {
		return nil, fmt.Errorf("simulator: rate, page maximum and day must not be negative")
	}
	if opts.RateCounting < SlidingSecond || opts.RateCounting > FixedSecond {
		return nil, fmt.Errorf("simulator: unknown way to count the rate: %d", opts.RateCounting)
	}
	switch {
	case opts.Customers == 0:
		opts.Customers = 1000
	case opts.Customers < 0:
		opts.Customers = 0
	}
	if opts.Seed == 0 {
		opts.Seed = 1
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Simulator{
		opts:       opts,
		customers:  opts.Customers,
		seed:       seed(opts.Seed),
		faults:     make(map[string]bool),
		resellers:  makeResellers(seed(opts.Seed), opts.Customers),
		creditMax:  100,
		tagsMax:    200,
		limiter:    limiter{counting: opts.RateCounting},
		requestIDs: sequence{seed: seed(opts.Seed)},
		done:       make(chan struct{}),
	}
	s.tencent, s.huawei = s.newTencent(), s.newHuawei()
	s.close = sync.OnceFunc(func() { close(s.done) })
	if opts.PageMax > 0 {
		s.creditMax, s.tagsMax = opts.PageMax, opts.PageMax
	}
	s.key.Store(&ordinaryKey{id: KeyID, secret: KeySecret})
	for name, text := range opts.Secrets {
		s.SetSecret(name, text)
	}
	if err := s.setFaults(opts.Faults); err != nil {
		return nil, err
	}
	doubled := s.faults["duplicate-rows"]
	s.credit = &roster{customers: s.customers, events: s.events(streamCreditLeavers), doubled: doubled}
	s.tags = &roster{customers: s.customers, events: s.events(streamTagLeavers), doubled: doubled, newestFirst: true}
	s.SetDay(opts.Day)
	var err error
	s.stranger, err = s.newStranger()
	return s, err
}

// Close releases every call that waits: a hanging call breaks off, a delayed one
// is answered at once. Call it before closing the server around the simulator.
// Further calls do nothing.
func (s *Simulator) Close() { s.close() }

// Env returns the variables that point partnerlens's functions at a simulator
// that listens at baseURL.
func Env(baseURL string) []string {
	return []string{
		"PARTNERLENS_TENCENT_SECRET_ID=" + KeyID,
		"PARTNERLENS_TENCENT_SECRET_KEY=" + KeySecret,
		"PARTNERLENS_TENCENT_ENDPOINT=" + baseURL,
		"PARTNERLENS_HUAWEI_AK=" + KeyID,
		"PARTNERLENS_HUAWEI_SK=" + KeySecret,
		"PARTNERLENS_HUAWEI_DOMAIN_ID=" + DomainID,
		"PARTNERLENS_HUAWEI_ENDPOINT=" + baseURL,
	}
}

// maxRequest is more than any API here can need; the vendors refuse above about
// 10 MB.
const maxRequest = 10 << 20

// ServeHTTP answers one call of any vendor. Tencent's APIs and those of AWS are
// at "/", every other path goes to Huawei's gateway.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	store := s.storeOf(r)
	if store == nil {
		defer s.counters.enter()()
	}
	s.delay(r.Context(), s.opts.There)

	// Read the body before anything else: the signature covers it, and only
	// after that does net/http notice a caller that disconnects.
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	at := s.clock()
	if store != nil {
		at = s.opts.Now()
	}
	w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
	switch {
	case store != nil:
		a := store(r, body)
		s.delay(r.Context(), s.opts.Work, s.opts.Back)
		a.send(w)
	case r.URL.Path == "/":
		s.serve(w, r, body, s.tencent, s.tencent.api(r.Header.Get("X-TC-Action")))
	default:
		s.serve(w, r, body, s.huawei, s.huawei.api(r.URL.Path))
	}
}

// clock returns the vendors' time, which may be wrong.
func (s *Simulator) clock() time.Time {
	if s.faults["clock-ahead"] {
		return s.opts.Now().Add(time.Hour)
	}
	return s.opts.Now()
}

// answer is one complete answer.
type answer struct {
	huawei    bool // else Tencent's or AWS's
	status    int
	requestID string
	header    http.Header // nil: of JSON
	body      []byte

	// ordinal is the number of this call among those its API accepted, from 1.
	// A refused call has none, and no fault hits it.
	ordinal int
}

// deliver sends an answer after its delays and the faults that hit the call.
func (s *Simulator) deliver(w http.ResponseWriter, r *http.Request, calls *APICalls, a answer) {
	s.delay(r.Context(), s.opts.Work, s.opts.Back)
	for i, h := range s.hits {
		phase := int(s.seed.roll(streamFault, i) % uint64(h.every))
		if a.ordinal == 0 || (a.ordinal+phase)%h.every != 0 {
			continue
		}
		s.counters.add(&calls.Disturbed, 1)
		if h.change(s, w, r, &a); h.Name != "long-tail" {
			break
		}
	}
	a.send(w)
}

func (a answer) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if a.huawei {
		w.Header().Set("X-Request-Id", a.requestID)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// wait waits until the time is over, the caller disconnects, or the simulator
// closes.
func (s *Simulator) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.done:
	}
}
