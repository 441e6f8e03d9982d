package app_test

import (
	"fmt"
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
		{[]string{"ties"}, "credit", "complete", 5.5},
		{[]string{"unstable-order"}, "credit", "complete", 5.5},
		{nil, "tags", "complete", 2.8}, // 2 and eight pages that were fetched ahead beyond the end
		{[]string{"unstable-order"}, "tags", "complete", 6},
		{[]string{"no-customer-list"}, "tags", "complete", 5.2},
		{[]string{"no-customer-list", "unstable-order"}, "tags", "doubt: order_unstable", 11},
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
			n := calls.Credit.Admitted + calls.Tags.Admitted + calls.SubCustomers.Admitted
			if ratio := float64(n) / pages; a.String() != test.ends || ratio > test.most || len(a.records) != customers {
				t.Errorf("%v with %d customers, after %d calls for %d pages; want %s and at most %.1f a page", a, len(a.records), n, pages, test.ends, test.most)
			} else {
				t.Logf("%s %v: %d calls for %d pages: %.2f", test.query, test.faults, n, pages, ratio)
			}
		})
	}
}
