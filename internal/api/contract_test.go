package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"partnerlens/api"
	"partnerlens/pkg/core"
)

// contract is openapi.yaml: kin-openapi reads its structure, and a JSON Schema 2020-12
// validator its schemas. kin-openapi's own validation silently uses the rules of OpenAPI
// 3.0.
type contract struct {
	doc *openapi3.T

	mu       sync.Mutex // a Compiler is not safe for concurrent use
	compiler *jsonschema.Compiler
}

const contractURL = "https://example.com/openapi.yaml"

// loadContract reads the document once for all tests.
func loadContract(t *testing.T) *contract {
	t.Helper()
	c, err := readContract()
	if err != nil {
		t.Fatalf("openapi.yaml does not load: %v", err)
	}
	return c
}

var readContract = sync.OnceValues(func() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, err
	}
	text, err := yaml.YAMLToJSON(api.OpenAPI)
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	return &contract{doc: doc, compiler: compiler}, compiler.AddResource(contractURL, value)
})

func decode(t *testing.T, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return value
}

// valid checks a value against the schema at a path of names in the document.
func (c *contract) valid(value any, path ...string) error {
	pointer := ""
	for _, name := range path {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	// A pointer in a URL's fragment.
	c.mu.Lock()
	schema, err := c.compiler.Compile(contractURL + "#" + (&url.URL{Fragment: pointer}).EscapedFragment())
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// operation returns the operation of a request in the document.
func (c *contract) operation(r *http.Request) (path string, op *openapi3.Operation, id string) {
	for _, candidate := range c.doc.Paths.InMatchingOrder() {
		if strings.HasPrefix(candidate, "/customers/") && strings.HasPrefix(r.URL.Path, "/customers/") {
			return candidate, c.doc.Paths.Find(candidate).GetOperation(r.Method), ""
		}
		prefix, suffix, named := strings.Cut(candidate, "{customer_id}")
		rest, under := strings.CutPrefix(r.URL.Path, prefix)
		if under {
			rest, under = strings.CutSuffix(rest, suffix)
		}
		if named && under && rest != "" && !strings.Contains(rest, "/") || !named && rest == "" && under {
			return candidate, c.doc.Paths.Find(candidate).GetOperation(r.Method), rest
		}
	}
	return "", nil, ""
}

// check checks a request and its answer against the document.
func (c *contract) check(t *testing.T, r *http.Request, answer *http.Response) {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil && answer.StatusCode != http.StatusSeeOther {
		t.Errorf("Content-Type %q: %v", answer.Header.Get("Content-Type"), err)
	}
	path, op, id := c.operation(r)
	if op == nil {
		if answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusMethodNotAllowed && answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s is answered with %d but is not in openapi.yaml", r.Method, r.URL.Path, answer.StatusCode)
		}
		if r.Method != http.MethodHead {
			c.checkProblem(t, media, body, answer)
		}
		return
	}
	if answer.StatusCode == http.StatusOK {
		c.checkRequest(t, r, op, path, id)
	}
	documented := op.Responses.Status(answer.StatusCode)
	if documented == nil {
		t.Errorf("%s %s: status %d is not in openapi.yaml", r.Method, path, answer.StatusCode)
		return
	}
	c.checkHeaders(t, documented.Value.Headers, answer)
	if r.Method == http.MethodHead {
		if len(body) > 0 {
			t.Errorf("HEAD %s is answered with a body: %q", path, body)
		}
		return
	}
	if answer.StatusCode == http.StatusSeeOther {
		return // it has no body
	}
	if documented.Value.Content.Get(media) == nil {
		t.Errorf("%s %s: %d as %s is not in openapi.yaml", r.Method, path, answer.StatusCode, media)
		return
	}
	if answer.StatusCode != http.StatusOK {
		c.checkProblem(t, media, body, answer)
		return
	}
	c.checkBody(t, strings.TrimPrefix(documented.Ref, "#/components/responses/"), documented.Value.Content.Get(media), media, body)
}

// checkRequest checks an accepted request against the document.
func (c *contract) checkRequest(t *testing.T, r *http.Request, op *openapi3.Operation, path, id string) {
	t.Helper()
	for name, values := range r.URL.Query() {
		i := slices.IndexFunc(op.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In == "query" && p.Value.Name == name })
		if i < 0 {
			t.Errorf("%s %s takes the parameter %s, which is not in openapi.yaml", r.Method, path, name)
			continue
		}
		var value any = values[0]
		schema := op.Parameters[i].Value.Schema.Value
		switch {
		case schema.Type.Is("array"):
			list := []any{}
			for _, v := range values {
				list = append(list, v)
			}
			value = list
		case schema.Type.Is("integer"):
			n, err := strconv.Atoi(values[0])
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			value = n
		}
		if err := c.validParameter(op.Parameters[i], value); err != nil {
			t.Errorf("%s %s took %s=%q, which openapi.yaml excludes: %v", r.Method, path, name, values, err)
		}
	}
	if id != "" {
		i := slices.IndexFunc(op.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In == "path" })
		if err := c.validParameter(op.Parameters[i], id); err != nil {
			t.Errorf("%s %s took the id %q, which openapi.yaml excludes: %v", r.Method, path, id, err)
		}
	}
	if r.GetBody != nil {
		body, _ := r.GetBody()
		text, _ := io.ReadAll(body)
		if err := c.valid(decode(t, text), "paths", path, "post", "requestBody", "content", "application/json", "schema"); err != nil {
			t.Errorf("POST %s took %s, which openapi.yaml excludes: %v", path, text, err)
		}
	}
}

func (c *contract) validParameter(p *openapi3.ParameterRef, value any) error {
	name := strings.TrimPrefix(p.Ref, "#/components/parameters/")
	if p.Ref == "" {
		return fmt.Errorf("parameter %s is not under components", p.Value.Name)
	}
	return c.valid(value, "components", "parameters", name, "schema")
}

// transportHeaders are headers of HTTP, which the document does not have.
var transportHeaders = []string{"Content-Type", "Content-Length", "Date", "Trailer", "Transfer-Encoding", "Connection"}

func (c *contract) checkHeaders(t *testing.T, documented openapi3.Headers, answer *http.Response) {
	t.Helper()
	for name, header := range documented {
		if header.Value.Required && answer.Header.Get(name) == "" {
			t.Errorf("header %s is missing", name)
		}
	}
	canonical := make(openapi3.Headers, len(documented))
	for name, header := range documented {
		canonical[http.CanonicalHeaderKey(name)] = header
	}
	all := answer.Header.Clone()
	maps.Copy(all, answer.Trailer)
	for name := range all {
		if slices.Contains(transportHeaders, name) {
			continue
		}
		header, ok := canonical[name]
		if !ok {
			t.Errorf("header %s is not in openapi.yaml for status %d", name, answer.StatusCode)
			continue
		}
		var value any = all.Get(name)
		if header.Value.Schema.Value.Type.Is("integer") {
			value = json.Number(all.Get(name))
		}
		if err := c.valid(value, "components", "headers", strings.TrimPrefix(header.Ref, "#/components/headers/"), "schema"); err != nil {
			t.Errorf("header %s: %q: %v", name, all.Get(name), err)
		}
	}
}

func (c *contract) checkProblem(t *testing.T, media string, body []byte, answer *http.Response) {
	t.Helper()
	if media != "application/problem+json" {
		t.Errorf("a problem has the media type %s", media)
		return
	}
	if err := c.valid(decode(t, body), "components", "schemas", "Problem"); err != nil {
		t.Errorf("a problem is not as documented: %v\n%s", err, body)
	}
	var problem struct {
		Status    int    `json:"status"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Status != answer.StatusCode || problem.RequestID != answer.Header.Get("X-Request-Id") {
		t.Errorf("a problem says status %d, id %q; the answer %d, %q (%v)", problem.Status, problem.RequestID, answer.StatusCode, answer.Header.Get("X-Request-Id"), err)
	}
}

// checkBody checks the body of a successful answer against its media type in a response
// of the document.
func (c *contract) checkBody(t *testing.T, response string, documented *openapi3.MediaType, media string, body []byte) {
	t.Helper()
	described := []string{"components", "responses", response, "content", media}
	switch media {
	case "application/json":
		if err := c.valid(decode(t, body), append(described, "schema")...); err != nil {
			t.Errorf("%s: the answer is not as documented: %v\n%s", response, err, body)
		}
	case "application/x-ndjson":
		lines := strings.SplitAfter(strings.TrimSuffix(string(body), "\n"), "\n")
		for i, line := range lines {
			if err := c.valid(decode(t, []byte(line)), append(described, "x-line")...); err != nil {
				t.Errorf("%s: a line is not as documented: %v\n%s", response, err, line)
			}
			if isReport := strings.HasPrefix(line, `{"schema":`); isReport != (i == len(lines)-1) {
				t.Errorf("%s: line %d of %d is a report: %t", response, i+1, len(lines), isReport)
			}
		}
	case "text/csv":
		rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
		if err != nil {
			t.Errorf("%s: the CSV does not parse: %v\n%s", response, err, body)
			return
		}
		rows[0][0] = strings.TrimPrefix(rows[0][0], "\ufeff")
		if got, want := fmt.Sprint(rows[0]), fmt.Sprint(documented.Schema.Value.Extensions["x-columns"]); got != want {
			t.Errorf("%s: CSV columns %s, openapi.yaml says %s", response, got, want)
		}
	}
}

func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	c := loadContract(t)
	// kin-openapi checks examples by the rules of OpenAPI 3.0, where a schema without a type excludes null.
	if err := c.doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(c.doc.OpenAPI, "3.1.") {
		t.Errorf("openapi: %s", c.doc.OpenAPI)
	}
	for name := range c.doc.Components.Schemas {
		if err := c.valid(struct{}{}, "components", "schemas", name); err != nil && !isValidationError(err) {
			t.Errorf("schema %s does not compile: %v", name, err)
		}
	}
}

// TestOpenAPIExamplesFit checks each example against its schema.
func TestOpenAPIExamplesFit(t *testing.T) {
	t.Parallel()
	c := loadContract(t)
	fit := func(content openapi3.Content, path ...string) (checked int) {
		for media, described := range content {
			for name, example := range described.Examples {
				text, err := json.Marshal(example.Value.Value)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.valid(decode(t, text), slices.Concat(path, []string{"content", media, "schema"})...); err != nil {
					t.Errorf("the example %s of %s: %v", name, path, err)
				}
				checked++
			}
		}
		return checked
	}
	checked := 0
	for name, response := range c.doc.Components.Responses {
		checked += fit(response.Value.Content, "components", "responses", name)
	}
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody != nil {
				checked += fit(op.RequestBody.Value.Content, "paths", path, strings.ToLower(method), "requestBody")
			}
		}
	}
	if checked < len(c.doc.Components.Examples) {
		t.Errorf("%d examples are in use, of %d", checked, len(c.doc.Components.Examples))
	}
}

// TestOpenAPISuitsGenerators rejects valid constructs with which generators of clients fail
// or silently generate less. scripts/clients.sh runs the generators themselves.
func TestOpenAPISuitsGenerators(t *testing.T) {
	t.Parallel()
	text := string(api.OpenAPI)
	for _, line := range regexp.MustCompile(`(?m)^[^#'"\n]*[:-] [&*]\w+.*$`).FindAllString(text, -1) {
		t.Errorf("%q: openapi-generator does not read a document of OpenAPI 3.1 with YAML aliases", strings.TrimSpace(line))
	}
	for path, item := range loadContract(t).doc.Paths.Map() {
		for status, response := range item.Head.Responses.Map() {
			if len(response.Value.Content) > 0 {
				t.Errorf("HEAD %s, %s: a body is documented, which clients would decode and HEAD does not have", path, status)
			}
		}
	}
	root, err := yaml.YAMLToJSON(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Components map[string]map[string]any }
	if err := json.Unmarshal(root, &doc); err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]string)
	for kind, components := range doc.Components {
		for name, component := range components {
			if other, taken := kinds[name]; taken {
				t.Errorf("%s is in %s and in %s: oapi-codegen makes one type of each name", name, other, kind)
			}
			kinds[name] = kind
			if kind != "securitySchemes" && !strings.Contains(text, "'#/components/"+kind+"/"+name+"'") {
				t.Errorf("%s/%s is not used", kind, name)
			}
			if kind != "examples" {
				unsuitable(component, func(what, why string) { t.Errorf("%s/%s: %s: %s", kind, name, what, why) })
			}
		}
	}
}

// unsuitable reports how generators misread a schema or one below it.
func unsuitable(node any, report func(what, why string)) {
	switch node := node.(type) {
	case []any:
		for _, member := range node {
			unsuitable(member, report)
		}
	case map[string]any:
		if types, ok := node["type"].([]any); ok && (len(types) != 2 || types[1] != "null") {
			report(fmt.Sprint("type ", types), "oapi-codegen takes one type, or one and null; a schema of any type has none")
		}
		if values, ok := node["enum"].([]any); ok && slices.Contains(values, nil) {
			report(fmt.Sprint("enum ", values), "null becomes the text <nil> in oapi-codegen; write oneOf an enum and null")
		}
		if types, ok := node["type"].([]any); ok && (slices.Contains(types, "object") || node["enum"] != nil) {
			report(fmt.Sprint("type ", types), "openapi-python-client makes a type of it for each use; write oneOf a schema with a name and null")
		}
		if value, ok := node["const"]; ok && node["type"] != nil {
			report(fmt.Sprint("const ", value), "ogen cannot write it; an enum of one says the same")
		}
		for name, member := range node {
			if name != "example" && name != "examples" {
				unsuitable(member, report)
			}
		}
	}
}

func isValidationError(err error) bool {
	_, ok := errors.AsType[*jsonschema.ValidationError](err)
	return ok
}

// TestOpenAPINamesEveryCode compares the document's lists with core's.
func TestOpenAPINamesEveryCode(t *testing.T) {
	t.Parallel()
	c := loadContract(t)
	var want []string
	for _, code := range core.Codes() {
		want = append(want, string(code))
	}
	same(t, "codes", c.doc.Components.Schemas["Code"].Value.Enum, want)
	same(t, "credit statuses", c.doc.Components.Schemas["CreditStatus"].Value.Enum, core.CreditFunction(nil, nil).Statuses)
	same(t, "tag statuses", c.doc.Components.Schemas["TagStatus"].Value.Enum, core.TagFunction(nil, nil).Statuses)
	for path, f := range map[string]*core.Function{"/v1/credit": core.CreditFunction(nil, nil), "/v1/tags": core.TagFunction(nil, nil)} {
		for p, want := range map[string][]string{path: f.Params, path + "/{customer_id}": append([]string{"customer_id"}, f.WithID...)} {
			for _, op := range []*openapi3.Operation{c.doc.Paths.Find(p).Get, c.doc.Paths.Find(p).Head} {
				var got []any
				for _, parameter := range op.Parameters {
					if parameter.Value.In != "header" {
						got = append(got, parameter.Value.Name)
					}
				}
				same(t, p+" parameters", got, want)
			}
		}
		var got []any
		for name := range c.doc.Paths.Find(path).Post.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties {
			got = append(got, name)
		}
		same(t, path+" body", got, f.Params)
	}
}

// TestOpenAPIBoundsCursors compares the document's bounds with core's.
func TestOpenAPIBoundsCursors(t *testing.T) {
	t.Parallel()
	schemas := loadContract(t).doc.Components.Schemas
	for _, name := range []string{"Cursor", "Next"} {
		if got := schemas[name].Value.MaxLength; got == nil || *got != core.MaxCursorText {
			t.Errorf("%s: maxLength is not %d", name, core.MaxCursorText)
		}
	}
	if got := schemas["ReportAccounts"].Value.MaxItems; got == nil || *got != core.MaxAccounts {
		t.Errorf("ReportAccounts: maxItems is not %d", core.MaxAccounts)
	}
}

func same(t *testing.T, what string, got []any, want []string) {
	t.Helper()
	var texts []string
	for _, v := range got {
		texts = append(texts, fmt.Sprint(v))
	}
	slices.Sort(texts)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(texts, want) {
		t.Errorf("%s in openapi.yaml: %v, in core: %v", what, texts, want)
	}
}

// TestEveryDocumentedRouteIsServed requests each path and method of the document, and
// every other method, which must fail.
func TestEveryDocumentedRouteIsServed(t *testing.T) {
	t.Parallel()
	c := loadContract(t)
	handler := clouds()["steady"].handler()
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"}
	for path, item := range c.doc.Paths.Map() {
		id := "200000000001"
		if strings.HasPrefix(path, "/v1/tags") {
			id = "0e4a00000000000000000000000000a1"
		}
		var allowed []string
		for _, method := range methods {
			if item.Operations()[method] != nil {
				allowed = append(allowed, method)
			}
		}
		for _, method := range methods {
			target := strings.NewReplacer("{customer_id}", id, "{function}", "credit", "{account}", "default").Replace(path)
			r := httptest.NewRequest(method, target, strings.NewReader("{}"))
			answer := serve(handler, r)
			c.check(t, r, answer)
			if slices.Contains(allowed, method) {
				if answer.StatusCode != http.StatusOK && (answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(path, "/customers/")) {
					t.Errorf("%s %s is documented and answered with %d", method, path, answer.StatusCode)
				}
			} else if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != strings.Join(allowed, ", ") {
				t.Errorf("%s %s = %d, Allow %q; documented are %v", method, path, answer.StatusCode, answer.Header.Get("Allow"), allowed)
			}
		}
	}
}

func serve(h http.Handler, r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder.Result()
}

// TestExamplesAreRealAnswers compares each example of the document with the golden answer
// of its name, or with its request's body if the name ends in "-body". With -update it
// writes them into the document.
func TestExamplesAreRealAnswers(t *testing.T) {
	t.Parallel()
	c := loadContract(t)
	const file = "../../api/openapi.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, example := range c.doc.Components.Examples {
		archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
		if err != nil {
			t.Errorf("the example %s has no golden answer of its name: %v", name, err)
			continue
		}
		body := archive.Files[0].Data // what was sent
		if strings.HasSuffix(name, "-body") {
			_, body, _ = bytes.Cut(body, []byte("\n\n"))
		} else if i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "body" }); i >= 0 {
			body = archive.Files[i].Data // what was answered
		}
		want := any(string(body))
		written, _ := json.Marshal(string(body))
		if bytes.HasPrefix(body, []byte("{")) && !bytes.Contains(bytes.TrimSpace(body), []byte("\n")) {
			want = decode(t, body)
			var indented bytes.Buffer
			if err := json.Indent(&indented, bytes.TrimSpace(body), "        ", "  "); err != nil {
				t.Fatal(err)
			}
			written = indented.Bytes()
		}
		gotJSON, _ := json.Marshal(example.Value.Value)
		wantJSON, _ := json.Marshal(want)
		switch {
		case bytes.Equal(gotJSON, wantJSON):
		case *update:
			value := regexp.MustCompile(`(?m)(^    ` + regexp.QuoteMeta(name) + `:\n      summary: .*\n      value: )(?:\{\n(?:        .*\n)*?        \}|".*")$`)
			text = value.ReplaceAllFunc(text, func(match []byte) []byte {
				return append(slices.Clone(value.FindSubmatch(match)[1]), written...)
			})
		default:
			t.Errorf("the example %s is not the golden answer (-update accepts that); got\n%s\nwant\n%s", name, gotJSON, wantJSON)
		}
	}
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
