package tencent

import (
	"encoding/json"
	"testing"

	"partnerlens/internal/simulator"
)

// samplePage is a page of ordinary customers as the simulator writes them.
func samplePage(tb testing.TB, rows int) []byte {
	tb.Helper()
	sim, _ := simulate(tb, simulator.Options{Customers: 1000})
	var customers []simulator.CreditCustomer
	for i := range rows {
		customers = append(customers, sim.CreditCustomer(100+i)) // past the awkward ones
	}
	body, err := json.Marshal(map[string]any{"Response": map[string]any{
		"Total": rows, "Data": customers, "RequestId": "2b7c676e-0000-4000-8000-000000000000",
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return body
}
