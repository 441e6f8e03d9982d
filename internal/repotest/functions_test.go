package repotest

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

// Every function of the table has what is written by hand: a main, sample events, the
// paths of the HTTP API, a deployment on each cloud and a build target.
func TestFunctionsAreDeployed(t *testing.T) {
	t.Parallel()
	files := os.DirFS(".")
	for _, name := range app.FunctionNames() {
		if missing := missingOf(t, files, name); missing != nil {
			t.Errorf("%s is in the table of functions and not in %s", name, strings.Join(missing, ", "))
		}
	}
	// A function that is in the table alone is missing everywhere.
	if missing := missingOf(t, files, "vouchers"); len(missing) != 8 {
		t.Errorf("vouchers is missing in %q alone", missing)
	}
	mains, err := filepath.Glob("functions/*/main.go")
	if err != nil || len(mains) != len(app.Functions) {
		t.Errorf("%q: want a main for each of %q", mains, app.FunctionNames())
	}
}

// missingOf returns the places that have no entry for the function.
func missingOf(t *testing.T, files fs.FS, name string) (missing []string) {
	t.Helper()
	resource := strings.ToUpper(name[:1]) + name[1:]
	for place, patterns := range map[string][]string{
		"api/openapi.yaml":               {`(?m)^  /v1/` + name + `:$`, `(?m)^  /v1/` + name + `/\{customer_id\}:$`},
		"template.yaml":                  {`(?m)^  ` + resource + `Function:\n    Type: AWS::Serverless::Function$`, `/runs/` + name + `/`},
		"statemachine.asl.json":          {resource + `FunctionArn`},
		"serverless.yml":                 {`(?m)^    ` + name + `:\n      name: partnerlens-` + name + `$`, `(?m)^      function: ` + name + `$`},
		"deploy/tencent/template.yaml":   {`(?m)^    partnerlens-` + name + `:$`},
		"Makefile":                       {`(?m)^build-` + resource + `Function: function = ` + name + `$`},
		"functions/" + name + "/main.go": {`app\.` + resource + `\.Compose\(`},
	} {
		text, err := fs.ReadFile(files, place)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if slices.ContainsFunc(patterns, func(pattern string) bool { return !regexp.MustCompile(pattern).Match(text) }) {
			missing = append(missing, place)
		}
	}
	samples, err := fs.Glob(files, "functions/"+name+"/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"lambda", "scf", "functiongraph"} {
		if !slices.ContainsFunc(samples, func(path string) bool { return strings.Contains(path, "/"+platform+"-") }) {
			missing = append(missing, "functions/"+name+"/events")
			break
		}
	}
	return missing
}
