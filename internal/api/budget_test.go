package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

// budgetWriter is a host that limits the bytes of an answer as a JSON text.
type budgetWriter struct {
	*httptest.ResponseRecorder
	budget int
}

func (w *budgetWriter) Budget() int { return w.budget }

func (w *budgetWriter) Cost(p []byte) int {
	quoted, err := json.Marshal(string(p)) // escapes more than a host would
	if err != nil {
		panic(err)
	}
	return len(quoted) - len(`""`)
}

// part is one answer of several.
type part struct {
	ids, missing []string
	next         string
	stopped      string
	complete     bool
}

// TestAnswersKeepWithinTheBudget follows the cursors of answers that have no room for
// every customer. Together they must have each customer once.
func TestAnswersKeepWithinTheBudget(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	credits := manyCredits(300)
	for i := range credits {
		credits[i].Name = strings.Repeat(`"名`, random.IntN(200))
		credits[i].Remark = strings.Repeat("\x01=\r\n", random.IntN(50))
	}
	var tags []core.CustomerTag
	var asked, absent []string
	for i := range 1200 {
		id := fmt.Sprintf("0e4a%028x", i)
		asked = append(asked, id)
		if i%3 == 0 { // two of three are not there
			tags = append(tags, tag(id, "", "Y", "2026-02", "2027-01"))
		} else {
			absent = append(absent, id)
		}
	}
	var present, everyCustomer []string
	for _, c := range tags {
		present = append(present, c.CustomerID)
	}
	for _, c := range credits {
		everyCustomer = append(everyCustomer, c.CustomerID)
	}
	c := &cloud{credits: credits, tags: map[string][]core.CustomerTag{"": tags}, pageSize: 100}
	for _, test := range []struct {
		name, path      string
		query           map[string]any
		ids, missing    []string
		budget, atLeast int // answers
	}{
		{"every customer", "/v1/credit", map[string]any{}, everyCustomer, nil, 64_000, 3},
		{"some", "/v1/credit", map[string]any{"limit": 40}, everyCustomer, nil, 64_000, 8},
		{"many ids", "/v1/tags", map[string]any{"customer_ids": asked}, present, absent, 105_000, 2},
		{"room for all", "/v1/tags", map[string]any{"customer_ids": asked}, present, absent, 6_000_000, 1},
	} {
		for accept, read := range map[string]func(*testing.T, *httptest.ResponseRecorder) part{
			"application/json": readJSON, "application/x-ndjson": readNDJSON, "text/csv": readCSV, "text/csv;profile=excel": readCSV,
		} {
			t.Run(test.name+" as "+accept, func(t *testing.T) {
				t.Parallel()
				var ids, missing []string
				query := map[string]any{"pii": "full"}
				for name, value := range test.query {
					query[name] = value
				}
				answers, sizeStops := 0, 0
				for {
					if answers++; answers > 1000 {
						t.Fatal("the cursors lead nowhere")
					}
					body, err := json.Marshal(query)
					if err != nil {
						t.Fatal(err)
					}
					r := httptest.NewRequest("POST", test.path, strings.NewReader(string(body)))
					r.Header.Set("Accept", accept)
					w := &budgetWriter{httptest.NewRecorder(), test.budget}
					c.handler().ServeHTTP(w, r)
					if cost := w.Cost(w.Body.Bytes()); w.Code != 200 || cost > w.budget {
						t.Fatalf("status %d, cost %d of a budget of %d: %.200s", w.Code, cost, w.budget, w.Body)
					}
					got := read(t, w.ResponseRecorder)
					ids, missing = append(ids, got.ids...), append(missing, got.missing...)
					if got.stopped == "size" {
						sizeStops++
					}
					if got.next == "" {
						if !got.complete {
							t.Error("the last answer is not complete")
						}
						break
					}
					query["cursor"] = got.next
				}
				if !slices.Equal(ids, test.ids) {
					t.Errorf("%d answers held %d customers, want %d, each once and in order", answers, len(ids), len(test.ids))
				}
				if !slices.Equal(missing, test.missing) {
					t.Errorf("%d ids are missing, want %d", len(missing), len(test.missing))
				}
				if answers < test.atLeast || sizeStops == 0 && test.query["limit"] == nil && test.atLeast > 1 {
					t.Errorf("%d answers, %d stopped by size: the budget was not tried", answers, sizeStops)
				}
			})
		}
	}
}

func readJSON(t *testing.T, w *httptest.ResponseRecorder) part {
	var report struct {
		core.Report
		Items []struct {
			ID string `json:"customer_id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	p := partOf(report.Report)
	for _, item := range report.Items {
		p.ids = append(p.ids, item.ID)
	}
	return p
}

func readNDJSON(t *testing.T, w *httptest.ResponseRecorder) part {
	lines := strings.Split(strings.TrimSuffix(w.Body.String(), "\n"), "\n")
	var report core.Report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatal(err)
	}
	p := partOf(report)
	for _, line := range lines[:len(lines)-1] {
		var item struct {
			ID string `json:"customer_id"`
		}
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		p.ids = append(p.ids, item.ID)
	}
	return p
}

func partOf(report core.Report) part {
	p := part{missing: report.MissingIDs, complete: report.Complete}
	if report.Next != nil {
		p.next, p.stopped = *report.Next, string(*report.Stopped)
	}
	return p
}

// readCSV reads a part from the rows and requires the same values in the trailers.
func readCSV(t *testing.T, w *httptest.ResponseRecorder) part {
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	p := part{complete: true}
	for _, row := range rows[1:] {
		switch row[0] {
		case "#missing":
			p.missing = append(p.missing, row[1])
		case "#incomplete":
			p.complete, p.stopped, p.next = false, row[1], row[2]
		default:
			p.ids = append(p.ids, strings.Trim(row[2], `="`))
		}
	}
	trailers := w.Result().Trailer
	if trailers.Get("Partnerlens-Next") != p.next || trailers.Get("Partnerlens-Stopped") != p.stopped || trailers.Get("Partnerlens-Complete") != fmt.Sprint(p.complete) {
		t.Errorf("trailers %v, rows say %q, %q, %t", trailers, p.next, p.stopped, p.complete)
	}
	return p
}

// TestNoRoomForOneCustomer requires an error, not a cursor that leads to itself.
func TestNoRoomForOneCustomer(t *testing.T) {
	t.Parallel()
	large := credit("200000000001", strings.Repeat("Example", 10_000), "1.00", "1.00")
	c := &cloud{credits: []core.CustomerCredit{large}, tags: fewTags()}
	ids := `{"customer_ids":[` + strings.Repeat(`"0e4a00000000000000000000000000a1",`, 2000) + `"x"]}`
	for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
		for _, test := range []struct{ method, target, body, says string }{
			{"GET", "/v1/credit?pii=full", "", "a customer does not fit"},
			{"GET", "/v1/credit/200000000001?pii=full", "", "a customer does not fit"},
			{"POST", "/v1/tags", ids, "ask for fewer"},
		} {
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			r.Header.Set("Accept", accept)
			w := &budgetWriter{httptest.NewRecorder(), 50_000}
			c.handler().ServeHTTP(w, r)
			answer := w.Result()
			loadContract(t).check(t, r, answer)
			if p := problemIn(t, answer); p.Code != core.CodeTooLarge || !strings.Contains(p.Detail, test.says) {
				t.Errorf("%s %s as %s = %s, %q", test.method, test.target, accept, p.Code, p.Detail)
			}
		}
	}
}
