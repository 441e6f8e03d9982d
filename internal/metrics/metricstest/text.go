// Package metricstest reads the two forms in which metrics are written, independently
// of the code that writes them. For tests only.
package metricstest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Sample is one line of the text format.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Samples are those of one answer.
type Samples []Sample

// Sum adds up the samples that have a name and the labels, given as names and values.
func (all Samples) Sum(name string, labels ...string) (sum float64, found bool) {
	for _, s := range all {
		matches := s.Name == name
		for i := 0; i < len(labels); i += 2 {
			matches = matches && s.Labels[labels[i]] == labels[i+1]
		}
		if matches {
			sum, found = sum+s.Value, true
		}
	}
	return sum, found
}

// kinds are the types of metrics that are expected.
var kinds = []dto.MetricType{dto.MetricType_COUNTER, dto.MetricType_GAUGE, dto.MetricType_HISTOGRAM}

// ParseText reads Prometheus's text format and rejects what promtool reports, too.
func ParseText(text string) (Samples, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var all Samples
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family := families[name]
		isCounter := family.GetType() == dto.MetricType_COUNTER
		switch {
		case !slices.Contains(kinds, family.GetType()) || family.GetHelp() == "":
			return nil, fmt.Errorf("%s has no HELP, or the TYPE %v", name, family.GetType())
		case isCounter != strings.HasSuffix(name, "_total"):
			return nil, fmt.Errorf("the name of a counter, and of no other metric, ends in _total: %s", name)
		}
		for _, metric := range family.Metric {
			samples, err := samplesOf(name, metric)
			if err != nil {
				return nil, fmt.Errorf("%s %v: %w", name, metric.Label, err)
			}
			if isCounter && !(samples[0].Value >= 0) {
				return nil, fmt.Errorf("the counter %s is negative or not a number", name)
			}
			all = append(all, samples...)
		}
	}
	return all, checkLines(text)
}

// samplesOf returns the samples of one series.
func samplesOf(name string, metric *dto.Metric) (Samples, error) {
	labels := make(map[string]string)
	for _, pair := range metric.Label {
		labels[pair.GetName()] = pair.GetValue()
	}
	h := metric.Histogram
	if h == nil {
		// The getter of the other kind returns 0.
		return Samples{{name, labels, metric.GetCounter().GetValue() + metric.GetGauge().GetValue()}}, nil
	}
	if h.SampleSum == nil || h.SampleCount == nil {
		return nil, fmt.Errorf("no sum or no count")
	}
	all := Samples{{name + "_sum", labels, h.GetSampleSum()}, {name + "_count", labels, float64(h.GetSampleCount())}}
	bound, below := math.Inf(-1), uint64(0)
	for _, bucket := range h.Bucket {
		if bucket.GetUpperBound() <= bound || bucket.GetCumulativeCount() < below {
			return nil, fmt.Errorf("the bucket %v does not follow", bucket.GetUpperBound())
		}
		bound, below = bucket.GetUpperBound(), bucket.GetCumulativeCount()
		own := maps.Clone(labels)
		own["le"] = strconv.FormatFloat(bound, 'f', -1, 64)
		all = append(all, Sample{name + "_bucket", own, float64(below)})
	}
	if !math.IsInf(bound, 1) || below != h.GetSampleCount() {
		return nil, fmt.Errorf("the last bucket is not +Inf, or differs from the count")
	}
	return all, nil
}

// checkLines returns an error if a sample occurs twice or does not follow its TYPE, which
// expfmt accepts.
func checkLines(text string) error {
	family, seen := "", make(map[string]bool)
	for line := range strings.Lines(text) {
		if comment, ok := strings.CutPrefix(line, "# TYPE "); ok {
			family, _, _ = strings.Cut(comment, " ")
		}
		series := line[:strings.LastIndexByte(line, ' ')+1]
		if line[0] != '#' && (seen[series] || !strings.HasPrefix(line, family)) {
			return fmt.Errorf("twice, or apart from its TYPE: %s", line)
		}
		seen[series] = true
	}
	return nil
}
