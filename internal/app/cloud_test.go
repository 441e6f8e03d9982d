package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"partnerlens/internal/app"
	"partnerlens/internal/paralleltest"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// TestMain looks for goroutines left behind once every test is over: a read
// that went wrong must leave none. Most tests wait for servers that are slow or stop.
func TestMain(m *testing.M) {
	paralleltest.Raise(6)
	debug.SetGCPercent(200)   // a third of the time would be the collector's
	log.SetOutput(io.Discard) // httptest logs servers that take long to close, as under a fault they do
	goleak.VerifyTestMain(m)
}

// cloud is a simulator on loopback, with a clock that stands still: at the turn
// of a month the truth would be another one than what was read.
type cloud struct {
	sim    *simulator.Simulator
	server *httptest.Server
	now    time.Time
	key    keyKind
	rate   string // PARTNERLENS_*_RATE
}

type keyKind int

const (
	ordinaryKey keyKind = iota
	temporaryKey
)

func newCloud(opts simulator.Options) (*cloud, error) {
	c := &cloud{now: time.Now(), rate: "0"}
	opts.Now = func() time.Time { return c.now }
	var err error
	if c.sim, err = simulator.New(opts); err != nil {
		return nil, err
	}
	c.server = httptest.NewServer(c.sim)
	return c, nil
}

func (c *cloud) close() {
	c.sim.Close() // lets go of calls that hang, for which the server would wait
	c.server.Close()
}

// openCloud is newCloud for a test of its own.
func openCloud(t *testing.T, opts simulator.Options) *cloud {
	t.Helper()
	c, err := newCloud(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func (c *cloud) environment() app.Environment {
	settings := map[string]string{"PARTNERLENS_TENCENT_RATE": c.rate, "PARTNERLENS_HUAWEI_RATE": c.rate}
	for _, setting := range simulator.Env(c.server.URL) {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	if c.key == temporaryKey {
		settings["PARTNERLENS_TENCENT_SECRET_ID"] = simulator.TempKeyID
		settings["PARTNERLENS_TENCENT_SECRET_KEY"] = simulator.TempKeySecret
		settings["PARTNERLENS_TENCENT_TOKEN"] = simulator.Token
		settings["PARTNERLENS_HUAWEI_AK"] = simulator.TempKeyID
		settings["PARTNERLENS_HUAWEI_SK"] = simulator.TempKeySecret
		settings["PARTNERLENS_HUAWEI_SECURITY_TOKEN"] = simulator.Token
	}
	return func(name string) string { return settings[name] }
}

// query is one of the questions that everything is asked.
type query struct {
	name   string
	params core.Params
}

func queries() []query {
	return []query{
		{"credit", core.Params{}},
		{"tags", core.Params{}},
		{"tags of all", core.Params{"reseller_id": {core.AllResellers}}},
	}
}

// function gives the function of a query as a new process would: with a Reader
// and connections of its own.
func (c *cloud) function(q query) *core.Function {
	now := func() time.Time { return c.now }
	if q.name == "credit" {
		return app.Credit.Compose(c.environment(), now).Function
	}
	return app.Tags.Compose(c.environment(), now).Function
}

// answer is what came of asking once.
type answer struct {
	records []core.Record
	report  core.Report
	err     error
	took    time.Duration
}

// ask reads a question to its end. more are parameters beside the query's own.
func (c *cloud) ask(ctx context.Context, q query, more core.Params) (a answer) {
	params := core.Params{"pii": {"full"}} // the truth is whole
	for _, some := range []core.Params{q.params, more} {
		for name, values := range some {
			params[name] = values
		}
	}
	start := time.Now()
	question, err := c.function(q).Ask(params)
	if err != nil {
		return answer{err: err}
	}
	a.report, a.err = question.Read(ctx, func(record core.Record) bool {
		a.records = append(a.records, record)
		return true
	})
	a.took = time.Since(start)
	return a
}

// String says how an answer ended: complete, "error: " and its code,
// "stopped: " and the code of what stopped it, or "doubt: " and the last
// warning's.
func (a answer) String() string {
	switch warnings := a.report.Warnings; {
	case a.err != nil:
		return "error: " + string(core.CodeOf(a.err))
	case a.report.Complete:
		return "complete"
	case a.report.Stopped != nil && len(warnings) == 0:
		return "stopped: " + string(*a.report.Stopped)
	case a.report.Stopped != nil:
		return "stopped: " + warnings[len(warnings)-1].Code
	case len(warnings) == 0:
		return "incomplete without a reason"
	default:
		return "doubt: " + warnings[len(warnings)-1].Code
	}
}

// truth is what an answer to a query must agree with.
type truth struct {
	facts      map[string]fact // by the record's key
	throughout []string        // keys of the customers that were present at every call so far
}

// fact is what is true of one customer: cells by name, and the amounts that may
// be written in more than one way.
type fact struct {
	cells   map[string]string
	amounts map[string]*big.Rat
	unread  string // the member that cannot be read; "": all can
	details bool   // a record may have any details
}

func (c *cloud) truth(q query, asOf time.Time) truth {
	known := truth{facts: make(map[string]fact)}
	if q.name == "credit" {
		was := c.sim.CreditPresence()
		for i := range was.Most() {
			customer := c.sim.CreditCustomer(i)
			key := fmt.Sprint(customer.ClientUin)
			if was.Ever(i) {
				known.facts[key] = creditFact(customer)
			}
			if was.Throughout(i) {
				known.throughout = append(known.throughout, key)
			}
		}
		return known
	}
	was := c.sim.TagPresence()
	for i := range was.Most() {
		customer := c.sim.TagCustomer(i)
		if was.Ever(i) {
			known.facts[customer.CustomerID] = tagFact(customer, "", asOf)
		}
		if was.Throughout(i) {
			known.throughout = append(known.throughout, customer.CustomerID)
		}
	}
	if q.params["reseller_id"] != nil {
		for n, reseller := range c.sim.Resellers() {
			for i := range reseller.Customers {
				customer := c.sim.ResellerTagCustomer(n, i)
				key := reseller.IndirectPartnerID + "/" + customer.CustomerID
				known.facts[key] = tagFact(customer, reseller.IndirectPartnerID, asOf)
				known.throughout = append(known.throughout, key)
			}
		}
	}
	return known
}

// vendorZone is where both vendors keep their books.
var vendorZone = time.FixedZone("", 8*60*60)

// creditFact restates the rules of a credit's status, on fractions, so that a
// mistake in core's cannot agree with itself.
func creditFact(c simulator.CreditCustomer) fact {
	allocated, remaining := fraction(c.Credit), fraction(c.RemainingCredit)
	var used *big.Rat
	if allocated != nil && remaining != nil {
		used = new(big.Rat).Sub(allocated, remaining)
	}
	forced := map[simulator.Number]string{"0": "false", "2": "true"}[c.Force] // else it is not known
	status := "ok"
	switch {
	case forced == "true":
		status = "forced"
	case remaining == nil:
		status = "unknown"
	case remaining.Sign() < 0:
		status = "overdrawn"
	case remaining.Sign() == 0:
		status = "exhausted"
	case allocated == nil:
		status = "unknown"
	case new(big.Rat).Mul(remaining, big.NewRat(10, 1)).Cmp(allocated) <= 0:
		status = "low"
	}
	identity, ok := map[simulator.Number]string{"0": "unverified", "1": "individual", "2": "enterprise"}[c.IdentifyType]
	if !ok {
		identity = "unknown"
	}
	return fact{
		cells: map[string]string{
			"provider": "tencentcloud", "account": "default", "customer_id": fmt.Sprint(c.ClientUin),
			"name": c.Name, "email": c.Email, "mobile": c.Mobile, "remark": c.Remark, "type": c.Type,
			"identity": identity, "currency": "USD", "status": status, "forced": forced,
			"associated_at": instant(c.AssociationTime), "nearest_expiry": instant(c.RecentExpiry),
			"voucher_remaining": "", "voucher_expiry": "", "owner": "", "crm_id": "", // not asked for
		},
		amounts: map[string]*big.Rat{"allocated": allocated, "remaining": remaining, "used": used},
		unread:  c.Unreadable,
	}
}

func fraction(n simulator.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok { // absent, null, or of bad-value
		return nil
	}
	return r
}

func instant(text string) string {
	for _, layout := range []string{time.DateTime, time.DateOnly, time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, vendorZone); err == nil {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return ""
}

func tagFact(c simulator.TagCustomer, reseller string, asOf time.Time) fact {
	expires, days, over := "", "", false
	switch c.Unreadable {
	case "expire_time":
		c.ExpireTime = ""
	case "effective_time":
		c.EffectiveTime = ""
	}
	if c.ExpireTime != "" {
		month, err := time.ParseInLocation("2006-01", c.ExpireTime, vendorZone)
		if err != nil {
			panic("the simulator sends a month that is none: " + c.ExpireTime)
		}
		end := month.AddDate(0, 1, 0)
		expires, over = end.UTC().Format(time.RFC3339), !asOf.Before(end)
		if c.NewCustomerTag == "Y" && !over {
			days = fmt.Sprint(int(end.Sub(asOf).Hours()) / 24)
		}
	}
	status := "unknown"
	switch c.NewCustomerTag {
	case "Y", "N":
		switch {
		case over:
			status = "lapsed"
		case c.NewCustomerTag == "Y":
			status = "qualified"
		default:
			status = "not_new"
		}
	case "UNDETERMINED":
		status = "undetermined"
	case "":
		status = "unverified"
	}
	if c.Unreadable == "expire_time" && (c.NewCustomerTag == "Y" || c.NewCustomerTag == "N") {
		status = "unknown"
	}
	return fact{unread: c.Unreadable, cells: map[string]string{
		"provider": "huaweicloud", "account": "default", "customer_id": c.CustomerID, "reseller_id": reseller,
		"tag_type": c.CustomerTagType, "tag_value": c.NewCustomerTag, "status": status,
		"effective_month": c.EffectiveTime, "expire_month": c.ExpireTime, "expires_at": expires, "days_left": days,
		"name": "", "account_name": "", "email": "", "mobile": "", "label": "", "association": "", "associated_at": "",
		"owner": "", "crm_id": "", "reseller_name": "", // not asked for
	}}
}

// wrong gives what is wrong with a record, by the names of its columns: "" for
// nothing.
func (f fact) wrong(columns []core.Column, record core.Record) string {
	var bad []string
	given := 0
	for i, cell := range record.Row() {
		name := columns[i].Name
		if amount, ok := f.amounts[name]; ok {
			given++
			got, isNumber := new(big.Rat).SetString(cell)
			if amount == nil && cell != "" || amount != nil && (!isNumber || got.Cmp(amount) != 0) {
				bad = append(bad, fmt.Sprintf("%s is %q, want %v", name, cell, amount))
			}
			continue
		}
		want, ok := f.cells[name]
		if ok {
			given++
		}
		if f.details && columns[i].Detail {
			continue
		}
		if cell = utc(cell); !ok || cell != want {
			bad = append(bad, fmt.Sprintf("%s is %q, want %q", name, cell, want))
		}
	}
	if given != len(f.cells)+len(f.amounts) {
		bad = append(bad, "columns are missing")
	}
	return strings.Join(bad, "; ")
}

// utc gives a time in UTC, and every other text as it is.
func utc(cell string) string {
	if t, err := time.Parse(time.RFC3339, cell); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	return cell
}

// faultsOf gives what is wrong with answers that follow one another: whatever
// happened upstream, this must hold.
func (c *cloud) faultsOf(q query, answers []answer) (bad []string) {
	columns := c.function(q).Columns
	known := c.truth(q, c.now.UTC().Truncate(time.Second))
	met := make(map[string]int)
	mayRepeat := false
	for n, a := range answers {
		say := func(format string, args ...any) {
			bad = append(bad, fmt.Sprintf("answer %d (%v): ", n+1, a)+fmt.Sprintf(format, args...))
		}
		for _, record := range a.records {
			met[record.Key()]++
			truth, ok := known.facts[record.Key()]
			if !ok {
				say("customer %s never was one", record.Key())
			} else if wrong := truth.wrong(columns, record); wrong != "" {
				say("customer %s: %s", record.Key(), wrong)
			}
		}
		for _, text := range texts(a) {
			if secret := c.quotedIn(text); secret != "" {
				say("%q quotes %q", text, secret)
			}
		}
		if wrong := wrongWarnings(a, known); wrong != "" {
			say("%s", wrong)
		}
		if a.err != nil {
			var e *core.Error
			if !errors.As(a.err, &e) || !slices.Contains(core.Codes(), e.Code) || e.Code == core.CodeInternal {
				say("the error has no code of use: %v", a.err)
			}
			if len(a.records) > 0 {
				say("an error after %d customers were handed on", len(a.records))
			}
			continue
		}
		if a.report.Count != len(a.records) {
			say("count is %d of %d customers", a.report.Count, len(a.records))
		}
		mayRepeat = mayRepeat || slices.ContainsFunc(a.report.Warnings, func(w core.Warning) bool {
			return w.Code == core.WarnPlaceLost || w.Code == core.WarnEarlierDoubt
		})
		if !a.report.Complete && a.report.Stopped == nil && len(a.report.Warnings) == 0 {
			say("incomplete, and nothing says why")
		}
		if a.report.Complete && (a.report.Stopped != nil || a.report.Next != nil) {
			say("complete, and there is more")
		}
		if a.report.Complete {
			for _, key := range known.throughout {
				if met[key] == 0 {
					say("complete, and customer %s, present throughout, is missing", key)
				}
			}
		}
	}
	for key, times := range met {
		if times > 1 && (!mayRepeat || answers[len(answers)-1].report.Complete) {
			bad = append(bad, fmt.Sprintf("customer %s came %d times", key, times))
		}
	}
	return bad
}

// wrongWarnings says what is wrong with what an answer says of values that could not be
// read: each member once, with how many of the answer's customers have it, and one of them.
func wrongWarnings(a answer, known truth) string {
	want := make(map[string]int)
	for _, record := range a.records {
		if member := known.facts[record.Key()].unread; member != "" {
			want[member]++
		}
	}
	for _, w := range a.report.Warnings {
		if w.Code != core.WarnValueUnreadable {
			continue
		}
		isOne := slices.ContainsFunc(a.records, func(record core.Record) bool {
			return record.ID() == w.CustomerID && known.facts[record.Key()].unread == w.Field
		})
		if w.Count != want[w.Field] || !isOne {
			return fmt.Sprintf("%+v, want %d customers", w, want[w.Field])
		}
		delete(want, w.Field)
	}
	if len(want) > 0 && a.err == nil {
		return fmt.Sprintf("no warning of %v", want)
	}
	return ""
}

// texts are what an answer says in words, to callers and to operators.
func texts(a answer) (all []string) {
	if a.err != nil {
		all = append(all, a.err.Error(), core.AsError(a.err).Public())
	}
	for _, warning := range a.report.Warnings {
		text, _, _ := strings.Cut(warning.Message, "; only in the list ") // ids, which are there to be compared
		all = append(all, text)
	}
	return all
}

// quotedIn gives what of a customer or of a key a text quotes; "" for nothing.
func (c *cloud) quotedIn(text string) string {
	// A key's id alone could be said, but nothing needs to say it.
	hidden := []string{simulator.KeyID, simulator.KeySecret, simulator.TempKeyID, simulator.TempKeySecret, simulator.Token, "Authorization", "Signature="}
	for i := range c.sim.CreditPresence().Most() {
		customer := c.sim.CreditCustomer(i)
		hidden = append(hidden, customer.Name, customer.Email, customer.FullEmail, customer.Mobile, customer.Remark, fmt.Sprint(customer.ClientUin))
	}
	for i := range c.sim.TagPresence().Most() {
		hidden = append(hidden, c.sim.TagCustomer(i).CustomerID)
	}
	for _, reseller := range c.sim.Resellers() {
		hidden = append(hidden, reseller.Name, reseller.Email, reseller.MobilePhone, reseller.AccountName)
	}
	for _, secret := range hidden {
		if secret != "" && strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}
