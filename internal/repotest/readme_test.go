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
	setting     = regexp.MustCompile(`PARTNERLENS_[A-Z0-9_]+`)
	settingOnly = regexp.MustCompile(`^PARTNERLENS_[A-Z0-9_]+$`)
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)

	shape    = regexp.MustCompile("^(#+ |- |\\| --.*|```.*)")
	codeSpan = regexp.MustCompile("`[^`]+`")
	number   = regexp.MustCompile(`[0-9]+([.,][0-9]+)*`)
	han      = regexp.MustCompile(`\p{Han}`)
	remark   = regexp.MustCompile(`(^| +)(--|#) .*|(\S) {3,}[^-0-9= ].*`) // in code, or beside a name in a list
)

// document is a page of the documentation.
type document struct {
	settings []string // sorted, each once
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
	inBlock := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock = !inBlock
		case !inBlock:
			if match := heading.FindStringSubmatch(line); match != nil {
				r.anchors = append(r.anchors, anchor(line[len(match[0]):]))
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

// A page and its Chinese twin, NAME.zh-CN.md, correspond line by line: both have the same code and links.
// The Chinese line has each number of the English one, and more where it writes a word as a number. Its links
// lead to Chinese pages where there are any.
func TestTwinsSayTheSame(t *testing.T) {
	t.Parallel()
	twins, err := filepath.Glob("docs/*.zh-CN.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, twin := range append(twins, "README.zh-CN.md") {
		name := strings.Replace(twin, ".zh-CN", "", 1)
		english, chinese := linesOf(t, name), linesOf(t, twin)
		inBlock := false
		for i := range min(len(english), len(chinese)) {
			want, got := parts(t, name, english[i], inBlock), parts(t, twin, chinese[i], inBlock)
			numbers, translated := number.FindAllString(english[i], -1), number.FindAllString(chinese[i], -1)
			switch {
			case i < 3: // the title, and the link to the twin
				want, got = nil, nil
			case inBlock && han.MatchString(got[0]) && !han.MatchString(want[0]): // what a program says in Chinese
				want, got = once(numbers), once(translated)
			}
			missing := without(numbers, translated)
			if !slices.Equal(want, got) || !inBlock && len(missing) > 0 {
				t.Errorf("%s:%d: only here %q and the numbers %q; only in %s %q", name, i+1, without(want, got), missing, twin, without(got, want))
				if len(english) != len(chinese) {
					break
				}
			}
			inBlock = inBlock != strings.HasPrefix(english[i], "```")
		}
		if len(english) != len(chinese) {
			t.Errorf("%s has %d lines, %s %d", name, len(english), twin, len(chinese))
		}
		for page, other := range map[string]string{name: twin, twin: name} {
			if !strings.Contains(strings.Join(linesOf(t, page)[:3], ""), "]("+filepath.Base(other)+")") {
				t.Errorf("%s does not begin with a link to %s", page, other)
			}
		}
		for _, target := range readDocument(t, twin).links {
			translated := strings.TrimSuffix(target, ".md") + ".zh-CN.md"
			if _, err := os.Stat(linked(twin, translated)); err == nil && target != filepath.Base(name) {
				t.Errorf("%s links to %s in place of %s", twin, target, translated)
			}
		}
	}
}

func linesOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// parts are what a line has in every language: its shape, its code and the places that it links to.
func parts(t *testing.T, page, line string, inBlock bool) []string {
	t.Helper()
	if inBlock {
		return []string{remark.ReplaceAllString(line, "$3")}
	}
	var places []string
	for _, match := range link.FindAllStringSubmatch(line, -1) {
		target, fragment, _ := strings.Cut(match[1], "#")
		if !strings.Contains(target, ":") {
			target = linked(page, target)
			if fragment != "" { // a heading has another text in each language, and the same place
				fragment = strconv.Itoa(slices.Index(readDocument(t, target).anchors, fragment))
			}
		}
		places = append(places, strings.Replace(target, ".zh-CN", "", 1)+"#"+fragment)
	}
	cells := strconv.Itoa(strings.Count(line, "|"))
	return slices.Concat([]string{shape.FindString(line) + cells}, once(codeSpan.FindAllString(line, -1)), once(places))
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
