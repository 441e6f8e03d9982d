package huawei

import (
	"encoding/json"
	"testing"

	"partnerlens/internal/simulator"
)

// samplePage is a page of ordinary customers as the simulator writes them.
func samplePage(tb testing.TB, rows int) []byte {
	tb.Helper()
	sim, _ := simulate(tb, simulator.Options{Customers: 1000})
	var customers []simulator.TagCustomer
	for i := range rows {
		customers = append(customers, sim.TagCustomer(100+i)) // past the awkward ones
	}
	body, err := json.Marshal(map[string]any{"new_customer_tags": customers})
	if err != nil {
		tb.Fatal(err)
	}
	return body
}
