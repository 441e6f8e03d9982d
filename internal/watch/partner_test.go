package watch_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

func amountOf(text string) *core.Money {
	m, err := core.ParseMoney(text)
	if err != nil {
		panic(err)
	}
	return &m
}

// partner is a vendor's answer about the partner: pool and reseller have so much left of
// 1000.00.
func partner(pool, reseller string) core.PartnerState {
	expires := morning.AddDate(0, 0, 20)
	return core.PartnerState{
		Pool:      &core.PartnerCredit{Total: amountOf("1000.00"), Allocated: amountOf("1.00"), Remaining: amountOf(pool), Currency: "USD"},
		Resellers: []core.ResellerCredit{{ResellerID: "r1", Name: "Example Ltd", Allocated: amountOf("1000.00"), Remaining: amountOf(reseller), Currency: "USD"}},
		Vouchers:  map[string]core.Vouchers{idOf(5): {Remaining: *amountOf("50.00"), NearestExpiry: &expires}},

		VouchersUnread: map[string]bool{idOf(7): true},
	}
}

// withPartner makes the world's runs read a partner.
func (w *world) withPartner(read func(ctx context.Context) (core.PartnerState, []core.Warning)) {
	w.change = func(job *watch.Job) { job.Partner = read }
}

func direct(customers ...int) (ids []string) {
	for _, i := range customers {
		ids = append(ids, idOf(i))
	}
	return ids
}

// alertsOf are the alerts of a run about the partner and about vouchers.
func (w *world) partnerAlerts(t tester, run string) (kinds []string) {
	t.Helper()
	for _, a := range parse[struct {
		Alerts []alert.Alert `json:"alerts"`
	}](t, get(t, w.store, "runs/credit/north/"+run+"/alerts.json")).Alerts {
		if a.Kind == alert.PartnerLow || a.Kind == alert.ResellerLow || a.Kind == alert.VoucherExpiring {
			kinds = append(kinds, strings.TrimSpace(string(a.Kind)+" "+a.ResellerID+a.CustomerID))
		}
	}
	return kinds
}

func openOf(m watch.Manifest) (kinds []string) {
	for _, a := range m.Partner.Open {
		kinds = append(kinds, strings.TrimSpace(string(a.Kind)+" "+a.ResellerID))
	}
	return kinds
}

func TestPartnerInARun(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 40)
	state, warnings := partner("500.00", "500.00"), []core.Warning(nil)
	w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) { return state, warnings })
	if m := w.watch(t, "2026-11-20").Manifest; m.State != watch.Done || *m.Partner.Resellers != 1 || *m.Partner.Vouchers != 1 || m.Partner.Pool.Remaining.String() != "500.00" {
		t.Fatalf("%+v", m.Partner)
	}
	const folder = "runs/credit/north/2026-11-20/"
	if got, want := get(t, w.store, folder+"resellers.json"), `{"schema":"partnerlens.resellers/v1","resellers":[
{"reseller_id":"r1","name":"Example Ltd","remark":"","customers":null,"allocated":"1000.00","remaining":"500.00","voucher":null,"voucher_remaining":null,"currency":"USD","bound_at":null}
]}
`; got != want {
		t.Errorf("%s", got)
	}
	lines := unpacked(t, get(t, w.store, folder+"customers.ndjson.gz"))
	if strings.Count(lines, `"vouchers":{"remaining":"50.00","nearest_expiry":"2026-12-11T22:00:00Z"}`) != 1 || strings.Count(lines, `"vouchers":{"remaining":"0","nearest_expiry":null}`) != 38 || strings.Count(lines, `"vouchers":null`) != 1 {
		t.Errorf("%s", lines)
	}

	// Both fall on the second day. On the third nothing is read; on the fourth both recover.
	state = partner("50.00", "50.00")
	if m := w.watch(t, "2026-11-21").Manifest; m.Alerts["partner_low"] != 1 || m.Alerts["reseller_low"] != 1 {
		t.Errorf("%v", m.Alerts)
	}
	want := []string{"partner_low", "reseller_low r1"}
	if got := w.partnerAlerts(t, "2026-11-21"); !slices.Equal(got, want) {
		t.Errorf("%s", got)
	}
	state, warnings = core.PartnerState{}, []core.Warning{{Code: "partner_unavailable", Message: "QueryPartnerCredit: unavailable"}}
	m := w.watch(t, "2026-11-22").Manifest
	if got := openOf(m); !slices.Equal(got, want) || m.Partner.Pool != nil || m.Partner.Resellers != nil || m.Partner.Vouchers != nil || !slices.Equal(m.Warnings, warnings) || !m.Notify || m.Changes.Changed != 0 {
		t.Errorf("%s, %+v", got, m)
	}
	if exists(w.store, "runs/credit/north/2026-11-22/resellers.json") || w.partnerAlerts(t, "2026-11-22") != nil {
		t.Error("a run that read nothing has resellers or alerts")
	}
	if m := w.watch(t, "2026-11-23").Manifest; m.Notify || len(m.Warnings) != 1 || len(openOf(m)) != 2 {
		t.Errorf("the same warning on the next day: %+v", m)
	}
	state, warnings = partner("500.00", "500.00"), nil
	if m := w.watch(t, "2026-11-24").Manifest; len(openOf(m)) != 0 || len(m.Partner.Known) != 3 || w.partnerAlerts(t, "2026-11-24") != nil {
		t.Errorf("%+v", m.Partner)
	}
	if got := w.chats["ops"].said(); !slices.Equal(got, []string{"2026-11-20 first", "2026-11-21 partner_low reseller_low", "2026-11-22"}) {
		t.Errorf("%q", got)
	}
}

// A condition survives runs that are not proven, that are held, and whose alerts are not
// evaluated.
func TestPartnerConditionsSurvive(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(w *world) (undo func()){
		"unproven": func(w *world) func() { w.books.lie = 3; return func() { w.books.lie = 0 } },
		"held":     func(w *world) func() { w.books.as = newBooks(1); return func() { w.books.as = nil } },
		"no rules": func(w *world) func() {
			w.partial = alert.Config{NoRules: true, Err: &core.Error{Code: core.CodeMisconfigured}}
			return func() { w.partial = alert.Config{} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(newMemory(nil), 40)
			state := partner("500.00", "50.00")
			w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) { return state, nil })
			w.watch(t, "2026-11-20")
			undo := disturb(w)
			if state := w.watch(t, "2026-11-21").State; string(state) != strings.ReplaceAll(name, "no rules", "done") {
				t.Fatal(state)
			}
			undo()
			state = partner("50.00", "50.00")
			m := w.watch(t, "2026-11-22").Manifest
			if got := w.partnerAlerts(t, "2026-11-22"); !slices.Equal(got, []string{"partner_low"}) {
				t.Errorf("alerts %s", got)
			}
			if since := m.Partner.Open[1].Since; openOf(m)[1] != "reseller_low r1" || !strings.HasPrefix(since, "2026-11-19") { // 22:00 UTC
				t.Errorf("open %s since %s", openOf(m), since)
			}
		})
	}
}

func TestVoucherExpiring(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 40)
	w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) {
		return core.PartnerState{Vouchers: partner("1", "1").Vouchers}, nil
	})
	w.watch(t, "2026-12-03")
	w.watch(t, "2026-12-04")
	w.watch(t, "2026-12-06") // 6 days before
	w.watch(t, "2026-12-07")
	for run, want := range map[string][]string{"2026-12-04": nil, "2026-12-06": {"voucher_expiring " + idOf(5)}, "2026-12-07": nil} {
		if got := w.partnerAlerts(t, run); !slices.Equal(got, want) {
			t.Errorf("%s: %s", run, got)
		}
	}
}

// The first run that reads vouchers, as after an upgrade or once the key may, reports none
// of the expiries that it finds; a day on which they cannot be read changes nothing.
func TestVouchersAreReadLater(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 40)
	state := core.PartnerState{}
	w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) { return state, nil })
	w.watch(t, "2026-12-05")
	near := func(ids ...int) map[string]core.Vouchers {
		vouchers := make(map[string]core.Vouchers)
		for _, i := range ids {
			vouchers[idOf(i)] = partner("1", "1").Vouchers[idOf(5)]
		}
		return vouchers
	}
	state.Vouchers = near(5)
	if m := w.watch(t, "2026-12-06").Manifest; m.Open["voucher_expiring"] != 1 || w.partnerAlerts(t, "2026-12-06") != nil {
		t.Errorf("the first time: open %v, alerts %v", m.Open, w.partnerAlerts(t, "2026-12-06"))
	}
	state.Vouchers = nil
	w.watch(t, "2026-12-07")
	state.Vouchers = near(5, 6)
	w.watch(t, "2026-12-08")
	if got, want := w.partnerAlerts(t, "2026-12-08"), []string{"voucher_expiring " + idOf(6)}; !slices.Equal(got, want) {
		t.Errorf("later: %s, want %s", got, want)
	}
}

func TestDirectCustomersAreAWitness(t *testing.T) {
	t.Parallel()
	many := direct(100, 101, 102, 103, 104, 105, 106)
	slices.Sort(many)
	for _, test := range []struct {
		name   string
		direct []string
		lie    int
		want   string
	}{
		{"some of the list", direct(1, 2, 3), 0, ""},
		{"none", []string{}, 0, ""},
		{"not read", nil, 0, ""},
		{"one more", direct(0, 1, 100), 0, "has 1 that the list lacks, the first: " + idOf(100)},
		{"many more", slices.Concat(many, direct(1)), 0, "has 7 that the list lacks, the first: " + strings.Join(many[:5], ", ")},
		{"the list is not proven", direct(100), 3, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(newMemory(nil), 40)
			w.books.lie = test.lie
			w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) {
				return core.PartnerState{Direct: test.direct}, nil
			})
			m := w.watch(t, "2026-11-20").Manifest
			if want := test.lie == 0; m.Complete != want || m.Proven != want {
				t.Errorf("complete %v, proven %v", m.Complete, m.Proven)
			}
			got := ""
			for _, warning := range m.Warnings {
				if warning.Code == core.WarnWitness {
					got = warning.Message
				}
			}
			if !strings.HasSuffix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// The vendor is asked once an attempt, and not beyond a minute or a third of the time left.
func TestPartnerTime(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]time.Duration{10 * time.Minute: time.Minute, 100 * time.Second: 30 * time.Second, 0: time.Minute} {
		bubble(t, fmt.Sprint(left), func(t *testing.T) {
			w := newWorld(newMemory(nil), 40)
			calls := 0
			w.withPartner(func(ctx context.Context) (core.PartnerState, []core.Warning) {
				calls++
				start := time.Now()
				<-ctx.Done()
				if took := time.Since(start); took != want {
					t.Errorf("%s, want %s", took, want)
				}
				return core.PartnerState{}, []core.Warning{{Code: "partner_unavailable"}}
			})
			ctx := t.Context()
			if left > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, left)
				defer cancel()
			}
			outcome, err := w.call(ctx, "2026-11-20")
			if err != nil || outcome.State != watch.Done || calls != 1 {
				t.Errorf("%+v, %v, %d calls", outcome.State, err, calls)
			}
			synctest.Wait()
		})
	}
}

// A read that leaves little time does not cost the run what the vendor says of the partner:
// the next call has more.
func TestPartnerAfterALongRead(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]watch.State{60 * time.Second: watch.GoingOn, 150 * time.Second: watch.Done} {
		bubble(t, fmt.Sprint(left), func(t *testing.T) {
			w := newWorld(newMemory(nil), 40)
			w.withPartner(func(ctx context.Context) (core.PartnerState, []core.Warning) {
				select {
				case <-time.After(5 * time.Second):
					return partner("500.00", "500.00"), nil
				case <-ctx.Done():
					return core.PartnerState{}, []core.Warning{{Code: core.WarnPartnerUnavailable}}
				}
			})
			w.books.latency = 12 * time.Second // 36 s in all
			for _, want := range []watch.State{want, watch.Done} {
				ctx, cancel := context.WithTimeout(t.Context(), left)
				outcome, err := w.call(ctx, "2026-11-20")
				cancel()
				if err != nil || outcome.State != want && outcome.State != watch.Already {
					t.Errorf("%s, %v, want %s", outcome.State, err, want)
				}
			}
			if m := manifestOf(t, w.store, "2026-11-20"); m.Partner == nil || m.Partner.Pool == nil {
				t.Errorf("partner %+v", m.Partner)
			}
		})
	}
}

// A run that is killed, or whose store fails, at any of its operations, and whose vendor
// then says something else of the partner, ends with the objects of one answer.
func TestPartnerAfterAKill(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 40)
	base.withPartner(func(context.Context) (core.PartnerState, []core.Warning) { return partner("500.00", "500.00"), nil })
	base.watch(t, "2026-11-20")
	// on returns a world after that run, whose vendor gives another answer each time, from
	// the first or the second on.
	on := func(calls int) *world {
		w := base.on(newMemory(base.store.(*memory)))
		w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) {
			calls++
			state := partner("50.00", "50.00")
			state.Vouchers[idOf(6)] = core.Vouchers{Remaining: *amountOf(fmt.Sprint(calls))}
			return state, nil
		})
		return w
	}
	var operations atomic.Int32
	wanted := make(map[string]map[string]string) // by the line of the customer with the voucher
	for calls := range 2 {
		w := on(calls)
		s := w.store
		operations.Store(0)
		w.store = shaky(s, math.MaxInt, false, false, &operations)
		w.watch(t, "2026-11-21")
		w.store = s
		wanted[customerLine(t, w, "2026-11-21", idOf(6))] = objects(t, s)
	}
	if len(wanted) != 2 {
		t.Fatal("the answers are the same")
	}
	for _, mode := range modes {
		for at := range some(int(operations.Load())) {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				w := on(0)
				s := w.store
				var n atomic.Int32
				w.store = shaky(s, at, mode.after, mode.gone, &n)
				_, _ = w.call(t.Context(), "2026-11-21")
				w.store = s
				w.watch(t, "2026-11-21")
				w.watch(t, "2026-11-21") // deletes what a killed invocation left
				want, one := wanted[customerLine(t, w, "2026-11-21", idOf(6))]
				if !one {
					t.Fatal("neither answer")
				}
				same(t, s, want)
			})
		}
	}
}

func customerLine(t tester, w *world, run, id string) string {
	t.Helper()
	for line := range strings.Lines(unpacked(t, get(t, w.store, "runs/credit/north/"+run+"/customers.ndjson.gz"))) {
		if strings.Contains(line, id) {
			return line
		}
	}
	t.Fatalf("%s is missing", id)
	return ""
}

var errPartner = errors.New("the partner's test")

// A partner's object that is damaged makes the next call read the list again.
func TestDamagedPartner(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(m *memory, object string){
		"missing": func(m *memory, object string) { delete(m.objects, object) },
		"cut":     func(m *memory, object string) { m.objects[object] = m.objects[object][:10] },
		"empty":   func(m *memory, object string) { m.objects[object] = nil },
		"other":   func(m *memory, object string) { m.objects[object] = []byte(packed(`{"state":3}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory(nil)
			w := newWorld(m, 40)
			calls := 0
			w.change = func(job *watch.Job) {
				job.Partner = func(context.Context) (core.PartnerState, []core.Warning) {
					calls++
					return partner("500.00", "500.00"), nil
				}
				job.Details = func(core.Record) core.Details {
					if calls == 1 { // the objects are being written: fail once
						panic(errPartner)
					}
					return core.Details{}
				}
			}
			func() {
				defer func() { _ = recover() }()
				_, _ = w.call(t.Context(), "2026-11-20")
			}()
			m.mu.Lock()
			for object := range m.objects {
				if strings.Contains(object, "progress/partner-") {
					damage(m, object)
				}
			}
			delete(m.objects, "runs/credit/north/lease.json")
			m.mu.Unlock()
			outcome, err := w.call(t.Context(), "2026-11-20")
			if core.CodeOf(err) != core.CodeUnavailable {
				t.Fatalf("%v, %v", outcome.State, err)
			}
			if outcome := w.watch(t, "2026-11-20"); outcome.State != watch.Done || calls != 2 || *outcome.Manifest.Partner.Resellers != 1 {
				t.Errorf("%+v, %d calls", outcome, calls)
			}
		})
	}
}

// A run that is made again without the resellers leaves none behind.
func TestNoStaleResellers(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 40)
	state := partner("500.00", "500.00")
	w.withPartner(func(context.Context) (core.PartnerState, []core.Warning) { return state, nil })
	w.watch(t, "2026-11-20")
	state.Resellers = nil
	read := w.change
	w.change = func(job *watch.Job) { read(job); job.Force = true }
	if _, err := w.call(t.Context(), "2026-11-20"); err != nil {
		t.Fatal(err)
	}
	if exists(w.store, "runs/credit/north/2026-11-20/resellers.json") {
		t.Error("the resellers of the attempt before are left")
	}
}
