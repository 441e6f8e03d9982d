package app_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/host"
	"partnerlens/pkg/core"
)

// longSource is a cloud of a million customers in pages of 10 that come slowly.
type longSource struct{ pages *atomic.Int32 }

func (s longSource) FetchPage(ctx context.Context, _ core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
		return core.Page[*core.CustomerCredit]{}, ctx.Err()
	}
	s.pages.Add(1)
	const total = 1_000_000
	page := core.Page[*core.CustomerCredit]{Total: new(int), RequestID: "00000000-0000-4000-8000-000000000001"}
	*page.Total = total
	for i := at.Offset; i < min(at.Offset+10, total); i++ {
		page.Items = append(page.Items, &core.CustomerCredit{CustomerID: fmt.Sprint(200000000000 + i)})
	}
	if end := at.Offset + 10; end < total {
		page.Next = &core.Cursor{Offset: end, Size: 10}
	}
	return page, nil
}

// An answer under way when the server stops ends as at a deadline, in every format: with what
// was read, and with the cursor that goes on there.
func TestStoppedServersEndTheirAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ target, accept string }{
		{"/v1/credit", "application/json"},
		{"/v1/credit", "application/x-ndjson"},
		{"/v1/credit", "text/csv"},
		{"/v1/credit?account=all", "application/json"},
		{"/v1/credit?account=all", "application/x-ndjson"},
		{"/v1/credit?account=all", "text/csv"},
	} {
		t.Run(test.accept+" "+test.target, func(t *testing.T) {
			t.Parallel()
			source := longSource{new(atomic.Int32)}
			env := map[string]string{"PARTNERLENS_KEYS": attackedKeys}
			names := func(context.Context) ([]string, error) { return []string{core.DefaultAccount, "emea"}, nil }
			function := core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
				return core.NewReader(source, &core.ReaderOptions[core.CreditQuery]{Schema: core.Schema("credit"), Provider: "tencentcloud", Account: account}), nil
			}, names)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() {
				served <- host.Serve(ctx, ln, app.Handler(app.HandlerOptions{Env: with(env)}, function), &host.ServeOptions{Getenv: with(env), StopWithin: 8 * time.Second})
			}()
			go func() {
				for source.pages.Load() < 5 {
					time.Sleep(time.Millisecond)
				}
				stop()
			}()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String()+test.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Accept": {test.accept}, "X-Api-Key": {keyAll}}
			answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatalf("the answer is cut off: %v", err)
			}
			stopped, next, customers := ending(t, test.accept, string(body))
			if stopped != "deadline" || next == "" || customers < 10 {
				t.Errorf("of %d customers the answer says that it was stopped by %q, with the cursor %q", customers, stopped, next)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// ending gives what an answer says at its end, and how many customers it has.
func ending(t *testing.T, accept, body string) (stopped, next string, customers int) {
	t.Helper()
	if accept == "text/csv" {
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		last := rows[len(rows)-1]
		if last[0] != "#incomplete" {
			t.Fatalf("the last row is %q", last)
		}
		return last[1], last[2], len(rows) - 2
	}
	lines := strings.Split(strings.TrimSpace(body), "\n")
	var report core.Report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil || report.Stopped == nil || report.Next == nil {
		t.Fatalf("%v: the last line is %.300s", err, lines[len(lines)-1])
	}
	return string(*report.Stopped), *report.Next, report.Count
}
