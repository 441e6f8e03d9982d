package core_test

import (
	"testing"
	"testing/synctest"

	"partnerlens/pkg/core"
)

// Where a cloud counts customers and lists none at several tries, its pages are
// not fetched again one row at a time, and an empty list is not called complete.
func TestCountedButNotListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(95)
		l.after = func(_ int, page *core.Page[*core.CustomerCredit]) { page.Items, page.Next = nil, nil }
		ids, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{})
		if err != nil || len(ids) > 0 || report.Complete || len(report.Warnings) != 1 || report.Warnings[0].Code != core.WarnTotalMismatch || l.calls != 3 {
			t.Errorf("%d customers, %+v, %v after %d calls: want a doubt after 3", len(ids), report, err, l.calls)
		}
	})
}
