// Package settings decodes the settings that hold JSON. It reports every mistake at
// once, each with its path, and quotes no value: a key may stand in any place.
package settings

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Problem is one mistake.
type Problem struct {
	Path string // of the member; "": the whole
	Text string
}

// Problems are the mistakes in a setting.
type Problems []Problem

// Add adds a mistake, unless it has been added already.
func (p *Problems) Add(path, format string, args ...any) {
	if problem := (Problem{path, fmt.Sprintf(format, args...)}); !slices.Contains(*p, problem) {
		*p = append(*p, problem)
	}
}

// Within adds the mistakes in a part of the setting. prefix goes before their paths.
func (p *Problems) Within(prefix string, part Problems) {
	for _, problem := range part {
		path := prefix + problem.Path
		if problem.Path == "" {
			path = strings.TrimRight(prefix, ".: ")
		}
		p.Add(path, "%s", problem.Text)
	}
}

// mostReported is how many mistakes an error names.
const mostReported = 20

// Err returns the error of a setting; nil where there is no mistake.
func (p Problems) Err(setting string) error {
	if len(p) == 0 {
		return nil
	}
	var texts []string
	for _, problem := range p[:min(len(p), mostReported)] {
		if problem.Path != "" {
			problem.Path += ": "
		}
		texts = append(texts, problem.Path+problem.Text)
	}
	if more := len(p) - mostReported; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return &core.Error{Code: core.CodeMisconfigured, Param: setting, Detail: strings.Join(texts, "; ")}
}

// Validator is implemented by what Decode decodes into. Validate returns every mistake.
type Validator interface{ Validate() Problems }

// Decode decodes an object into the fields of the struct that v points to, by their json
// tags. A member of another kind than its field, null included, leaves the field as it
// is; the want tag says what belongs there. Decode returns these mistakes, the members
// without a field, and those that v.Validate finds.
func Decode(text []byte, v Validator) (p Problems) {
	target := reflect.ValueOf(v).Elem()
	fields := make(map[string]int)
	for i := range target.NumField() {
		if name := target.Type().Field(i).Tag.Get("json"); name != "" {
			fields[name] = i
		}
	}
	members, p := Members(text, slices.Sorted(maps.Keys(fields)))
	if members == nil {
		return p
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field := target.Field(fields[name])
		value := reflect.New(field.Type())
		if err := json.Unmarshal(members[name], value.Interface()); err != nil || members[name].Kind() == 'n' {
			p.Add(name, "not %s", target.Type().Field(fields[name]).Tag.Get("want"))
			continue
		}
		field.Set(value.Elem())
	}
	p.Within("", v.Validate())
	return p
}

// Members returns the members of an object that are known. The others are mistakes; nil
// members: the text is no object.
func Members(text []byte, known []string) (members map[string]jsontext.Value, p Problems) {
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		p.Add("", "not a JSON object with each member once")
		return nil, p
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(known, name) {
			continue
		}
		delete(members, name)
		switch similar, showable := Unknown(name, known); {
		case similar != "":
			p.Add(name, "no such member; write %s", similar)
		case showable:
			p.Add(name, "no such member; there are %s", strings.Join(known, ", "))
		default:
			p.Add("", "a member is unknown, and not shown since it could be a key; there are %s", strings.Join(known, ", "))
		}
	}
	return members, p
}

// Unknown returns the known name that an unknown one is likely meant to be, "" if none is
// like it, and whether the unknown name can be shown: a key may have been pasted as a name.
func Unknown(name string, known []string) (similar string, showable bool) {
	similar, distance := Nearest(name, known)
	if distance <= len(similar)/3 {
		return similar, true
	}
	return "", len(name) <= 12 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_-") == ""
}

// Nearest returns the known name that a name is most likely meant to be, and how many
// letters differ, without capitals and separators.
func Nearest(name string, known []string) (similar string, distance int) {
	distance = math.MaxInt
	plain := func(text string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(text)) }
	for _, candidate := range known {
		if d := editDistance(plain(name), plain(candidate)); d < distance {
			similar, distance = candidate, d
		}
	}
	return similar, distance
}

// editDistance returns how many letters must be added, removed or changed to make b of a
// (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
