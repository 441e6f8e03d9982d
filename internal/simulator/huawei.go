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

// huaweiError is an error of the vendor's.
type huaweiError struct {
	status        int
	code, message string
}

func (e *huaweiError) answer(requestID string, ordinal int) answer {
	type body struct {
		Code      string `json:"error_code"`
		Message   string `json:"error_msg"`
		RequestID string `json:"request_id,omitempty"`
	}
	b := body{Code: e.code, Message: e.message}
	if strings.HasPrefix(e.code, "APIGW.") {
		b.RequestID = requestID // of the gateway, not of the service behind
	}
	return huaweiAnswer(e.status, b, requestID, ordinal)
}

func huaweiAnswer(status int, body any, requestID string, ordinal int) answer {
	return answer{huawei: true, status: status, requestID: requestID, body: mustJSON(body), ordinal: ordinal}
}

func badParameter(name string) *huaweiError {
	return &huaweiError{http.StatusBadRequest, "CBC.0100", "Invalid parameters. [" + name + "]"}
}

func (s *Simulator) serveHuawei(w http.ResponseWriter, r *http.Request, body []byte) {
	requestID := s.requestIDs.next()
	api, count, read := tagsPath, &s.counters.tags, (*Simulator).tagPage
	switch r.URL.Path {
	case resellersPath:
		api, count, read = resellersPath, &s.counters.resellers, (*Simulator).resellerPage
	case subCustomersPath:
		api, count, read = subCustomersPath, &s.counters.subCustomers, (*Simulator).subCustomerPage
	}
	refuse := func(ordinal int, e *huaweiError) { s.deliver(w, r, count, e.answer(requestID, ordinal)) }

	keyID, refusal := s.authenticateHuawei(r, body)
	if refusal != nil {
		count.denied.Add(1)
		refuse(0, refusal)
		return
	}
	if !s.limiter.allow(api, keyID, time.Now()) {
		count.limited.Add(1)
		refuse(0, &huaweiError{http.StatusTooManyRequests, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit"})
		return
	}
	ordinal := int(count.accepted.Add(1))
	page, rows, refusal := read(s.partner(), body, ordinal)
	if refusal != nil {
		refuse(ordinal, refusal)
		return
	}
	count.rows.Add(int64(rows))
	s.deliver(w, r, count, huaweiAnswer(http.StatusOK, page, requestID, ordinal))
}

// authenticateHuawei refuses what the vendor's gateway refuses before the API runs.
func (s *Simulator) authenticateHuawei(r *http.Request, body []byte) (keyID string, refusal *huaweiError) {
	if r.Method != http.MethodPost || !slices.Contains([]string{tagsPath, resellersPath, subCustomersPath}, r.URL.Path) {
		return "", &huaweiError{http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment"}
	}
	if len(body) > maxRequest {
		return "", &huaweiError{http.StatusRequestEntityTooLarge, "APIGW.0201", "Request entity too large"}
	}
	keyID, refusal = verifySDKHMAC(r, body, s.clock(), s.huaweiKey)
	if refusal != nil {
		return "", refusal
	}
	switch keyID {
	case KeyID:
		s.counters.signedHuawei.Add(1)
	case TempKeyID:
		s.counters.temporaryHuawei.Add(1)
	case NoAuthKeyID:
		return "", &huaweiError{http.StatusForbidden, "CBC.0151", "Access denied."}
	}
	return keyID, nil
}

// tagPage answers one page of new-customer tags, without a total. Ids that are
// not customers of the owner asked for are left out silently. The order of the
// rows is not published. Here it is that of the account and not that of the ids,
// so that no client relies on the latter.
func (s *Simulator) tagPage(body []byte, ordinal int) (page any, rows int, refusal *huaweiError) {
	var p struct {
		CustomerIDs       []*string `json:"customer_ids"`
		Offset            *int64    `json:"offset"`
		Limit             *int64    `json:"limit"`
		IndirectPartnerID *string   `json:"indirect_partner_id"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, 0, badParameter("body")
	}
	offset, limit, refusal := window(p.Offset, p.Limit, s.tagsMax)
	if refusal != nil {
		return nil, 0, refusal
	}
	if len(p.CustomerIDs) > idsMax {
		return nil, 0, badParameter("customer_ids")
	}

	day := s.Day()
	owner, of, refusal := s.owner(p.IndirectPartnerID, day, ordinal)
	if refusal != nil {
		return nil, 0, refusal
	}
	var wanted []int
	for _, id := range p.CustomerIDs {
		if id == nil || *id == "" || utf8.RuneCountInString(*id) > idMax {
			return nil, 0, badParameter("customer_ids")
		}
		if by, i, ok := s.seed.tagIndex(*id); ok && by == owner && of.has(i) {
			wanted = append(wanted, i)
		}
	}
	if len(p.CustomerIDs) > 0 {
		slices.Sort(wanted)
		wanted = slices.Compact(wanted)
		wanted = wanted[min(offset, len(wanted)):min(offset+limit, len(wanted))]
	} else {
		wanted = s.page(of, streamTag, ordinal, offset, limit, true)
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
func (s *Simulator) owner(reseller *string, day, ordinal int) (owner int, of *list, refusal *huaweiError) {
	if reseller == nil || *reseller == "" {
		return 0, s.tags.at(day, ordinal), nil
	}
	n := slices.IndexFunc(s.resellers, func(r Reseller) bool { return r.IndirectPartnerID == *reseller })
	if n < 0 {
		return 0, nil, &huaweiError{http.StatusBadRequest, "CBC.99000037", "No permission to operate on the indirect partner."}
	}
	customers := roster{customers: s.resellers[n].Customers, doubled: s.tags.doubled}
	return n + 1, customers.at(0, 0), nil
}

// resellerPage answers one page of the partner's cloud resellers.
func (s *Simulator) resellerPage(body []byte, _ int) (page any, rows int, refusal *huaweiError) {
	var p struct {
		AccountName       *string `json:"account_name"`
		AssociatedOnBegin *string `json:"associated_on_begin"`
		AssociatedOnEnd   *string `json:"associated_on_end"`
		Offset            *int64  `json:"offset"`
		Limit             *int64  `json:"limit"`
		IndirectPartnerID *string `json:"indirect_partner_id"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, 0, badParameter("body")
	}
	offset, limit, refusal := window(p.Offset, p.Limit, resellersMax)
	if refusal != nil {
		return nil, 0, refusal
	}
	var times [2]string // RFC 3339 in UTC, so texts compare like times
	for i, given := range []*string{p.AssociatedOnBegin, p.AssociatedOnEnd} {
		if given == nil {
			continue
		}
		if _, err := time.Parse("2006-01-02T15:04:05Z", *given); err != nil {
			return nil, 0, badParameter([]string{"associated_on_begin", "associated_on_end"}[i])
		}
		times[i] = *given
	}

	list, count := []Reseller{}, 0
	for _, r := range s.resellers {
		if p.AccountName != nil && *p.AccountName != "" && r.AccountName != *p.AccountName ||
			p.IndirectPartnerID != nil && *p.IndirectPartnerID != "" && r.IndirectPartnerID != *p.IndirectPartnerID ||
			times[0] != "" && r.AssociatedOn < times[0] || times[1] != "" && r.AssociatedOn > times[1] {
			continue
		}
		if count >= offset && len(list) < limit {
			list = append(list, r)
		}
		count++
	}
	return map[string]any{"count": s.total(count, len(list)), "indirect_partners": list}, len(list), nil
}

// window checks offset and limit. An offset is a row from 0, not a page.
func window(offset, limit *int64, most int) (int, int, *huaweiError) {
	from, size := int64(0), int64(huaweiLimitDefault)
	if offset != nil {
		from = *offset
	}
	if limit != nil {
		size = *limit
	}
	if from < 0 || from > 1<<31-1 { // "maximum integer"
		return 0, 0, badParameter("offset")
	}
	if size < 1 || size > int64(most) {
		return 0, 0, badParameter("limit")
	}
	return int(from), int(size), nil
}
