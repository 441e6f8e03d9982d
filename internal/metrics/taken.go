package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is what was added to one name.
type Value struct {
	Name    string
	Number  float64   // of a histogram the sum
	Count   uint64    // of a histogram
	Samples []float64 // of a histogram; some, where there are very many

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

// IsHistogram says what the Value is of.
func (v Value) IsHistogram() bool { return v.kind == histogram }

// Snapshot is what was added in some time.
type Snapshot struct {
	Whole    []Value            // over all accounts
	Accounts map[string][]Value // of each
}

// Snapshot gives what was added since it was last called. What did not change is not
// among it.
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

// with adds v to the value of its name, which is the last one: they come in the
// order of names.
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

// thinned leaves as many as may be, evenly taken.
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

// Namespace is in which CloudWatch keeps the numbers.
const Namespace = "partnerlens"

// Member is something to find a line by, beside its numbers.
type Member struct{ Name, Value string }

// AppendEMF appends a line of JSON in CloudWatch's embedded metric format
// ("Specification: Embedded metric format", read November 2026), or none where
// nothing was added. What is an account's has the dimensions function and account, and no
// others: each combination of name and dimensions is a metric that is paid for. Where several
// accounts were asked each has a line, since a line can hold a name only once.
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

// appendEMF appends a line of what is the function's and of what is an account's.
func appendEMF(b []byte, function, account string, common, its []Value, at time.Time, members []Member) []byte {
	b = append(b, `{"_aws":{"Timestamp":`...)
	b = strconv.AppendInt(b, at.UnixMilli(), 10)
	b = append(b, `,"CloudWatchMetrics":[`...)
	b = appendDirective(b, `["function"]`, common)
	if common != nil && its != nil {
		b = append(b, ',')
	}
	b = appendDirective(b, `["function","account"]`, its)
	b = append(b, `]},"function":`...)
	b = quoted(b, function)
	if account != "" {
		b = quoted(append(b, `,"account":`...), account)
	}
	for _, m := range members {
		if m.Value != "" {
			b = append(quoted(append(b, ','), m.Name), ':')
			b = quoted(b, m.Value)
		}
	}
	for _, v := range slices.Concat(common, its) {
		b = append(append(append(b, `,"`...), v.Name...), `":`...)
		if v.kind != histogram {
			b = append(b, number(v.Number)...)
			continue
		}
		for i, sample := range v.Samples {
			b = append(append(b, "[,"[min(i, 1)]), number(sample)...)
		}
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}

func appendDirective(b []byte, dimensions string, values []Value) []byte {
	for i, v := range values {
		if i == 0 {
			b = append(b, `{"Namespace":"`+Namespace+`","Dimensions":[`+dimensions+`],"Metrics":[`...)
		} else {
			b = append(b, ',')
		}
		unit := "Count"
		if v.kind != counter {
			unit = "Seconds"
		}
		b = append(b, `{"Name":"`+v.Name+`","Unit":"`+unit+`"}`...)
	}
	if len(values) > 0 {
		b = append(b, "]}"...)
	}
	return b
}

// quoted appends a JSON string. What is not UTF-8 is replaced: no line is lost for it.
func quoted(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text)
	return b
}
