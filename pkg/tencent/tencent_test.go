package tencent

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

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
		config.Credentials = transport.Static(Key{ID: simulator.KeyID, Secret: core.NewSecret(simulator.KeySecret)})
	}
	source, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(source.CloseIdleConnections)
	return source
}

var temporary = transport.Static(Key{simulator.KeyID, core.NewSecret(simulator.KeySecret), core.NewSecret("simulator-token")})

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
	good := Key{ID: "SIMULATORID", Secret: core.NewSecret("simulator-secret")}
	for _, test := range []struct {
		name   string
		change func(*Config, *Key)
		param  string // of the error
		ok     bool
	}{
		{"as little as can be", func(*Config, *Key) {}, "", true},
		{"a token", func(_ *Config, k *Key) { k.Token = core.NewSecret("simulator-token") }, "", true},
		{"loopback", func(c *Config, _ *Key) { c.Endpoint = "http://127.0.0.1:1" }, "", true},
		{"no id", func(_ *Config, k *Key) { k.ID = "" }, settingSecretID, false},
		{"no key", func(_ *Config, k *Key) { k.Secret = core.Secret{} }, settingSecretKey, false},
		{"a key with a line break", func(_ *Config, k *Key) { k.Secret = core.NewSecret("simulator-secret\n") }, settingSecretKey, false},
		{"a token with a space", func(_ *Config, k *Key) { k.Token = core.NewSecret("simulator token") }, settingToken, false},
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
		if e := core.AsError(err); e == nil || (source != nil) == (test.param == "" || test.param == settingEndpoint) || e.Code != core.CodeMisconfigured || e.Param != test.param {
			t.Errorf("%s: New = %v, want code %q and param %q", test.name, err, core.CodeMisconfigured, test.param)
		}
	}
}

func TestPrintedSourceHidesItsKey(t *testing.T) {
	t.Parallel()
	source := newSource(t, Config{Credentials: temporary})
	if text := fmt.Sprintf("%v %+v %#v", source, *source, source.config); strings.Contains(text, "simulator-") {
		t.Errorf("a printed Source holds its key: %s", text)
	}
}

// TestRequest requires of each query its request.
func TestRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		query core.CreditQuery
		at    core.Cursor
		want  map[string]any
	}{
		{"everyone", core.CreditQuery{}, core.Cursor{}, map[string]any{"Page": 1., "PageSize": 50.}},
		{"an order", core.CreditQuery{Order: core.OrderAscending}, core.Cursor{}, map[string]any{"Page": 1., "PageSize": 50., "Order": "asc"}},
		{"a later page", core.CreditQuery{Order: core.OrderDescending}, core.Cursor{Offset: 100}, map[string]any{"Page": 3., "PageSize": 50., "Order": "desc"}},
		{"a size in force", core.CreditQuery{}, core.Cursor{Offset: 100, Size: 10}, map[string]any{"Page": 11., "PageSize": 10.}},
		{"a row within a page", core.CreditQuery{}, core.Cursor{Offset: 70}, map[string]any{"Page": 2., "PageSize": 50.}},
		{"by id", core.CreditQuery{FilterType: core.FilterCustomerID, Filter: "200000000000"}, core.Cursor{}, map[string]any{"Page": 1., "PageSize": 50., "FilterType": "ClientUin", "Filter": "200000000000"}},
		{"by name", core.CreditQuery{FilterType: core.FilterName, Filter: `"虚构" & <x>`}, core.Cursor{}, map[string]any{"Page": 1., "PageSize": 50., "FilterType": "Name", "Filter": `"虚构" & <x>`}},
		{"by remark", core.CreditQuery{FilterType: core.FilterRemark, Filter: "x"}, core.Cursor{}, map[string]any{"Page": 1., "PageSize": 50., "FilterType": "Remark", "Filter": "x"}},
		{"by e-mail", core.CreditQuery{FilterType: core.FilterEmail, Filter: "x@example.com"}, core.Cursor{}, map[string]any{"Page": 1., "PageSize": 50., "FilterType": "Email", "Filter": "x@example.com"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
				var got map[string]any
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !maps.Equal(got, test.want) {
					t.Errorf("body = %v, %v, want %v", got, err, test.want)
				}
				for name, want := range map[string]string{
					"X-TC-Action": "QueryCustomersCredit", "X-TC-Version": "2022-09-28", "X-TC-Language": "en-US",
					"X-TC-Token": "simulator-token", "X-TC-Region": "", "Content-Type": "application/json",
				} {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s = %q, want %q", name, got, want)
					}
				}
				if r.Method != http.MethodPost || r.URL.Path != "/" || !strings.HasPrefix(r.Header.Get("Authorization"), "TC3-HMAC-SHA256 Credential=SIMULATORID/") {
					t.Errorf("%s %s, Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"Response":{"Total":0,"Data":null}}`)
			})
			source := newSource(t, Config{Endpoint: url, PageSize: 50, Credentials: temporary})
			if _, err := source.FetchPage(context.Background(), test.query, test.at); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	cursor := func(offset, size int) *core.Cursor { return &core.Cursor{Offset: offset, Size: size} }
	for _, test := range []struct {
		name                      string
		number, size, rows, total int
		want                      *core.Cursor
	}{
		{"no customers", 1, 100, 0, 0, nil},
		{"everyone on the first page", 1, 100, 50, 50, nil},
		{"exactly a page", 1, 100, 100, 100, nil},
		{"a full first page", 1, 100, 100, 250, cursor(100, 100)},
		{"a full later page", 2, 100, 100, 250, cursor(200, 100)},
		{"the last page", 3, 100, 50, 250, nil},
		{"the server's pages are smaller", 1, 100, 10, 250, cursor(10, 10)},
		{"a short page before the end", 2, 100, 90, 250, cursor(200, 100)},
		{"an empty page before the end", 2, 100, 0, 250, nil},
		{"more than counted", 1, 100, 100, 90, nil},
	} {
		if got := next(test.number, test.size, test.rows, test.total); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: next = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestRowWithinAPage(t *testing.T) {
	t.Parallel()
	sim, url := simulate(t, simulator.Options{Customers: 50})
	source := newSource(t, Config{Endpoint: url, PageSize: 20})
	page, err := source.FetchPage(context.Background(), core.CreditQuery{Order: core.OrderAscending}, core.Cursor{Offset: 25})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 15 || page.Items[0].CustomerID != fmt.Sprint(sim.CreditCustomer(25).ClientUin) || *page.Next != (core.Cursor{Offset: 40, Size: 20}) {
		t.Errorf("FetchPage = %d rows from %s on, then %v; want 15 from the 26th customer on, then row 40", len(page.Items), page.Items[0].CustomerID, page.Next)
	}
	if _, err := source.FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{Size: maxPageSize + 1}); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("a forged size: %v, want code %q", err, core.CodeInvalid)
	}
}

// read reads all customers through a Reader.
func read(t *testing.T, source *Source, query core.CreditQuery) (ids []string, report core.Report, err error) {
	t.Helper()
	reader := core.NewReader(source, &core.ReaderOptions[core.CreditQuery]{Provider: Provider})
	report, err = reader.Read(context.Background(), query, nil, func(c *core.CustomerCredit) bool {
		ids = append(ids, c.CustomerID)
		return true
	})
	return ids, report, err
}

func TestReadWithClampedPages(t *testing.T) {
	t.Parallel()
	sim, url := simulate(t, simulator.Options{Customers: 95, PageMax: 10})
	ids, report, err := read(t, newSource(t, Config{Endpoint: url}), core.CreditQuery{Order: core.OrderAscending})
	if err != nil || !report.Complete || len(ids) != 95 {
		t.Fatalf("Read = %d customers, complete %t, %v", len(ids), report.Complete, err)
	}
	for i, id := range ids {
		if want := fmt.Sprint(sim.CreditCustomer(i).ClientUin); id != want {
			t.Fatalf("customer %d is %s, want %s", i, id, want)
		}
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
		source := newSource(t, Config{Credentials: transport.Static(Key{test.id, core.NewSecret(test.key), core.NewSecret(test.token)}), Endpoint: url})
		if _, err := source.FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{}); core.CodeOf(err) != test.want {
			t.Errorf("key %s with %s: %v, want code %q", test.id, test.key, err, test.want)
		}
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
		{"error-in-200-always", core.CodeUnavailable},
		{"vendor-busy-always", core.CodeUnavailable},
		{"empty-object-always", core.CodeUpstream},
		{"empty-body-always", core.CodeUnavailable},
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
			page, err := source.FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{})
			if core.CodeOf(err) != test.want {
				t.Errorf("FetchPage = %d rows, %v, want code %q", len(page.Items), err, test.want)
			}
		})
	}
}

// An empty page has its total, from which a Reader sees that customers are missing.
func TestEmptyPageHasItsTotal(t *testing.T) {
	t.Parallel()
	_, url := simulate(t, simulator.Options{Customers: 10, Faults: []string{"empty-page-always"}})
	page, err := newSource(t, Config{Endpoint: url}).FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{})
	if err != nil || len(page.Items) != 0 || page.Next != nil || *page.Total != 10 {
		t.Errorf("FetchPage of a null list = %d customers of %v, then %v, %v", len(page.Items), page.Total, page.Next, err)
	}
}

func TestHangingServer(t *testing.T) {
	t.Parallel()
	transporttest.TestHangs(t, func(ctx context.Context, tb testing.TB, url string) error {
		_, err := newSource(tb, Config{Endpoint: url}).FetchPage(ctx, core.CreditQuery{}, core.Cursor{})
		return err
	})
}
