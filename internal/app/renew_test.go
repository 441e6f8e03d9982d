package app_test

import (
	"sync/atomic"
	"testing"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// A key that is rotated in the middle of a read must lose no page: the old one
// is refused, and the new one is read from the settings.
func TestRotationInMidRead(t *testing.T) {
	t.Parallel()
	for _, q := range queries() {
		for _, rotated := range []bool{true, false} {
			c := openCloud(t, simulator.Options{Customers: 950, Faults: []string{"key-revoked"}})
			old := c.environment()
			c.key = temporaryKey
			fresh := c.environment()
			var started atomic.Bool
			env := func(name string) string {
				if rotated && started.Load() {
					return fresh(name)
				}
				return old(name)
			}
			function := app.Tags.Compose(env, nil).Function
			if q.name == "credit" {
				function = app.Credit.Compose(env, nil).Function
			}
			question, err := function.Ask(q.params)
			if err != nil {
				t.Fatal(err)
			}
			ctx := core.WithTrace(t.Context(), &core.Trace{PageRead: func(int, int, *int) { started.Store(true) }})
			report, err := question.Read(ctx, func(core.Record) bool { return true })
			switch {
			case err != nil:
				t.Errorf("%s: %v", q.name, err)
			case rotated && (!report.Complete || report.Count < 950):
				t.Errorf("%s, rotated: %d customers, %+v", q.name, report.Count, report)
			case !rotated && (report.Complete || *report.Stopped != core.StoppedUpstream || report.Warnings[0].Code != string(core.CodeDenied)):
				t.Errorf("%s, revoked and not rotated: %+v", q.name, report)
			}
		}
	}
}
