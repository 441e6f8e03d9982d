package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// Rows that hold something else than documented cost no run: the manifest and the
// digest name the member and the first customer, and an unknown tag is alerted once, on
// the day it comes.
func TestWatchOfOddRows(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC) // no month turns
	c := openCloud(t, simulator.Options{Customers: 400, Faults: []string{"bad-value", "unknown-tag", "force-absent", "iso-times"}, Today: today})
	folder := t.TempDir()
	env := c.settings()
	env["PARTNERLENS_STORE"] = "file://" + folder
	var digests []string
	for day := range 3 {
		c.sim.SetDay(day)
		at := today.AddDate(0, 0, day)
		run, now := at.Format(time.DateOnly), func() time.Time { return at }
		watcher := &app.Watcher{Env: with(env), Now: now, Digest: func(d *alert.Digest) { digests = append(digests, d.Text(alert.Chinese, 0)) }}
		for _, f := range app.ComposeAll(with(env), now) {
			done, err := watcher.Watch(t.Context(), f, app.WatchRequest{Run: run})
			if err != nil || !done.Complete {
				t.Fatalf("%s, day %d: %v, %+v", f.Function.Name, day, err, done)
			}
			var m struct {
				Warnings []core.Warning
				Notify   bool
			}
			text, err := os.ReadFile(filepath.Join(folder, "runs", f.Function.Name, "default", run, "manifest.json"))
			if err == nil {
				err = json.Unmarshal(text, &m)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := c.unread(f.Function.Name)
			for _, w := range m.Warnings {
				if w.CustomerID == "" && strings.HasPrefix(w.Field, "DescribeCustomerVoucherList.") {
					continue // of vouchers; pkg/tencent tests them
				}
				if w.Code != core.WarnValueUnreadable || w.Count != want[w.Field] || w.CustomerID == "" {
					t.Errorf("%s, day %d: %+v, want %v", f.Function.Name, day, w, want)
				}
				delete(want, w.Field)
				if digest := digests[len(digests)-1]; !strings.Contains(digest, "字段 "+w.Field) && !strings.Contains(digest, "另有") {
					t.Errorf("%s, day %d: %s is not in the digest %q", f.Function.Name, day, w.Field, digest)
				}
			}
			if len(want) > 0 || m.Notify != (day == 0) {
				t.Errorf("%s, day %d: no warning of %v; notify %t", f.Function.Name, day, want, m.Notify)
			}
		}
		kinds := alertsOf(t, filepath.Join(folder, "runs", "tags", "default", run, "alerts.json"))
		for i := range c.sim.Customers() {
			customer := c.sim.TagCustomer(i)
			if kinds[customer.CustomerID] == "customer_gone" {
				continue
			}
			comes := day == 1 && customer.NewCustomerTag == simulator.UnknownTag && i%28 == 14
			if got := strings.Contains(kinds[customer.CustomerID], "tag_unrecognized"); got != comes {
				t.Errorf("day %d: of %d the alerts are %q", day, i, kinds[customer.CustomerID])
			}
			if customer.NewCustomerTag == simulator.UnknownTag && strings.Contains(kinds[customer.CustomerID], "tag_lost") {
				t.Errorf("day %d: the tag of %d is lost", day, i)
			}
		}
	}
}

// unread counts the customers whose rows have a member that cannot be read, of those that
// are there.
func (c *cloud) unread(function string) map[string]int {
	counts := make(map[string]int)
	for key, fact := range c.truth(query{function, core.Params{}}, c.now).facts {
		if fact.unread != "" && key != "" {
			counts[fact.unread]++
		}
	}
	return counts
}

// By the other reading of its month a tag ends a month earlier, in answers and in runs,
// and a run that is under way when the setting changes is read anew.
func TestExpireMonthIsASetting(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 20})
	env := c.settings()
	for _, reading := range []string{"", "last_valid", "first_invalid"} {
		env["PARTNERLENS_HUAWEI_EXPIRE_MONTH"] = reading
		question, err := app.Tags.Compose(with(env), nil).Function.Ask(core.Params{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := question.Read(t.Context(), func(record core.Record) bool {
			tag := record.(*core.CustomerTag)
			if m := tag.ExpireMonth; m != nil {
				end := m.End(core.VendorZone)
				if reading == "first_invalid" {
					end = m.Start(core.VendorZone)
				}
				if !tag.ExpiresAt.Equal(end) {
					t.Errorf("%s: %s ends at %s", reading, m, tag.ExpiresAt)
				}
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
		done, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Tags.Compose(with(env), nil), app.WatchRequest{})
		want := map[string]string{"": "last_valid"}[reading] + reading
		if err != nil || done.Accounts[0].Details.Thresholds["expire_month"] != want {
			t.Errorf("%q: %v, %v", reading, err, done.Accounts[0].Details.Thresholds)
		}
	}
	env["PARTNERLENS_HUAWEI_EXPIRE_MONTH"] = "Both"
	question, err := app.Tags.Compose(with(env), nil).Function.Ask(core.Params{})
	if err == nil {
		_, err = question.Read(t.Context(), func(core.Record) bool { return true })
	}
	if failure := core.AsError(err); failure == nil || failure.Code != core.CodeMisconfigured || failure.Param != "PARTNERLENS_HUAWEI_EXPIRE_MONTH" || !strings.Contains(failure.Detail, "last_valid") {
		t.Errorf("%v", err)
	}
	// A named account has it as a member, and else as the variable says.
	env["PARTNERLENS_HUAWEI_EXPIRE_MONTH"] = "first_invalid"
	env["PARTNERLENS_ACCOUNTS"] = asJSON(t, fields{"china": fields{
		"vendor": "huaweicloud", "ak": simulator.KeyID, "sk": simulator.KeySecret, "endpoint": c.server.URL, "expire_month": "last_valid",
	}})
	for account, want := range map[string]string{"china": "last_valid", "default": "first_invalid"} {
		env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
		done, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Tags.Compose(with(env), nil), app.WatchRequest{Account: account})
		if err != nil || done.Accounts[0].Details.Thresholds["expire_month"] != want {
			t.Errorf("%s: %v, %+v", account, err, done)
		}
	}
}

// In an answer for all accounts each warning names its account, and comes before what
// stopped a read.
func TestUnreadValuesOfAllAccounts(t *testing.T) {
	t.Parallel()
	odd := openCloud(t, simulator.Options{Customers: 100, Faults: []string{"bad-value"}})
	down := openCloud(t, simulator.Options{Customers: 100, Faults: []string{"http-500-always"}})
	account := func(c *cloud) fields {
		return fields{"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": simulator.KeySecret, "endpoint": c.server.URL, "rate": 0}
	}
	env := map[string]string{"PARTNERLENS_ACCOUNTS": asJSON(t, fields{"east": account(down), "north": account(odd), "south": account(odd)})}
	question, err := app.Credit.Compose(with(env), nil).Function.Ask(core.Params{"account": {"all"}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := question.Read(t.Context(), func(core.Record) bool { return true })
	if err != nil || len(report.Warnings) != 5 {
		t.Fatalf("%+v, %v", report.Warnings, err)
	}
	var accounts []string
	for _, w := range report.Warnings[:4] {
		accounts = append(accounts, w.Account)
		if w.Code != core.WarnValueUnreadable || w.Count != 1 || w.CustomerID == "" {
			t.Errorf("%+v", w)
		}
	}
	if got := strings.Join(accounts, " "); got != "north north south south" || report.Warnings[4].Account != "east" || report.Warnings[4].AboutRecords() {
		t.Errorf("%s, then %+v", got, report.Warnings[4])
	}
}
