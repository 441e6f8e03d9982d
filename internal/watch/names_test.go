package watch_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// named is a vendor whose list of customers names them: of its own, and of two resellers.
type named struct {
	mu        sync.Mutex
	ids       map[string][]string // by reseller, "" the account's own
	names     map[string]string   // by key; none: the list leaves the customer out
	resellers map[string]string
	fails     func(list string, row int) error // "tags", "customers" or "resellers"
	hangs     bool                             // the list of resellers
	calls     map[string]int                   // by list
}

func newNamed() *named {
	n := &named{ids: make(map[string][]string), names: make(map[string]string), resellers: map[string]string{"r1": "First Reseller", "r2": "Second Reseller"}, calls: make(map[string]int)}
	for reseller, customers := range map[string]int{"": 57, "r1": 23, "r2": 4} {
		for i := range customers {
			id := fmt.Sprintf("c%s%03d", reseller, (i*37)%100)
			n.ids[reseller] = append(n.ids[reseller], id)
			n.names[keyed(reseller, id)] = fmt.Sprintf("=Name %d 名 <b> of %s", i, reseller)
		}
	}
	return n
}

func keyed(reseller, id string) string {
	if reseller == "" {
		return id
	}
	return reseller + "/" + id
}

func (n *named) call(ctx context.Context, list string, row int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls[list]++
	if n.fails != nil {
		if err := n.fails(list, row); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tags reads the list of tags, without a total.
type namedTags struct{ *named }

func (n namedTags) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	if err := n.call(ctx, "tags", at.Offset); err != nil {
		return page, err
	}
	all := slices.DeleteFunc(slices.Clone(n.ids[q.ResellerID]), func(id string) bool {
		return q.CustomerIDs != nil && !slices.Contains(q.CustomerIDs, id)
	})
	end := min(at.Offset+pageSize, len(all))
	for _, id := range all[min(at.Offset, end):end] {
		tag := &core.CustomerTag{Provider: "huaweicloud", CustomerID: id, Tag: core.Tag{Type: "SMB", Value: "Y"}}
		if q.ResellerID != "" {
			tag.ResellerID = &q.ResellerID
		}
		page.Items = append(page.Items, tag)
	}
	if len(page.Items) > 0 {
		page.Next = &core.Cursor{Offset: end, Size: pageSize}
	}
	return page, nil
}

// namedCustomers reads the list of customers.
type namedCustomers struct{ *named }

func (n namedCustomers) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.Member], _ error) {
	if err := n.call(ctx, "customers", at.Offset); err != nil {
		return page, err
	}
	var all []*core.Member
	associated := morning.AddDate(-1, 0, 0)
	for _, id := range n.ids[q.ResellerID] {
		if name, there := n.names[keyed(q.ResellerID, id)]; there {
			manager, profile := "manager-"+id[len(id)-1:], core.Profile{Association: core.AssociationResale, AssociatedAt: &associated}
			profile.Manager = &manager
			if name != "" {
				profile.Name = &name
			}
			all = append(all, &core.Member{MemberID: id, ResellerID: q.ResellerID, AssociatedAt: &associated, Profile: &profile})
		}
	}
	end, total := min(at.Offset+pageSize, len(all)), len(all)
	page.Items, page.Total = all[min(at.Offset, end):end], &total
	if end < len(all) {
		page.Next = &core.Cursor{Offset: end, Size: pageSize}
	}
	return page, nil
}

// function returns the function over the lists.
func (n *named) function() *core.Function {
	reader := core.NewReader(namedTags{n}, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: "huaweicloud", Account: "north", Attempts: 1,
		Witness: core.NewReader(namedCustomers{n}, &core.ReaderOptions[core.TagQuery]{Attempts: 1}),
		Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
			return core.TagScopes(q, []string{"r1", "r2"}), nil
		},
		Resellers: func(ctx context.Context, _ core.TagQuery) (all []*core.Member, _ error) {
			if err := n.call(ctx, "resellers", 0); err != nil {
				return nil, err
			}
			if n.hangs {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			for id, name := range n.resellers {
				all = append(all, &core.Member{MemberID: id, Reseller: true, Profile: &core.Profile{Name: &name}})
			}
			return all, nil
		},
	})
	return core.TagFunction(func(context.Context, string) (*core.Reader[core.TagQuery, *core.CustomerTag], error) {
		return reader, nil
	}, func(context.Context) ([]string, error) { return []string{"north"}, nil })
}

// world returns a world whose runs are of the vendor's tags.
func (n *named) world(s store.Store) *world {
	w := newWorld(s, 0)
	w.change = func(job *watch.Job) {
		job.Function, job.Evaluator = n.function(), alert.Tags
		job.Params = core.Params{"reseller_id": {core.AllResellers}}
		job.PartSize = 7
	}
	return w
}

func (n *named) clone() *named {
	return &named{ids: maps.Clone(n.ids), names: maps.Clone(n.names), resellers: maps.Clone(n.resellers), calls: make(map[string]int)}
}

// tags returns a run's customers by key.
func tagsOf(t tester, s store.Store, run string) map[string]*core.CustomerTag {
	t.Helper()
	all := make(map[string]*core.CustomerTag)
	for line := range strings.Lines(unpacked(t, get(t, s, "runs/tags/north/"+run+"/customers.ndjson.gz"))) {
		var tag core.CustomerTag
		if err := json.Unmarshal([]byte(line), &tag); err != nil {
			t.Fatalf("%v", err)
		}
		all[tag.Key()] = &tag
	}
	return all
}

func textOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// check checks that a run names customers and resellers as the vendor does.
func (n *named) check(t tester, s store.Store, run string) {
	t.Helper()
	tags := tagsOf(t, s, run)
	if len(tags) != len(n.ids[""])+len(n.ids["r1"])+len(n.ids["r2"]) {
		t.Errorf("%s: %d customers", run, len(tags))
	}
	for key, tag := range tags {
		reseller, _, found := strings.Cut(key, "/")
		if !found {
			reseller = ""
		}
		if textOf(tag.Name) != n.names[key] || textOf(tag.ResellerName) != n.resellers[reseller] ||
			textOf(tag.Owner) != "manager-"+key[len(key)-1:] || tag.Association == nil || *tag.Association != core.AssociationResale {
			t.Errorf("%s: %+v", run, tag)
		}
	}
}

// changes returns the fields of a run's changes by key, or the kind of change.
func changesOf(t tester, s store.Store, run string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for text := range strings.Lines(get(t, s, "runs/tags/north/"+run+"/changes.ndjson")) {
		c := parse[struct {
			Change string `json:"change"`
			Key    string `json:"key"`
			Fields map[string]struct {
				Old string `json:"old"`
				New string `json:"new"`
			} `json:"fields"`
		}](t, text)
		if all[c.Key] = c.Change; c.Fields != nil {
			all[c.Key] = fmt.Sprint(c.Fields)
		}
	}
	return all
}

func namesWarnings(m watch.Manifest) (all []string) {
	for _, w := range m.Warnings {
		if w.Code == core.WarnNames {
			all = append(all, w.Message)
		}
	}
	return all
}

// Names come with the list that a run reads anyway. A changed name is a change, a name that
// is read for the first time is none, and a list that fails loses none.
func TestNames(t *testing.T) {
	t.Parallel()
	n := newNamed()
	s := newMemory(nil)
	w := n.world(s)
	changed, first, left := n.ids[""][3], n.ids[""][5], n.ids["r1"][2]
	was := n.names[first]
	n.names[first] = "" // the list has no name for it yet
	m := w.watch(t, "2026-11-21").Manifest
	if n.check(t, s, "2026-11-21"); m.State != watch.Done || len(m.Warnings) > 0 || n.calls["resellers"] != 1 {
		t.Fatalf("%+v, %v", m, n.calls)
	}
	if calls := n.calls["customers"]; calls > 6+3+1+3*2 {
		t.Errorf("%d calls of the list of customers", calls)
	}

	n.names[first], n.names[changed], n.resellers["r2"] = was, "Renamed Ltd", "New Reseller"
	w.watch(t, "2026-11-22")
	n.check(t, s, "2026-11-22")
	changes := changesOf(t, s, "2026-11-22")
	if len(changes) != 1+len(n.ids["r2"]) || !strings.Contains(changes[changed], "name:{=Name 3") || !strings.Contains(changes["r2/"+n.ids["r2"][0]], "reseller_name:{Second Reseller New Reseller}") {
		t.Errorf("changes are %v", changes)
	}

	for day, fails := range []func(string, int) error{
		func(list string, _ int) error { // not permitted
			if list == "tags" {
				return nil
			}
			return &core.Error{Code: core.CodeDenied, Detail: "no permission"}
		},
		func(list string, row int) error { // breaks off
			if list == "customers" && row > 0 {
				return &core.Error{Code: core.CodeUpstream, Detail: "broken"}
			}
			return nil
		},
	} {
		run := fmt.Sprintf("2026-11-%d", 23+day)
		n.fails = fails
		m = w.watch(t, run).Manifest
		n.fails = nil
		n.check(t, s, run)
		if why := namesWarnings(m); m.State != watch.Done || len(why) != 1 || len(changesOf(t, s, run)) != 0 || !m.Complete {
			t.Errorf("%s: %+v, changes %v", run, m, changesOf(t, s, run))
		}
	}

	delete(n.names, "r1/"+left) // the list lacks it
	m = w.watch(t, "2026-11-25").Manifest
	if tag := tagsOf(t, s, "2026-11-25")["r1/"+left]; textOf(tag.Name) == "" || len(namesWarnings(m)) > 0 {
		t.Errorf("%+v, %+v", tag, m.Warnings)
	}
	if text := fmt.Sprint(m.Warnings); !strings.Contains(text, "only in the list that was read: "+left) {
		t.Errorf("the warnings do not say which customer the list lacks: %s", text)
	}
}

// A customer whose owner the partner has taken away is no longer its owner's, although the
// list of customers has not been read since.
func TestOwnersAreNotNames(t *testing.T) {
	t.Parallel()
	n := newNamed()
	s := newMemory(nil)
	w := n.world(s)
	change, owner := w.change, "alice"
	w.change = func(job *watch.Job) {
		change(job)
		job.Details = func(core.Record) core.Details {
			if owner == "" {
				return core.Details{}
			}
			return core.Details{Owner: &owner, CRMID: &owner}
		}
	}
	w.watch(t, "2026-11-21")
	n.fails = func(list string, _ int) error {
		if list == "customers" {
			return &core.Error{Code: core.CodeDenied}
		}
		return nil
	}
	owner = ""
	w.watch(t, "2026-11-22")
	n.check(t, s, "2026-11-22") // owners are the account managers
	if tag := tagsOf(t, s, "2026-11-22")[n.ids[""][0]]; tag.CRMID != nil {
		t.Errorf("%+v", tag)
	}
}

// Whichever operation of the store fails, the bytes are those of an undisturbed run, names
// included, although the names that the vendor lists change meanwhile.
func TestEveryOperationMayFailWithNames(t *testing.T) {
	t.Parallel()
	calm := newNamed()
	yesterday := newMemory(nil)
	calm.world(yesterday).watch(t, "2026-11-21")
	calm.names[calm.ids[""][3]] = "Renamed Ltd"
	var operations atomic.Int32
	under := newMemory(yesterday)
	calm.world(shaky(under, math.MaxInt, false, false, &operations)).watch(t, "2026-11-22")
	want := objects(t, under)
	for _, mode := range modes {
		for at := range some(int(operations.Load())) {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				n := calm.clone()
				s := newMemory(yesterday)
				var count atomic.Int32
				_, _ = n.world(shaky(s, at, mode.after, mode.gone, &count)).call(t.Context(), "2026-11-22")
				w := n.world(s)
				w.watch(t, "2026-11-22")
				w.watch(t, "2026-11-22") // deletes what a killed invocation left
				got := objects(t, s)
				delete(got, "runs/tags/north/lease.json")
				for name, text := range want {
					if got[name] != text {
						t.Errorf("%s differs:\n%.300q\n%.300q", name, text, got[name])
					}
				}
				for name := range got {
					if _, is := want[name]; !is {
						t.Errorf("%s is left", name)
					}
				}
			})
		}
	}
}

// However often time runs out, be it while the tags are read or their names, a run has the
// names that any of its invocations has read.
func TestTimeRunsOutWithNames(t *testing.T) {
	t.Parallel()
	for _, calls := range []int{20, 24, 30, 60} {
		bubble(t, fmt.Sprint(calls), func(t *testing.T) {
			n := newNamed()
			s := newMemory(nil)
			w := n.world(s)
			invocations := 0
			for state := watch.GoingOn; state != watch.Done; invocations++ {
				left := calls
				n.fails = func(string, int) error {
					if left--; left < 0 {
						return &core.Error{Code: core.CodeDeadline, Detail: "time ran out"}
					}
					return nil
				}
				outcome, err := w.call(t.Context(), "2026-11-21")
				if err != nil || invocations > 40 {
					t.Fatalf("%v after %d invocations", err, invocations)
				}
				for name, text := range s.objects {
					if strings.Contains(name, "progress/names-") && strings.Count(unpacked(t, string(text)), "\n") > 7 {
						t.Errorf("%s is longer than a part", name)
					}
				}
				state = outcome.State
			}
			n.check(t, s, "2026-11-21")
			if invocations < 2 && calls < 25 {
				t.Errorf("%d invocations", invocations)
			}
		})
	}
}

// A list of resellers that hangs does not take the time of the run.
func TestResellersThatHang(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		n := newNamed()
		n.hangs = true
		s := newMemory(nil)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		outcome, err := n.world(s).call(ctx, "2026-11-21")
		if err != nil || outcome.State != watch.Done || len(namesWarnings(outcome.Manifest)) != 1 {
			t.Fatalf("%v, %+v", err, outcome)
		}
		if tag := tagsOf(t, s, "2026-11-21")["r1/"+n.ids["r1"][0]]; tag.ResellerName != nil || tag.Name == nil {
			t.Errorf("%+v", tag)
		}
	})
}
