package app_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// askTags asks a function for tags, and returns the customers and how many calls of the
// lists of customers and of resellers that took.
func (c *cloud) askTags(t *testing.T, f *core.Function, params core.Params) (tags []*core.CustomerTag, report core.Report, calls int) {
	t.Helper()
	before := c.sim.Calls()
	params["pii"] = []string{"full"}
	question, err := f.Ask(params)
	if err != nil {
		t.Fatal(err)
	}
	report, err = question.Read(t.Context(), func(r core.Record) bool {
		tags = append(tags, r.(*core.CustomerTag))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	after := c.sim.Calls()
	return tags, report, after.SubCustomers.Accepted + after.Resellers.Accepted - before.SubCustomers.Accepted - before.Resellers.Accepted
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// misnamed returns what is wrong with the names of customers; "" for nothing.
func (c *cloud) misnamed(tags []*core.CustomerTag) string {
	known := make(map[string]simulator.SubCustomer)
	for i := range c.sim.Customers() {
		known[c.sim.SubCustomer(i).CustomerID] = c.sim.SubCustomer(i)
	}
	resellers := make(map[string]string)
	for _, r := range c.sim.Resellers() {
		resellers[r.IndirectPartnerID] = r.Name
	}
	for _, tag := range tags {
		if tag.ResellerID != nil {
			if text(tag.Name) == "" || text(tag.Owner) == "" || text(tag.ResellerName) != resellers[*tag.ResellerID] {
				return fmt.Sprintf("%+v, reseller %q", tag, text(tag.ResellerName))
			}
			continue
		}
		want := known[tag.CustomerID]
		if text(tag.Name) != want.Customer || text(tag.AccountName) != want.AccountName || text(tag.Email) != want.Email || text(tag.Mobile) != want.Telephone {
			return fmt.Sprintf("%q, want %q (%s)", text(tag.Name), want.Customer, want.Note)
		}
	}
	return ""
}

// Names come on request, with as few calls as there can be, and are reused.
func TestNamesOnRequest(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 1250})
	reseller := c.sim.Resellers()[2]
	ids := func(n int) (all []string) {
		for i := range n {
			all = append(all, c.sim.TagCustomer(900+i*7).CustomerID)
		}
		return all
	}
	ofReseller := c.sim.ResellerTagCustomer(2, 240).CustomerID
	for _, test := range []struct {
		name   string
		params core.Params
		most   int // calls for names
		again  int // the same when asked once more
	}{
		{"one", core.Params{"customer_id": ids(1)}, 1, 1},
		{"three of thirteen pages", core.Params{"customer_ids": ids(3)}, 4, 3},   // what is asked for by id is not kept
		{"forty of thirteen pages", core.Params{"customer_ids": ids(40)}, 14, 0}, // the first page twice
		{"everyone", core.Params{}, 13, 0},
		{"of a reseller", core.Params{"reseller_id": {reseller.IndirectPartnerID}}, 3 + 1, 0},
		{"one of any reseller", core.Params{"reseller_id": {core.AllResellers}, "customer_id": {ofReseller}}, 1, 1},
		{"of all", core.Params{"reseller_id": {core.AllResellers}}, 13 + 3 + 23, 0},
		{"thirty", core.Params{"limit": {"30"}}, 14, 0},
		{"five", core.Params{"limit": {"5"}}, 1 + 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := app.Tags.Compose(c.environment(), func() time.Time { return c.now }).Function
			without := func(f *core.Function) int {
				tags, _, calls := c.askTags(t, f, maps.Clone(test.params))
				if slices.ContainsFunc(tags, func(tag *core.CustomerTag) bool { return tag.Name != nil || tag.Owner != nil }) {
					t.Error("names that were not asked for")
				}
				return calls
			}
			base := without(app.Tags.Compose(c.environment(), func() time.Time { return c.now }).Function)
			for round, most := range []int{test.most, test.again} {
				params := maps.Clone(test.params)
				params["names"] = []string{"true"}
				tags, report, calls := c.askTags(t, f, params)
				if wrong := c.misnamed(tags); wrong != "" || len(tags) == 0 || len(report.Warnings) > 0 || calls-base > most {
					t.Errorf("round %d: %d customers, %s, %+v; %d calls for names, want at most %d", round, len(tags), wrong, report.Warnings, calls-base, most)
				}
			}
		})
	}
	if _, err := app.Tags.Compose(c.environment(), nil).Function.Ask(core.Params{"names": {"yes"}}); core.CodeOf(err) != core.CodeInvalid || core.AsError(err).Param != "names" {
		t.Errorf("names=yes: %v", err)
	}
}

// Whatever happens to the list of customers, the tags are answered as without names, in
// time, and one warning says what is missing.
func TestNamesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault string
		named int // at least so many of 560
		says  string
	}{
		{"no-customer-list", 0, "allow it to, in IAM"},
		{"customer-list-breaks", 100, "have no name"},
		{"customer-list-lacks", 500, "28 customers have no name: the vendor's list of customers does not name them"},
		{"customer-list-slow", 0, ""},
		{"total-low", 560, ""},
		{"total-high", 560, ""},
		{"total-of-page", 560, ""},
		{"unstable-order", 300, ""},
		{"http-500", 560, ""},
		{"vendor-busy", 560, ""},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			c := openCloud(t, simulator.Options{Customers: 560, Faults: []string{test.fault}})
			f := app.Tags.Compose(c.environment(), func() time.Time { return c.now }).Function
			question, err := f.Ask(core.Params{"names": {"true"}, "pii": {"full"}})
			if err != nil {
				t.Fatal(err)
			}
			const limit = 20 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			start, named := time.Now(), 0
			seen := make(map[string]bool)
			report, err := question.Read(ctx, func(r core.Record) bool {
				seen[r.ID()] = true
				if r.(*core.CustomerTag).AccountName != nil {
					named++
				}
				return true
			})
			var warnings []core.Warning
			for _, w := range report.Warnings {
				if w.Code == core.WarnNames {
					warnings = append(warnings, w)
				}
			}
			if err != nil || len(seen) != 560 || named < test.named || time.Since(start) > limit || !report.Complete {
				t.Errorf("%v: %d customers, %d named, %v, %+v", err, len(seen), named, time.Since(start), report)
			}
			if missing := 560 - named; missing == 0 && len(warnings) > 0 || missing > 0 && (len(warnings) != 1 || warnings[0].Count != missing || !strings.Contains(fmt.Sprint(warnings), test.says)) {
				t.Errorf("%d named, %+v", named, warnings)
			}
		})
	}
}

// Names take half of the time at most: of a list that is too slow for the answer's time,
// the customers that could be read are named, and the next answer reads on.
func TestNamesTakeHalfOfTheTime(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 1500, Faults: []string{"customer-list-slow"}})
	c.rate = "1"
	f := app.Tags.Compose(c.environment(), func() time.Time { return c.now }).Function
	named := 0
	for round := range 2 {
		question, err := f.Ask(core.Params{"names": {"true"}, "pii": {"full"}, "limit": {"300"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 16*time.Second)
		start, before := time.Now(), named
		var last time.Duration
		named = 0
		report, err := question.Read(ctx, func(r core.Record) bool {
			last = time.Since(start)
			if r.(*core.CustomerTag).AccountName != nil {
				named++
			}
			return true
		})
		cancel()
		if err != nil || report.Count != 300 || named <= before || last > 12*time.Second {
			t.Fatalf("round %d: %v, %d customers, %d of them named after %v, %+v", round, err, report.Count, named, last, report.Warnings)
		}
		if round == 0 && named < 300 && !strings.Contains(fmt.Sprint(report.Warnings), "ask again") {
			t.Errorf("%+v", report.Warnings)
		}
		if named == 300 {
			break
		}
	}
}

// Names are masked in every format unless pii=full.
func TestNamesAreMasked(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60})
	env := c.settings()
	env["PARTNERLENS_KEYS"] = attackedKeys
	s := serveApp(t, with(env), app.Tags.Compose(with(env), func() time.Time { return c.now }).Function)
	for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv", "text/csv; profile=excel"} {
		for _, pii := range []string{"masked", "full"} {
			status, body := s.get(t, "/v1/tags?names=true&pii="+pii, http.Header{"Accept": {accept}, "X-Api-Key": {keyAll}})
			if status != http.StatusOK {
				t.Fatalf("%s, %s: %d %s", accept, pii, status, body)
			}
			shown, owners := 0, 0
			for i := range c.sim.Customers() {
				of := c.sim.SubCustomer(i)
				if of.Note != "" {
					continue // escaped in some formats
				}
				for _, personal := range []string{of.Customer, of.AccountName, of.Email, of.Telephone} {
					if strings.Contains(body, personal) {
						shown++
					}
				}
				if strings.Contains(body, of.AccountManagers[0].AccountName) {
					owners++
				}
			}
			if pii == "masked" && shown > 0 || pii == "full" && shown < 29*4 || owners < 29 {
				t.Errorf("%s, %s: %d texts of customers, %d owners", accept, pii, shown, owners)
			}
		}
	}
	if status, body := s.get(t, "/v1/tags?names=maybe", http.Header{"X-Api-Key": {keyAll}}); status != http.StatusBadRequest || !strings.Contains(body, `"param":"names"`) {
		t.Errorf("%d %s", status, body)
	}
}

// A cursor continues with names or without: they are no part of the query.
func TestCursorsAreOfNoNames(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 260})
	f := app.Tags.Compose(c.environment(), func() time.Time { return c.now }).Function
	first, report, _ := c.askTags(t, f, core.Params{"limit": {"150"}, "names": {"true"}})
	second, last, _ := c.askTags(t, f, core.Params{"cursor": {*report.Next}})
	if len(first) != 150 || first[0].Name == nil || len(second) != 110 || second[0].Name != nil || !last.Complete {
		t.Errorf("%d and %d customers, %+v", len(first), len(second), last)
	}
}

// The names of ten thousand customers cost a run one call at most, for the resellers: the
// others it makes anyway.
func TestCallsOfARunForNames(t *testing.T) {
	t.Parallel()
	for resellers, customers := range map[string]int{"none": 1_000, "all": 1_000, "configured": 10_000} {
		t.Run("resellers "+resellers, func(t *testing.T) {
			t.Parallel()
			c := openCloud(t, simulator.Options{Customers: customers})
			env := c.settings()
			folder := t.TempDir()
			env["PARTNERLENS_STORE"] = "file://" + folder
			params, most := core.Params{}, 0
			switch resellers {
			case "all":
				env["PARTNERLENS_HUAWEI_RESELLERS"] = core.AllResellers
				params["reseller_id"] = []string{core.AllResellers}
			case "configured":
				env["PARTNERLENS_HUAWEI_RESELLERS"] = c.sim.Resellers()[0].IndirectPartnerID + "," + c.sim.Resellers()[2].IndirectPartnerID
				params["reseller_id"], most = []string{core.AllResellers}, 1
			}
			_, report, before := c.askTags(t, app.Tags.Compose(with(env), nil).Function, params)
			done, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Tags.Compose(with(env), nil), app.WatchRequest{Run: time.Now().UTC().Format(time.DateOnly)})
			if err != nil || !done.Complete || done.Accounts[0].Count != report.Count {
				t.Fatalf("%v, %+v", err, done)
			}
			after := c.sim.Calls()
			calls := after.SubCustomers.Accepted + after.Resellers.Accepted - before
			if calls-before > most {
				t.Errorf("%d calls of lists of customers and resellers, %d without names, want at most %d more", calls, before, most)
			}
			t.Logf("%d calls, %d without names", calls, before)
			text := customersOf(t, folder, done.Run)
			var tags []*core.CustomerTag
			for line := range strings.Lines(text) {
				tag := new(core.CustomerTag)
				if err := json.Unmarshal([]byte(line), tag); err != nil {
					t.Fatal(err)
				}
				tags = append(tags, tag)
			}
			if wrong := c.misnamed(tags); wrong != "" || len(tags) != report.Count {
				t.Errorf("%d customers: %s", len(tags), wrong)
			}
		})
	}
}

// customersOf returns the customers of a run.
func customersOf(t *testing.T, store, run string) string {
	t.Helper()
	file, err := os.Open(filepath.Join(store, "runs", "tags", "default", run, "customers.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
