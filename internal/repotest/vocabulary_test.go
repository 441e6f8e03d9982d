package repotest

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// metaphors are words that the project does not use; CONTRIBUTING.md has the plain ones.
	metaphors = regexp.MustCompile(`(?i)\b(house|rooms|door|admit|admits|admitted|tell|tells|told|untold|retell|asker|inert|harmless|parcel|judge|judges|judged|whoever|nobody|somebody|everybody|known by)\b`)
	// compounds are the borders between the words of an identifier.
	compounds = regexp.MustCompile(`([a-z0-9])([A-Z])|_`)
	// kept are names of earlier versions that are still read, and texts of others.
	kept = regexp.MustCompile(`missing_untold|untold\.json|untoldName|json:"told|"told":|echo somebody else|--user-name somebody`)
)

// The project has one vocabulary: that of its field.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	files, err := exec.Command("git", "ls-files", "*.go", "*.md", "*.yaml", "*.yml", "*.sh", "*.py", "*.txtar").Output()
	if err != nil {
		t.Skip("not a work tree of git")
	}
	for path := range strings.FieldsSeq(string(files)) {
		if slices.Contains([]string{"CHANGELOG.md", "CONTRIBUTING.md", "internal/repotest/vocabulary_test.go"}, path) { // they quote the words
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if word := metaphors.FindString(compounds.ReplaceAllString(kept.ReplaceAllString(line, ""), "$1 $2")); word != "" {
				t.Errorf("%s:%d: %q: write it in the words of CONTRIBUTING.md", path, n, word)
			}
		}
	}
}
