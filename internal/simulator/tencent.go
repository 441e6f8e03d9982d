package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
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

// tencentRefusal returns an error of the vendor's.
func tencentRefusal(code, message string) *refusal { return &refusal{http.StatusOK, code, message} }

// tencentAnswer returns a page, the members of a Response, or a refusal as the vendor sends it.
func tencentAnswer(page any, refused *refusal, requestID string) answer {
	response, _ := page.(map[string]any)
	if refused != nil {
		response = map[string]any{"Error": map[string]string{"Code": refused.code, "Message": refused.message}}
	}
	response["RequestId"] = requestID
	return answer{status: http.StatusOK, requestID: requestID, body: mustJSON(map[string]any{"Response": response})}
}

func (s *Simulator) newTencent() *vendor {
	calls := &s.counters.calls
	v := &vendor{requestID: s.requestIDs.nextUUID, answer: tencentAnswer, apis: []api{
		{creditAction, &calls.Credit, (*Simulator).creditPage},
		{partnerAction, &calls.PartnerCredit, (*Simulator).partnerPage},
		{subAgentsAction, &calls.SubAgents, (*Simulator).subAgentPage},
		{directAction, &calls.Direct, (*Simulator).directPage},
		{vouchersAction, &calls.Vouchers, (*Simulator).voucherPage},
	}}
	v.limited = tencentRefusal("RequestLimitExceeded", fmt.Sprintf(
		"Your current request times equals to `%d` in a second, which exceeds the frequency limit `%d` for a second. Please reduce the frequency of calls.",
		s.opts.Rate+1, s.opts.Rate))
	v.authenticate = func(r *http.Request, body []byte) (keyID string, refused *refusal) {
		if refused := tencentForm(r, body, "Action", "Version", "Timestamp"); refused != nil {
			return "", refused
		}
		keyID, refused = verifyTC3(r, body, creditService, s.clock(), s.keys(&v.keyUses))
		if refused == nil {
			refused = tencentAction(r, creditVersion, v.api(r.Header.Get("X-TC-Action")).name)
		}
		if refused == nil && keyID == NoAuthKeyID {
			refused = tencentRefusal("UnauthorizedOperation.UinNoAuth", "The account is not authorized.")
		}
		return keyID, refused
	}
	return v
}

// tencentForm refuses a call that cannot be parsed. The parameters are those that
// X-TC- headers must carry.
func tencentForm(r *http.Request, body []byte, params ...string) *refusal {
	// The vendor also accepts GET, and forms in a POST, with older signatures.
	if r.Method != http.MethodPost {
		return tencentRefusal("UnsupportedProtocol", "Only POST requests are supported here.")
	}
	if len(body) > maxRequest {
		return tencentRefusal("RequestSizeLimitExceeded", "The request size exceeds the limit.")
	}
	for _, name := range params {
		if r.Header.Get("X-TC-"+name) == "" {
			return tencentRefusal("MissingParameter", "The request is missing a required parameter `"+name+"`.")
		}
	}
	return nil
}

// tencentAction refuses a signed call of any other action.
func tencentAction(r *http.Request, version, action string) *refusal {
	if contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(contentType), "application/json") {
		return tencentRefusal("UnsupportedProtocol", "Only the Content-Type application/json is supported here.")
	}
	if given := r.Header.Get("X-TC-Action"); given != action {
		return tencentRefusal("InvalidAction", "The action `"+given+"` is invalid or not found.")
	}
	if given := r.Header.Get("X-TC-Version"); given != version {
		return tencentRefusal("NoSuchVersion", "The version `"+given+"` does not exist.")
	}
	return nil
}

// creditParams is the body of a call.
type creditParams struct {
	page, pageSize     int64
	filterType, filter string
	filtered           bool
	ascending          bool
}

func (s *Simulator) creditPage(c request) (any, int, *refusal) {
	p, refused := parseCreditParams(c.body)
	if refused != nil {
		return nil, 0, refused
	}
	size := int(min(p.pageSize, int64(s.creditMax)))
	day := s.Day()
	list := s.credit.at(day, c.ordinal)
	s.credit.noteJoined(list.joined, s.today())

	from := list.rows() // of a page behind the last; far pages must not overflow
	if p.page-1 <= int64(list.rows()/size) {
		from = int(p.page-1) * size
	}
	total := len(list.customers)
	page := s.page(list, streamCredit, c.ordinal, from, size, p.ascending)
	if p.filtered {
		matches, refused := s.creditFilter(p)
		if refused != nil {
			return nil, 0, refused
		}
		var rows []int
		for row := range list.rows() {
			if i := list.customer(row, p.ascending); matches(i) {
				rows = append(rows, i)
			}
		}
		page = rows[min(from, len(rows)):min(from+size, len(rows))]
		total = len(slices.Compact(slices.Clone(rows))) // two rows of a customer count once
	}
	var data []CreditCustomer // null where there are no rows, as the page of the API warns
	for _, i := range page {
		data = append(data, s.creditOn(day, i))
	}
	if s.faults["page-beyond"] && p.page > 1 && len(page) == 0 {
		return nil, 0, tencentRefusal("InvalidParameter.Page", "The page number is invalid.")
	}
	return map[string]any{"Total": s.total(total, len(page)), "Data": data}, len(page), nil
}

// creditFilter returns the test of one customer. How the vendor compares is not
// published. Here a name and a remark match if they contain the text, an e-mail
// address and an id if they equal it; the address is the full one, although the
// answer shows it masked.
func (s *Simulator) creditFilter(p creditParams) (func(i int) bool, *refusal) {
	switch p.filterType {
	case "ClientUin":
		uin, err := strconv.ParseUint(p.filter, 10, 64)
		if err != nil {
			return nil, tencentRefusal("InvalidParameterValue.InvalidUin", "The Uin is invalid.")
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
	return nil, tencentRefusal("InvalidParameterValue", "The value of parameter `FilterType` is not valid.")
}

func parseCreditParams(body []byte) (creditParams, *refusal) {
	p := creditParams{page: 1, pageSize: creditPageDefault}
	var order string
	given, refused := tencentParams(body, map[string]any{
		"Page": &p.page, "PageSize": &p.pageSize, "FilterType": &p.filterType, "Filter": &p.filter, "Order": &order,
	})
	if refused != nil {
		return p, refused
	}
	p.filtered = given["FilterType"]
	switch {
	case p.page < 1:
		return p, tencentRefusal("InvalidParameter.Page", "The page number is invalid.")
	case p.pageSize < 1:
		return p, tencentRefusal("InvalidParameterValue", "The value of parameter `PageSize` is not valid.")
	case order != "" && order != "asc" && order != "desc":
		return p, tencentRefusal("InvalidParameterValue", "The value of parameter `Order` is not valid.")
	case given["Filter"] && !p.filtered:
		// What the vendor does with a filter of no type is not published. To
		// ignore it would answer all customers.
		return p, tencentRefusal("InvalidParameterValue", "The parameter `Filter` needs a `FilterType`.")
	}
	p.ascending = order == "asc"
	return p, nil
}

// tencentParams decodes the body of a call into variables by the names of its
// parameters, and returns which of them it has. A null counts as absent.
func tencentParams(body []byte, variables map[string]any) (given map[string]bool, refused *refusal) {
	var params map[string]json.RawMessage
	if err := json.Unmarshal(body, &params); err != nil || params == nil {
		return nil, tencentRefusal("InvalidParameter", "The request body is not a JSON object.")
	}
	given = make(map[string]bool)
	for name, raw := range params {
		variable, known := variables[name]
		switch {
		case string(raw) == "null":
			continue
		case !known:
			return nil, tencentRefusal("UnknownParameter", "The parameter `"+name+"` is not recognized.")
		case json.Unmarshal(raw, variable) != nil:
			return nil, tencentRefusal("InvalidParameter", "The value type of parameter `"+name+"` is not valid.")
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
