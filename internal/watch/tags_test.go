package watch_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// tagWorld is a vendor whose customers are the account's own and those of resellers.
type tagWorld struct {
	store *memory
	tags  map[string][]string // by reseller, "" the account's own: ids, with "!" where the tag is lost
	last  string              // the last month of every tag; "": none
}

func newTagWorld() *tagWorld {
	return &tagWorld{store: newMemory(nil), tags: map[string][]string{"": {"o1", "o2", "o3"}, "r1": {"c1", "c2", "c3"}, "r2": {"d1", "d2", "d3"}}}
}

// tomorrow is the same for each list: the second customer's tag is lost, the third is
// gone, and a ninth is new.
func (w *tagWorld) tomorrow() {
	for reseller, ids := range w.tags {
		letter := ids[0][:1]
		w.tags[reseller] = []string{letter + "1", letter + "2!", letter + "9"}
	}
}

func (w *tagWorld) FetchPage(_ context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	if at.Offset > 0 {
		return page, nil
	}
	for _, id := range w.tags[q.ResellerID] {
		id, lost := strings.CutSuffix(id, "!")
		tag := &core.CustomerTag{Provider: "huaweicloud", CustomerID: id, Tag: core.Tag{Type: "SMB", Value: "Y"}}
		if lost {
			tag.Tag.Value = "N"
		}
		if w.last != "" {
			month, err := core.ParseMonth(w.last)
			if err != nil {
				return page, err
			}
			tag.ExpireMonth = &month
		}
		if q.ResellerID != "" {
			reseller := q.ResellerID
			tag.ResellerID = &reseller
		}
		page.Items = append(page.Items, tag)
	}
	return page, nil
}

func (w *tagWorld) watch(t tester, run string, resellers []string) watch.Manifest {
	t.Helper()
	start, _ := watch.Period(run, core.VendorZone)
	reader := core.NewReader(w, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: "huaweicloud", Account: "china", Attempts: 1,
		Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
			return core.TagScopes(q, resellers), nil
		},
	})
	job := watch.Job{
		Function: core.TagFunction(func(context.Context, string) (*core.Reader[core.TagQuery, *core.CustomerTag], error) {
			return reader, nil
		},
			func(context.Context) ([]string, error) { return []string{"china"}, nil }),
		Evaluator: alert.Tags, Account: "china", Run: run, Params: core.Params{}, Now: func() time.Time { return start },
	}
	if resellers != nil {
		job.Params["reseller_id"], job.Resellers = []string{core.AllResellers}, resellers
	}
	outcome, err := watch.Run(context.Background(), w.store, job)
	if err != nil || outcome.State != watch.Done {
		t.Fatalf("%s: %v, %+v", run, err, outcome)
	}
	return outcome.Manifest
}

// alerts are those of a run, by kind and customer.
func (w *tagWorld) alerts(t tester, run string) string {
	t.Helper()
	var all []string
	for _, a := range parse[struct {
		Alerts []alert.Alert `json:"alerts"`
	}](t, get(t, w.store, "runs/tags/china/"+run+"/alerts.json")).Alerts {
		id := a.CustomerID
		if a.ResellerID != "" {
			id = a.ResellerID + "/" + id
		}
		all = append(all, string(a.Kind)+" "+id)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
