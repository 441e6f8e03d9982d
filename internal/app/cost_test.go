package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// TestCostOfProof counts the calls that a proof takes, against the pages that
// there are. docs/performance.md has the table.
func TestCostOfProof(t *testing.T) {
	t.Parallel()
	const customers, pages = 3000, 30
	for _, test := range []struct {
		faults []string
		query  string
		ends   string
		most   float64 // calls a page
	}{
		{nil, "credit", "complete", 1.1},
		{[]string{"ties"}, "credit", "complete", 10}, // how many passes it takes is up to chance: 3.6 calls a page, 5.2 or 6.4
		{[]string{"unstable-order"}, "credit", "complete", 10},
		{nil, "tags", "complete", 3.2}, // 2 and eight pages that were fetched ahead beyond the end
		{[]string{"unstable-order"}, "tags", "complete", 8},
		{[]string{"undated"}, "credit", "complete", 2.3},
		{[]string{"undated", "unstable-order"}, "credit", "complete|doubt: order_unstable", 14},
		{[]string{"undated"}, "tags", "complete", 3.5},
		{[]string{"undated", "unstable-order"}, "tags", "complete|doubt: order_unstable", 14},
		{[]string{"no-customer-list"}, "tags", "complete", 7},
		{[]string{"no-customer-list", "unstable-order"}, "tags", "doubt: order_unstable", 14},
	} {
		t.Run(fmt.Sprintf("%s/%v", test.query, test.faults), func(t *testing.T) {
			t.Parallel()
			c := openCloud(t, simulator.Options{Customers: customers, Faults: test.faults})
			var asked query
			for _, q := range queries() {
				if q.name == test.query {
					asked = q
				}
			}
			a := c.ask(t.Context(), asked, core.Params{})
			calls := c.sim.Calls()
			n := calls.Credit.Accepted + calls.Tags.Accepted + calls.SubCustomers.Accepted
			if ratio := float64(n) / pages; !slices.Contains(strings.Split(test.ends, "|"), a.String()) || ratio > test.most || len(a.records) != customers {
				t.Errorf("%v with %d customers, after %d calls for %d pages; want %s and at most %.1f a page", a, len(a.records), n, pages, test.ends, test.most)
			} else {
				t.Logf("%s %v: %d calls for %d pages: %.2f", test.query, test.faults, n, pages, ratio)
			}
		})
	}
}
