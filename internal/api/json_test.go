package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

// JSON keeps to its budget whatever the report around the records has, and reads every
// customer over several answers.
func TestJSONBudget(t *testing.T) {
	t.Parallel()
	c := &cloud{credits: manyCredits(300), pageSize: 100}
	f := core.CreditFunction(func(context.Context, string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return core.NewReader(creditSource{c}, &core.ReaderOptions[core.CreditQuery]{Schema: core.Schema("credit"), Provider: "tencentcloud", Account: core.DefaultAccount}), nil
	}, func(context.Context) ([]string, error) { return []string{core.DefaultAccount}, nil })
	for _, test := range []struct {
		name          string
		budget        int
		account, want string // of the error
	}{
		{"ample", 6_000_000, "", ""},
		{"tight", 64_000, "", ""},
		{"no room for a customer", 1000, "", "no room for an answer"},
		{"no room for the cursor of all accounts", 64_000, core.AllAccounts, "no room for an answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			customers := 0
			for next := ""; ; {
				params := core.Params{}
				for name, value := range map[string]string{"account": test.account, "cursor": next} {
					if value != "" {
						params[name] = []string{value}
					}
				}
				question, err := f.Ask(params)
				if err != nil {
					t.Fatal(err)
				}
				body, report, err := api.JSON(t.Context(), f, question, params, test.budget)
				if test.want != "" {
					if !strings.Contains(fmt.Sprint(err), test.want) {
						t.Errorf("error %v, want %q", err, test.want)
					}
					return
				}
				if err != nil || len(body) > test.budget {
					t.Fatalf("%d bytes of a budget of %d: %v", len(body), test.budget, err)
				}
				var answer struct {
					core.Report `json:",inline"`
					Items       []struct {
						CustomerID string `json:"customer_id"`
					} `json:"items"`
				}
				if err := json.Unmarshal(body, &answer); err != nil || len(answer.Items) != report.Count {
					t.Fatalf("%d items, count %d: %v", len(answer.Items), report.Count, err)
				}
				customers += report.Count
				if report.Next == nil {
					break
				}
				next = *report.Next
			}
			if customers != len(c.credits) {
				t.Errorf("%d customers, want %d", customers, len(c.credits))
			}
		})
	}
}
