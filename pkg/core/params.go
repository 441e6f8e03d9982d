package core

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Params are the named values of a question, from a URL's query, a JSON payload
// or the command line. A name without values was given empty, which is not the
// same as not given.
type Params map[string][]string

// maxID is the longest customer or reseller id (Huawei's bound; Tencent's ids are shorter).
const maxID = 64

// ParamsFromJSON reads a JSON object whose values are texts, whole numbers, or
// lists of those. null counts as given empty: a caller that sends
// customer_ids: null may have lost the ids, and must not get all customers.
func ParamsFromJSON(text []byte) (Params, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, Invalid("", "the query is not a JSON object with each name once, as {\"limit\":10}")
	}
	p := make(Params, len(members))
	for name, value := range members {
		var list []jsontext.Value
		switch value.Kind() {
		case 'n':
		case '[':
			if err := json.Unmarshal(value, &list); err != nil {
				return nil, Invalid(name, "not a list that can be read")
			}
		default:
			list = []jsontext.Value{value}
		}
		p[name] = make([]string, len(list))
		for i, element := range list {
			var err error
			if p[name][i], err = scalar(name, element); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

func scalar(name string, value jsontext.Value) (string, error) {
	switch value.Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return "", Invalid(name, "not a text that can be read")
		}
		return text, nil
	case '0':
		text := string(value)
		if strings.ContainsAny(text, ".eE") {
			return "", Invalid(name, "not a whole number; write ids as texts, in quotation marks")
		}
		return text, nil
	case 't', 'f':
		if IsSwitch(name) {
			return string(value), nil
		}
	}
	return "", Invalid(name, "must be a text, a number, or a list of those")
}

// IsSwitch reports whether the values of a parameter are true and false.
func IsSwitch(name string) bool { return name == VouchersParam || name == NamesParam }

// Switch reports whether a switch is on. It is off if it is not given.
func (p Params) Switch(name string) (bool, error) {
	value, given, err := p.one(name)
	if err == nil && given && value != "true" && value != "false" {
		err = Invalid(name, "unknown; use true or false")
	}
	return value == "true", err
}

func (p Params) has(name string) bool { _, ok := p[name]; return ok }

// one returns the value of a parameter that may be given once.
func (p Params) one(name string) (value string, given bool, err error) {
	values, ok := p[name]
	switch {
	case !ok:
		return "", false, nil
	case len(values) == 0 || values[0] == "":
		return "", false, Invalid(name, "empty; give a value or leave it out")
	case len(values) > 1:
		return "", false, Invalid(name, "given %d times; give it once", len(values))
	}
	return values[0], true, nil
}

// onlyKnown refuses names that are not in known, since a misspelt filter must not
// return all customers, and values that are not text.
func (p Params) onlyKnown(known []string) error {
	var unknown []string
	for name, values := range p {
		for _, value := range values {
			if !utf8.ValidString(value) {
				return Invalid(printable(name), "not UTF-8")
			}
		}
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return Invalid(printable(unknown[0]), "unknown parameter; known are %s", strings.Join(known, ", "))
}

// printable returns a name from a request in a form fit for an error's text.
func printable(name string) string {
	if len(name) > maxID {
		name = name[:maxID] + "…"
	}
	quoted := strconv.QuoteToASCII(name)
	return quoted[1 : len(quoted)-1]
}

// CheckID refuses what cannot be an id of a customer or a reseller at either
// vendor. param names it in the error.
func CheckID(param, id string) error {
	switch {
	case id == "":
		return Invalid(param, "an id is empty; name a customer")
	case strings.ContainsRune(id, ','): // as one id it would be missing, without a reason
		return Invalid(param, "an id has a comma; give each id by itself")
	case len(id) > maxID:
		return Invalid(param, "an id is longer than %d characters", maxID)
	case strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }):
		return Invalid(param, "an id has a space, a control character or a letter outside ASCII")
	}
	return nil
}

// readOptions reads the parameters that every function has.
func readOptions(p Params, statuses []string) (o ReadOptions, account string, err error) {
	account, _, err = p.one("account")
	if err != nil {
		return o, "", err
	}
	limit, given, err := p.one("limit")
	if err != nil {
		return o, "", err
	}
	if given {
		o.Limit, err = strconv.Atoi(limit)
		if err != nil || o.Limit < 1 || strings.HasPrefix(limit, "+") {
			return o, "", Invalid("limit", "must be a whole number from 1 up; leave it out for everyone")
		}
	}
	if o.Cursor, _, err = p.one("cursor"); err != nil {
		return o, "", err
	}
	if p.has("status") {
		for _, value := range p["status"] {
			for status := range strings.SplitSeq(value, ",") {
				if !slices.Contains(statuses, status) {
					return o, "", Invalid("status", "unknown; use %s", strings.Join(statuses, ", "))
				}
				o.Statuses = append(o.Statuses, status)
			}
		}
		if len(o.Statuses) == 0 {
			return o, "", Invalid("status", "empty; use %s, or leave it out", strings.Join(statuses, ", "))
		}
	}
	return o, account, nil
}

// askedMasked reads the parameter pii.
func askedMasked(p Params) (bool, error) {
	pii, given, err := p.one("pii")
	if err == nil && given && pii != "masked" && pii != "full" {
		err = Invalid("pii", "unknown; use masked or full")
	}
	return pii != "full", err
}
