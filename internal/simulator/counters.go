package simulator

import "sync/atomic"

// Calls counts the calls so far.
type Calls struct {
	Credit        APICalls // QueryCustomersCredit
	Tags          APICalls // new-customers-tags/batch-query
	Resellers     APICalls // indirect-partners/query
	SubCustomers  APICalls // sub-customers/query
	MaxConcurrent int      // the most calls in progress at once, over all APIs
}

// APICalls counts the calls of one API.
type APICalls struct {
	Accepted  int // past the signature and the rate
	Limited   int // refused for the rate
	Denied    int // refused for the key, the signature or the permission
	Disturbed int // accepted, and hit by a fault
	Rows      int // rows in the pages that were made
}

type apiCounters struct {
	accepted, limited, denied, disturbed, rows atomic.Int64
}

func (c *apiCounters) read() APICalls {
	return APICalls{
		Accepted:  int(c.accepted.Load()),
		Limited:   int(c.limited.Load()),
		Denied:    int(c.denied.Load()),
		Disturbed: int(c.disturbed.Load()),
		Rows:      int(c.rows.Load()),
	}
}

type counters struct {
	credit, tags, resellers, subCustomers apiCounters

	concurrent, most atomic.Int64
	signedTencent    atomic.Int64 // calls with the ordinary key and a valid signature
	signedHuawei     atomic.Int64
	temporaryTencent atomic.Int64 // the same with the temporary key
	temporaryHuawei  atomic.Int64
}

// enter counts a call as in progress until leave is called.
func (c *counters) enter() (leave func()) {
	n := c.concurrent.Add(1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	return func() { c.concurrent.Add(-1) }
}

// Calls returns the counts so far.
func (s *Simulator) Calls() Calls {
	c := &s.counters
	return Calls{
		Credit:        c.credit.read(),
		Tags:          c.tags.read(),
		Resellers:     c.resellers.read(),
		SubCustomers:  c.subCustomers.read(),
		MaxConcurrent: int(c.most.Load()),
	}
}
