package host

import (
	"strings"
	"time"
)

// maxALBAnswer is the most that a load balancer takes from a function, 1 MB
// ("Use Lambda functions as targets of an Application Load Balancer", Limits,
// read November 2026).
const maxALBAnswer = 1000 * 1000

// albWithin is the time for an answer through a load balancer, which gives up after its idle
// timeout, 60 s unless raised ("Edit attributes for your Application Load Balancer", read November
// 2026).
const albWithin = 55 * time.Second

// alb reads the event of an Application Load Balancer (the same page, "Receive
// events from the load balancer"). The target group's attribute
// lambda.multi_value_headers.enabled decides which of the two kinds of maps it
// sends, and the answer must be of the same kind. Without it, which is the default, a parameter
// that is repeated comes with its last value only. Values of the query come as
// the caller encoded them.
func (e *event) alb() *apiRequest {
	r := &apiRequest{
		trigger:  TriggerALB,
		method:   e.HTTPMethod,
		path:     e.Path,
		query:    e.QueryParameters.encodedQuery(),
		header:   e.Headers.header(),
		within:   albWithin,
		envelope: envelope{limit: maxALBAnswer, statusText: true, flag: true},

		lastValues: e.MultiValueHeaders == nil,
	}
	if e.MultiValueHeaders != nil {
		r.query = e.MultiValueQueryParams.encodedQuery()
		r.header = e.MultiValueHeaders.header()
		r.envelope.lists = true
	}
	// The load balancer appends the caller's address; what stands before it
	// is the caller's own claim.
	forwarded := strings.Join(r.header.Values("X-Forwarded-For"), ",")
	r.sourceIP = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	r.setBody(e)
	return r
}
