package huawei

import (
	"fmt"
	"slices"
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
	const pageSize = 25
	sourcetest.Run(t, sourcetest.Harness[core.TagQuery, *core.CustomerTag]{
		Open: func(tb testing.TB, world sourcetest.World) core.Source[core.TagQuery, *core.CustomerTag] {
			return newSource(tb, Config{Endpoint: cloud(tb, world), PageSize: pageSize})
		},
		Facts: func(n int) (facts []sourcetest.Fact) {
			for i := range n {
				facts = append(facts, factOf(sim.TagCustomer(i)))
			}
			return facts
		},
		Query:    core.TagQuery{},
		Columns:  core.TagFunction(nil, nil).Columns,
		PageSize: pageSize,
		Odd:      true,
	})
}

// TestConformanceOfResellers is the same for the list of resellers. There are
// as many as the simulator makes for so many customers.
func TestConformanceOfResellers(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Harness[ResellerQuery, *core.Member]{
		Open: func(tb testing.TB, world sourcetest.World) core.Source[ResellerQuery, *core.Member] {
			return newSource(tb, Config{Endpoint: resellerCloud(tb, world)}).Resellers()
		},
		Facts: func(n int) (facts []sourcetest.Fact) {
			for i := range n {
				facts = append(facts, sourcetest.Fact{ID: resellerID(i), Row: map[string]string{"reseller_id": resellerID(i)}})
			}
			return facts
		},
		Columns:  []core.Column{{Name: "reseller_id"}},
		PageSize: maxMemberPage,
	})
}

// TestConformanceOfSubCustomers is the same for the list of the account's customers.
func TestConformanceOfSubCustomers(t *testing.T) {
	t.Parallel()
	sim, _ := simulate(t, simulator.Options{})
	sourcetest.Run(t, sourcetest.Harness[core.TagQuery, *core.Member]{
		Open: func(tb testing.TB, world sourcetest.World) core.Source[core.TagQuery, *core.Member] {
			return newSource(tb, Config{Endpoint: cloud(tb, world)}).SubCustomers()
		},
		Facts: func(n int) (facts []sourcetest.Fact) {
			for i := range n {
				id := sim.SubCustomer(i).CustomerID
				facts = append(facts, sourcetest.Fact{ID: id, Row: map[string]string{"customer_id": id}})
			}
			return facts
		},
		Columns:  []core.Column{{Name: "customer_id"}},
		PageSize: maxMemberPage,
	})
}

// TestSubCustomersAreThoseOfTheTags: the witness of a list of tags names the
// same customers under the same keys, of the account's own and of a reseller.
func TestSubCustomersAreThoseOfTheTags(t *testing.T) {
	t.Parallel()
	sim, url := simulate(t, simulator.Options{Customers: 260})
	source := newSource(t, Config{Endpoint: url})
	for _, reseller := range []string{"", sim.Resellers()[2].IndirectPartnerID} {
		query := core.TagQuery{ResellerID: reseller}
		tags, members := keysOf(t, source, query), keysOf(t, source.SubCustomers(), query)
		if !slices.Equal(tags, members) || len(tags) < 200 {
			t.Errorf("reseller %q: %d tags, %d members, want the same", reseller, len(tags), len(members))
		}
		one := query.ForIDs([]string{sim.TagCustomer(7).CustomerID})
		want := 1
		if reseller != "" {
			want = 0
		}
		page, err := source.SubCustomers().FetchPage(t.Context(), one, core.Cursor{})
		if err != nil || len(page.Items) != want || *page.Total != want || want == 1 && page.Items[0].Key() != one.KeyOf(one.CustomerIDs[0]) {
			t.Errorf("reseller %q, by id: %+v, %v; want %d", reseller, page, err, want)
		}
	}
}

func keysOf[T core.Record](t *testing.T, source core.Source[core.TagQuery, T], query core.TagQuery) (keys []string) {
	t.Helper()
	for at := new(core.Cursor); at != nil; {
		page, err := source.FetchPage(t.Context(), query, *at)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range page.Items {
			keys = append(keys, record.Key())
		}
		at = page.Next
	}
	slices.Sort(keys)
	return keys
}

// vendorFailure is an error inside an HTTP 200.
const vendorFailure = `{"error_code":"CBC.5001","error_msg":%q}`

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

func factOf(c simulator.TagCustomer) sourcetest.Fact {
	return sourcetest.Fact{ID: c.CustomerID, Row: map[string]string{
		"provider": "huaweicloud", "customer_id": c.CustomerID, "reseller_id": "",
		"tag_type": c.CustomerTagType, "tag_value": c.NewCustomerTag,
		"effective_month": c.EffectiveTime, "expire_month": c.ExpireTime,
	}}
}

func resellerID(i int) string { return fmt.Sprintf("5d%030d", i) }
