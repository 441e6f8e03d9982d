package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, f := range FaultNames() {
		if seen[f.Name] || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !strings.HasSuffix(f.Says, ".") {
			t.Errorf("fault %+v: not a new name in lower case with a sentence", f)
		}
		seen[f.Name] = true
		if _, err := New(Options{Faults: []string{f.Name}, Rate: 5}); err != nil {
			t.Errorf("New with fault %s: %v", f.Name, err)
		}
	}
	for _, name := range []string{"", "nothing", "page-clamp-10-always", "-always"} {
		_, err := New(Options{Faults: []string{name}})
		if err == nil || !strings.Contains(err.Error(), "http-500-always") {
			t.Errorf("New with fault %q: %v, want an error that lists the faults", name, err)
		}
	}
	for _, opts := range []Options{{Rate: -1}, {PageMax: -1}, {RateCounting: 3}, {Faults: []string{"second-caller"}}} {
		if _, err := New(opts); err == nil {
			t.Errorf("New(%+v) has no error", opts)
		}
	}
}

// Faults that change one answer and leave the connection alone.
func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault                    string
		tencentStatus            int
		tencentCode, tencentBody string
		huaweiStatus             int
		huaweiCode, huaweiBody   string
	}{
		{"http-500", 500, "", "<html>", 500, "CBC.0999", "error_message"},
		{"http-502", 502, "", "<html>", 502, "", "<html>"},
		{"http-503", 503, "", "<html>", 503, "", "<html>"},
		{"html-page", 200, "", "<html>", 200, "", "<html>"},
		{"error-in-200", 200, "InternalError", "", 200, "CBC.5001", ""},
		{"vendor-busy", 200, "OperationDenied.ServiceBusy", "", 429, "CBC.0250", ""},
		{"empty-object", 200, "", "{}", 200, "", "{}"},
		{"empty-body", 200, "", "", 200, "", ""},
		{"empty-page", 200, "", `{"Response":{"Data":null,`, 200, "", `{"new_customer_tags":null}`},
		{"malformed-json", 200, "", `{"Response":{"Data":[{`, 200, "", `{"new_customer_tags":[{`},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Options{Customers: 30, Faults: []string{test.fault + "-always"}})
			check := func(g got, status int, code, body string) {
				t.Helper()
				if g.status != status || g.code != code || !strings.Contains(g.body, body) {
					t.Errorf("answer = %d %q, want %d %q with %s\n%.300s", g.status, g.code, status, code, body, g.body)
				}
				if strings.Contains(g.body, "<html>") == strings.HasPrefix(g.header.Get("Content-Type"), "application/json") {
					t.Errorf("Content-Type = %q of\n%.300s", g.header.Get("Content-Type"), g.body)
				}
				if test.fault == "malformed-json" && json.Valid([]byte(g.body)) {
					t.Errorf("the body is valid:\n%.300s", g.body)
				}
				if test.fault == "http-503" && g.header.Get("Retry-After") != "1" {
					t.Errorf("Retry-After = %q", g.header.Get("Retry-After"))
				}
			}
			check(s.askCredit(t, `{}`), test.tencentStatus, test.tencentCode, test.tencentBody)
			check(s.askTags(t, `{}`), test.huaweiStatus, test.huaweiCode, test.huaweiBody)

			// The fault hits one call in seven, and no refused call.
			s = newSimulator(t, Options{Customers: 30, Faults: []string{test.fault}})
			whole := 0
			for range 14 {
				if g := s.askCredit(t, `{"Order":"asc"}`); len(g.rows) == 10 {
					whole++
				}
			}
			if calls := s.Calls().Credit; whole != 12 || calls.Disturbed != 2 {
				t.Errorf("%d of 14 calls whole, %d disturbed, want 12, 2", whole, calls.Disturbed)
			}
			for range 7 {
				if g := s.do(t, call{secret: "wrong"}.tencent("http://simulator.example")); g.code != "AuthFailure.SignatureFailure" {
					t.Errorf("refused call: %d %q", g.status, g.code)
				}
			}
		})
	}
}

// Faults of the connection, over one.
func TestFaultConnections(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for _, vendor := range []string{"tencent", "huawei"} {
			post := func(t *testing.T, ctx context.Context, fault string) (*http.Response, error) {
				t.Helper()
				s := newSimulator(t, Options{Customers: 30, Faults: []string{fault + "-always"}})
				server := httptest.NewUnstartedServer(s)
				if secure {
					server.EnableHTTP2 = true
					server.StartTLS()
				} else {
					server.Start()
				}
				t.Cleanup(server.Close)
				t.Cleanup(s.Close) // runs first
				r := call{}.tencent(server.URL)
				if vendor == "huawei" {
					r = call{}.huawei(server.URL)
				}
				r.RequestURI = ""
				return server.Client().Do(r.WithContext(ctx))
			}
			name := fmt.Sprintf("%s secure=%t ", vendor, secure)
			t.Run(name+"truncated-body", func(t *testing.T) {
				t.Parallel()
				resp, err := post(t, t.Context(), "truncated-body")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err == nil || len(b) == 0 || resp.StatusCode != 200 {
					t.Errorf("%d: read %d bytes, error %v, want some and an error", resp.StatusCode, len(b), err)
				}
			})
			t.Run(name+"connection-reset", func(t *testing.T) {
				t.Parallel()
				resp, err := post(t, t.Context(), "connection-reset")
				if err == nil {
					resp.Body.Close()
					t.Fatalf("answer = %d, want none", resp.StatusCode)
				}
				if !secure && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("error = %v, want a reset", err)
				}
			})
			t.Run(name+"hang", func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				resp, err := post(t, ctx, "hang")
				if err == nil {
					resp.Body.Close()
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v, want the deadline", err)
				}
			})
			t.Run(name+"giant-body", func(t *testing.T) {
				t.Parallel()
				resp, err := post(t, t.Context(), "giant-body")
				if err != nil {
					t.Fatal(err)
				}
				n, err := io.CopyN(io.Discard, resp.Body, 2<<20)
				if err != nil {
					t.Errorf("read %d bytes, then %v, want 2 MiB", n, err)
				}
				resp.Body.Close()
			})
		}
	}
}

// A giant body starts like a page and is bounded.
func TestGiantBodyIsBounded(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Faults: []string{"giant-body-always"}})
	w := &countingWriter{header: http.Header{}}
	func() {
		defer func() {
			if r, _ := recover().(error); !errors.Is(r, http.ErrAbortHandler) {
				t.Errorf("panic = %v, want ErrAbortHandler", r)
			}
		}()
		s.ServeHTTP(w, call{}.tencent("http://simulator.example"))
	}()
	if w.n < 256<<20 || w.n > 257<<20 {
		t.Errorf("%d bytes, want 256 MiB", w.n)
	}
	if !bytes.HasPrefix(w.start, []byte(`{"Response":{"Total":1,"RequestId":"`)) {
		t.Errorf("starts with %.100s", w.start)
	}
}

type countingWriter struct {
	header http.Header
	n      int
	start  []byte
}

func (w *countingWriter) Header() http.Header { return w.header }
func (w *countingWriter) WriteHeader(int)     {}
func (w *countingWriter) Write(b []byte) (int, error) {
	if w.n == 0 {
		w.start = slices.Clone(b)
	}
	w.n += len(b)
	return len(b), nil
}

// A hanging call ends when the simulator closes.
func TestHangEndsWithClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Faults: []string{"hang-always"}})
		returned := make(chan any, 1)
		go func() {
			defer func() { returned <- recover() }()
			s.ServeHTTP(httptest.NewRecorder(), call{}.tencent("http://simulator.example"))
		}()
		time.Sleep(time.Hour)
		select {
		case <-returned:
			t.Fatal("answered")
		default:
		}
		s.Close()
		if r, _ := (<-returned).(error); !errors.Is(r, http.ErrAbortHandler) {
			t.Errorf("panic = %v, want ErrAbortHandler", r)
		}
	})
}

func TestLongTail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Customers: 1, Faults: []string{"long-tail"}})
		took := make(map[time.Duration]int)
		for range 100 {
			start := time.Now()
			if g := s.askCredit(t, `{}`); len(g.rows) != 1 {
				t.Fatalf("answer = %s", g.body)
			}
			took[time.Since(start)]++
		}
		if took[0] != 90 || took[time.Second/2] != 9 || took[5*time.Second] != 1 {
			t.Errorf("calls by time = %v, want 90 at once, 9 in 500ms, 1 in 5s", took)
		}
	})
}

func TestPageFaults(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Faults: []string{"page-clamp-10", "limit-100"}})
	if g := s.askCredit(t, `{"PageSize":100,"Page":2}`); len(g.rows) != 10 || g.total != 1000 || g.ids()[0] != fmt.Sprint(s.CreditCustomer(989).ClientUin) {
		t.Errorf("page-clamp-10: %d rows of %d", len(g.rows), g.total)
	}
	if g := s.askTags(t, `{"limit":101}`); g.status != 400 || g.code != "CBC.0100" {
		t.Errorf("limit-100: answer = %d %q", g.status, g.code)
	}
	if g := s.askTags(t, `{"limit":100}`); len(g.rows) != 100 {
		t.Errorf("limit-100: %d rows", len(g.rows))
	}

	s = newSimulator(t, Options{PageMax: 25})
	if g := s.askCredit(t, `{"PageSize":100}`); len(g.rows) != 25 {
		t.Errorf("PageMax 25: %d rows of Tencent's", len(g.rows))
	}
	if g := s.askTags(t, `{"limit":26}`); g.status != 400 {
		t.Errorf("PageMax 25: Huawei answers a limit of 26 with %d", g.status)
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]int{"total-high": 1003, "total-low": 899, "total-of-page": 10} {
		s := newSimulator(t, Options{Faults: []string{fault}})
		if g := s.askCredit(t, `{}`); g.total != want {
			t.Errorf("%s: total = %d, want %d", fault, g.total, want)
		}
	}
	s := newSimulator(t, Options{Customers: -1, Faults: []string{"total-low"}})
	if g := s.askCredit(t, `{}`); g.total != 0 {
		t.Errorf("total of an empty account = %d", g.total)
	}
}

// walkCredit reads page after page as a naive reader would.
func walkCredit(t *testing.T, s *Simulator, order string) (ids []string, totals []int) {
	t.Helper()
	for page := 1; ; page++ {
		g := s.askCredit(t, fmt.Sprintf(`{"Page":%d,"PageSize":50,"Order":%q}`, page, order))
		if len(g.rows) == 0 {
			return ids, totals
		}
		ids, totals = append(ids, g.ids()...), append(totals, g.total)
	}
}

func walkTags(t *testing.T, s *Simulator) (ids []string) {
	t.Helper()
	for {
		g := s.askTags(t, fmt.Sprintf(`{"offset":%d,"limit":50}`, len(ids)))
		if len(g.rows) == 0 {
			return ids
		}
		ids = append(ids, g.ids()...)
	}
}

func distinct(ids []string) int { return len(slices.Compact(slices.Sorted(slices.Values(ids)))) }

func TestCustomersComeAndGo(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 200, Faults: []string{"customers-join"}})
	ids, totals := walkCredit(t, s, "desc")
	if !slices.Equal(totals, []int{200, 201, 202, 203, 204}) || len(ids) != 204 || distinct(ids) != 200 {
		t.Errorf("join, credit: totals %v, %d rows, %d distinct, want rows that come twice", totals, len(ids), distinct(ids))
	}
	// Tags have no total: in a read up to an empty page one row is repeated as
	// long as customers join.
	if ids := walkTags(t, s); len(ids) != 220 || distinct(ids) != 200 {
		t.Errorf("join, tags: %d rows, %d distinct", len(ids), distinct(ids))
	}
	if g := s.askTags(t, `{}`); g.ids()[0] != s.TagCustomer(219).CustomerID || g.ids()[9] != s.TagCustomer(210).CustomerID {
		t.Errorf("join, tags: the newest are not listed first: %v", g.ids())
	}
	for range 30 {
		s.askCredit(t, `{}`)
	}
	if g := s.askCredit(t, `{}`); g.total != 220 || g.ids()[0] != fmt.Sprint(s.CreditCustomer(219).ClientUin) {
		t.Errorf("join: total %d in the end, want 220, the newest first", g.total)
	}

	for _, order := range []string{"asc", "desc"} {
		s = newSimulator(t, Options{Customers: 200, Faults: []string{"customers-leave"}})
		ids, totals := walkCredit(t, s, order)
		if !slices.Equal(totals, []int{200, 199, 198, 197}) || len(ids) != distinct(ids) || len(ids) >= 200 {
			t.Errorf("leave %s: totals %v, %d rows, %d distinct", order, totals, len(ids), distinct(ids))
		}
	}
	id := s.TagCustomer(199).CustomerID
	body := `{"customer_ids":["` + id + `"]}`
	if first, second := s.askTags(t, body), s.askTags(t, body); len(first.rows) != 1 || len(second.rows) != 0 {
		t.Errorf("leave: %d rows, then %d, of a customer that has left", len(first.rows), len(second.rows))
	}
	if ids := walkTags(t, s); len(ids) >= 200 {
		t.Errorf("leave, tags: %d rows", len(ids))
	}

	s = newSimulator(t, Options{Customers: 200, Faults: []string{"customers-leave", "customers-join"}})
	if _, totals := walkCredit(t, s, "desc"); !slices.Equal(totals, []int{200, 200, 200, 200}) {
		t.Errorf("join and leave: totals %v", totals)
	}
}

// A customer that joins is associated at that time, listed last in ascending order,
// and does not change.
func TestNewcomersAreBoundWhenTheyJoin(t *testing.T) {
	t.Parallel()
	clock := now
	s := newSimulator(t, Options{Customers: 30, Faults: []string{"customers-join", "customers-leave"}, Now: func() time.Time { return clock }})
	times := make(map[string]any)
	for range 5 {
		g := s.askCredit(t, `{"Order":"asc","PageSize":100}`)
		before := ""
		for _, row := range g.rows {
			id, bound := fmt.Sprint(row["ClientUin"]), row["AssociationTime"].(string)
			if bound < before {
				t.Errorf("bound at %s, after one at %s", bound, before)
			}
			if was, met := times[id]; met && was != bound {
				t.Errorf("bound at %s, and before that at %s", bound, was)
			}
			before, times[id] = bound, bound
		}
		clock = clock.Add(time.Minute)
	}
	for n, want := range []string{"2026-11-21 20:01:00", "2026-11-21 20:02:00", "2026-11-21 20:03:00"} {
		if got := s.CreditCustomer(30 + n).AssociationTime; got != want {
			t.Errorf("newcomer %d bound at %s, want %s", n, got, want)
		}
	}
}

// Under both faults as many customers leave as join, all of them from day 0.
func TestPresence(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 30, Faults: []string{"customers-join", "customers-leave"}})
	met := make(map[string]int)
	for range 4 {
		for _, id := range s.askCredit(t, `{"Order":"asc","PageSize":100}`).ids() {
			met[id]++
		}
	}
	was := s.CreditPresence()
	throughout, ever := 0, 0
	for i := range was.Most() {
		n := met[fmt.Sprint(s.CreditCustomer(i).ClientUin)]
		if was.Throughout(i) != (n == 4) || was.Ever(i) != (n > 0) {
			t.Errorf("customer %d was met %d times in 4; throughout %t, ever %t", i, n, was.Throughout(i), was.Ever(i))
		}
		if was.Throughout(i) {
			throughout++
		}
		if was.Ever(i) {
			ever++
		}
	}
	if throughout != 27 || ever != 33 || len(met) != 33 {
		t.Errorf("%d throughout, %d ever, %d met, want 27, 33, 33", throughout, ever, len(met))
	}
	if was := s.TagPresence(); !was.Throughout(0) || was.Ever(30) || was.Most() != 30 {
		t.Errorf("the other vendor's customers moved without a call")
	}
}

func TestDuplicateRows(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 200, Faults: []string{"duplicate-rows"}})
	ids, totals := walkCredit(t, s, "asc")
	if len(ids) != 219 || distinct(ids) != 200 || totals[0] != 200 {
		t.Errorf("credit: %d rows, %d distinct, total %d, want 219, 200, 200", len(ids), distinct(ids), totals[0])
	}
	twice := s.askCredit(t, fmt.Sprintf(`{"FilterType":"ClientUin","Filter":"%d","Order":"asc"}`, s.CreditCustomer(10).ClientUin))
	if len(twice.rows) != 2 || twice.total != 1 {
		t.Errorf("one customer: %d rows, total %d, want 2, 1", len(twice.rows), twice.total)
	}
	if ids := walkTags(t, s); len(ids) != 219 || distinct(ids) != 200 {
		t.Errorf("tags: %d rows, %d distinct, want 219, 200", len(ids), distinct(ids))
	}
}

func TestKeyFaults(t *testing.T) {
	t.Parallel()
	temporary := call{keyID: TempKeyID, secret: TempKeySecret, token: Token}
	const base = "http://simulator.example"

	s := newSimulator(t, Options{Faults: []string{"clock-ahead"}})
	g := s.askCredit(t, `{}`)
	if g.code != "AuthFailure.SignatureExpire" || g.header.Get("Date") != now.Add(time.Hour).Format(http.TimeFormat) {
		t.Errorf("clock-ahead: %q at %s", g.code, g.header.Get("Date"))
	}
	if g := s.askTags(t, `{}`); g.status != 401 {
		t.Errorf("clock-ahead: %d", g.status)
	}

	s = newSimulator(t, Options{Faults: []string{"key-revoked"}})
	for n := 1; n <= 7; n++ {
		want, status := "", 200
		if n > 5 {
			want, status = "AuthFailure.SecretIdNotFound", 401
		}
		if g := s.askCredit(t, `{}`); g.code != want {
			t.Errorf("key-revoked, call %d: %q, want %q", n, g.code, want)
		}
		if g := s.askTags(t, `{}`); g.status != status {
			t.Errorf("key-revoked, call %d: %d, want %d", n, g.status, status)
		}
	}
	if g := s.do(t, temporary.tencent(base)); g.code != "" {
		t.Errorf("key-revoked: the temporary key: %q", g.code)
	}

	s = newSimulator(t, Options{Faults: []string{"token-expires"}})
	for n := 1; n <= 7; n++ {
		want, status := "", 200
		if n > 5 {
			want, status = "AuthFailure.TokenFailure", 401
		}
		if g := s.do(t, temporary.tencent(base)); g.code != want {
			t.Errorf("token-expires, call %d: %q, want %q", n, g.code, want)
		}
		if g := s.do(t, temporary.huawei(base)); g.status != status {
			t.Errorf("token-expires, call %d: %d, want %d", n, g.status, status)
		}
	}
}
