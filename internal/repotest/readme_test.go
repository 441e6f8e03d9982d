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
	command     = regexp.MustCompile(`^(go |curl |scripts/|\./partnerlens )`)
	setting     = regexp.MustCompile(`PARTNERLENS_[A-Z0-9_]+`)
	settingOnly = regexp.MustCompile(`^PARTNERLENS_[A-Z0-9_]+$`)
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// readme is what must be the same in every language.
type readme struct {
	levels   []string // of the headings
	commands []string // the code blocks that start with a command
	settings []string // sorted, each once
	links    []string // relative ones, without their fragments
	sections []string // relative links to a heading, with their fragments
	anchors  []string // of the headings
}

func readReadme(t *testing.T, name string) readme {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var r readme
	var block []string
	inBlock := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			if inBlock && len(block) > 0 && command.MatchString(block[0]) {
				r.commands = append(r.commands, strings.Join(block, ""))
			}
			block, inBlock = nil, !inBlock
		case inBlock:
			block = append(block, line)
		default:
			if match := heading.FindStringSubmatch(line); match != nil {
				r.levels = append(r.levels, match[1])
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

func TestReadmesSayTheSame(t *testing.T) {
	t.Parallel()
	english, chinese := readReadme(t, "README.md"), readReadme(t, "README.zh-CN.md")
	for _, part := range []struct {
		what             string
		english, chinese []string
	}{
		{"heading levels", english.levels, chinese.levels},
		{"code blocks that start with a command", english.commands, chinese.commands},
		{"PARTNERLENS_* names", english.settings, chinese.settings},
	} {
		if len(part.english) == 0 {
			t.Errorf("README.md has no %s", part.what)
		}
		if !slices.Equal(part.english, part.chinese) {
			t.Errorf("%s differ:\nREADME.md       %q\nREADME.zh-CN.md %q", part.what, part.english, part.chinese)
		}
	}
}

// docs/settings.md names every setting, and the READMEs none that is not read.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	read := settingsRead(t)
	if len(read) == 0 {
		t.Fatal("no PARTNERLENS_* name is read")
	}
	all := readReadme(t, "docs/settings.md")
	for _, setting := range read {
		if !slices.Contains(all.settings, setting) {
			t.Errorf("docs/settings.md does not name %s", setting)
		}
	}
	for _, name := range []string{"README.md", "README.zh-CN.md", "docs/settings.md", "docs/security.md"} {
		for _, setting := range readReadme(t, name).settings {
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
		r := readReadme(t, name)
		if len(r.links) == 0 && strings.HasPrefix(name, "README") {
			t.Errorf("%s has no relative links", name)
		}
		for _, target := range r.links {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), filepath.FromSlash(target))); err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
			}
		}
		for _, section := range r.sections {
			target, fragment, _ := strings.Cut(section, "#")
			page := name
			if target != "" {
				page = filepath.Join(filepath.Dir(name), filepath.FromSlash(target))
			}
			if !slices.Contains(readReadme(t, page).anchors, fragment) {
				t.Errorf("%s links to %s, and there is no such heading", name, section)
			}
		}
	}
}
