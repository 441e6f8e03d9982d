package metrics

import (
	"strconv"
	"strings"
)

// always are the series that exist from the start.
var always = []Name{InFlight, ColdStarts, WrongKeys}

// AppendText appends the series of the functions and accounts for which sees is true,
// all for nil, in Prometheus's text format, version 0.0.4 ("Exposition formats",
// read November 2026).
func (s *Set) AppendText(b []byte, sees func(function, account string) bool) []byte {
	for _, name := range always {
		s.Add(name, Labels{}, 0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := names
	for _, k := range s.keys() {
		if sees != nil && !sees(k.Function, k.Account) {
			continue
		}
		f := &all[k.name]
		full := "partnerlens_" + f.name
		if f.kind == counter {
			full += "_total"
		}
		if k.name != last {
			last = k.name
			b = append(b, "# HELP "+full+" "+f.help+"\n# TYPE "+full+" "+[...]string{"counter", "gauge", "histogram"}[f.kind]+"\n"...)
		}
		one := s.series[k]
		if f.kind != histogram {
			b = appendLine(b, full, k.Labels, "", one.value)
			continue
		}
		below := uint64(0)
		for i, bound := range bounds {
			below += one.buckets[i]
			b = appendLine(b, full+"_bucket", k.Labels, number(bound), float64(below))
		}
		b = appendLine(b, full+"_bucket", k.Labels, "+Inf", float64(one.count))
		b = appendLine(b, full+"_sum", k.Labels, "", one.value)
		b = appendLine(b, full+"_count", k.Labels, "", float64(one.count))
	}
	return b
}

// escaper escapes the value of a label.
var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func appendLine(b []byte, name string, l Labels, le string, value float64) []byte {
	b = append(b, name...)
	open := byte('{')
	for _, label := range [...]struct{ name, value string }{
		{"function", l.Function}, {"account", l.Account}, {"provider", l.Provider}, {"trigger", l.Trigger},
		{"code", l.Code}, {"channel", l.Channel}, {"le", le},
	} {
		if label.value == "" { // equal to no label
			continue
		}
		b = append(append(append(b, open), label.name...), `="`...)
		b = append(append(b, escaper.Replace(label.value)...), '"')
		open = ','
	}
	if open == ',' {
		b = append(b, '}')
	}
	return append(append(append(b, ' '), number(value)...), '\n')
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
