package simulator

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that can go wrong.
type Fault struct {
	Name string
	Says string // one sentence
}

// callFault is a fault that hits one in every so many accepted calls.
type callFault struct {
	Fault
	every  int
	change change
}

// callFaults are the faults of calls. Each has a second form,
// NAME-always, that hits every call.
var callFaults = []callFault{
	{Fault{"http-500", "One call in seven fails with HTTP 500."}, 7, gatewayFails(http.StatusInternalServerError)},
	{Fault{"http-502", "One call in seven fails with HTTP 502 and a page of HTML."}, 7, gatewayFails(http.StatusBadGateway)},
	{Fault{"http-503", "One call in seven fails with HTTP 503, a page of HTML and Retry-After: 1."}, 7, gatewayFails(http.StatusServiceUnavailable)},
	{Fault{"html-page", "One call in seven is answered with a page of HTML and status 200."}, 7, gatewayFails(http.StatusOK)},
	{Fault{"error-in-200", "One call in seven fails with an error in a body of status 200: InternalError, CBC.5001."}, 7, failWith(
		"InternalError", "An internal error has occurred.",
		refusal{http.StatusOK, "CBC.5001", "The partner does not exist."})},
	{Fault{"vendor-busy", "One call in seven fails because the vendor is busy: OperationDenied.ServiceBusy, 429 with CBC.0250."}, 7, failWith(
		"OperationDenied.ServiceBusy", "The service is busy. Please try again later.",
		refusal{http.StatusTooManyRequests, "CBC.0250", "The system is busy."})},
	{Fault{"empty-object", "One call in seven is answered with {} and status 200."}, 7, replaceBody("{}")},
	{Fault{"empty-body", "One call in seven is answered with nothing and status 200."}, 7, replaceBody("")},
	{Fault{"empty-page", "One call in seven is answered with a list that is null."}, 7, emptyPage},
	{Fault{"malformed-json", "One call in seven is answered with half of its JSON, and the right length."}, 7, malformedJSON},
	{Fault{"truncated-body", "One call in seven breaks off in the middle of the body."}, 7, truncatedBody},
	{Fault{"giant-body", "One call in seven is answered with a page that goes on up to 256 MiB."}, 7, giantBody},
	{Fault{"connection-reset", "One call in seven ends with a reset of the connection."}, 7, connectionReset},
	{Fault{"hang", "One call in seven is never answered."}, 7, hang},
	{Fault{"long-tail", "One call in ten takes half a second longer, and one in ten of those five seconds."}, 10, longTail},
}

const always = "-always"

// runFaults are in force for the whole run.
var runFaults = []Fault{
	{"page-clamp-10", "Tencent silently cuts pages to ten rows."},
	{"limit-100", "Huawei refuses a limit above 100."},
	{"customers-join", "Between two calls a customer joins, until a tenth more have."},
	{"customers-leave", "Between two calls a customer leaves, the newest and the oldest by turns, until a tenth have."},
	{"duplicate-rows", "Every tenth customer is listed twice, and the total does not count it."},
	{"total-high", "The total is three too high."},
	{"total-low", "The total is a tenth and one too low."},
	{"total-of-page", "The total counts the page's own rows."},
	{"page-beyond", "Tencent refuses a page that begins behind the last row."},
	{"unstable-order", "Rows that stand within thirty of each other trade places at every call, in every list, whatever order is asked for."},
	{"ties", "Thirty customers at a time share the time of association, and trade places at every call."},
	{"undated", "Neither vendor says when a customer was associated."},
	{"no-customer-list", "Huawei refuses the list of a partner's customers for want of permission."},
	{"no-partner-credit", "Tencent refuses the partner's own credit for want of permission."},
	{"no-resellers", "Tencent refuses the list of resellers, as to an account that is no distributor."},
	{"no-direct", "Tencent refuses the list of direct customers, as to an account that is no reseller."},
	{"no-vouchers", "Tencent refuses the list of vouchers for want of permission."},
	{"partner-low", "From day 1 on the partner has half a percent of its credit at Tencent left."},
	{"many-resellers", "The distributor at Tencent has 300 resellers instead of 12."},
	{"direct-lacks", "Tencent's list of direct customers lacks one in fifty."},
	{"direct-extra", "Tencent's list of direct customers has three that the list of all customers has not."},
	{"number-texts", "Tencent writes amounts, and every other id, as texts where it documents numbers; not in the list of customers' credit."},
	{"customer-list-lacks", "Every twentieth customer is missing from Huawei's list of a partner's customers, and from its count."},
	{"customer-list-breaks", "Huawei's list of a partner's customers fails with HTTP 500 from its second page on."},
	{"customer-list-slow", "Each page of Huawei's list of a partner's customers takes a second."},
	{"delay-on-the-way", "Each call takes up to 80 ms, at random, before it arrives, and overtakes others."},
	{"empty-day", "On day 1 the vendors list no customer, with success."},
	{"other-account", "On day 1 the vendors list as many customers of another partner."},
	{"force-absent", "Tencent leaves out Force."},
	{"force-one", "Tencent gives Force its reserved value, 1, for every customer."},
	{"iso-times", "Tencent writes times in the forms of ISO 8601."},
	{"unknown-tag", "Of Huawei's tags one in 28 is a value that the vendor does not document, and from day 1 on as many more."},
	{"bad-value", "One customer in sixty has an amount, a flag, a time or a month that is none."},
	{"clock-ahead", "The vendor's clock is an hour ahead, so every signature is stale."},
	{"key-revoked", "The ordinary key is unknown after five calls; the temporary one goes on."},
	{"token-expires", "The temporary key's token expires after five calls."},
	{"second-caller", "Another caller on the same key uses two calls a second of its rate; if one is refused, it tries again every 50 ms."},
	{"secrets-down", "Every secret store fails with its vendor's internal error; the two partner APIs do not."},
}

// FaultNames returns every fault that Options.Faults may name.
func FaultNames() []Fault {
	var list []Fault
	for _, f := range callFaults {
		list = append(list, f.Fault, Fault{f.Name + always, "The same at every call."})
	}
	return append(list, runFaults...)
}

// setFaults puts the named faults in force.
func (s *Simulator) setFaults(names []string) error {
	for _, name := range names {
		base, everyCall := strings.CutSuffix(name, always)
		if i := slices.IndexFunc(callFaults, func(f callFault) bool { return f.Name == base }); i >= 0 {
			f := callFaults[i]
			if everyCall {
				f.every = 1
			}
			s.hits = append(s.hits, f)
		} else if slices.ContainsFunc(runFaults, func(f Fault) bool { return f.Name == name }) {
			s.faults[name] = true
		} else {
			var known []string
			for _, f := range FaultNames() {
				known = append(known, f.Name)
			}
			return fmt.Errorf("simulator: unknown fault %q; there are: %s", name, strings.Join(known, ", "))
		}
	}
	if s.faults["page-clamp-10"] {
		s.creditMax = 10
	}
	if s.faults["limit-100"] {
		s.tagsMax = min(s.tagsMax, 100)
	}
	if s.faults["secrets-down"] {
		s.SetStoreDown(true)
	}
	if s.faults["delay-on-the-way"] {
		s.opts.There = Uniform(0, 80*time.Millisecond)
	}
	if s.limiter.secondCaller = s.faults["second-caller"]; s.limiter.secondCaller && s.opts.Rate == 0 {
		return errors.New("simulator: the fault second-caller needs a rate")
	}
	return nil
}

// total returns what the vendor says is the total beside a page of some rows.
func (s *Simulator) total(total, rows int) int {
	switch {
	case s.faults["total-high"]:
		return total + 3
	case s.faults["total-low"]:
		return max(0, total-total/10-1)
	case s.faults["total-of-page"]:
		return rows
	}
	return total
}

// A change changes the answer to a call, or takes over its connection and panics
// with http.ErrAbortHandler.
type change func(s *Simulator, w http.ResponseWriter, r *http.Request, a *answer)

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>The service is not available</h1></body></html>\n"

// gatewayFails answers with a status and the page of a gateway. Huawei's own 500
// is JSON, with error_message where its other errors have error_msg.
func gatewayFails(status int) change {
	return func(_ *Simulator, _ http.ResponseWriter, _ *http.Request, a *answer) {
		if a.status = status; a.huawei && status == http.StatusInternalServerError {
			a.body = []byte(`{"error_code":"CBC.0999","error_message":"Other errors."}`)
			return
		}
		a.header = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
		if status == http.StatusServiceUnavailable {
			a.header.Set("Retry-After", "1")
		}
		a.huawei, a.body = false, []byte(htmlPage)
	}
}

// failWith answers with Tencent's code and message, or with Huawei's error.
func failWith(code, message string, huawei refusal) change {
	return func(_ *Simulator, _ http.ResponseWriter, _ *http.Request, a *answer) {
		if a.huawei {
			*a = huaweiAnswer(nil, &huawei, a.requestID)
		} else {
			*a = tencentAnswer(nil, tencentRefusal(code, message), a.requestID)
		}
	}
}

func replaceBody(body string) change {
	return func(_ *Simulator, _ http.ResponseWriter, _ *http.Request, a *answer) {
		a.status, a.body = http.StatusOK, []byte(body)
	}
}

// emptyPage replaces the list of an answer that has one with null.
func emptyPage(_ *Simulator, _ http.ResponseWriter, _ *http.Request, a *answer) {
	body := string(a.body)
	start, end := strings.IndexByte(body, '['), strings.LastIndexByte(body, ']')
	if a.status == http.StatusOK && start >= 0 && end > start {
		a.body = []byte(body[:start] + "null" + body[end+1:])
	}
}

func malformedJSON(_ *Simulator, _ http.ResponseWriter, _ *http.Request, a *answer) {
	a.body = a.body[:len(a.body)/2]
}

// truncatedBody sends less than Content-Length. net/http closes the connection.
func truncatedBody(_ *Simulator, w http.ResponseWriter, _ *http.Request, a *answer) {
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	a.body = a.body[:len(a.body)/2]
}

const giant = 256 << 20

// giantBody starts like a page and repeats one row until the caller stops
// reading, or to its limit.
func giantBody(s *Simulator, w http.ResponseWriter, _ *http.Request, a *answer) {
	start, row := `{"Response":{"Total":1,"RequestId":"`+a.requestID+`","Data":[`, string(mustJSON(s.CreditCustomer(0)))
	if a.huawei {
		start, row = `{"new_customer_tags":[`, string(mustJSON(s.TagCustomer(0)))
	}
	a.body = []byte(start)
	a.send(w)
	chunk := []byte(strings.Repeat(row+",", 64<<10/len(row)))
	for sent := 0; sent < giant; sent += len(chunk) {
		select {
		case <-s.done:
			panic(http.ErrAbortHandler)
		default:
		}
		if _, err := w.Write(chunk); err != nil {
			break
		}
	}
	panic(http.ErrAbortHandler)
}

// connectionReset resets the connection, or breaks off the call where HTTP/2
// shares the connection.
func connectionReset(_ *Simulator, w http.ResponseWriter, _ *http.Request, _ *answer) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // so that Close sends RST
	}
	_ = conn.Close()
	panic(http.ErrAbortHandler)
}

// hang waits until the caller disconnects or the simulator closes.
func hang(s *Simulator, _ http.ResponseWriter, r *http.Request, _ *answer) {
	select {
	case <-r.Context().Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler)
}

func longTail(s *Simulator, _ http.ResponseWriter, r *http.Request, a *answer) {
	delay := time.Second / 2
	if a.ordinal/10%10 == 9 {
		delay = 5 * time.Second
	}
	s.wait(r.Context(), delay)
}
