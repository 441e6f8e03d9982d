package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// QueryCustomersCredit, Tencent Cloud International API docs (International
// Partners, version 2022-09-28, page of 2025-10-30, read November 2026).

const (
	creditService = "intlpartnersmgt"
	creditAction  = "QueryCustomersCredit"
	creditVersion = "2022-09-28"

	// creditPageDefault is used without PageSize. The vendor publishes none.
	creditPageDefault = 10
)

// tencentError is an error of the vendor's. All come as HTTP 200, as the page
// "Error Codes" shows.
type tencentError struct{ code, message string }

func (e *tencentError) answer(requestID string, ordinal int) answer {
	type inner struct{ Code, Message string }
	type response struct {
		Error     inner
		RequestID string `json:"RequestId"`
	}
	return tencentAnswer(response{inner{e.code, e.message}, requestID}, requestID, ordinal)
}

func tencentAnswer(response any, requestID string, ordinal int) answer {
	return answer{
		status:    http.StatusOK,
		requestID: requestID,
		body:      mustJSON(struct{ Response any }{response}),
		ordinal:   ordinal,
	}
}

func (s *Simulator) serveTencent(w http.ResponseWriter, r *http.Request, body []byte) {
	requestID := s.requestIDs.nextUUID()
	count := &s.counters.credit
	keyID, refusal := s.authenticateTencent(r, body)
	if refusal != nil {
		count.denied.Add(1)
		s.deliver(w, r, count, refusal.answer(requestID, 0))
		return
	}
	if !s.limiter.allow(creditAction, keyID, time.Now()) {
		count.limited.Add(1)
		limited := tencentError{"RequestLimitExceeded", fmt.Sprintf(
			"Your current request times equals to `%d` in a second, which exceeds the frequency limit `%d` for a second. Please reduce the frequency of calls.",
			s.limiter.rate+1, s.limiter.rate)}
		s.deliver(w, r, count, limited.answer(requestID, 0))
		return
	}
	ordinal := int(count.accepted.Add(1))
	page, refusal := s.partner().creditPage(body, ordinal)
	if refusal != nil {
		s.deliver(w, r, count, refusal.answer(requestID, ordinal))
		return
	}
	count.rows.Add(int64(len(page.Data)))
	page.RequestID = requestID
	s.deliver(w, r, count, tencentAnswer(page, requestID, ordinal))
}

// authenticateTencent refuses what the vendor's gateway refuses before the action
// runs.
func (s *Simulator) authenticateTencent(r *http.Request, body []byte) (keyID string, refusal *tencentError) {
	if refusal := tencentForm(r, body, "Action", "Version", "Timestamp"); refusal != nil {
		return "", refusal
	}
	keyID, refusal = verifyTC3(r, body, creditService, s.clock(), s.tencentKey)
	if refusal != nil {
		return "", refusal
	}
	switch keyID {
	case KeyID:
		s.counters.signedTencent.Add(1)
	case TempKeyID:
		s.counters.temporaryTencent.Add(1)
	}
	if refusal := tencentAction(r, creditAction, creditVersion); refusal != nil {
		return "", refusal
	}
	if keyID == NoAuthKeyID {
		return "", &tencentError{"UnauthorizedOperation.UinNoAuth", "The account is not authorized."}
	}
	return keyID, nil
}

// tencentForm refuses a call that cannot be parsed. The parameters are those that
// X-TC- headers must carry.
func tencentForm(r *http.Request, body []byte, params ...string) *tencentError {
	// The vendor also accepts GET, and forms in a POST, with older signatures.
	if r.Method != http.MethodPost {
		return &tencentError{"UnsupportedProtocol", "Only POST requests are supported here."}
	}
	if len(body) > maxRequest {
		return &tencentError{"RequestSizeLimitExceeded", "The request size exceeds the limit."}
	}
	for _, name := range params {
		if r.Header.Get("X-TC-"+name) == "" {
			return &tencentError{"MissingParameter", "The request is missing a required parameter `" + name + "`."}
		}
	}
	return nil
}

// tencentAction refuses a signed call of any other action.
func tencentAction(r *http.Request, action, version string) *tencentError {
	if contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(contentType), "application/json") {
		return &tencentError{"UnsupportedProtocol", "Only the Content-Type application/json is supported here."}
	}
	if given := r.Header.Get("X-TC-Action"); given != action {
		return &tencentError{"InvalidAction", "The action `" + given + "` is invalid or not found."}
	}
	if given := r.Header.Get("X-TC-Version"); given != version {
		return &tencentError{"NoSuchVersion", "The version `" + given + "` does not exist."}
	}
	return nil
}

// creditPage is the answer of QueryCustomersCredit. Data is null where there are
// no rows, as the page of the API warns.
type creditPage struct {
	Total     int
	Data      []CreditCustomer
	RequestID string `json:"RequestId"`
}

// creditParams is the body of a call.
type creditParams struct {
	page, pageSize     int64
	filterType, filter string
	filtered           bool
	ascending          bool
}

func (s *Simulator) creditPage(body []byte, ordinal int) (*creditPage, *tencentError) {
	p, refusal := parseCreditParams(body)
	if refusal != nil {
		return nil, refusal
	}
	size := int(min(p.pageSize, int64(s.creditMax)))
	day := s.Day()
	list := s.credit.at(day, ordinal)
	s.credit.noteJoined(list.joined, s.today())

	from := list.rows() // of a page behind the last; far pages must not overflow
	if p.page-1 <= int64(list.rows()/size) {
		from = int(p.page-1) * size
	}
	answer := &creditPage{Total: len(list.customers)}
	page := s.page(list, streamCredit, ordinal, from, size, p.ascending)
	if p.filtered {
		matches, refusal := s.creditFilter(p)
		if refusal != nil {
			return nil, refusal
		}
		var rows []int
		for row := range list.rows() {
			if i := list.customer(row, p.ascending); matches(i) {
				rows = append(rows, i)
			}
		}
		page = rows[min(from, len(rows)):min(from+size, len(rows))]
		answer.Total = len(slices.Compact(slices.Clone(rows))) // two rows of a customer count once
	}
	for _, i := range page {
		answer.Data = append(answer.Data, s.creditOn(day, i))
	}
	if s.faults["page-beyond"] && p.page > 1 && len(page) == 0 {
		return nil, &tencentError{"InvalidParameter.Page", "The page number is invalid."}
	}
	answer.Total = s.total(answer.Total, len(page))
	return answer, nil
}

// creditFilter returns the test of one customer. How the vendor compares is not
// published. Here a name and a remark match if they contain the text, an e-mail
// address and an id if they equal it; the address is the full one, although the
// answer shows it masked.
func (s *Simulator) creditFilter(p creditParams) (func(i int) bool, *tencentError) {
	switch p.filterType {
	case "ClientUin":
		uin, err := strconv.ParseUint(p.filter, 10, 64)
		if err != nil {
			return nil, &tencentError{"InvalidParameterValue.InvalidUin", "The Uin is invalid."}
		}
		wanted, ok := s.seed.creditIndex(uin)
		return func(i int) bool { return ok && i == wanted }, nil
	case "Name":
		return func(i int) bool { return strings.Contains(s.CreditCustomer(i).Name, p.filter) }, nil
	case "Remark":
		return func(i int) bool { return strings.Contains(s.CreditCustomer(i).Remark, p.filter) }, nil
	case "Email":
		return func(i int) bool { return s.CreditCustomer(i).FullEmail == p.filter }, nil
	}
	return nil, &tencentError{"InvalidParameterValue", "The value of parameter `FilterType` is not valid."}
}

func parseCreditParams(body []byte) (creditParams, *tencentError) {
	p := creditParams{page: 1, pageSize: creditPageDefault}
	var order string
	given, refusal := tencentParams(body, map[string]any{
		"Page": &p.page, "PageSize": &p.pageSize, "FilterType": &p.filterType, "Filter": &p.filter, "Order": &order,
	})
	if refusal != nil {
		return p, refusal
	}
	p.filtered = given["FilterType"]
	switch {
	case p.page < 1:
		return p, &tencentError{"InvalidParameter.Page", "The page number is invalid."}
	case p.pageSize < 1:
		return p, &tencentError{"InvalidParameterValue", "The value of parameter `PageSize` is not valid."}
	case order != "" && order != "asc" && order != "desc":
		return p, &tencentError{"InvalidParameterValue", "The value of parameter `Order` is not valid."}
	case given["Filter"] && !p.filtered:
		// What the vendor does with a filter of no type is not published. To
		// ignore it would answer all customers.
		return p, &tencentError{"InvalidParameterValue", "The parameter `Filter` needs a `FilterType`."}
	}
	p.ascending = order == "asc"
	return p, nil
}

// tencentParams decodes the body of a call into variables by the names of its
// parameters, and returns which of them it has. A null counts as absent.
func tencentParams(body []byte, variables map[string]any) (given map[string]bool, refusal *tencentError) {
	var params map[string]json.RawMessage
	if err := json.Unmarshal(body, &params); err != nil || params == nil {
		return nil, &tencentError{"InvalidParameter", "The request body is not a JSON object."}
	}
	given = make(map[string]bool)
	for name, raw := range params {
		variable, known := variables[name]
		switch {
		case string(raw) == "null":
			continue
		case !known:
			return nil, &tencentError{"UnknownParameter", "The parameter `" + name + "` is not recognized."}
		case json.Unmarshal(raw, variable) != nil:
			return nil, &tencentError{"InvalidParameter", "The value type of parameter `" + name + "` is not valid."}
		}
		given[name] = true
	}
	return given, nil
}

// mustJSON encodes a value whose type always encodes.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
