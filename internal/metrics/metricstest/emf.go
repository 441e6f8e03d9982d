package metricstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Document is one line in the embedded metric format.
type Document struct {
	Members map[string]any // of the root, without _aws
	Units   map[string]string
	Sets    map[string][][]string // the dimension sets of each metric
}

// Sum is a metric's value, or its values added up.
func (d Document) Sum(name string) (sum float64) {
	switch v := d.Members[name].(type) {
	case float64:
		return v
	case []any:
		for _, one := range v {
			sum += one.(float64)
		}
	}
	return sum
}

var units = strings.Fields(`Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits
	Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second
	Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None`)

// ParseEMF reads lines and checks them against "Specification: Embedded metric format" (read
// November 2026), and the limits of CloudWatch's names and values.
func ParseEMF(text string) ([]Document, error) {
	var all []Document
	for line := range strings.Lines(text) {
		d, err := parseEMF(line)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, line)
		}
		all = append(all, d)
	}
	return all, nil
}

func parseEMF(line string) (Document, error) {
	d := Document{Units: make(map[string]string), Sets: make(map[string][][]string)}
	if !strings.HasSuffix(line, "\n") || len(line) > 256<<10 || line[0] != '{' {
		return d, fmt.Errorf("not a line that is one object, of 256 KiB at most")
	}
	// json rejects a name that an object has twice.
	if err := json.Unmarshal([]byte(line), &d.Members); err != nil {
		return d, err
	}
	var root map[string]jsontext.Value
	if err := json.Unmarshal([]byte(line), &root); err != nil {
		return d, err
	}
	var aws struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct {
				Name              string
				Unit              string
				StorageResolution *int
			}
		}
	}
	// "MUST NOT contain any additional members"
	if err := json.Unmarshal(root["_aws"], &aws, json.RejectUnknownMembers(true)); err != nil {
		return d, err
	}
	delete(d.Members, "_aws")
	if aws.Timestamp == nil || len(aws.CloudWatchMetrics) == 0 {
		return d, fmt.Errorf("no Timestamp, or no directive")
	}
	if age := time.Since(time.UnixMilli(*aws.Timestamp)); age < -2*time.Hour || age > 14*24*time.Hour {
		return d, fmt.Errorf("CloudWatch does not accept the time")
	}
	for _, directive := range aws.CloudWatchMetrics {
		if n := len(directive.Namespace); n < 1 || n > 255 || len(directive.Dimensions) == 0 || len(directive.Metrics) == 0 || len(directive.Metrics) > 100 {
			return d, fmt.Errorf("a directive without a namespace, dimensions or metrics, or with more than 100")
		}
		for _, set := range directive.Dimensions {
			if len(set) > 30 {
				return d, fmt.Errorf("more than 30 dimensions")
			}
			for _, name := range set {
				value, is := d.Members[name].(string)
				if !is || value == "" || len(value) > 1024 || len(name) < 1 || len(name) > 250 || name[0] == ':' || strings.TrimSpace(value) == "" {
					return d, fmt.Errorf("the dimension %s has no text in the root", name)
				}
			}
		}
		for _, m := range directive.Metrics {
			if m.Name == "" || len(m.Name) > 255 || !slices.Contains(units, m.Unit) || m.StorageResolution != nil && *m.StorageResolution != 1 && *m.StorageResolution != 60 {
				return d, fmt.Errorf("the metric %q has an invalid name, unit or resolution", m.Name)
			}
			for _, set := range directive.Dimensions {
				if slices.ContainsFunc(d.Sets[m.Name], func(other []string) bool { return slices.Equal(other, set) }) {
					return d, fmt.Errorf("the metric %s counts twice", m.Name)
				}
				d.Sets[m.Name] = append(d.Sets[m.Name], set)
			}
			d.Units[m.Name] = m.Unit
			switch v := d.Members[m.Name].(type) {
			case float64:
			case []any:
				if len(v) == 0 || len(v) > 100 || slices.ContainsFunc(v, func(one any) bool { _, is := one.(float64); return !is }) {
					return d, fmt.Errorf("the metric %s is not a list of at most 100 numbers", m.Name)
				}
			default:
				return d, fmt.Errorf("the metric %s has no number in the root", m.Name)
			}
		}
	}
	return d, nil
}
