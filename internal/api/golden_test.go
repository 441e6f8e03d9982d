package api_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"partnerlens/internal/api"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

// TestGoldenAnswers serves the request of each file in testdata and compares the answer
// with the file, and with openapi.yaml. To add a case, add a file with a request and run
// the test with -update. A first line "cloud: NAME" selects a vendor other than the steady
// one; a line "auth: keys" after it requires a key.
func TestGoldenAnswers(t *testing.T) {
	t.Parallel()
	contract := loadContract(t)
	for _, file := range goldenFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, auth, request := goldenRequest(t, archive)
			c, ok := clouds()[name]
			if !ok {
				t.Fatalf("no cloud %q", name)
			}
			answer := httptest.NewRecorder()
			c.handlerWith(auth).ServeHTTP(answer, request.Clone(t.Context()))
			contract.check(t, request, answer.Result())

			got := *archive
			got.Files = append([]txtar.File{archive.Files[0]}, goldenAnswer(answer.Result(), answer.Body.Bytes())...)
			if *update {
				if err := os.WriteFile(file, txtar.Format(&got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := txtar.Format(archive); !bytes.Equal(txtar.Format(&got), want) {
				t.Errorf("the answer changed (-update accepts it); got:\n%s\nwant:\n%s", txtar.Format(&got), want)
			}
		})
	}
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden answers found: %v", err)
	}
	return files
}

// goldenRequest reads the first part of a file.
func goldenRequest(t *testing.T, archive *txtar.Archive) (cloud string, auth api.Options, r *http.Request) {
	t.Helper()
	text := string(archive.Files[0].Data)
	cloud = "steady"
	if rest, named := strings.CutPrefix(text, "cloud: "); named {
		cloud, text, _ = strings.Cut(rest, "\n")
	}
	auth = insider()
	if rest, named := strings.CutPrefix(text, "auth: keys\n"); named {
		auth, text = withKeys(t), rest
	}
	head, body, _ := strings.Cut(text, "\n\n")
	line, headers, _ := strings.Cut(head, "\n")
	method, target, _ := strings.Cut(strings.TrimSpace(line), " ")
	r = httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("X-Request-Id", "golden")
	lines := bufio.NewScanner(strings.NewReader(headers))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		r.Header.Set(name, value)
	}
	return cloud, auth, r
}

func goldenAnswer(answer *http.Response, body []byte) []txtar.File {
	head := fmt.Sprintf("%d\n%s", answer.StatusCode, headerText(answer.Header))
	files := []txtar.File{{Name: "answer", Data: []byte(head)}}
	if len(body) > 0 {
		files = append(files, txtar.File{Name: "body", Data: body})
	}
	if len(answer.Trailer) > 0 {
		files = append(files, txtar.File{Name: "trailers", Data: []byte(headerText(answer.Trailer))})
	}
	return files
}

func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	return b.String()
}
