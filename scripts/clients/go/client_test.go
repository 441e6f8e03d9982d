// Package client runs the client that oapi-codegen makes of api/openapi.yaml against
// `partnerlens serve --demo` and checks what it decodes. scripts/clients.sh puts the
// client, client.gen.go, beside it.
//
//	go test . -args BASE_URL
package client

import (
	"context"
	"flag"
	"net/http"
	"strings"
	"testing"
	"time"
)

// value is what a pointer points to, and the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// must returns a call's answer. An answer that cannot be decoded is an error.
func must[T any](answer T, err error) T {
	if err != nil {
		panic(err)
	}
	return answer
}

func TestClient(t *testing.T) {
	check := func(ok bool, format string, args ...any) {
		t.Helper()
		if !ok {
			t.Fatalf(format, args...)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := must(NewClientWithResponses(flag.Arg(0)))

	// A list, page by page. An answer is a CreditReport or a Problem.
	limit, seen, total := 300, make(map[ID]bool), 0
	for params := (ListCreditParams{Limit: &limit}); ; {
		answer := must(client.ListCreditWithResponse(ctx, &params))
		check(answer.StatusCode() == http.StatusOK && answer.JSON200 != nil, "list: %s", answer.Body)
		var report *CreditReport = answer.JSON200
		check(report.Schema == PartnerlensCreditv1 && report.Count == len(report.Items), "list: %+v", report)
		for _, item := range report.Items {
			check(!seen[item.CustomerId], "%s is there twice", item.CustomerId)
			seen[item.CustomerId] = true
		}
		if total = value(report.Total); report.Next == nil {
			check(report.Complete && report.Stopped == nil, "last page: %+v", report)
			break
		}
		check(!report.Complete && *report.Stopped == StopReasonLimit, "page: %+v", report)
		params.Cursor = report.Next
	}
	check(len(seen) == 1000 && total == 1000, "%d customers of %d", len(seen), total)

	// One customer, exactly; null is nil.
	one := must(client.GetCreditWithResponse(ctx, "200000100019", nil)).JSON200.Items[0]
	check(one.Status == CreditStatusOverdrawn && value(one.Credit.Remaining) == "-123.45" && value(one.Credit.Allocated) == "500.00", "%+v", one)
	check(one.NearestExpiry.Equal(time.Date(2020, 3, 1, 16, 0, 0, 0, time.UTC)) && !value(one.Forced) && one.Vendor.Type != nil, "%+v", one)
	one = must(client.GetCreditWithResponse(ctx, "200000100138", nil)).JSON200.Items[0]
	check(one.NearestExpiry == nil && value(one.Forced), "%+v", one)

	// Problems.
	id := "clients-go"
	missing := must(client.GetCreditWithResponse(ctx, "999999999999", &GetCreditParams{XRequestId: &id}))
	var problem *Problem = missing.ApplicationproblemJSON404
	check(missing.JSON200 == nil && problem != nil, "404: %s", missing.Body)
	check(problem.Code == CodeNotFound && value(problem.Param) == "customer_id" && problem.RequestId == id, "404: %+v", problem)
	none := 0
	problem = must(client.ListTagsWithResponse(ctx, &ListTagsParams{Limit: &none})).ApplicationproblemJSON400
	check(problem != nil && problem.Code == CodeInvalidRequest && value(problem.Param) == "limit", "400: %+v", problem)

	// A POST of ids, and of a member that is one or many.
	ids := []ID{"1589c79e9f134c1a694015b700055453", "unknown"}
	tags := must(client.QueryTagsWithResponse(ctx, nil, TagsQuery{CustomerIds: &ids}))
	var report *TagsReport = tags.JSON200
	check(report != nil && report.Schema == PartnerlensTagsv1 && report.Count == 1 && report.MissingIds[0] == "unknown", "POST: %s", tags.Body)
	tag := report.Items[0]
	check(tag.CustomerId == ids[0] && tag.Status.Valid() && tag.Tag.Type == "SMB" && tag.ResellerId == nil, "POST: %+v", tag)
	var status CreditQuery_Status
	check(status.FromCreditQueryStatus1([]CreditStatus{CreditStatusOverdrawn, CreditStatusExhausted}) == nil, "status")
	worst := must(client.QueryCreditWithResponse(ctx, nil, CreditQuery{Status: &status, Limit: &limit})).JSON200
	check(worst != nil && worst.Count > 0 && worst.Count < 300, "POST: %+v", worst)

	// What is no JSON is no error: HEAD has no body, and other formats come as they are.
	check(must(client.CheckTagsWithResponse(ctx, nil)).StatusCode() == http.StatusOK, "HEAD")
	check(must(client.CheckTagsWithResponse(ctx, &CheckTagsParams{Limit: &none})).StatusCode() == http.StatusBadRequest, "HEAD, invalid")
	csv := must(client.ListCreditWithResponse(ctx, &ListCreditParams{Limit: &limit}, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Accept", "text/csv")
		return nil
	}))
	check(csv.JSON200 == nil && strings.HasPrefix(string(csv.Body), "provider,account,customer_id,"), "CSV: %s", csv.Body)
	numbers := must(client.MetricsWithResponse(ctx, nil))
	check(numbers.StatusCode() == http.StatusOK && len(numbers.Body) > 0, "metrics: %s", numbers.Body)

	health := must(client.HealthWithResponse(ctx, nil)).JSON200
	check(health != nil && health.Status == HealthStatusOk && health.Version != "", "%+v", health)
	contract := must(client.ContractWithResponse(ctx, nil)).YAML200
	check(contract != nil && (*contract).(map[string]any)["openapi"] == "3.1.0", "%v", contract)
}
