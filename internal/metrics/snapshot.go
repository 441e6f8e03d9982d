package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Value is the change of one name.
type Value struct {
	Name    string
	Number  float64   // of a histogram the sum
	Count   uint64    // of a histogram
	Samples []float64 // of a histogram; at most 100

	kind    kind
	account bool // some of it is an account's
}

// Max is the largest of a histogram's samples.
func (v Value) Max() float64 {
	if len(v.Samples) == 0 {
		return 0
	}
	return slices.Max(v.Samples)
}

// IsHistogram reports whether the Value is a histogram's.
func (v Value) IsHistogram() bool { return v.kind == histogram }

// Snapshot is the changes of some time.
type Snapshot struct {
	Whole    []Value            // over all accounts
	Accounts map[string][]Value // of each
}

// Snapshot returns the changes since its last call. Series without a change are
// left out.
func (s *Set) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := Snapshot{Accounts: make(map[string][]Value)}
	for _, k := range s.keys() {
		one := s.series[k]
		if !one.changed || all[k.name].live {
			continue
		}
		v := Value{Name: all[k.name].name, Number: one.added, Count: one.seen, Samples: one.samples, kind: all[k.name].kind, account: k.Account != ""}
		if v.kind == gauge {
			v.Number = one.value
		}
		one.added, one.seen, one.samples, one.changed = 0, 0, nil, false
		t.Whole = with(t.Whole, v)
		if k.Account != "" {
			t.Accounts[k.Account] = with(t.Accounts[k.Account], v)
		}
	}
	return t
}

// with adds v to the value of its name, which is the last one, since values are in
// the order of names.
func with(values []Value, v Value) []Value {
	if len(values) == 0 || values[len(values)-1].Name != v.Name {
		return append(values, v)
	}
	sum := &values[len(values)-1]
	sum.account = sum.account || v.account
	switch v.kind {
	case gauge: // of ages, the oldest
		sum.Number = max(sum.Number, v.Number)
		return values
	case histogram:
		sum.Number = plus(sum.Number, v.Number)
	default:
		sum.Number += v.Number
	}
	sum.Count += v.Count
	sum.Samples = thinned(slices.Concat(sum.Samples, v.Samples))
	return values
}

// thinned returns at most maxSamples of the samples, evenly spaced.
func thinned(samples []float64) []float64 {
	if len(samples) <= maxSamples {
		return samples
	}
	slices.Sort(samples)
	few := make([]float64, maxSamples)
	for i := range few {
		few[i] = samples[i*(len(samples)-1)/(maxSamples-1)]
	}
	return few
}

// Namespace is the namespace of the metrics in CloudWatch.
const Namespace = "partnerlens"

// Member is a member of a line beside the metrics, to search for.
type Member struct{ Name, Value string }

// AppendEMF appends a line of JSON in CloudWatch's embedded metric format
// ("Specification: Embedded metric format", read November 2026), or none if nothing
// changed. Values of an account have the dimensions function and account only: AWS
// charges for each combination of name and dimensions. Each of several accounts has a
// line, since a line can have a name only once.
func (t Snapshot) AppendEMF(b []byte, function string, at time.Time, members ...Member) []byte {
	var common []Value
	for _, v := range t.Whole {
		if !v.account {
			common = append(common, v)
		}
	}
	if len(t.Accounts) != 1 && len(common) > 0 {
		b = appendEMF(b, function, "", common, nil, at, members)
		common = nil
	}
	for _, account := range slices.Sorted(maps.Keys(t.Accounts)) {
		b = appendEMF(b, function, account, common, t.Accounts[account], at, members)
	}
	return b
}

// directive is a set of metrics with the same dimensions.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

// appendEMF appends a line with the values of the function and those of an account.
func appendEMF(b []byte, function, account string, common, its []Value, at time.Time, members []Member) []byte {
	line := map[string]any{"function": function}
	if account != "" {
		line["account"] = account
	}
	for _, m := range members {
		if m.Value != "" {
			line[m.Name] = m.Value
		}
	}
	var directives []directive
	for _, set := range []struct {
		dimensions []string
		values     []Value
	}{{[]string{"function"}, common}, {[]string{"function", "account"}, its}} {
		if len(set.values) == 0 {
			continue
		}
		d := directive{Namespace: Namespace, Dimensions: [][]string{set.dimensions}}
		for _, v := range set.values {
			unit := "Seconds"
			if v.kind == counter {
				unit = "Count"
			}
			d.Metrics = append(d.Metrics, metric{v.Name, unit})
			if line[v.Name] = v.Number; v.kind == histogram {
				line[v.Name] = v.Samples
			}
		}
		directives = append(directives, d)
	}
	line["_aws"] = map[string]any{"Timestamp": at.UnixMilli(), "CloudWatchMetrics": directives}
	// Bytes that are not UTF-8 are replaced; nothing else can fail.
	text, _ := json.Marshal(line, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	return append(append(b, text...), '\n')
}
