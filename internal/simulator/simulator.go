// Package simulator is both upstream APIs and the secret stores on one port,
// faithful to the wire: Tencent Cloud International's QueryCustomersCredit, and
// Huawei Cloud's new-customer tags with the list of cloud resellers that goes
// with them; and what the keys for these can be read from, which is AWS Secrets
// Manager, AWS Systems Manager's Parameter Store, Tencent Cloud's SSM and Huawei
// Cloud's CSMS. The Lambda extension in front of the AWS stores is a handler of
// its own. Keys can be rotated while it runs.
//
// It is written from the vendors' published descriptions alone. It imports no
// vendor SDK and none of this project's own packages, so that a mistake in our
// clients cannot be made twice and cancel out: signatures are recomputed from
// the bytes that arrived, in the way the vendors' pages describe.
//
// It is not a mock. Nothing is scripted; a customer is computed from the seed,
// the customer's index and the day whenever somebody asks, so a million customers
// cost no memory, and two simulators with the same Options answer alike. From day
// to day customers live: see Life. Where the
// vendors publish nothing (which is often) a comment says so and says what was
// chosen; a client must not lean on such a choice.
//
// The command line (simulate, demo, serve --demo) and tests may import it. No
// shipped function may.
package simulator

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The keys that the simulator knows. All are made up.
const (
	// KeyID and KeySecret are the ordinary key, for both vendors and all secret
	// stores, until RotateKey.
	KeyID     = "SIMULATORID"
	KeySecret = "simulator-secret"

	// NoAuthKeyID has the same secret and a valid signature, and no right to
	// call anything.
	NoAuthKeyID = "SIMULATORNOAUTH"

	// TempKeyID and TempKeySecret are a temporary key: it needs Token
	// (X-TC-Token, X-Security-Token, X-Amz-Security-Token). ExpiredToken was
	// once valid.
	TempKeyID     = "SIMULATORTEMPID"
	TempKeySecret = "simulator-temp-secret"
	Token         = "simulator-token"
	ExpiredToken  = "simulator-token-expired"

	// AuthToken goes into Huawei's X-Auth-Token instead of a signature.
	AuthToken = "simulator-auth-token"

	// DomainID is the account that Env names for Huawei's X-Domain-Id.
	DomainID = "5d000000000000000000000000000001"

	// ProjectID is the project that Huawei's secrets are in.
	ProjectID = "0a000000000000000000000000000001"
)

// Options say what to simulate. The zero value is useful: a thousand customers,
// no limit of the rate, no faults.
type Options struct {
	// Customers is how many customers the partner has at either vendor.
	// 0 means 1000; a negative number means none, an empty account.
	Customers int

	// Seed decides all data, all request ids and which calls a fault hits.
	// 0 means 1.
	Seed uint64

	// Rate is how many calls a second each API admits for each key.
	// 0 means no limit.
	Rate int

	// RateCounting is how those calls are counted.
	RateCounting RateCounting

	// Latency passes before every answer.
	Latency time.Duration

	// PageMax is the largest page. 0 means 100 for Tencent, which silently
	// cuts larger ones, and 200 for Huawei, which refuses larger ones.
	PageMax int

	// Faults are names out of FaultNames. They add up; where two would hit the
	// same call, the one named first does.
	Faults []string

	// Secrets are the texts by name that every secret store begins with.
	Secrets map[string]string

	// Now is the clock that signatures are held against, and the date of day 0,
	// which the months of tags are relative to. nil means time.Now. The rate and
	// all waits run on the real clock.
	Now func() time.Time

	// Day is which day of its customers' lives the simulator begins with; see
	// SetDay and Life. What happens on a day is dated that many days after day 0,
	// but signatures are held against Now on every day: the clock of a reader is to
	// go along with the day, that of its signatures is not.
	Day int

	// Today is the date of day 0 where it is not Now's: a test of lives is free
	// of the real date with it. Zero means Now's.
	Today time.Time
}

// Simulator is both upstream APIs and the secret stores as one http.Handler. It
// is safe for concurrent use. It starts no goroutines.
type Simulator struct {
	customers    int
	seed         seed
	resellers    []Reseller
	latency      time.Duration
	transit      time.Duration // at most so long, at random, passes before a call arrives
	creditMax    int           // Tencent's largest page
	tagsMax      int           // Huawei's largest limit
	now          func() time.Time
	zero         time.Time // the date of day 0; zero: now's
	at           atomic.Pointer[daybreak]
	limiter      limiter
	standing     standing
	strange      *Simulator // whose customers are listed on the strange day; nil: nobody else's
	joined       joinings
	ordinary     atomic.Pointer[ordinaryKey]
	secrets      secretSet
	disturbances []disturbance
	counters     counters
	ids          sequence
	done         chan struct{}
	close        func()
}

// New returns a simulator. The time and memory it takes do not depend on the
// number of customers. The error is about the Options only.
func New(opts Options) (*Simulator, error) {
	if opts.Rate < 0 || opts.PageMax < 0 || opts.Latency < 0 || opts.Day < 0 {
		return nil, fmt.Errorf("simulator: rate, page maximum, latency and day must not be negative")
	}
	if !slices.Contains([]RateCounting{SlidingSecond, SlidingSecondRefusals, FixedSecond}, opts.RateCounting) {
		return nil, fmt.Errorf("simulator: unknown way to count the rate: %d", opts.RateCounting)
	}
	s := &Simulator{
		customers: opts.Customers,
		seed:      seed(opts.Seed),
		latency:   opts.Latency,
		creditMax: 100,
		tagsMax:   200,
		now:       opts.Now,
		zero:      opts.Today,
		done:      make(chan struct{}),
	}
	switch {
	case s.customers == 0:
		s.customers = 1000
	case s.customers < 0:
		s.customers = 0
	}
	if s.seed == 0 {
		s.seed = 1
	}
	if opts.PageMax > 0 {
		s.creditMax, s.tagsMax = opts.PageMax, opts.PageMax
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.ids.seed = s.seed
	s.SetDay(opts.Day)
	s.ordinary.Store(&ordinaryKey{id: KeyID, secret: KeySecret})
	for name, text := range opts.Secrets {
		s.SetSecret(name, text)
	}
	s.limiter.rate, s.limiter.counting = opts.Rate, opts.RateCounting
	s.resellers = makeResellers(s.seed, s.customers)
	s.close = sync.OnceFunc(func() { close(s.done) })
	if err := s.arrange(opts.Faults); err != nil {
		return nil, err
	}
	if err := s.makeStrange(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close lets go of every call that waits: the hanging ones break off, delayed
// ones are answered at once. Call it before closing the server around the
// simulator. Calling it again does nothing.
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

// ServeHTTP answers one call of any vendor. Tencent's APIs and those of AWS all
// live at "/", everything else is taken for Huawei's gateway.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	store := s.storeOf(r)
	if store == nil {
		defer s.counters.enter()()
	}

	if s.transit > 0 {
		s.wait(r.Context(), rand.N(s.transit))
	}

	// The body is read to its end before anything else: the signature covers
	// it, and only then does net/http notice a caller that goes away.
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if store != nil {
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		store(w, r, body)
		return
	}
	w.Header().Set("Date", s.clock().UTC().Format(http.TimeFormat))
	if r.URL.Path == "/" {
		s.serveTencent(w, r, body)
		return
	}
	s.serveHuawei(w, r, body)
}

// clock is the vendor's clock, which may be wrong.
func (s *Simulator) clock() time.Time { return s.now().Add(s.standing.clockAhead) }

// answer is one complete answer before any fault has touched it.
type answer struct {
	huawei    bool // else Tencent's
	status    int
	requestID string
	body      []byte

	// ordinal is the number of this call among those its API admitted, from 1.
	// A refused call has none, and no fault hits it.
	ordinal int
}

// deliver sends an answer, after the latency and the faults that hit this call.
func (s *Simulator) deliver(w http.ResponseWriter, r *http.Request, api *apiCounters, a answer) {
	s.wait(r.Context(), s.latency)
	if a.ordinal > 0 {
		for _, d := range s.disturbances {
			if !d.hits(a.ordinal) {
				continue
			}
			api.disturbed.Add(1)
			if d.act(s, w, r, a) {
				return
			}
		}
	}
	a.send(w)
}

func (a answer) send(w http.ResponseWriter) {
	a.setHeader(w)
	w.WriteHeader(a.status)
	w.Write(a.body)
}

func (a answer) setHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if a.huawei {
		w.Header().Set("X-Request-Id", a.requestID)
	}
}

// wait waits, unless the caller goes away or the simulator closes.
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
