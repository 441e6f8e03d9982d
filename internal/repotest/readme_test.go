package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	heading     = regexp.MustCompile(`^(#{1,6}) `)
	remark      = regexp.MustCompile(`(?m)(^| +)(--|#) .*$|(\S) {3,}\S.*$`) // in code, or beside a name in a list
	codeSpan    = regexp.MustCompile("`[^`]+`")
	number      = regexp.MustCompile(`[0-9][0-9.,]*`)
	setting     = regexp.MustCompile(`PARTNERLENS_[A-Z0-9_]+`)
	settingOnly = regexp.MustCompile(`^PARTNERLENS_[A-Z0-9_]+$`)
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// document is what must be the same in every language, and the anchors, which are not.
type document struct {
	levels   []string // of the headings
	blocks   []string // of code, without remarks
	rows     []string // of tables: the code in the first cell
	settings []string // sorted, each once
	code     []string // the code within lines, sorted, each once
	numbers  []string // outside blocks, sorted, each once
	links    []string // relative ones, without their fragments
	sections []string // relative links to a heading, with their fragments
	anchors  []string // of the headings
}

func readDocument(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var r document
	var block []string
	inBlock := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			if inBlock {
				r.blocks = append(r.blocks, remark.ReplaceAllString(strings.Join(block, ""), "$3"))
			}
			block, inBlock = nil, !inBlock
		case inBlock:
			block = append(block, line)
		default:
			if match := heading.FindStringSubmatch(line); match != nil {
				r.levels = append(r.levels, match[1])
				r.anchors = append(r.anchors, anchor(line[len(match[0]):]))
			}
			if cells := strings.Split(line, "|"); len(cells) > 1 && cells[0] == "" {
				r.rows = append(r.rows, strings.Join(once(codeSpan.FindAllString(cells[1], -1)), " "))
			}
			r.code = append(r.code, codeSpan.FindAllString(line, -1)...)
			for _, digits := range number.FindAllString(link.ReplaceAllString(line, ""), -1) {
				r.numbers = append(r.numbers, strings.TrimRight(digits, ".,"))
			}
			for _, match := range link.FindAllStringSubmatch(line, -1) {
				target, _, hasFragment := strings.Cut(match[1], "#")
				if strings.Contains(target, ":") {
					continue
				}
				if hasFragment {
					r.sections = append(r.sections, match[1])
				}
				if target != "" {
					r.links = append(r.links, target)
				}
			}
		}
	}
	if inBlock {
		t.Errorf("%s: a code block is not closed", name)
	}
	r.settings = once(setting.FindAllString(string(text), -1))
	r.code, r.numbers = once(r.code), once(r.numbers)
	return r
}

// anchor is the fragment that GitHub gives to a heading.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

// settingsRead are the names among the string literals of what is shipped.
func settingsRead(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir("internal", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "simulator" || entry.Name() == "cli") {
			return fs.SkipDir // they set what others read
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if value, _ := strconv.Unquote(literal.Value); settingOnly.MatchString(value) {
					names = append(names, value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return once(names)
}

func once(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// A page and its Chinese twin, NAME.zh-CN.md, have the same headings, code, rows, settings and links. The
// Chinese page has every number of the English one, and more where it writes a word as a number. Its links
// lead to Chinese pages where there are any.
func TestTwinsSayTheSame(t *testing.T) {
	t.Parallel()
	twins, err := filepath.Glob("docs/*.zh-CN.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, twin := range append(twins, "README.zh-CN.md") {
		name := strings.Replace(twin, ".zh-CN", "", 1)
		english, chinese := readDocument(t, name), readDocument(t, twin)
		for _, part := range []struct {
			what             string
			english, chinese []string
		}{
			{"heading levels", english.levels, chinese.levels},
			{"code blocks", english.blocks, chinese.blocks},
			{"table rows", english.rows, chinese.rows},
			{"settings", english.settings, chinese.settings},
			{"code within lines", english.code, chinese.code},
			{"linked pages", pagesOf(english), pagesOf(chinese)},
			{"linked sections", sectionsOf(t, name, english), sectionsOf(t, twin, chinese)},
		} {
			if !slices.Equal(part.english, part.chinese) {
				t.Errorf("%s differ:\nonly in %s: %q\nonly in %s: %q", part.what, name, without(part.english, part.chinese), twin, without(part.chinese, part.english))
			}
		}
		if missing := without(english.numbers, chinese.numbers); len(missing) > 0 {
			t.Errorf("%s lacks the numbers %q of %s", twin, missing, name)
		}
		for page, other := range map[string]string{name: twin, twin: name} {
			if !slices.Contains(readDocument(t, page).links, filepath.Base(other)) {
				t.Errorf("%s has no link to %s", page, other)
			}
		}
		for _, target := range chinese.links {
			translated := strings.TrimSuffix(target, ".md") + ".zh-CN.md"
			if _, err := os.Stat(filepath.Join(filepath.Dir(twin), translated)); err == nil && target != filepath.Base(name) {
				t.Errorf("%s links to %s in place of %s", twin, target, translated)
			}
		}
	}
}

// pagesOf are the pages that a document links to, whatever their language.
func pagesOf(r document) []string {
	var pages []string
	for _, target := range r.links {
		pages = append(pages, strings.Replace(target, ".zh-CN", "", 1))
	}
	return once(pages)
}

// sectionsOf are the sections that a document links to, each by its page and its place on it.
func sectionsOf(t *testing.T, name string, r document) []string {
	t.Helper()
	var sections []string
	for _, section := range r.sections {
		target, fragment, _ := strings.Cut(section, "#")
		page := linked(name, target)
		place := slices.Index(readDocument(t, page).anchors, fragment)
		sections = append(sections, strings.Replace(page, ".zh-CN", "", 1)+" "+strconv.Itoa(place))
	}
	return once(sections)
}

// linked is the path of a relative link on a page.
func linked(page, target string) string {
	if target == "" {
		return page
	}
	return filepath.Join(filepath.Dir(page), filepath.FromSlash(target))
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// docs/settings.md names every setting, and the READMEs none that is not read.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	read := settingsRead(t)
	if len(read) == 0 {
		t.Fatal("no PARTNERLENS_* name is read")
	}
	all := readDocument(t, "docs/settings.md")
	for _, setting := range read {
		if !slices.Contains(all.settings, setting) {
			t.Errorf("docs/settings.md does not name %s", setting)
		}
	}
	for _, name := range []string{"README.md", "README.zh-CN.md", "docs/settings.md", "docs/security.md"} {
		for _, setting := range readDocument(t, name).settings {
			if !slices.Contains(read, setting) {
				t.Errorf("%s names %s, which nothing reads", name, setting)
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(pages, "README.md", "README.zh-CN.md", "SECURITY.md") {
		r := readDocument(t, name)
		if len(r.links) == 0 && strings.HasPrefix(name, "README") {
			t.Errorf("%s has no relative links", name)
		}
		for _, target := range r.links {
			if _, err := os.Stat(linked(name, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
			}
		}
		for _, section := range r.sections {
			target, fragment, _ := strings.Cut(section, "#")
			if !slices.Contains(readDocument(t, linked(name, target)).anchors, fragment) {
				t.Errorf("%s links to %s, and there is no such heading", name, section)
			}
		}
	}
}
