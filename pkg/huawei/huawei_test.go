package huawei

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
	"partnerlens/pkg/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newSource returns a Source, with the simulator's key if config has none.
func newSource(tb testing.TB, config Config) *Source {
	tb.Helper()
	if config.Credentials == nil {
		config.Credentials = transport.Static(Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret)})
	}
	source, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(source.CloseIdleConnections)
	return source
}

var temporary = transport.Static(Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret), SecurityToken: core.NewSecret("simulator-token")})

// simulate starts a simulator.
func simulate(tb testing.TB, opts simulator.Options) (*simulator.Simulator, string) {
	tb.Helper()
	sim, err := simulator.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(sim)
	tb.Cleanup(func() {
		sim.Close()
		server.Close()
	})
	return sim, server.URL
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := Key{AK: "SIMULATORID", SK: core.NewSecret("simulator-secret")}
	for _, test := range []struct {
		name   string
		change func(*Config, *Key)
		param  string // of the error
		ok     bool
	}{
		{"as little as can be", func(*Config, *Key) {}, "", true},
		{"a temporary key", func(_ *Config, k *Key) { k.SecurityToken = core.NewSecret("simulator-token") }, "", true},
		{"a token alone", func(_ *Config, k *Key) { *k = Key{AuthToken: core.NewSecret("simulator-auth-token")} }, "", true},
		{"loopback", func(c *Config, _ *Key) { c.Endpoint = "http://127.0.0.1:1" }, "", true},
		{"large pages", func(c *Config, _ *Key) { c.PageSize = 200 }, "", true},
		{"no id", func(_ *Config, k *Key) { k.AK = "" }, settingAK, false},
		{"no key", func(_ *Config, k *Key) { k.SK = core.Secret{} }, settingSK, false},
		{"a key with a line break", func(_ *Config, k *Key) { k.SK = core.NewSecret("simulator-secret\n") }, settingSK, false},
		{"a token with a space", func(_ *Config, k *Key) { k.SecurityToken = core.NewSecret("simulator token") }, settingSecurityToken, false},
		{"a token beside a key", func(_ *Config, k *Key) { k.AuthToken = core.NewSecret("simulator-auth-token") }, settingAuthToken, false},
		{"a token with a line break", func(_ *Config, k *Key) { *k = Key{AuthToken: core.NewSecret("simulator\n")} }, settingAuthToken, false},
		{"an account with a space", func(c *Config, _ *Key) { c.DomainID = "a b" }, settingDomainID, false},
		{"plain http", func(c *Config, _ *Key) { c.Endpoint = "http://api.example.com" }, settingEndpoint, false},
		{"pages too large", func(c *Config, _ *Key) { c.PageSize = maxPageSize + 1 }, "", false},
		{"pages below zero", func(c *Config, _ *Key) { c.PageSize = -1 }, "", false},
	} {
		var config Config
		key := good
		test.change(&config, &key)
		config.Credentials = transport.Static(key)
		source, err := New(config)
		if err == nil {
			err = key.Check()
		}
		if test.ok {
			if err != nil {
				t.Errorf("%s: New = %v", test.name, err)
			}
			continue
		}
		if e := core.AsError(err); e == nil || (source != nil) == (test.param == "" || test.param == settingEndpoint || test.param == settingDomainID) || e.Code != core.CodeMisconfigured || e.Param != test.param {
			t.Errorf("%s: New = %v, want code %q and param %q", test.name, err, core.CodeMisconfigured, test.param)
		}
	}
}

func TestPrintedSourceHidesItsKey(t *testing.T) {
	t.Parallel()
	source := newSource(t, Config{Credentials: temporary})
	if text := fmt.Sprintf("%v %+v %#v", source, source.config, source.config); strings.Contains(text, "simulator-") {
		t.Errorf("a printed Source holds its key: %s", text)
	}
}

// TestRequest requires of each query its request.
func TestRequest(t *testing.T) {
	t.Parallel()
	ids := []any{"a", "b"}
	for _, test := range []struct {
		name  string
		query core.TagQuery
		at    core.Cursor
		want  map[string]any
	}{
		{"everyone", core.TagQuery{}, core.Cursor{}, map[string]any{"offset": 0., "limit": 50.}},
		{"a later page", core.TagQuery{}, core.Cursor{Offset: 70}, map[string]any{"offset": 70., "limit": 50.}},
		{"a size in force", core.TagQuery{}, core.Cursor{Offset: 70, Size: 10}, map[string]any{"offset": 70., "limit": 10.}},
		{"ids", core.TagQuery{CustomerIDs: []string{"a", "b"}}, core.Cursor{}, map[string]any{"customer_ids": ids, "offset": 0., "limit": 50.}},
		{"a reseller", core.TagQuery{ResellerID: "r"}, core.Cursor{}, map[string]any{"indirect_partner_id": "r", "offset": 0., "limit": 50.}},
		{"ids of a reseller", core.TagQuery{CustomerIDs: []string{"a", "b"}, ResellerID: "r"}, core.Cursor{}, map[string]any{"customer_ids": ids, "indirect_partner_id": "r", "offset": 0., "limit": 50.}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
				var got map[string]any
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !reflect.DeepEqual(got, test.want) {
					t.Errorf("body = %v, %v, want %v", got, err, test.want)
				}
				for name, want := range map[string]string{
					"X-Security-Token": "simulator-token", "X-Domain-Id": simulator.DomainID, "Content-Type": "application/json", "X-Auth-Token": "",
				} {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s = %q, want %q", name, got, want)
					}
				}
				if r.Method != http.MethodPost || r.URL.Path != "/v2/partners/sub-customers/new-customers-tags/batch-query" ||
					!strings.HasPrefix(r.Header.Get("Authorization"), "SDK-HMAC-SHA256 Access=SIMULATORID, ") {
					t.Errorf("%s %s, Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
				}
				w.Header().Set("Content-Type", "application/json;charset=UTF-8")
				fmt.Fprint(w, `{"new_customer_tags":[]}`)
			})
			source := newSource(t, Config{
				Credentials: temporary, DomainID: simulator.DomainID, Endpoint: url, PageSize: 50,
			})
			if _, err := source.FetchPage(context.Background(), test.query, test.at); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAuthToken(t *testing.T) {
	t.Parallel()
	url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("X-Auth-Token"); got != "simulator-auth-token" {
			t.Errorf("X-Auth-Token = %q", got)
		}
		if got := r.Header.Get("Authorization") + r.Header.Get("X-Sdk-Date"); got != "" {
			t.Errorf("a call with a token is signed too: %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"new_customer_tags":[]}`)
	})
	source := newSource(t, Config{Credentials: transport.Static(Key{AuthToken: core.NewSecret("simulator-auth-token")}), Endpoint: url})
	if _, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{}); err != nil {
		t.Error(err)
	}
}

// TestQuestionsThatAreNotAsked would be read by the API as "everyone", or not
// at all.
func TestQuestionsThatAreNotAsked(t *testing.T) {
	t.Parallel()
	url := transporttest.Handle(t, func(http.ResponseWriter, *http.Request) { t.Error("the vendor was asked") })
	source := newSource(t, Config{Endpoint: url})
	for _, test := range []struct {
		name  string
		query core.TagQuery
		at    core.Cursor
		want  core.Code
	}{
		{"no ids where some were meant", core.TagQuery{CustomerIDs: []string{}}, core.Cursor{}, core.CodeInternal},
		{"an empty id", core.TagQuery{CustomerIDs: []string{""}}, core.Cursor{}, core.CodeInternal},
		{"too many ids", core.TagQuery{CustomerIDs: strings.Split(strings.Repeat("a,", core.MaxIDsPerQuery)+"a", ",")}, core.Cursor{}, core.CodeInternal},
		{"all resellers", core.TagQuery{ResellerID: core.AllResellers}, core.Cursor{}, core.CodeInternal},
		{"a forged size", core.TagQuery{}, core.Cursor{Size: maxPageSize + 1}, core.CodeInvalid},
		{"a forged place", core.TagQuery{}, core.Cursor{Offset: 1 << 31}, core.CodeInvalid},
	} {
		if _, err := source.FetchPage(context.Background(), test.query, test.at); core.CodeOf(err) != test.want {
			t.Errorf("%s: FetchPage = %v, want code %q", test.name, err, test.want)
		}
	}
}

func TestForgedPlaceAmongResellers(t *testing.T) {
	t.Parallel()
	url := transporttest.Handle(t, func(http.ResponseWriter, *http.Request) { t.Error("the vendor was asked") })
	_, err := newSource(t, Config{Endpoint: url}).Resellers().FetchPage(context.Background(), ResellerQuery{}, core.Cursor{Offset: 1 << 31})
	if core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("FetchPage = %v, want code %q", err, core.CodeInvalid)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	ids := core.TagQuery{CustomerIDs: []string{"a", "b", "c"}}
	for _, test := range []struct {
		name         string
		query        core.TagQuery
		offset, rows int
		want         *core.Cursor
	}{
		{"a full page", core.TagQuery{}, 100, 100, &core.Cursor{Offset: 100, Size: 100}},
		{"a short page is not the end", core.TagQuery{}, 130, 30, &core.Cursor{Offset: 130, Size: 100}},
		{"an empty page is", core.TagQuery{}, 130, 0, nil},
		{"as many as ids", ids, 3, 3, nil},
		{"fewer than ids", ids, 2, 2, &core.Cursor{Offset: 2, Size: 100}},
		{"none of the ids", ids, 0, 0, nil},
	} {
		if got := next(test.query, test.offset, test.rows, 100); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: next = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestLargePagesThatAreRefused(t *testing.T) {
	t.Parallel()
	_, url := simulate(t, simulator.Options{Customers: 150, Faults: []string{"limit-100"}})
	source := newSource(t, Config{Endpoint: url, PageSize: 200})
	if _, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{}); !core.CodeOf(err).Retryable() {
		t.Fatalf("the first page: %v, want an error that is worth another try", err)
	}
	for _, at := range []core.Cursor{{}, {Size: 200}} {
		page, err := source.FetchPage(context.Background(), core.TagQuery{}, at)
		if err != nil || len(page.Items) != 100 {
			t.Errorf("from %v: %d customers, %v, want 100", at, len(page.Items), err)
		}
	}
	if _, err := source.FetchPage(context.Background(), core.TagQuery{ResellerID: "unknown"}, core.Cursor{}); core.CodeOf(err).Retryable() {
		t.Errorf("a refusal of something else: %v, want no other try", err)
	}
}

// TestAnswersWithoutAList: see doubts.
func TestAnswersWithoutAList(t *testing.T) {
	t.Parallel()
	rows, none, null, absent := transporttest.JSON(pageOf(`{"customer_id":"a"}`)), transporttest.JSON(`{"new_customer_tags":[]}`), transporttest.JSON(`{"new_customer_tags":null}`), transporttest.JSON(`{}`)
	const again = core.CodeUnavailable
	for _, test := range []struct {
		name    string
		offset  int
		answers []transporttest.Answer
		want    []core.Code
	}{
		{"empty is accepted", 0, []transporttest.Answer{none}, []core.Code{""}},
		{"null is read again, and then accepted", 0, []transporttest.Answer{null, null}, []core.Code{again, ""}},
		{"null that was none", 0, []transporttest.Answer{null, rows}, []core.Code{again, ""}},
		{"absent after customers is read again, and then accepted", 5, []transporttest.Answer{absent, absent}, []core.Code{again, ""}},
		{"absent that was none", 5, []transporttest.Answer{absent, rows}, []core.Code{again, ""}},
		{"absent before any customer is never accepted", 0, []transporttest.Answer{absent, absent, absent}, []core.Code{again, again, again}},
		{"a doubt that is settled is forgotten", 5, []transporttest.Answer{null, rows, null, null}, []core.Code{again, "", again, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source := newSource(t, Config{Endpoint: transporttest.Serve(t, test.answers...)})
			for i, want := range test.want {
				page, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{Offset: test.offset})
				if core.CodeOf(err) != want {
					t.Errorf("answer %d: %d customers, %v, want code %q", i, len(page.Items), err, want)
				}
			}
		})
	}
	t.Run("a doubt is about one page", func(t *testing.T) {
		t.Parallel()
		source := newSource(t, Config{Endpoint: transporttest.Serve(t, null)})
		for _, query := range []core.TagQuery{{}, {ResellerID: "r"}, {CustomerIDs: []string{"a"}}} {
			for _, at := range []core.Cursor{{}, {Offset: 5}} {
				if _, err := source.FetchPage(context.Background(), query, at); core.CodeOf(err) != again {
					t.Errorf("%v from %d: %v, want code %q", query, at.Offset, err, again)
				}
			}
		}
	})
}

func TestDoubtsAreBounded(t *testing.T) {
	t.Parallel()
	var d doubts
	for i := range 3 * maxDoubts {
		d.check(core.TagQuery{}, core.Cursor{Offset: i}, page{list: jsontext.KindNull})
	}
	if len(d.pages) > maxDoubts {
		t.Errorf("%d doubts, want %d at most", len(d.pages), maxDoubts)
	}
}

// newReader returns a Reader over the account and its resellers.
func newReader(source *Source) *core.Reader[core.TagQuery, *core.CustomerTag] {
	resellers := core.NewReader(source.Resellers(), &core.ReaderOptions[ResellerQuery]{Provider: Provider})
	return core.NewReader(source, &core.ReaderOptions[core.TagQuery]{Provider: Provider, Scopes: NewResellerList(resellers, nil).Scopes})
}

func TestReadAllResellers(t *testing.T) {
	t.Parallel()
	sim, url := simulate(t, simulator.Options{Customers: 250})
	want := map[string]string{} // customer to reseller
	for i := range 250 {
		want[sim.TagCustomer(i).CustomerID] = ""
	}
	for n, reseller := range sim.Resellers() {
		for i := range reseller.Customers {
			want[sim.ResellerTagCustomer(n, i).CustomerID] = reseller.IndirectPartnerID
		}
	}
	got := map[string]string{}
	report, err := newReader(newSource(t, Config{Endpoint: url})).Read(context.Background(), core.TagQuery{ResellerID: core.AllResellers}, nil, func(c *core.CustomerTag) bool {
		got[c.CustomerID] = ""
		if c.ResellerID != nil {
			got[c.CustomerID] = *c.ResellerID
		}
		return true
	})
	if err != nil || !report.Complete || !reflect.DeepEqual(got, want) {
		t.Errorf("Read = %d customers, complete %t, %v, want %d", len(got), report.Complete, err, len(want))
	}
}

func TestReadByID(t *testing.T) {
	t.Parallel()
	sim, url := simulate(t, simulator.Options{Customers: 300})
	query := core.TagQuery{CustomerIDs: []string{"5d0000000000000000000000stranger"}}
	for i := range 250 {
		query.CustomerIDs = append(query.CustomerIDs, sim.TagCustomer(i).CustomerID)
	}
	count := 0
	report, err := newReader(newSource(t, Config{Endpoint: url})).Read(context.Background(), query, nil, func(*core.CustomerTag) bool {
		count++
		return true
	})
	if err != nil || !report.Complete || count != 250 || !reflect.DeepEqual(report.MissingIDs, query.CustomerIDs[:1]) {
		t.Errorf("Read = %d customers, complete %t, missing %v, %v, want 250 and the stranger missing", count, report.Complete, report.MissingIDs, err)
	}
}

func TestKeysOfTheSimulator(t *testing.T) {
	t.Parallel()
	_, url := simulate(t, simulator.Options{Customers: 3})
	for _, test := range []struct {
		id, key, token string
		want           core.Code
	}{
		{simulator.KeyID, simulator.KeySecret, "", ""},
		{simulator.TempKeyID, simulator.TempKeySecret, simulator.Token, ""},
		{simulator.TempKeyID, simulator.TempKeySecret, simulator.ExpiredToken, core.CodeDenied},
		{simulator.KeyID, "simulator-wrong", "", core.CodeDenied},
		{"SIMULATORUNKNOWN", simulator.KeySecret, "", core.CodeDenied},
		{simulator.NoAuthKeyID, simulator.KeySecret, "", core.CodeDenied},
	} {
		for _, domain := range []string{"", simulator.DomainID} {
			source := newSource(t, Config{Credentials: transport.Static(Key{AK: test.id, SK: core.NewSecret(test.key), SecurityToken: core.NewSecret(test.token)}), DomainID: domain, Endpoint: url})
			if _, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{}); core.CodeOf(err) != test.want {
				t.Errorf("key %s with %s, account %q: %v, want code %q", test.id, test.key, domain, err, test.want)
			}
		}
	}
	source := newSource(t, Config{Credentials: transport.Static(Key{AuthToken: core.NewSecret(simulator.AuthToken)}), Endpoint: url})
	if _, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{}); err != nil {
		t.Errorf("a token: %v", err)
	}
}

func TestFaultsOfTheSimulator(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault string
		want  core.Code
	}{
		{"http-500-always", core.CodeUnavailable},
		{"http-502-always", core.CodeUnavailable},
		{"http-503-always", core.CodeUnavailable},
		{"html-page-always", core.CodeUpstream},
		{"error-in-200-always", core.CodeDenied},
		{"vendor-busy-always", core.CodeThrottled},
		{"empty-object-always", core.CodeUnavailable},
		{"empty-body-always", core.CodeUnavailable},
		{"empty-page-always", core.CodeUnavailable},
		{"malformed-json-always", core.CodeUnavailable},
		{"truncated-body-always", core.CodeUnavailable},
		{"giant-body-always", core.CodeUpstream},
		{"connection-reset-always", core.CodeUnavailable},
		{"clock-ahead", core.CodeDenied},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			_, url := simulate(t, simulator.Options{Customers: 10, Faults: []string{test.fault}})
			source := newSource(t, Config{Endpoint: url, Transport: transport.Options{MaxBody: 1 << 20}})
			page, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{})
			if core.CodeOf(err) != test.want {
				t.Errorf("FetchPage = %d rows, %v, want code %q", len(page.Items), err, test.want)
			}
		})
	}
}

func TestHangingServer(t *testing.T) {
	t.Parallel()
	transporttest.TestHangs(t, func(ctx context.Context, tb testing.TB, url string) error {
		_, err := newSource(tb, Config{Endpoint: url}).FetchPage(ctx, core.TagQuery{}, core.Cursor{})
		return err
	})
}

func TestResellerPage(t *testing.T) {
	t.Parallel()
	const personal = `"mobile_phone":"0086-000-00000000","name":"Zhang-Planted","email":"planted@example.com"`
	for _, test := range []struct {
		name, body string
		rows       int
		code       core.Code
	}{
		{"two", `{"count":2,"indirect_partners":[{"indirect_partner_id":"a",` + personal + `},{"indirect_partner_id":"b"}]}`, 2, ""},
		{"none", `{"count":0,"indirect_partners":[]}`, 0, ""},
		{"none, null", `{"count":0,"indirect_partners":null}`, 0, ""},
		{"none, no list", `{"count":0}`, 0, ""},
		{"no count", `{"indirect_partners":[{"indirect_partner_id":"a"}]}`, 0, core.CodeUpstream},
		{"an empty object", `{}`, 0, core.CodeUpstream},
		{"a count below zero", `{"count":-1}`, 0, core.CodeUpstream},
		{"no id", `{"count":1,"indirect_partners":[{` + personal + `}]}`, 0, core.CodeUpstream},
		{"a list that is a text", `{"count":1,"indirect_partners":"x"}`, 0, core.CodeUpstream},
		{"an error inside", `{"count":1,"error_code":"CBC.5001","error_msg":"Zhang-Planted"}`, 0, core.CodeDenied},
		{"half", `{"count":1,"indirect_partners":[`, 0, core.CodeUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source := newSource(t, Config{Endpoint: transporttest.Serve(t, transporttest.JSON(test.body))})
			page, err := source.Resellers().FetchPage(context.Background(), ResellerQuery{}, core.Cursor{})
			if core.CodeOf(err) != test.code || len(page.Items) != test.rows {
				t.Fatalf("FetchPage = %d resellers, %v, want %d and code %q", len(page.Items), err, test.rows, test.code)
			}
			if err == nil && (page.Next != nil || *page.Total != test.rows) {
				t.Errorf("FetchPage leads to %v of %d", page.Next, *page.Total)
			}
			if text := fmt.Sprintf("%+v %v", page.Items, err); strings.Contains(text, "lanted") {
				t.Errorf("the page has personal data: %s", text)
			}
		})
	}
}

// When a customer was associated proves a list, so only an exact moment is taken: no
// zero of a program's type, and no time without an offset.
func TestWhenAMemberWasAssociated(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]time.Time{
		`"2021-01-08T16:00:00Z"`:         time.Date(2021, 1, 8, 16, 0, 0, 0, time.UTC),
		`"2021-01-09T00:00:00.000+0800"`: time.Date(2021, 1, 8, 16, 0, 0, 0, time.UTC),
		`"2021-01-08T16:00:00"`:          {},
		`"2021-01-08"`:                   {},
		`"1970-01-01T00:00:00Z"`:         {},
		`"1970-01-01T08:00:00+08:00"`:    {},
		`"0001-01-01T00:00:00Z"`:         {},
		`""`:                             {},
		`null`:                           {},
		`"soon"`:                         {},
	} {
		body := `{"count":1,"customer_infos":[{"customer_id":"a","associated_on":` + written + `}]}`
		page, err := subCustomers.decode(transport.Answer{Status: http.StatusOK, Body: []byte(body)}, "")
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%s: %+v, %v", written, page, err)
		}
		if got := page.Items[0].AssociatedAt; (got == nil) != want.IsZero() || got != nil && !got.Equal(want) {
			t.Errorf("%s: associated at %v, want %v", written, got, want)
		}
	}
}

// TestScopesNeedEveryReseller: the customers of a reseller that is left out
// would be missing silently.
func TestScopesNeedEveryReseller(t *testing.T) {
	t.Parallel()
	all := core.TagQuery{ResellerID: core.AllResellers}
	two := `{"count":%d,"indirect_partners":[{"indirect_partner_id":"b"},{"indirect_partner_id":"a"}]}`
	for _, test := range []struct {
		name   string
		answer transporttest.Answer
		passes int
		code   core.Code
	}{
		{"two and the account's own", transporttest.JSON(fmt.Sprintf(two, 2)), 3, ""},
		{"none but the account's own", transporttest.JSON(`{"count":0}`), 1, ""},
		{"fewer than counted", transporttest.JSON(`{"count":3,"indirect_partners":[]}`), 0, core.CodeIncomplete},
		{"more than counted", transporttest.JSON(fmt.Sprintf(two, 1)), 0, core.CodeIncomplete},
		{"refused", transporttest.Answer{Status: 403, Body: `{"error_code":"CBC.0151"}`}, 0, core.CodeDenied},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source := newSource(t, Config{Endpoint: transporttest.Serve(t, test.answer)})
			passes, err := NewResellerList(core.NewReader(source.Resellers(), nil), nil).Scopes(context.Background(), all)
			if core.CodeOf(err) != test.code || len(passes) != test.passes {
				t.Errorf("Passes = %v, %v, want %d and code %q", passes, err, test.passes, test.code)
			}
		})
	}
	t.Run("not asked where not needed", func(t *testing.T) {
		t.Parallel()
		url := transporttest.Handle(t, func(http.ResponseWriter, *http.Request) { t.Error("the vendor was asked") })
		passes, err := NewResellerList(core.NewReader(newSource(t, Config{Endpoint: url}).Resellers(), nil), nil).Scopes(context.Background(), core.TagQuery{ResellerID: "r"})
		if err != nil || len(passes) != 1 {
			t.Errorf("Passes = %v, %v", passes, err)
		}
	})
	t.Run("stopped on the way", func(t *testing.T) {
		t.Parallel()
		pages := &stumbling{err: &core.Error{Code: core.CodeDenied, Detail: "refused"}}
		_, err := NewResellerList(core.NewReader[ResellerQuery, *core.Member](pages, nil), nil).Scopes(context.Background(), all)
		if core.CodeOf(err) != core.CodeDenied {
			t.Errorf("Passes = %v, want code %q", err, core.CodeDenied)
		}
	})
}

// stumbling is a Source whose second page fails.
type stumbling struct{ err error }

func (s *stumbling) FetchPage(_ context.Context, _ ResellerQuery, at core.Cursor) (core.Page[*core.Member], error) {
	if at.Offset > 0 {
		return core.Page[*core.Member]{}, s.err
	}
	return core.Page[*core.Member]{Items: []*core.Member{{MemberID: "a"}}, Next: &core.Cursor{Offset: 1}}, nil
}

func TestResellerIsARecord(t *testing.T) {
	t.Parallel()
	var r core.Record = &core.Member{MemberID: "a"}
	r.Evaluate("default", time.Time{}, core.Rules{})
	if r.ID() != "a" || r.Key() != "a" || r.StatusText() != "" || !reflect.DeepEqual(r.Row(), []string{"a"}) {
		t.Errorf("record = %+v", r)
	}
	if (ResellerQuery{}).AskedIDs() != nil {
		t.Error("resellers are asked for by id")
	}
	var unknown *core.Error
	if errors.As(unproven(core.Report{}), &unknown); unknown.Code != core.CodeIncomplete {
		t.Errorf("unproven = %v", unknown)
	}
}
