package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"partnerlens/internal/emulator"
)

// TestSCFAnswers holds what scripts/scf-local.sh got with Tencent's SCF CLI, a file for
// each answer, against the golden answer of the file's name.
func TestSCFAnswers(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("PARTNERLENS_SCF_ANSWERS")
	if folder == "" {
		t.Skip("scripts/scf-local.sh sets PARTNERLENS_SCF_ANSWERS")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no answers in %s: %v", folder, err)
	}
	for _, path := range paths {
		answer, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join(filepath.Base(filepath.Dir(path)), "events", "golden", filepath.Base(path)), steady(t, answer))
	}
}

// TestSCFCLIEvent sends the API Gateway event of Tencent's SCF CLI, changed as little as
// a query needs. The id in requestContext.identity is an application's and no
// authentication; the body, escaped for HTML, is no JSON.
func TestSCFCLIEvent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change map[string]any
		want   int
		code   string // of the problem
	}{
		{"without a key", map[string]any{"httpMethod": "GET", "queryString": map[string]any{}}, 401, "unauthenticated"},
		{"a GET", map[string]any{"httpMethod": "GET", "queryString": map[string]any{"limit": "5"}, "headers": map[string]any{"X-Api-Key": sampleKey}}, 200, ""},
		{"its own query", map[string]any{"httpMethod": "GET", "headers": map[string]any{"X-Api-Key": sampleKey}}, 400, "invalid_request"},
		{"its own body", map[string]any{"queryString": map[string]any{}, "headers": map[string]any{"X-Api-Key": sampleKey, "Content-Type": "application/json"}}, 400, "invalid_request"},
	} {
		for _, function := range []string{"credit", "tags"} {
			t.Run(test.name+"/"+function, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(filepath.Join(function, "events", "scf-cli-api-gateway.json"))
				if err != nil {
					t.Fatal(err)
				}
				var event map[string]any
				if err := json.Unmarshal(text, &event); err != nil {
					t.Fatal(err)
				}
				event["path"] = "/v1/" + function
				maps.Copy(event, test.change)
				if text, err = json.Marshal(event); err != nil {
					t.Fatal(err)
				}
				_, env := clouds(t)
				var answer struct {
					StatusCode int
					Body       string
				}
				payload := run(t, "scf", function, env, []emulator.Invocation{{Event: text}})[0].Payload
				if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode != test.want {
					t.Fatalf("status %d, want %d: %v\n%s", answer.StatusCode, test.want, err, payload)
				}
				want := `"count":5`
				if test.code != "" {
					want = fmt.Sprintf("%q:%q", "code", test.code)
				}
				if !strings.Contains(answer.Body, want) {
					t.Errorf("the body lacks %s:\n%s", want, answer.Body)
				}
			})
		}
	}
}
