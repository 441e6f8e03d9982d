// Package newquery adds a made-up query to the table of functions, and requires every
// part of partnerlens to follow the table: HTTP API, command line, doctor, watch and alerts.
package newquery

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/internal/cli"
	"partnerlens/pkg/core"
)

// voucher is a record of the made-up query.
type voucher struct {
	Account    string `json:"account"`
	CustomerID string `json:"customer_id"`
	Left       int    `json:"left"`
	Status     string `json:"status"`
}

func (v *voucher) ID() string  { return v.CustomerID }
func (v *voucher) Key() string { return v.CustomerID }
func (v *voucher) Evaluate(account string, _ time.Time, _ core.Rules) {
	v.Account, v.Status = account, "some"
	if v.Left == 0 {
		v.Status = "none"
	}
}
func (v *voucher) StatusText() string      { return v.Status }
func (v *voucher) UnreadMembers() []string { return nil }
func (v *voucher) Row() []string           { return []string{v.CustomerID, strconv.Itoa(v.Left), v.Status} }
func (v *voucher) With(core.Details) core.Record {
	return v
}
func (v *voucher) Masked() core.Record { return v }

type query struct {
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
}

func (q query) AskedIDs() []string {
	if q.ID == "" {
		return nil
	}
	return []string{q.ID}
}

// today is the day of the vendor's books: on the second, customer c2 has no voucher left
// and c3 has come.
var today atomic.Int64

// vendor is the made-up vendor: pages of two customers, with a total.
type vendor struct{}

func (vendor) FetchPage(_ context.Context, q query, at core.Cursor) (page core.Page[*voucher], _ error) {
	books := []voucher{{CustomerID: "c1", Left: 9}, {CustomerID: "c2", Left: 1}}
	if today.Load() > 1 {
		books = []voucher{{CustomerID: "c1", Left: 9}, {CustomerID: "c2"}, {CustomerID: "c3", Left: 4}}
	}
	books = slices.DeleteFunc(books, func(v voucher) bool { return q.ID != "" && v.CustomerID != q.ID || q.Kind == "none" && v.Left > 0 })
	size, total := 2, len(books)
	if at.Size > 0 {
		size = min(at.Size, 2)
	}
	for _, v := range books[min(at.Offset, total):min(at.Offset+size, total)] {
		page.Items = append(page.Items, &v)
	}
	if page.Total = &total; at.Offset+size < total {
		page.Next = &core.Cursor{Offset: at.Offset + size, Size: at.Size}
	}
	return page, nil
}

var vouchers = app.Function{
	Name: "vouchers", Vendor: &app.Tencent, Title: "VOUCHERS: what is left", Help: "Ask what vouchers customers have left.",
	Urgent: []string{"none", "some"}, Least: "left",
	Flags: []app.Flag{{Param: "kind", Help: "none: only customers without a voucher."}},
	Alerts: alert.NewEvaluator(func(_ *alert.Rules, run alert.RunContext, v *voucher, next *alert.State) (alerts []alert.Alert) {
		if prev := next.Status; v.Status == "none" && prev != v.Status {
			alerts = []alert.Alert{alert.NewAlert(run, alert.CreditExhausted, v, prev, v.Status)}
		}
		next.Status = v.Status
		return alerts
	}, func(a *alert.Alert, v *voucher) { a.Provider = "tencentcloud" }, nil),
	Open: func(accounts *app.Accounts, now func() time.Time) *core.Function {
		return core.NewFunction(core.Spec[query]{
			Name: "vouchers", Summary: "vouchers", Params: []string{"kind", "id"},
			Parse: func(p core.Params) (q query, err error) {
				if kind := p["kind"]; kind != nil {
					q.Kind = kind[0]
				}
				if id := p["id"]; id != nil {
					q.ID = id[0]
				}
				return q, nil
			},
			ByID:     func(id string) core.Params { return core.Params{"id": {id}} },
			Statuses: []string{"none", "some"},
			Columns:  []core.Column{{Name: "customer_id", Brief: true}, {Name: "left", Kind: core.ColumnNumber, Brief: true}, {Name: "status", Brief: true}},
		}, func(ctx context.Context, account string) (*core.Reader[query, *voucher], error) {
			settings, err := accounts.Settings(ctx, account)
			if err != nil {
				return nil, err
			}
			return core.NewReader(vendor{}, &core.ReaderOptions[query]{
				Schema: core.Schema("vouchers"), Provider: "tencentcloud", Account: settings.Account, Now: now,
			}), nil
		}, accounts.Names)
	},
	Probe: func(s app.Settings) (app.Probe, error) {
		return app.Probe{
			Endpoint: "https://vouchers.example", MostSkew: time.Minute, PageSize: 2,
			ClockSkew: func() (time.Duration, bool) { return 0, true },
			Fetch: func(ctx context.Context) (app.Seen, error) {
				page, err := vendor{}.FetchPage(ctx, query{}, core.Cursor{})
				return app.ProbeOf(page, s.Account, core.Rules{}), err
			},
		}, nil
	},
}

func TestMain(m *testing.M) {
	app.Functions = []*app.Function{&vouchers}
	for name, value := range map[string]string{
		"PARTNERLENS_TENCENT_SECRET_ID": "SAMPLEID", "PARTNERLENS_TENCENT_SECRET_KEY": "sample-key",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// partnerlens runs a command line and returns its standard output.
func partnerlens(t *testing.T, args ...string) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(read)
		text <- all
	}()
	stdout := os.Stdout
	os.Stdout = write
	got := cli.Main(args)
	os.Stdout = stdout
	_ = write.Close()
	out := string(<-text)
	if got != 0 {
		t.Errorf("partnerlens %q: status %d, want 0\n%s", args, got, out)
	}
	return out
}

func TestNewQuery(t *testing.T) {
	today.Store(1)
	t.Run("API", func(t *testing.T) {
		server := httptest.NewServer(app.Handler(app.HandlerOptions{}, vouchers.Compose(nil, nil).Function))
		defer server.Close()
		for _, test := range []struct {
			path, accept string
			status       int
			want         string
		}{
			{"/v1/vouchers", "application/json", 200, `"complete":true,"stopped":null,"next":null,"count":2,"total":2`},
			{"/v1/vouchers?kind=none", "application/json", 200, `"count":0`},
			{"/v1/vouchers?status=some", "application/x-ndjson", 200, `{"account":"default","customer_id":"c2","left":1,"status":"some"}`},
			{"/v1/vouchers/c1", "application/json", 200, `"customer_id":"c1"`},
			{"/v1/vouchers/c9", "application/json", 404, `"code":"not_found"`},
			{"/v1/vouchers?color=red", "application/json", 400, `color`},
			{"/v1/vouchers", "text/csv", 200, "c2,1,some"},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept", test.accept)
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != test.status || !strings.Contains(string(body), test.want) {
				t.Errorf("%s as %s: %d %s %v, want %d with %s", test.path, test.accept, response.StatusCode, body, err, test.status, test.want)
			}
		}
	})
	t.Run("CLI", func(t *testing.T) {
		if out := partnerlens(t, "vouchers", "--output", "csv"); !strings.Contains(out, "c1") || !strings.Contains(out, "c2") {
			t.Error(out)
		}
		if out := partnerlens(t, "vouchers", "--kind", "none"); !strings.Contains(out, `"count":0`) {
			t.Error(out)
		}
		if out := partnerlens(t, "vouchers", "c2"); !strings.Contains(out, `"count":1`) {
			t.Error(out)
		}
	})
	t.Run("doctor", func(t *testing.T) {
		var found struct {
			Accounts []struct {
				Vendor string
				OK     bool
			}
		}
		out := partnerlens(t, "doctor", "--output", "json")
		if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Accounts) != 1 || !found.Accounts[0].OK {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("watch", func(t *testing.T) {
		folder := t.TempDir()
		for day, run := range []string{"2026-11-21", "2026-11-22"} {
			today.Store(int64(day) + 1)
			partnerlens(t, "watch", "--function", "vouchers", "--store", "file://"+filepath.ToSlash(folder), "--run", run)
		}
		contents := func(name string) string {
			text, err := os.ReadFile(filepath.Join(folder, "runs/vouchers/default/2026-11-22", name))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		for name, want := range map[string][]string{
			"changes.ndjson": {`"c2"`, `"c3"`},
			"alerts.json":    {`"kind":"credit_exhausted"`, `"kind":"customer_new"`, `"customer_id":"c2"`},
		} {
			for _, text := range want {
				if got := contents(name); !strings.Contains(got, text) {
					t.Errorf("%s has no %s:\n%s", name, text, got)
				}
			}
		}
	})
}
