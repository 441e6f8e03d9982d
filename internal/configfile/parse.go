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

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/internal/owners"
	"partnerlens/internal/secrets"
	"partnerlens/pkg/settings"
)

// prefix begins the names of the variables.
const prefix = "PARTNERLENS_"

// keyOf returns the key of a setting in the file.
func keyOf(setting string) string { return strings.ToLower(strings.TrimPrefix(setting, prefix)) }

// The keys whose values are not texts.
var (
	accountsKey  = keyOf(app.AccountsSetting)
	keysKey      = keyOf(api.KeysSetting)
	alertsKey    = keyOf(alert.Setting)
	ownersKey    = keyOf(owners.Setting)
	storeKey     = keyOf(app.StoreSetting)
	resellersKey = "huawei_resellers"
)

// maxPath bounds the names of nested tables together.
const maxPath = 1000

// parser is the state of parse.
type parser struct {
	*File
	folder  string // of the file
	known   []string
	offset  int // up to which lines are counted
	line    int // at offset
	deep    bool
	mistake []mistake
}

type mistake struct {
	line int
	text settings.Problem
}

// parse parses the text of a file. values is nil if it is no TOML.
func parse(text []byte, folder string) *File {
	p := &parser{File: &File{lines: make(map[string]int)}, folder: folder, line: 1}
	for _, name := range app.SettingNames() {
		if name != app.ConfigSetting {
			p.known = append(p.known, keyOf(name))
		}
	}
	tree := p.decode(bytes.TrimPrefix(text, []byte("\ufeff")))
	if p.mistake == nil {
		p.values = make(map[string]string)
	}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		p.take(key, tree[key])
	}
	slices.SortStableFunc(p.mistake, func(a, b mistake) int { return cmp.Compare(a.line, b.line) })
	for _, m := range p.mistake {
		p.wrong.Within(fmt.Sprintf("line %d: ", m.line), settings.Problems{m.text})
	}
	return p.File
}

// add adds a mistake. name is shown; it may be "".
func (p *parser) add(line int, name, format string, args ...any) {
	p.mistake = append(p.mistake, mistake{line, settings.Problem{Path: name, Text: fmt.Sprintf(format, args...)}})
}

// decode returns the settings, and finds the line of each; nil if the text cannot be used.
func (p *parser) decode(text []byte) map[string]any {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			p.add(i+1, "", "not UTF-8; save the file as UTF-8")
			return nil
		}
	}
	tree := make(map[string]any)
	if err := toml.Unmarshal(text, &tree); err != nil {
		var failure *toml.DecodeError
		line := 1
		if errors.As(err, &failure) {
			line, _ = failure.Position()
		}
		p.add(line, "", "%s", syntaxText(err.Error()))
		return nil
	}
	if p.findLines(text); p.deep {
		p.add(p.line, "", "the name of a table or a key is too long")
		return nil
	}
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
		{"array is incomplete|end an array", "a list without the bracket at its end"},
	} {
		if slices.ContainsFunc(strings.Split(s.parts, "|"), func(part string) bool { return strings.Contains(message, part) }) {
			return s.text
		}
	}
	return `not TOML; write key = "text" or key = 5, each on a line of its own, and tables as [accounts.north]`
}

// findLines finds the line of each key, table and element of an array.
func (p *parser) findLines(text []byte) {
	var tokens unstable.Parser
	tokens.Reset(text)
	elements := make(map[string]int) // of arrays of tables
	table := ""
	for tokens.NextExpression() && !p.deep {
		expression := tokens.Expression()
		if expression.Kind == unstable.KeyValue {
			p.findValue(text, p.findKey(text, table, expression.Key(), nil), expression.Value())
			continue
		}
		table = p.findKey(text, "", expression.Key(), elements)
		if expression.Kind == unstable.ArrayTable {
			elements[table]++
			table = element(table, elements[table])
			p.lines[table] = p.line
		}
	}
}

// findKey returns the path of a key below a table. elements are those of arrays of tables so
// far: a table is of the last one.
func (p *parser) findKey(text []byte, path string, parts unstable.Iterator, elements map[string]int) string {
	for parts.Next() && !p.deep {
		if n := elements[path]; n > 0 {
			path = element(path, n)
		}
		if path != "" {
			path += "."
		}
		node := parts.Node()
		path += string(node.Data)
		p.deep = len(path) > maxPath
		p.count(text, node)
		if p.lines[path] == 0 {
			p.lines[path] = p.line
		}
	}
	return path
}

// findValue finds what is within the value at a path.
func (p *parser) findValue(text []byte, path string, value *unstable.Node) {
	children := value.Children()
	for i := 1; children.Next() && !p.deep; i++ {
		child := children.Node()
		switch value.Kind {
		case unstable.InlineTable:
			p.findValue(text, p.findKey(text, path, child.Key(), nil), child.Value())
		case unstable.Array:
			p.count(text, child)
			at := element(path, i)
			p.lines[at], p.deep = p.line, len(at) > maxPath
			p.findValue(text, at, child)
		}
	}
}

// count counts the lines up to a node.
func (p *parser) count(text []byte, node *unstable.Node) {
	if next := int(node.Raw.Offset); next > p.offset {
		p.line += bytes.Count(text[p.offset:next], []byte("\n"))
		p.offset = next
	}
}

// element returns the path of an element of an array. For settings that have problems of
// their own, it is as these name it.
func element(array string, n int) string {
	switch array {
	case keysKey:
		return fmt.Sprintf("%s.entry %d", array, n)
	case alertsKey + ".channels":
		return fmt.Sprintf("%s.channel %d", alertsKey, n)
	}
	return fmt.Sprintf("%s.%d", array, n)
}

// take takes the value of a key.
func (p *parser) take(key string, value any) {
	line := p.lines[key]
	if !slices.Contains(p.known, key) {
		p.unknown(line, key, value)
		return
	}
	text, isText := value.(string)
	list, isList := value.([]any)
	_, isTable := value.(map[string]any)
	number, isNumber := value.(int64)
	switch {
	case isText:
		text = p.text(key, text)
	case (key == accountsKey || key == alertsKey) && isTable:
		text = p.json(key, value)
	case key == accountsKey, key == alertsKey:
		p.add(line, key, "not a table; write one, as [%s]", map[string]string{accountsKey: "accounts.north", alertsKey: "alerts.rules"}[key])
	case key == keysKey && isList:
		text = p.json(key, value)
	case key == keysKey:
		p.add(line, key, "not a list of tables; write [[keys]] above each key's name and hash")
	case key == resellersKey && isList:
		var ids []string
		for _, id := range list {
			if id, ok := id.(string); ok {
				ids = append(ids, id)
			}
		}
		if text = strings.Join(ids, ","); len(ids) != len(list) || text == "" {
			p.add(line, key, `not a list of texts; write it as ["0f1e2d", "3c4b5a"]`)
		}
	case isNumber:
		text = strconv.FormatInt(number, 10)
	case isTable:
		p.add(line, key, "a table, and not a text; write %s = \"…\" above the first table", key)
	default:
		p.add(line, key, "%s", notText(value))
	}
	if text != "" {
		p.values[prefix+strings.ToUpper(key)] = text
	}
}

// notText says what to write in place of a value.
func notText(value any) string {
	switch value.(type) {
	case float64:
		return `a number with a point; write it in quotes, as "250.00"`
	case bool, []any:
		return "not a text, nor a whole number"
	}
	return `a date or a time; write it in quotes, as "2027-06-30"`
}

// unknown adds the mistake of a key that is no setting.
func (p *parser) unknown(line int, key string, value any) {
	plain := strings.TrimPrefix(strings.ToLower(key), strings.ToLower(prefix))
	_, isTable := value.(map[string]any)
	below := slices.IndexFunc(p.known, func(known string) bool { return strings.HasPrefix(known, plain+"_") })
	switch similar, showable := settings.Unknown(plain, p.known); {
	case isTable && below >= 0:
		p.add(line, key, "no such table; write %s = … above the first table, and the others like it", p.known[below])
	case similar != "":
		p.add(line, key, "no such setting; write %s", similar)
	case showable:
		p.add(line, key, "no such setting; docs/settings.md lists them")
	default:
		p.add(line, "", "a key is no setting, and not shown since it could be a secret; docs/settings.md lists them")
	}
}

// json returns a table, or the list of keys, as the JSON of its setting.
func (p *parser) json(key string, value any) string {
	before := len(p.mistake)
	value = p.value(key, value)
	if key == keysKey {
		value = map[string]any{keysKey: value}
	}
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		p.add(p.lines[key], key, "cannot be written as JSON")
	}
	if len(p.mistake) > before {
		return ""
	}
	return string(text)
}

// value returns a value within a table as it is in JSON.
func (p *parser) value(path string, value any) any {
	switch value := value.(type) {
	case string:
		return p.text(path, value)
	case int64, bool:
		return value
	case []any:
		list := make([]any, len(value))
		for i := range value {
			at := element(path, i+1)
			list[i] = p.value(at, value[i])
			p.alias(path, at, value[i])
		}
		return list
	case map[string]any:
		members := make(map[string]any, len(value))
		for _, name := range slices.Sorted(maps.Keys(value)) {
			at := path + "." + name
			if p.misplaced(path, name) {
				p.add(p.lines[at], name, "a setting below a table's name is a part of the table; move it above the first table")
				continue
			}
			members[name] = p.value(at, value[name])
		}
		return members
	}
	p.add(p.lines[path], "", "%s", notText(value))
	return nil
}

// misplaced reports whether a member of a table is a setting that belongs above the tables.
func (p *parser) misplaced(table, name string) bool {
	isMember := []string{accountsKey, ownersKey, app.FieldLow, app.FieldShareFor}
	return slices.Contains(p.known, name) && !slices.Contains(isMember, name) && !strings.HasSuffix(table, ".overrides") && !strings.HasSuffix(table, ".owner_channels")
}

// alias makes the lines of a channel found by its name.
func (p *parser) alias(list, at string, value any) {
	members, _ := value.(map[string]any)
	name, _ := members["name"].(string)
	if list != alertsKey+".channels" || name == "" {
		return
	}
	for path, line := range maps.Clone(p.lines) {
		if rest, below := strings.CutPrefix(path, at); below && (rest == "" || rest[0] == '.') {
			p.lines[alertsKey+"."+name+rest] = line
		}
	}
}

// credentials end the names of what is a key of a vendor, a store or a channel.
var credentials = []string{"secret_key", "access_key", "sk", "token", "secret", "url"}

// text returns a text of the file: a path in it is relative to the file's folder.
func (p *parser) text(path, text string) string {
	_, isReference, _ := secrets.Parse(text)
	table, name := path[:max(strings.LastIndexByte(path, '.'), 0)], path[strings.LastIndexByte(path, '.')+1:]
	holdsKey := path == accountsKey || path == alertsKey || strings.HasSuffix(table, ".owner_channels") ||
		slices.ContainsFunc(credentials, func(end string) bool { return strings.HasSuffix(name, end) })
	p.holdsKey = p.holdsKey || holdsKey && !isReference && text != ""
	rest, isFile := strings.CutPrefix(text, "file:")
	switch {
	case path == storeKey && isFile:
		if at, err := url.Parse(text); err == nil && at.Opaque != "" {
			if rest, err = url.PathUnescape(at.Opaque); err == nil {
				at.Opaque, at.Path = "", filepath.ToSlash(filepath.Join(p.folder, rest))
				return at.String()
			}
		}
	case isFile && rest != "" && !strings.HasPrefix(rest, "/"):
		return "file:" + filepath.Join(p.folder, rest)
	case path == ownersKey && text != "" && !isReference && !strings.HasPrefix(text, "store:") && !filepath.IsAbs(text):
		return filepath.Join(p.folder, text)
	}
	return text
}
