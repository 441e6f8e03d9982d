package simulator

import (
	"net/http"
	"slices"
	"time"
)

// refusal is an error of a vendor's. Tencent sends all of them with status 200, as
// the page "Error Codes" shows.
type refusal struct {
	status        int
	code, message string
}

// vendor is what the APIs of one vendor have in common.
type vendor struct {
	keyUses
	requestID func() string
	limited   *refusal
	apis      []api // the first stands for an unknown one, which authenticate refuses

	// authenticate refuses what the vendor's gateway refuses before the API runs.
	authenticate func(r *http.Request, body []byte) (keyID string, refused *refusal)

	// answer returns a page, or a refusal, as the vendor sends it.
	answer func(page any, refused *refusal, requestID string) answer
}

// api is one API of a vendor's.
type api struct {
	name  string // the action, or the path
	calls *APICalls
	page  func(s *Simulator, c request) (page any, rows int, refused *refusal)
}

// request is a call that an API has accepted.
type request struct {
	body    []byte
	ordinal int // among the accepted calls, from 1
}

// api returns the API of a name.
func (v *vendor) api(name string) api {
	return v.apis[max(0, slices.IndexFunc(v.apis, func(a api) bool { return a.name == name }))]
}

// allow reports whether a call is within the rate.
func (s *Simulator) allow(api api, keyID string) bool {
	rate := s.opts.Rate
	if api.name == vouchersAction {
		rate *= vouchersRate
	}
	allowed, foreign := s.limiter.allow(api.name, keyID, rate, time.Now())
	s.counters.add(&api.calls.Foreign, foreign)
	return allowed
}

// serve answers one call of an API.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request, body []byte, v *vendor, api api) {
	c, requestID := request{body: body}, v.requestID()
	keyID, refused := v.authenticate(r, body)
	switch keyID {
	case KeyID:
		v.ordinary.Add(1)
	case TempKeyID:
		v.temporary.Add(1)
	}
	var page any
	switch {
	case refused != nil:
		s.counters.add(&api.calls.Denied, 1)
	case !s.allow(api, keyID):
		s.counters.add(&api.calls.Limited, 1)
		refused = v.limited
	default:
		var rows int
		c.ordinal = s.counters.add(&api.calls.Accepted, 1)
		page, rows, refused = api.page(s.partner(), c)
		s.counters.add(&api.calls.Rows, rows)
	}
	a := v.answer(page, refused, requestID)
	a.ordinal = c.ordinal
	s.deliver(w, r, api.calls, a)
}
