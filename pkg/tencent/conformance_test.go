package tencent

import (
	"fmt"
	"strings"
	"testing"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/core/sourcetest"
	"partnerlens/pkg/transport/transporttest"
)

// TestConformance runs the conformance suite of a Source over the
// simulator's customers: the first of them are the awkward ones.
func TestConformance(t *testing.T) {
	t.Parallel()
	sim, _ := simulate(t, simulator.Options{})
	const pageSize = 45
	sourcetest.Run(t, sourcetest.Harness[core.CreditQuery, *core.CustomerCredit]{
		Open: func(tb testing.TB, world sourcetest.World) core.Source[core.CreditQuery, *core.CustomerCredit] {
			return newSource(tb, Config{Endpoint: cloud(tb, world), PageSize: pageSize})
		},
		Facts: func(n int) (facts []sourcetest.Fact) {
			for i := range n {
				facts = append(facts, factOf(sim.CreditCustomer(i)))
			}
			return facts
		},
		Query:    core.CreditQuery{Order: core.OrderAscending},
		Columns:  core.CreditFunction(nil, nil).Columns,
		PageSize: pageSize,
		Odd:      true,
	})
}

// vendorFailure is an error inside an HTTP 200.
const vendorFailure = `{"Response":{"Error":{"Code":"FailedOperation","Message":%q},"RequestId":"id-1"}}`

// cloud is the simulator with a world's troubles.
func cloud(tb testing.TB, world sourcetest.World) (url string) {
	tb.Helper()
	opts := simulator.Options{Customers: world.Customers}
	if world.Customers == 0 {
		opts.Customers = -1 // the simulator's way of saying none
	}
	if world.Odd {
		opts.Faults = []string{"bad-value"}
	}
	sim, _ := simulate(tb, opts)
	return transporttest.ServeWorld(tb, world, sim, vendorFailure)
}

func factOf(c simulator.CreditCustomer) sourcetest.Fact {
	amount := func(n simulator.Number) string {
		switch n {
		case "null":
			return ""
		case "1e-7":
			return "0.0000001"
		}
		return string(n)
	}
	return sourcetest.Fact{ID: fmt.Sprint(c.ClientUin), Row: map[string]string{
		"provider": "tencentcloud", "customer_id": fmt.Sprint(c.ClientUin),
		"name": c.Name, "email": c.Email, "mobile": c.Mobile, "remark": c.Remark, "type": c.Type,
		"allocated": amount(c.Credit), "remaining": amount(c.RemainingCredit), "currency": "USD",
		"forced": map[simulator.Number]string{"0": "false", "2": "true"}[c.Force],
		"identity": map[simulator.Number]string{
			"0": "unverified", "1": "individual", "2": "enterprise", "": "unknown",
		}[c.IdentifyType],
		"associated_at": instantOf(c.AssociationTime), "nearest_expiry": instantOf(c.RecentExpiry),
	}}
}

// instantOf is the time in UTC, reckoned without package time: eight hours
// earlier, which of a day is the evening before.
func instantOf(text string) string {
	if text == "" {
		return ""
	}
	if !strings.Contains(text, " ") {
		text += " 00:00:00"
	}
	var year, month, day, hour, minute, second int
	fmt.Sscanf(text, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second)
	if hour -= 8; hour < 0 {
		hour += 24
		if day--; day == 0 {
			if month--; month == 0 {
				year, month = year-1, 12
			}
			day = []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
			if month == 2 && year%4 == 0 {
				day = 29
			}
		}
	}
	return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute, second)
}
