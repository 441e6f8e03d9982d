package metrics_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/metrics"
	"partnerlens/internal/metrics/metricstest"
)

func parse(t *testing.T, text []byte) metricstest.Samples {
	t.Helper()
	all, err := metricstest.ParseText(string(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return all
}

func TestText(t *testing.T) {
	t.Parallel()
	var set metrics.Set
	north := metrics.Labels{Function: "credit", Account: "north", Provider: "tencentcloud"}
	set.Add(metrics.Calls, metrics.Labels{Function: "credit", Account: "north", Provider: "tencentcloud", Code: "ok"}, 2)
	set.Add(metrics.Refusals, north, 0)
	set.Set(metrics.DataAge, metrics.Labels{Function: "credit", Account: `a"\` + "\nb"}, 1.5)
	for _, took := range []time.Duration{0, 50 * time.Millisecond, 51 * time.Millisecond, time.Hour} {
		set.Observe(metrics.CallDuration, north, took)
	}
	text := set.AppendText(nil, nil)
	const want = `# HELP partnerlens_in_flight Requests that are being answered.
# TYPE partnerlens_in_flight gauge
partnerlens_in_flight 0
# HELP partnerlens_cold_starts_total 1 once this process has had its first invocation.
# TYPE partnerlens_cold_starts_total counter
partnerlens_cold_starts_total 0
# HELP partnerlens_wrong_keys_total Requests with a key that opens nothing.
# TYPE partnerlens_wrong_keys_total counter
partnerlens_wrong_keys_total 0
# HELP partnerlens_calls_total Calls of a cloud, by code.
# TYPE partnerlens_calls_total counter
partnerlens_calls_total{function="credit",account="north",provider="tencentcloud",code="ok"} 2
# HELP partnerlens_call_duration_seconds How long a call of a cloud takes.
# TYPE partnerlens_call_duration_seconds histogram
partnerlens_call_duration_seconds_bucket{function="credit",account="north",provider="tencentcloud",le="0.05"} 2
partnerlens_call_duration_seconds_bucket{function="credit",account="north",provider="tencentcloud",le="0.1"} 3
`
	if !strings.HasPrefix(string(text), want) {
		t.Errorf("the text is\n%s, want\n%s", text, want)
	}
	all := parse(t, text)
	if n, found := all.Sum("partnerlens_refusals_total", "account", "north"); n != 0 || !found {
		t.Errorf("refusals %v, %t; what was added 0 to is there", n, found)
	}
	if n, _ := all.Sum("partnerlens_data_age_seconds", "account", "a\"\\\nb"); n != 1.5 {
		t.Errorf("a label does not come back: %v", all)
	}
	if n, _ := all.Sum("partnerlens_call_duration_seconds_sum"); n != 3600.101 {
		t.Errorf("the sum is %v", n)
	}
	few := parse(t, set.AppendText(nil, func(_, account string) bool { return account != "north" }))
	if _, found := few.Sum("partnerlens_calls_total"); found {
		t.Error("a series that sees rejects is written")
	}
}

// A sum of durations has the digits of a nanosecond and no more: the further digits
// of a sum of floats read like an id.
func TestSumsHaveNoDigitsBeyondANanosecond(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	var set metrics.Set
	sum := new(big.Int)
	for n := range 2000 {
		took := time.Duration(1 + r.Int64N(int64(time.Millisecond)<<(n%16)))
		set.Observe(metrics.CallDuration, metrics.Labels{}, took)
		sum.Add(sum, big.NewInt(int64(took)))
		want := new(big.Rat).SetFrac(sum, big.NewInt(int64(time.Second)))
		_, text, _ := strings.Cut(string(set.AppendText(nil, nil)), "partnerlens_call_duration_seconds_sum ")
		text, _, _ = strings.Cut(text, "\n")
		if got, ok := new(big.Rat).SetString(text); !ok || got.Cmp(want) != 0 {
			t.Fatalf("seed %d: after %d durations the sum is %s, want %s", seed, n+1, text, want.FloatString(9))
		}
	}
}

// The parsers reject text that violates its specification.
func TestParserIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"x 1", "x 1\n", "# TYPE x counter\n# HELP x y\nx 1\n", "# TYPE x gauge\n# HELP x y\nx 1\nx 1\n", "# TYPE x gauge\n# HELP x y\nx{a=\"b\" 1\n",
		"# TYPE x gauge\n# HELP x y\nx{a=\"\\t\"} 1\n", "# TYPE h histogram\n# HELP h y\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
		"# TYPE h histogram\n# HELP h y\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
	} {
		if all, err := metricstest.ParseText(text); err == nil {
			t.Errorf("%q is accepted as %v", text, all)
		}
	}
	for _, line := range []string{
		"{}\n", `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]}}` + "\n",
		fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["f"]],"Metrics":[{"Name":"x","Unit":"Count"}]}]},"x":1}`+"\n", time.Now().UnixMilli()),
		fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"x","Unit":"Times"}]}]},"x":1}`+"\n", time.Now().UnixMilli()),
		fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"x","Unit":"Count"}]}]},"x":1,"x":2}`+"\n", time.Now().UnixMilli()),
	} {
		if all, err := metricstest.ParseEMF(line); err == nil {
			t.Errorf("%s is accepted as %v", line, all)
		}
	}
}

func emf(t *testing.T, changes metrics.Snapshot) []metricstest.Document {
	t.Helper()
	text := changes.AppendEMF(nil, "credit", time.Now(), metrics.Member{Name: "request_id", Value: "id \"1\"\n\xff"}, metrics.Member{Name: "none"})
	all, err := metricstest.ParseEMF(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEMF(t *testing.T) {
	t.Parallel()
	var set metrics.Set
	if all := emf(t, set.Snapshot()); len(all) != 0 {
		t.Errorf("of nothing: %v", all)
	}
	north := metrics.Labels{Function: "credit", Account: "north", Provider: "tencentcloud"}
	set.Add(metrics.InFlight, metrics.Labels{}, 1)
	set.Add(metrics.Refusals, north, 0)
	if all := emf(t, set.Snapshot()); len(all) != 0 {
		t.Errorf("of nothing that changed: %v", all)
	}
	set.Add(metrics.Invocations, metrics.Labels{Function: "credit", Trigger: "direct", Code: "ok"}, 1)
	for _, code := range []string{"ok", "throttled"} {
		set.Add(metrics.Calls, metrics.Labels{Function: "credit", Account: "north", Provider: "tencentcloud", Code: code}, 2)
	}
	for range 250 {
		set.Observe(metrics.CallDuration, north, time.Second)
	}
	set.Set(metrics.DataAge, metrics.Labels{Function: "credit", Account: "north"}, 60)
	all := emf(t, set.Snapshot())
	if len(all) != 1 {
		t.Fatalf("%d lines", len(all))
	}
	d := all[0]
	wantSets := map[string]string{"invocations": "[[function]]", "calls": "[[function account]]", "call_duration_seconds": "[[function account]]", "data_age_seconds": "[[function account]]"}
	for name, want := range wantSets {
		if got := fmt.Sprint(d.Sets[name]); got != want {
			t.Errorf("%s has the dimensions %s, want %s", name, got, want)
		}
	}
	if len(d.Sets) != len(wantSets) || d.Sum("calls") != 4 || d.Sum("call_duration_seconds") != 100 || d.Units["call_duration_seconds"] != "Seconds" || d.Units["calls"] != "Count" ||
		d.Sum("data_age_seconds") != 60 || d.Members["account"] != "north" || d.Members["request_id"] != "id \"1\"\n\ufffd" {
		t.Errorf("%+v", d)
	}
	if all := emf(t, set.Snapshot()); len(all) != 0 {
		t.Errorf("changes are in a second Snapshot: %v", all)
	}
	// Two accounts: a line for what is neither's, and one for each of them.
	set.Add(metrics.Pages, north, 3)
	set.Add(metrics.Pages, metrics.Labels{Function: "credit", Account: "south", Provider: "tencentcloud"}, 4)
	set.Set(metrics.DataAge, metrics.Labels{Function: "credit", Account: "north"}, 70)
	set.Set(metrics.DataAge, metrics.Labels{Function: "credit", Account: "south"}, 90)
	set.Add(metrics.ColdStarts, metrics.Labels{}, 1)
	all = emf(t, set.Snapshot())
	var got []string
	for _, d := range all {
		got = append(got, fmt.Sprint(d.Members["account"], d.Sets["pages"], d.Sum("pages"), d.Sum("data_age_seconds"), d.Sum("cold_starts")))
	}
	want := []string{"<nil> [] 0 0 1", "north[[function account]] 3 70 0", "south[[function account]] 4 90 0"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

// However many accounts there are said to be, memory is bounded, and no count is lost.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	var set metrics.Set
	const n = 10_000
	for i := range n {
		set.Add(metrics.Pages, metrics.Labels{Function: "credit", Account: fmt.Sprint(i)}, 1)
	}
	all := parse(t, set.AppendText(nil, nil))
	if sum, _ := all.Sum("partnerlens_pages_total"); sum != n || len(all) > 4200 {
		t.Errorf("%d series, %v pages", len(all), sum)
	}
}

func TestSetIsSafe(t *testing.T) {
	t.Parallel()
	var set metrics.Set
	var under sync.WaitGroup
	sum := 0.0
	for range 4 {
		under.Go(func() {
			for range 500 {
				set.Add(metrics.Pages, metrics.Labels{Account: "a"}, 1)
				set.Observe(metrics.Duration, metrics.Labels{}, time.Second)
				set.Set(metrics.DataAge, metrics.Labels{}, 1)
			}
		})
	}
	for range 50 {
		parse(t, set.AppendText(nil, nil))
		sum += pages(set.Snapshot())
	}
	under.Wait()
	if sum += pages(set.Snapshot()); sum != 2000 {
		t.Errorf("%v pages, want 2000", sum)
	}
	var none *metrics.Set
	none.Add(metrics.Pages, metrics.Labels{}, 1)
	none.Set(metrics.DataAge, metrics.Labels{}, 1)
	none.Observe(metrics.Duration, metrics.Labels{}, 1)
}

func pages(t metrics.Snapshot) float64 {
	for _, v := range t.Whole {
		if v.Name == "pages" {
			return v.Number
		}
	}
	return 0
}

// docs/operate.md has every name.
func TestNumbersAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	var set metrics.Set
	for name := range metrics.Names {
		set.Add(name, metrics.Labels{Function: "f"}, 1)
	}
	names := make(map[string]bool)
	for _, v := range append(set.Snapshot().Whole, metrics.Value{Name: "in_flight"}) {
		names[v.Name] = true
		if !strings.Contains(string(text), "| `"+v.Name+"` |") {
			t.Errorf("docs/operate.md has no row for %s", v.Name)
		}
	}
	if len(names) < 15 {
		t.Errorf("only %d names", len(names))
	}
	written := string(set.AppendText(nil, nil))
	for _, name := range regexp.MustCompile(`\bpartnerlens_[a-z_]*[a-z]`).FindAllString(string(text), -1) {
		if !strings.Contains(written, "\n"+name+"{") && !strings.Contains(written, "\n"+name+" ") {
			t.Errorf("docs/operate.md has %s, which is no number", name)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	var set metrics.Set
	labels := metrics.Labels{Function: "credit", Account: "default", Provider: "tencentcloud"}
	b.ReportAllocs()
	for b.Loop() {
		set.Observe(metrics.CallDuration, labels, time.Second)
		set.Add(metrics.Refusals, labels, 0)
		set.Add(metrics.Retries, labels, 0)
		set.Add(metrics.Calls, metrics.Labels{Function: "credit", Account: "default", Provider: "tencentcloud", Code: "ok"}, 1)
	}
}
