package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

// fourAccounts returns the API of four accounts: two share reads, two read at each
// request.
func fourAccounts() http.Handler {
	accounts := []string{"east", "north", "south", "west"}
	readers := make(map[string]*core.Reader[core.CreditQuery, *core.CustomerCredit])
	for _, account := range accounts {
		shareFor := time.Duration(0)
		if account == "north" || account == "south" {
			shareFor = time.Hour
		}
		c := &cloud{credits: manyCredits(30), pageSize: 100}
		readers[account] = core.NewReader(creditSource{c}, &core.ReaderOptions[core.CreditQuery]{
			Schema: core.Schema("credit"), Provider: "tencentcloud", Account: account, ShareFor: shareFor,
		})
	}
	opts := insider()
	opts.InFlight = 1000
	opts.Functions = []*core.Function{core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return readers[account], nil
	}, func(context.Context) ([]string, error) { return accounts, nil })}
	return api.New(opts)
}

// The accounts of an answer are read concurrently: under the race detector, they share no
// state of the writer. All formats, by list and by id.
func TestSharedAnswersOfAllAccounts(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fourAccounts())
	t.Cleanup(server.Close)
	for _, target := range []string{"/v1/credit?account=all", "/v1/credit/200000000007?account=all"} {
		for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv", "text/csv; profile=excel"} {
			ask := func() *http.Response {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+target, nil)
				if err != nil {
					t.Error(err)
					return nil
				}
				r.Header.Set("Accept", accept)
				answer, err := server.Client().Do(r)
				if err != nil {
					t.Error(err)
					return nil
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				if err != nil || answer.StatusCode != http.StatusOK || strings.Count(string(body), "200000000007") != 4 {
					t.Errorf("%s as %s: %v, %s: %.200s", target, accept, err, answer.Status, body)
				}
				return answer
			}
			ask() // reads what the others share
			if accept == "application/json" && ask().Header.Get("Age") == "" {
				t.Errorf("%s: an answer of which two accounts are shared has no Age", target)
			}
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for range 10 {
						ask()
					}
				})
			}
			group.Wait()
		}
	}
}
