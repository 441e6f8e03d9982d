package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ListSubCustomerNewTag and ListIndirectPartners, Huawei Cloud partner center
// API reference, China site (pages of 2025-11-20, read November 2026).

const (
	tagsPath      = "/v2/partners/sub-customers/new-customers-tags/batch-query"
	resellersPath = "/v2/partners/indirect-partners/query"

	huaweiLimitDefault = 10
	resellersMax       = 100
	idsMax             = 200
	idMax              = 64 // characters
)

func huaweiAnswer(page any, refused *refusal, requestID string) answer {
	a := answer{huawei: true, status: http.StatusOK, requestID: requestID}
	if refused != nil {
		a.status = refused.status
		body := map[string]string{"error_code": refused.code, "error_msg": refused.message}
		if strings.HasPrefix(refused.code, "APIGW.") {
			body["request_id"] = requestID // of the gateway, not of the service behind
		}
		page = body
	}
	a.body = mustJSON(page)
	return a
}

var (
	noSuchAPI = &refusal{http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment"}
	tooLarge  = &refusal{http.StatusRequestEntityTooLarge, "APIGW.0201", "Request entity too large"}
	noAccess  = &refusal{http.StatusForbidden, "CBC.0151", "Access denied."}
)

func badParameter(name string) *refusal {
	return &refusal{http.StatusBadRequest, "CBC.0100", "Invalid parameters. [" + name + "]"}
}

func (s *Simulator) newHuawei() *vendor {
	calls := &s.counters.calls
	v := &vendor{requestID: s.requestIDs.next, answer: huaweiAnswer, apis: []api{
		{tagsPath, &calls.Tags, (*Simulator).tagPage},
		{resellersPath, &calls.Resellers, (*Simulator).resellerPage},
		{subCustomersPath, &calls.SubCustomers, (*Simulator).subCustomerPage},
	}}
	v.limited = &refusal{http.StatusTooManyRequests, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit"}
	v.authenticate = func(r *http.Request, body []byte) (keyID string, refused *refusal) {
		if r.Method != http.MethodPost || v.api(r.URL.Path).name != r.URL.Path {
			return "", noSuchAPI
		}
		if len(body) > maxRequest {
			return "", tooLarge
		}
		keyID, refused = verifySDKHMAC(r, body, s.clock(), s.keys(&v.keyUses))
		if refused == nil && keyID == NoAuthKeyID {
			refused = noAccess
		}
		return keyID, refused
	}
	return v
}

// huaweiParams are the parameters of a call of any API. A null, and of most an
// empty text, is none.
type huaweiParams struct {
	CustomerIDs       []string `json:"customer_ids"`
	Offset            int64    `json:"offset"` // a row from 0, not a page
	Limit             int64    `json:"limit"`
	IndirectPartnerID string   `json:"indirect_partner_id"`
	AccountName       string   `json:"account_name"`
	AssociatedOnBegin *string  `json:"associated_on_begin"`
	AssociatedOnEnd   *string  `json:"associated_on_end"`
	Customer          string   `json:"customer"`
	Label             string   `json:"label"`
	AssociationType   string   `json:"association_type"`
	CustomerID        string   `json:"customer_id"`
}

// parseHuawei refuses a limit above most.
func parseHuawei(body []byte, most int64) (p huaweiParams, refused *refusal) {
	p.Limit = huaweiLimitDefault
	switch err := json.Unmarshal(body, &p); {
	case err != nil:
		return p, badParameter("body")
	case p.Offset < 0 || p.Offset > 1<<31-1: // "maximum integer"
		return p, badParameter("offset")
	case p.Limit < 1 || p.Limit > most:
		return p, badParameter("limit")
	}
	return p, nil
}

// cut returns the rows that the parameters select.
func cut[T any](p huaweiParams, rows []T) []T {
	from := min(int(p.Offset), len(rows))
	return rows[from:min(from+int(p.Limit), len(rows))]
}

// tagPage answers one page of new-customer tags, without a total. Ids that are
// not customers of the owner asked for are left out silently. The order of the
// rows is not published. Here it is that of the account and not that of the ids,
// so that no client relies on the latter.
func (s *Simulator) tagPage(c request) (page any, rows int, refused *refusal) {
	p, refused := parseHuawei(c.body, int64(s.tagsMax))
	if refused != nil {
		return nil, 0, refused
	}
	if len(p.CustomerIDs) > idsMax {
		return nil, 0, badParameter("customer_ids")
	}

	day := s.Day()
	owner, of, refused := s.owner(p.IndirectPartnerID, day, c.ordinal)
	if refused != nil {
		return nil, 0, refused
	}
	var wanted []int
	for _, id := range p.CustomerIDs {
		if id == "" || utf8.RuneCountInString(id) > idMax {
			return nil, 0, badParameter("customer_ids")
		}
		if by, i, ok := s.seed.tagIndex(id); ok && by == owner && of.has(i) {
			wanted = append(wanted, i)
		}
	}
	if len(p.CustomerIDs) > 0 {
		slices.Sort(wanted)
		wanted = cut(p, slices.Compact(wanted))
	} else {
		wanted = s.page(of, streamTag, c.ordinal, int(p.Offset), int(p.Limit), true)
	}
	list := []TagCustomer{}
	for _, i := range wanted {
		if owner > 0 {
			list = append(list, s.ResellerTagCustomer(owner-1, i))
		} else {
			list = append(list, s.tagOn(day, i))
		}
	}
	return map[string]any{"new_customer_tags": list}, len(list), nil
}

// owner returns the owner in a call, 0 for the partner or n for the n-th reseller
// from 1, and the list of its customers.
func (s *Simulator) owner(reseller string, day, ordinal int) (owner int, of *list, refused *refusal) {
	if reseller == "" {
		return 0, s.tags.at(day, ordinal), nil
	}
	n := slices.IndexFunc(s.resellers, func(r Reseller) bool { return r.IndirectPartnerID == reseller })
	if n < 0 {
		return 0, nil, &refusal{http.StatusBadRequest, "CBC.99000037", "No permission to operate on the indirect partner."}
	}
	customers := roster{customers: s.resellers[n].Customers, doubled: s.tags.doubled}
	return n + 1, customers.at(0, 0), nil
}

// resellerPage answers one page of the partner's cloud resellers.
func (s *Simulator) resellerPage(c request) (page any, rows int, refused *refusal) {
	p, refused := parseHuawei(c.body, resellersMax)
	if refused != nil {
		return nil, 0, refused
	}
	for name, text := range map[string]*string{"associated_on_begin": p.AssociatedOnBegin, "associated_on_end": p.AssociatedOnEnd} {
		if text == nil {
			continue
		}
		if _, err := time.Parse("2006-01-02T15:04:05Z", *text); err != nil {
			return nil, 0, badParameter(name)
		}
	}
	matching := []Reseller{}
	for _, r := range s.resellers {
		// The times are RFC 3339 in UTC, so texts compare like times.
		if (p.AccountName == "" || r.AccountName == p.AccountName) &&
			(p.IndirectPartnerID == "" || r.IndirectPartnerID == p.IndirectPartnerID) &&
			(p.AssociatedOnBegin == nil || r.AssociatedOn >= *p.AssociatedOnBegin) &&
			(p.AssociatedOnEnd == nil || r.AssociatedOn <= *p.AssociatedOnEnd) {
			matching = append(matching, r)
		}
	}
	list := cut(p, matching)
	return map[string]any{"count": s.total(len(matching), len(list)), "indirect_partners": list}, len(list), nil
}
