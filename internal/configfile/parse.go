package configfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"partnerlens/internal/app"
	"partnerlens/internal/secrets"
	"partnerlens/pkg/settings"
)

// prefix begins the names of the variables.
const prefix = "PARTNERLENS_"

// keyOf returns the key of a setting in the file.
func keyOf(setting string) string { return strings.ToLower(strings.TrimPrefix(setting, prefix)) }

// maxPath bounds the names of nested tables together.
const maxPath = 1000

// parse parses the text of a file in a folder.
func parse(text []byte, folder string) *File {
	f := &File{folder: folder, lines: make(map[string]int)}
	tree := f.decode(bytes.TrimPrefix(text, []byte("\ufeff")))
	if f.wrong != nil {
		return f
	}
	var known []string
	for _, name := range app.SettingNames() {
		if name != app.ConfigSetting {
			known = append(known, keyOf(name))
		}
	}
	f.values = make(map[string]string)
	keys := slices.SortedFunc(maps.Keys(tree), func(a, b string) int { return f.lines[a] - f.lines[b] })
	for _, key := range keys {
		if text := f.setting(key, tree[key], known); text != "" {
			f.values[prefix+strings.ToUpper(key)] = text
		}
	}
	return f
}

// add adds a mistake. name is shown; it may be "".
func (f *File) add(line int, name, format string, args ...any) {
	f.wrong.Within(fmt.Sprintf("line %d: ", line), settings.Problems{{Path: name, Text: fmt.Sprintf(format, args...)}})
}

// decode returns the settings, and finds their lines.
func (f *File) decode(text []byte) (tree map[string]any) {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			f.add(i+1, "", "not UTF-8; save the file as UTF-8")
			return nil
		}
	}
	if err := toml.Unmarshal(text, &tree); err != nil {
		line := 1
		if failure := (*toml.DecodeError)(nil); errors.As(err, &failure) {
			line, _ = failure.Position()
		}
		f.add(line, "", "%s", syntaxText(err.Error()))
		return nil
	}
	f.findLines(text)
	return tree
}

// syntaxText says what is wrong with a text that is no TOML. The decoder's message is not
// shown, since it may quote a value.
func syntaxText(message string) string {
	for _, s := range []struct{ parts, text string }{
		{"already exists|already defined|should be a", "a key or a table that is there before; write each one once, and in one way"},
		{"start of value|must be quoted|expected keyword", `a text without quotes; write it as "text"`},
		{"new lines|unterminated|not terminated", "a text without the quote at its end"},
		{"escape|need a character after", `a backslash in double quotes; write the text in single quotes, as 'C:\folder'`},
	} {
		if slices.ContainsFunc(strings.Split(s.parts, "|"), func(part string) bool { return strings.Contains(message, part) }) {
			return s.text
		}
	}
	return `not TOML; write key = "text" or key = 5, each on a line of its own, and tables as [accounts.north]`
}

// findLines finds the lines of keys and tables.
func (f *File) findLines(text []byte) {
	var tokens unstable.Parser
	tokens.Reset(text)
	elements := make(map[string]int) // of each array of tables, so far
	table, line, offset := "", 1, 0
	for tokens.NextExpression() {
		expression := tokens.Expression()
		path := ""
		if expression.Kind == unstable.KeyValue {
			path = table
		}
		for parts := expression.Key(); parts.Next(); {
			if n := elements[path]; n > 0 {
				path = element(path, n)
			}
			name := parts.Node()
			line += bytes.Count(text[offset:name.Raw.Offset], []byte("\n"))
			offset = int(name.Raw.Offset)
			if path = strings.TrimPrefix(path+"."+string(name.Data), "."); len(path) > maxPath {
				f.add(line, "", "the name of a table or a key is too long")
				return
			}
			if f.lines[path] == 0 {
				f.lines[path] = line
			}
		}
		if expression.Kind == unstable.ArrayTable {
			elements[path]++
			path = element(path, elements[path])
			f.lines[path] = line
		}
		if expression.Kind != unstable.KeyValue {
			table = path
		}
	}
}

// element returns the path of an element of an array.
func element(array string, n int) string { return fmt.Sprintf("%s.%d", array, n) }

// setting returns the text of a setting; "" if there is a mistake.
func (f *File) setting(key string, value any, known []string) string {
	if !slices.Contains(known, key) {
		plain := strings.TrimPrefix(strings.ToLower(key), strings.ToLower(prefix))
		switch similar, showable := settings.Unknown(plain, known); {
		case similar != "":
			f.add(f.lines[key], key, "no such setting; write %s", similar)
		case showable:
			f.add(f.lines[key], key, "no such setting; docs/settings.md lists them")
		default:
			f.add(f.lines[key], "", "a key is no setting, and not shown since it could be a secret; docs/settings.md lists them")
		}
		return ""
	}
	isTables := map[string]string{"accounts": "not tables; write them as [accounts.north]", "alerts": "not tables; write them as [alerts.rules]", "keys": "not tables; write them as [[keys]]"}[key]
	switch v := value.(type) {
	case string:
		return f.text(key, v)
	case int64:
		if isTables == "" {
			return strconv.FormatInt(v, 10)
		}
	case map[string]any:
		if isTables != "" && key != "keys" {
			return f.json(key, v)
		}
	case []any:
		if key == "keys" {
			return f.json("", map[string]any{key: v})
		}
		var ids []string
		for _, id := range v {
			id, _ := id.(string)
			ids = append(ids, id)
		}
		if key == "huawei_resellers" && ids != nil && !slices.Contains(ids, "") {
			return strings.Join(ids, ",")
		}
	}
	f.add(f.lines[key], key, "%s", cmp.Or(isTables, notText(value)))
	return ""
}

// notText says what to write in place of a value.
func notText(value any) string {
	switch value.(type) {
	case float64:
		return `a number with a point; write it in quotes, as "250.00"`
	case bool, []any, map[string]any:
		return "not a text, nor a whole number"
	}
	return `a date or a time; write it in quotes, as "2027-06-30"`
}

// json returns a table as the JSON of its setting; "" if there is a mistake.
func (f *File) json(path string, table map[string]any) string {
	before := len(f.wrong)
	text, err := json.Marshal(f.member(path, table), json.Deterministic(true))
	if err != nil {
		key := cmp.Or(path, "keys")
		f.add(f.lines[key], key, "nested too deep")
	}
	if len(f.wrong) > before {
		return ""
	}
	return string(text)
}

// member returns a value within a table as it is in JSON.
func (f *File) member(path string, value any) any {
	switch value := value.(type) {
	case string:
		return f.text(path, value)
	case int64, bool:
		return value
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = f.member(element(path, i+1), value[i])
		}
		return list
	case map[string]any:
		members := make(map[string]any, len(value))
		for _, name := range slices.Sorted(maps.Keys(value)) {
			members[name] = f.member(strings.TrimPrefix(path+"."+name, "."), value[name])
		}
		return members
	}
	for f.lines[path] == 0 { // it is in a value
		path = path[:strings.LastIndexByte(path, '.')]
	}
	f.add(f.lines[path], "", "%s", notText(value))
	return nil
}

// credentials end the names of what is a key of a vendor, a store or a channel.
var credentials = []string{"secret_key", "access_key", "sk", "token", "secret", "url"}

// text returns a text of the file: a path in it is relative to the file's folder.
func (f *File) text(path, text string) string {
	table, name := path[:max(strings.LastIndexByte(path, '.'), 0)], path[strings.LastIndexByte(path, '.')+1:]
	if _, isReference, _ := secrets.Parse(text); isReference || text == "" {
		rest, isFile := strings.CutPrefix(text, "file:")
		if isFile && rest != "" && !strings.HasPrefix(rest, "/") {
			text = "file:" + filepath.Join(f.folder, rest)
			if path == "store" {
				text = (&url.URL{Scheme: "file", Path: filepath.ToSlash(text[len("file:"):])}).String()
			}
		}
		return text
	}
	f.holdsKey = f.holdsKey || path == "accounts" || path == "alerts" || strings.HasSuffix(table, ".owner_channels") ||
		slices.ContainsFunc(credentials, func(end string) bool { return strings.HasSuffix(name, end) })
	if path == "owners" && !strings.HasPrefix(text, "store:") && !filepath.IsAbs(text) {
		return filepath.Join(f.folder, text)
	}
	return text
}
