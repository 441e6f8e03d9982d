package app_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/app"
)

// Every setting that the program reads or a template sets is on the list of settings: doctor
// calls every other one a mistake.
func TestSettingNames(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	name := regexp.MustCompile(`PARTNERLENS_[A-Z][A-Z_]*[A-Z]`)
	known := app.SettingNames()
	seen := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		rest, _ := filepath.Rel(root, path)
		top, _, _ := strings.Cut(filepath.ToSlash(rest), "/")
		inProgram := slices.Contains([]string{"internal", "pkg", "functions", "cmd"}, top) && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
		isTemplate := slices.Contains([]string{"template.yaml", "serverless.yml", "Dockerfile"}, filepath.Base(path))
		isDoc := filepath.ToSlash(rest) == "docs/settings.md"
		if err != nil || entry.IsDir() || !inProgram && !isTemplate && !isDoc {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range name.FindAllString(string(text), -1) {
			if isDoc {
				seen[found] = true
			}
			if !slices.Contains(known, found) {
				t.Errorf("%s: %s is not among app.SettingNames", rest, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range known {
		if !seen[name] {
			t.Errorf("docs/settings.md does not name %s", name)
		}
	}
}
