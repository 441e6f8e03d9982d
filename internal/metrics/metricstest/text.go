// Package metricstest reads the two forms in which metrics are written, by their
// specifications and not by the code that writes them. For tests only.
package metricstest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Sample is one line of the text format.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Samples are those of one answer.
type Samples []Sample

// Sum adds up the samples of a name whose labels are these, whatever others they have.
func (all Samples) Sum(name string, labels ...string) (sum float64, found bool) {
	for _, s := range all {
		if s.Name != name {
			continue
		}
		is := true
		for i := 0; i < len(labels); i += 2 {
			is = is && s.Labels[labels[i]] == labels[i+1]
		}
		if is {
			sum, found = sum+s.Value, true
		}
	}
	return sum, found
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// ParseText reads the text format, version 0.0.4 ("Exposition formats", read
// November 2026), and refuses what promtool complains about, too.
func ParseText(text string) (Samples, error) {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line has no end")
	}
	var all Samples
	types, helps := make(map[string]string), make(map[string]bool)
	seen := make(map[string]bool)
	last, closed := "", make(map[string]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		wrong := func(what string) (Samples, error) { return nil, fmt.Errorf("%s: %s", what, line) }
		if line == "" {
			continue
		}
		if rest, is := strings.CutPrefix(line, "# "); is {
			word, rest, _ := strings.Cut(rest, " ")
			name, rest, _ := strings.Cut(rest, " ")
			switch {
			case word == "HELP" && !helps[name] && metricName.MatchString(name) && rest != "":
				helps[name] = true
			case word == "TYPE" && types[name] == "" && slices.Contains([]string{"counter", "gauge", "histogram"}, rest):
				types[name] = rest
			default:
				return wrong("not a comment that is due")
			}
			continue
		}
		s, err := parseSample(line)
		if err != nil {
			return wrong(err.Error())
		}
		family := s.Name
		if types[family] == "" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base, is := strings.CutSuffix(s.Name, suffix); is && types[base] == "histogram" {
					family = base
				}
			}
		}
		switch {
		case types[family] == "" || !helps[family]:
			return wrong("no TYPE and HELP before it")
		case types[family] == "counter" && !strings.HasSuffix(family, "_total"):
			return wrong("a counter not called _total")
		case types[family] == "counter" && (s.Value < 0 || math.IsNaN(s.Value)):
			return wrong("a counter below nothing")
		case types[family] != "counter" && strings.HasSuffix(family, "_total"):
			return wrong("no counter, and called _total")
		case types[family] == "histogram" && family == s.Name:
			return wrong("a histogram without a suffix")
		case closed[family]:
			return wrong("lines of one name stand apart")
		}
		if family != last {
			closed[last] = last != ""
			last = family
		}
		identity := s.Name + fmt.Sprint(s.Labels)
		if seen[identity] {
			return wrong("twice")
		}
		seen[identity] = true
		all = append(all, s)
	}
	for name, kind := range types {
		if kind == "histogram" {
			if err := checkHistogram(all, name); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func parseSample(line string) (Sample, error) {
	s := Sample{Labels: make(map[string]string)}
	end := strings.IndexAny(line, "{ ")
	if end < 0 {
		return s, fmt.Errorf("no value")
	}
	s.Name = line[:end]
	if !metricName.MatchString(s.Name) {
		return s, fmt.Errorf("not a name")
	}
	rest := line[end:]
	if rest[0] == '{' {
		rest = rest[1:]
		for {
			name, after, found := strings.Cut(rest, `="`)
			if !found || !labelName.MatchString(name) || s.Labels[name] != "" {
				return s, fmt.Errorf("not a label")
			}
			var value strings.Builder
			for {
				if after == "" {
					return s, fmt.Errorf("a label without an end")
				}
				c := after[0]
				after = after[1:]
				if c == '"' {
					break
				}
				if c == '\\' {
					if after == "" || !strings.ContainsRune(`\"n`, rune(after[0])) {
						return s, fmt.Errorf("not an escape")
					}
					c = map[byte]byte{'\\': '\\', '"': '"', 'n': '\n'}[after[0]]
					after = after[1:]
				}
				value.WriteByte(c)
			}
			s.Labels[name] = value.String()
			if rest = strings.TrimPrefix(after, ","); rest != after {
				continue
			}
			if rest, found = strings.CutPrefix(after, "}"); !found {
				return s, fmt.Errorf("labels without an end")
			}
			break
		}
	}
	text, found := strings.CutPrefix(rest, " ")
	value, err := strconv.ParseFloat(text, 64)
	if !found || err != nil {
		return s, fmt.Errorf("not a value")
	}
	s.Value = value
	return s, nil
}

// checkHistogram holds the buckets of each series: they add up, and the last is the count.
func checkHistogram(all Samples, name string) error {
	type state struct {
		bound, below float64
		count, sum   *float64
		closed       bool
	}
	states := make(map[string]*state)
	for _, s := range all {
		base, suffix := strings.TrimSuffix(s.Name, "_bucket"), "_bucket"
		for _, other := range []string{"_sum", "_count"} {
			if s.Name == name+other {
				base, suffix = name, other
			}
		}
		if base != name {
			continue
		}
		labels := maps.Clone(s.Labels)
		delete(labels, "le")
		id := fmt.Sprint(labels)
		if states[id] == nil {
			states[id] = &state{bound: math.Inf(-1)}
		}
		of := states[id]
		switch suffix {
		case "_sum":
			of.sum = &s.Value
		case "_count":
			of.count = &s.Value
		default:
			bound, err := strconv.ParseFloat(s.Labels["le"], 64)
			if err != nil || bound <= of.bound || s.Value < of.below {
				return fmt.Errorf("%s%s: the bucket %q does not follow", name, id, s.Labels["le"])
			}
			of.bound, of.below, of.closed = bound, s.Value, math.IsInf(bound, 1)
		}
	}
	for id, of := range states {
		if !of.closed || of.sum == nil || of.count == nil || *of.count != of.below {
			return fmt.Errorf("%s%s: no +Inf, sum or count, or they differ", name, id)
		}
	}
	return nil
}
