package simulator

import "sync"

// Calls counts the calls so far.
type Calls struct {
	Credit        APICalls // QueryCustomersCredit
	PartnerCredit APICalls // QueryPartnerCredit
	SubAgents     APICalls // QuerySubAgentsDetailV2
	Direct        APICalls // QueryDirectCustomersCredit
	Vouchers      APICalls // DescribeCustomerVoucherList
	Tags          APICalls // new-customers-tags/batch-query
	Resellers     APICalls // indirect-partners/query
	SubCustomers  APICalls // sub-customers/query
	MaxConcurrent int      // the most calls in progress at once, over all APIs
}

// APICalls counts the calls of one API.
type APICalls struct {
	Accepted  int // past the signature and the rate
	Limited   int // refused for the rate
	Foreign   int // of the fault second-caller, accepted; in no other count
	Denied    int // refused for the key, the signature or the permission
	Disturbed int // accepted, and hit by a fault
	Rows      int // rows in the pages that were made
}

type counters struct {
	mu         sync.Mutex
	calls      Calls
	concurrent int
}

// add adds to one of the counts and returns the sum.
func (c *counters) add(count *int, n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	*count += n
	return *count
}

// enter counts a call as in progress until leave is called.
func (c *counters) enter() (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.concurrent++
	c.calls.MaxConcurrent = max(c.calls.MaxConcurrent, c.concurrent)
	return func() { c.add(&c.concurrent, -1) }
}

// Calls returns the counts so far.
func (s *Simulator) Calls() Calls {
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	return s.counters.calls
}
