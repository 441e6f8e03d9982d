package alert

import "time"

// Sample returns a Digest of made-up customers, marked as a test. Every channel gets it,
// whatever its kinds, accounts and severity. asOf is the current time, so that the
// delivery has a new id.
func Sample(language string, asOf time.Time) *Digest {
	names, full, remark := [...]string{"E***e L***d", "S***o"}, [...]string{"Example Limited", "Sampleco"}, "pays quarterly"
	if language == Chinese {
		names, full, remark = [...]string{"示***司", "样***品"}, [...]string{"示例有限公司", "样品"}, "按季度付款"
	}
	now := formatTime(asOf)
	d := NewDigest(Summary{
		Function: "credit", Account: "sample", Run: "test-" + now, AsOf: asOf, Total: 3,
		Statuses: map[string]int{"ok": 1, "low": 1, "overdrawn": 1}, Location: "runs/credit/sample/test",
	})
	d.sample = true
	alerts := []Alert{
		{Kind: CreditOverdrawn, CustomerID: "200000000001", Name: names[0], FullName: full[0], Owner: "Alice", Remark: remark, Remaining: "-12.50", Allocated: "1000.00", Currency: "USD", Threshold: "10%", Previous: "low", Status: "overdrawn"},
		{Kind: CreditLow, CustomerID: "200000000002", Name: names[1], FullName: full[1], Owner: "Bob", Remaining: "80.00", Allocated: "1000.00", Currency: "USD", Threshold: "10%", DaysLeft: new(12), Previous: "ok", Status: "low"},
	}
	for i := range alerts {
		a := &alerts[i]
		a.ID, a.Severity = hashID("alert", d.Function, d.Account, d.Run, string(a.Kind), a.CustomerID), a.Kind.Severity()
		a.Account, a.Provider, a.Since = d.Account, "tencentcloud", now
		d.AddOpen(*a)
	}
	_ = d.AddAll(func(yield func(Alert, error) bool) { // it has no error
		for _, a := range alerts {
			if !yield(a, nil) {
				return
			}
		}
	})
	return d
}
