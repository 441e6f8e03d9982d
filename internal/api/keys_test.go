package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	key, hash := api.NewKey()
	other, otherHash := api.NewKey()
	if !regexp.MustCompile(`^plk_[A-Z2-7]{32}$`).MatchString(key) || hash != hashOf(key) || key == other || hash == otherHash {
		t.Errorf("NewKey = %s, %s and then %s, %s", key, hash, other, otherHash)
	}
}

func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	entry := func(members string) string { return `{"keys":[{` + members + `}]}` }
	hash := fmt.Sprintf("%q", hashOf(keyWrong))
	named := `"name":"crm","hash":` + hash
	for _, test := range []struct {
		name, text string
		says       []string
	}{
		{"nothing", ``, []string{"not a JSON object"}},
		{"null", `null`, []string{"not a JSON object"}},
		{"a list", `[]`, []string{"not a JSON object"}},
		{"no keys", `{}`, []string{"keys: missing"}},
		{"null for keys", `{"keys":null}`, []string{"keys: not a list"}},
		{"another member", `{"keys":[],"version":1}`, []string{"version: no such member"}},
		{"two values", `{"keys":[]} {}`, []string{"not a JSON object"}},
		{"a key itself", keyWrong, []string{"not a JSON object"}},
		{"an entry that is none", `{"keys":["` + keyWrong + `"]}`, []string{"entry 1: not a JSON object"}},
		{"a member twice", entry(named + `,"pii":false,"pii":true`), []string{"each member once"}},
		{"a lower-case key for a member", entry(named + `,"` + strings.ToLower("plk_ABCDEFGHIJ") + `":1`), []string{"entry 1 (crm): a member is unknown"}},
		{"a key in a name", entry(`"name":"x` + keyWrong + `","hash":` + hash), []string{"entry 1: name: not 1 to 64"}},
		{"no name", entry(`"hash":` + hash), []string{"entry 1: name: missing"}},
		{"an empty name", entry(`"name":"","hash":` + hash), []string{"entry 1: name: missing"}},
		{"a name of lines", entry(`"name":"a\nb","hash":` + hash), []string{"entry 1: name: not 1 to 64"}},
		{"a long name", entry(`"name":"` + strings.Repeat("a", 65) + `","hash":` + hash), []string{"entry 1: name: not 1 to 64"}},
		{"a key for a name", entry(`"name":"` + keyWrong + `","hash":` + hash), []string{"entry 1: name: not 1 to 64"}},
		{"a number for a name", entry(`"name":1,"hash":` + hash), []string{"entry 1: name: not a text"}},
		{"a misspelt member", entry(named + `,"function":["credit"]`), []string{"entry 1 (crm): function: no such member; write functions"}},
		{"a key for a member", entry(named + `,"` + keyWrong + `":1`), []string{"entry 1 (crm): a member is unknown"}},
		{"neither hash nor principal", entry(`"name":"crm"`), []string{"must have a hash"}},
		{"both", entry(named + `,"principal":"x"`), []string{"not both"}},
		{"a key for a hash", entry(`"name":"crm","hash":"` + keyWrong + `"`), []string{"entry 1 (crm): hash: this is a key itself", "partnerlens key new"}},
		{"a hash without its kind", entry(`"name":"crm","hash":"` + strings.TrimPrefix(hashOf(keyWrong), "sha256:") + `"`), []string{"hash: not sha256:"}},
		{"half a hash", entry(`"name":"crm","hash":"sha256:00"`), []string{"hash: not sha256:"}},
		{"a hash and more", entry(`"name":"crm","hash":"` + hashOf(keyWrong) + `00"`), []string{"hash: not sha256:"}},
		{"a hash that is no hexadecimal", entry(`"name":"crm","hash":"sha256:` + strings.Repeat("zz", 32) + `"`), []string{"hash: not sha256:"}},
		{"null for a hash", entry(`"name":"crm","hash":null`), []string{"hash: not sha256:"}},
		{"an empty principal", entry(`"name":"crm","principal":""`), []string{"principal: not a text"}},
		{"a star within", entry(`"name":"crm","principal":"arn:*:x*"`), []string{"principal: not a text"}},
		{"a principal of lines", entry(`"name":"crm","principal":"a\nb"`), []string{"principal: not a text"}},
		{"no functions", entry(named + `,"functions":[]`), []string{"functions: not a list with at least one name; leave it out for all"}},
		{"null for functions", entry(named + `,"functions":null`), []string{"functions: not a list"}},
		{"a text for functions", entry(named + `,"functions":"credit"`), []string{"functions: not a list"}},
		{"an unknown function", entry(named + `,"functions":["credit","bills"]`), []string{"functions: number 2 is none: there are credit and tags"}},
		{"all accounts", entry(named + `,"accounts":["all"]`), []string{"accounts: number 1 is none; leave accounts out for all"}},
		{"a wrong date", entry(named + `,"expires":"30.6.2027"`), []string{"expires: not a moment"}},
		{"null for a date", entry(named + `,"expires":null`), []string{"expires: not a moment"}},
		{"a text for pii", entry(named + `,"pii":"true"`), []string{"pii: not true or false"}},
		{"null for pii", entry(named + `,"pii":null`), []string{"pii: not true or false"}},
		{"a name, a hash and a principal twice", `{"keys":[{` + named + `},{` + named + `},{"name":"x","principal":"p*"},{"name":"y","principal":"p*"}]}`, []string{
			"entry 2: name: entry 1 has the same", "entry 2: hash: entry 1 has the same", "entry 4 (y): principal: entry 3 has the same",
		}},
		{"many mistakes", `{"keys":[` + strings.Repeat(`{},`, 30) + `{}]}`, []string{"entry 1: name", "entry 10: name", "and 42 more"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := api.ParseKeys([]byte(test.text), "credit", "tags")
			failure := core.AsError(err)
			if failure == nil || failure.Code != core.CodeMisconfigured || failure.Param != "PARTNERLENS_KEYS" {
				t.Fatalf("ParseKeys = %v", err)
			}
			for _, says := range test.says {
				if !strings.Contains(failure.Detail, says) {
					t.Errorf("%q does not say %q", failure.Detail, says)
				}
			}
			if strings.Contains(failure.Error(), "plk_") || strings.Contains(failure.Error(), strings.TrimPrefix(hashOf(keyWrong), "sha256:")) {
				t.Errorf("a key or a hash is quoted: %v", failure)
			}
		})
	}
}

// statusOf returns the status of a query for personal data.
func statusOf(t *testing.T, opts api.Options, key, principal string) int {
	t.Helper()
	opts.Platform = func(*http.Request) (string, bool) { return principal, principal != "" }
	r := httptest.NewRequest("GET", "/v1/credit?pii=full", nil)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	return serve(clouds()["steady"].handlerWith(opts), r).StatusCode
}

// A key's hash is compared in whole: one that differs in any byte is another key's.
func TestHashIsComparedInWhole(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(keyEverything))
	for at := range len(sum) + 1 { // the last one is the hash itself
		hash, want := sum, http.StatusOK
		if at < len(sum) {
			hash[at] ^= 1
			want = http.StatusUnauthorized
		}
		keys, err := api.ParseKeys([]byte(fmt.Sprintf(`{"keys":[{"name":"crm","hash":"sha256:%x","pii":true}]}`, hash)))
		if err != nil {
			t.Fatal(err)
		}
		opts := api.Options{Keys: func(context.Context) (*api.Keys, error) { return keys, nil }}
		if got := statusOf(t, opts, keyEverything, ""); got != want {
			t.Errorf("a hash that differs in byte %d of %d: %d, want %d", at, len(sum), got, want)
		}
	}
}

// Of the entries for a principal, the one counts that says most about it.
func TestPrincipals(t *testing.T) {
	t.Parallel()
	keys, err := api.ParseKeys([]byte(`{"keys":[
		{"name":"anyone","principal":"*","functions":["tags"]},
		{"name":"team","principal":"arn:aws:sts::1:assumed-role/team/*","pii":true},
		{"name":"joe","principal":"arn:aws:sts::1:assumed-role/team/joe","functions":["credit"]},
		{"name":"joe-and-like","principal":"arn:aws:sts::1:assumed-role/team/joe*"},
		{"name":"gone","principal":"arn:aws:sts::1:assumed-role/team/gone","expires":"2020-01-01","pii":true}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	opts := api.Options{Keys: func(context.Context) (*api.Keys, error) { return keys, nil }}
	for _, test := range []struct {
		principal, function, says string
	}{
		{"jwt:x", "credit", "may not ask for credit"},
		{"jwt:x", "tags", "pii"},
		{"arn:aws:sts::1:assumed-role/team/ann", "credit", ""},
		{"arn:aws:sts::1:assumed-role/teams/ann", "credit", "may not ask for credit"},
		{"arn:aws:sts::1:assumed-role/team/joe", "credit", "pii"},
		{"arn:aws:sts::1:assumed-role/team/joe", "tags", "may not ask for tags"},
		{"arn:aws:sts::1:assumed-role/team/joey", "tags", "pii"},
		{"arn:aws:sts::1:assumed-role/team/gone", "credit", "expired at 2020-01-01T00:00:00Z"},
	} {
		opts.Platform = func(*http.Request) (string, bool) { return test.principal, true }
		answer := serve(clouds()["steady"].handlerWith(opts), httptest.NewRequest("GET", "/v1/"+test.function+"?pii=full", nil))
		if test.says == "" {
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s may not ask for %s: %d", test.principal, test.function, answer.StatusCode)
			}
			continue
		}
		if p := problemIn(t, answer); p.Code != core.CodeForbidden || !strings.Contains(p.Detail, test.says) {
			t.Errorf("%s asks for %s: %s %q, want %q", test.principal, test.function, p.Code, p.Detail, test.says)
		}
	}
}

// A made-up word is refused even if its hash is configured: it
// could be found from there.
func TestOnlyKeysOpen(t *testing.T) {
	t.Parallel()
	for i, word := range []string{"secret", "plk_secret", "plk_" + strings.Repeat("A", 31), "PLK_" + strings.Repeat("A", 32), "plk_" + strings.Repeat("A", 31) + "-", "plk_" + strings.Repeat("A", 125)} {
		keys, err := api.ParseKeys(fmt.Appendf(nil, `{"keys":[{"name":"weak","hash":%q,"pii":true}]}`, hashOf(word)))
		if err != nil {
			t.Fatal(err)
		}
		opts := api.Options{Keys: func(context.Context) (*api.Keys, error) { return keys, nil }}
		if got := statusOf(t, opts, word, ""); got != http.StatusUnauthorized {
			t.Errorf("word %d is answered %d", i, got)
		}
	}
}

// A key expires at its time, not a nanosecond before.
func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // begins on 2000-01-01
		text := fmt.Sprintf(`{"keys":[{"name":"day","hash":%q,"expires":"2000-01-02","pii":true},{"name":"zone","hash":%q,"expires":"2000-01-02T08:00:00+08:00","pii":true},{"name":"role","principal":"jwt:x","expires":"2000-01-02","pii":true}]}`, hashOf(keyEverything), hashOf(keyMasked))
		keys, err := api.ParseKeys([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		opts := api.Options{Keys: func(context.Context) (*api.Keys, error) { return keys, nil }}
		want := func(byKey, byRole int) {
			t.Helper()
			if day, zone, role := statusOf(t, opts, keyEverything, ""), statusOf(t, opts, keyMasked, ""), statusOf(t, opts, "", "jwt:x"); day != byKey || zone != byKey || role != byRole {
				t.Errorf("at %s the keys are answered %d, %d and the role %d", time.Now(), day, zone, role)
			}
		}
		time.Sleep(24*time.Hour - 1)
		want(200, 200)
		time.Sleep(time.Nanosecond)
		want(401, 403)
	})
}

// No list of keys is not the same as an empty one, and an error is neither.
func TestAuthWithoutKeys(t *testing.T) {
	t.Parallel()
	none, err := api.ParseKeys([]byte(`{"keys":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		keys *api.Keys
		err  error
		want int
		says string
	}{
		{"none configured", nil, nil, 401, "PARTNERLENS_KEYS"},
		{"an empty list", none, nil, 401, "send a key"},
		{"a store that fails", nil, &core.Error{Code: core.CodeUnavailable, Param: "PARTNERLENS_KEYS", Detail: "hush"}, 503, "operator's log"},
		{"a store that refuses", nil, &core.Error{Code: core.CodeDenied, Detail: "hush"}, 503, "operator's log"},
		{"keys with mistakes", nil, &core.Error{Code: core.CodeMisconfigured, Param: "PARTNERLENS_KEYS", Detail: "hush"}, 500, "PARTNERLENS_KEYS: cannot be used"},
		{"a mistake", nil, fmt.Errorf("hush"), 500, "operator's log"},
	} {
		opts := api.Options{Keys: func(context.Context) (*api.Keys, error) { return test.keys, test.err }}
		answer := serve(clouds()["steady"].handlerWith(opts), httptest.NewRequest("GET", "/v1/credit", nil))
		p := problemIn(t, answer)
		if answer.StatusCode != test.want || !strings.Contains(p.Detail, test.says) || strings.Contains(p.Detail, "hush") {
			t.Errorf("%s: %d %q", test.name, answer.StatusCode, p.Detail)
		}
	}
}

// Every route that could hold customers needs authentication, whatever functions
// there are: the document's paths are.
func TestAuthBeforeEveryPath(t *testing.T) {
	t.Parallel()
	handler := clouds()["steady"].handlerWith(withKeys(t))
	for path, item := range loadContract(t).doc.Paths.Map() {
		for method, operation := range item.Operations() {
			r := httptest.NewRequest(method, strings.NewReplacer("{customer_id}", "1", "{function}", "credit").Replace(path), strings.NewReader("{}"))
			answer := serve(handler, r)
			open := operation.Security != nil && len(*operation.Security) == 0
			if got := answer.StatusCode; open != (got == http.StatusOK || got == http.StatusSeeOther) || !open && got != http.StatusUnauthorized {
				t.Errorf("%s %s without a key is answered %d, open in openapi.yaml: %t", method, path, got, open)
			}
			if (strings.HasPrefix(path, "/v1/") || path == "/metrics") == open {
				t.Errorf("openapi.yaml says of %s %s that it is open: %t", method, path, open)
			}
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(keysText()))
	f.Add([]byte(`{"keys":[{"name":"x","hash":"plk_"},{"expires":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := api.ParseKeys(text, "credit", "tags")
		if (keys == nil) == (err == nil) || err != nil && core.CodeOf(err) != core.CodeMisconfigured {
			t.Fatalf("ParseKeys = %v, %v", keys, err)
		}
		if err != nil && strings.Contains(err.Error(), "plk_") {
			t.Fatalf("what could be a key is quoted: %v", err)
		}
	})
}
