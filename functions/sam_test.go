package functions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scripts/sam-local.sh runs these with AWS's SAM CLI: the artefacts that `sam
// build` made must answer in their containers as ours do under our emulator.

func samSetting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skip("scripts/sam-local.sh events sets " + name)
	}
	return value
}

// What `sam local invoke` printed.
func TestSAMInvoke(t *testing.T) {
	t.Parallel()
	folder := samSetting(t, "PARTNERLENS_SAM_ANSWERS")
	paths, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no answers in %s: %v", folder, err)
	}
	for _, path := range paths {
		answer, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		function := filepath.Base(filepath.Dir(path))
		compare(t, filepath.Join(function, "events", "golden", filepath.Base(path)), steady(t, answer))
	}
}

// Every sample event, by the Lambda API that `sam local start-lambda` is.
func TestSAMLambda(t *testing.T) {
	t.Parallel()
	base := samSetting(t, "PARTNERLENS_SAM_LAMBDA")
	for function, logical := range map[string]string{"credit": "CreditFunction", "tags": "TagsFunction"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			names, invocations := events(t, function, "lambda-", "functiongraph-")
			for i, invocation := range invocations {
				answer := samPost(t, base+"/2015-03-31/functions/"+logical+"/invocations", invocation.Event)
				compare(t, filepath.Join(function, "events", "golden", names[i]+".json"), steady(t, answer))
			}
		})
	}
}

func samPost(t *testing.T, url string, body []byte) []byte {
	t.Helper()
	answer, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s, %v\n%s", url, answer.Status, err, text)
	}
	return text
}

// The same question over HTTP, by `sam local start-api`: the body of the golden answer.
func TestSAMAPI(t *testing.T) {
	t.Parallel()
	base := samSetting(t, "PARTNERLENS_SAM_API")
	for _, function := range []string{"credit", "tags"} {
		body := get(t, base+"/v1/"+function+"?limit=5")
		text, err := os.ReadFile(filepath.Join(function, "events", "golden", "lambda-http-api-v2.json"))
		if err != nil {
			t.Fatal(err)
		}
		var golden struct {
			Body any `json:"body"`
		}
		if err := json.Unmarshal(text, &golden); err != nil {
			t.Fatal(err)
		}
		want, err := json.MarshalIndent(golden.Body, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(steady(t, []byte(body)), "\n"); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", function, got, want)
		}

		answer, err := http.Get(base + "/v1/" + function)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a key: %s, want 401", function, answer.Status)
		}
	}
}
