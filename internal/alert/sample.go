package alert

import "time"

// Sample is a Digest with made-up customers, marked as a test, to try channels
// with: whatever a channel wants, it is told a sample. asOf is now: it makes the id
// of the delivery new, so that no receiver takes it for one it has.
func Sample(language string, asOf time.Time) *Digest {
	names := [...]string{"E***e L***d", "S***o"}
	if language == Chinese {
		names = [...]string{"示***司", "样***品"}
	}
	moment := textOf(asOf)
	d := NewDigest(Summary{
		Function: "credit", Account: "sample", Run: "test-" + moment, AsOf: asOf, Total: 3,
		Statuses: map[string]int{"ok": 1, "low": 1, "overdrawn": 1}, Location: "runs/credit/sample/test",
	})
	d.sample = true
	days := 12
	for _, a := range []Alert{
		{Kind: CreditOverdrawn, CustomerID: "200000000001", Name: names[0], Remaining: "-12.50", Allocated: "1000.00", Currency: "USD", Threshold: "10%", Previous: "low", Status: "overdrawn"},
		{Kind: CreditLow, CustomerID: "200000000002", Name: names[1], Remaining: "80.00", Allocated: "1000.00", Currency: "USD", Threshold: "10%", DaysLeft: &days, Previous: "ok", Status: "low"},
	} {
		a.ID, a.Severity = idOf("alert", d.Function, d.Account, d.Run, string(a.Kind), a.CustomerID), a.Kind.Severity()
		a.Account, a.Provider, a.Since = d.Account, "tencentcloud", moment
		d.Add(a)
	}
	return d
}
