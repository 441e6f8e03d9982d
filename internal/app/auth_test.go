package app_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/host"
	"partnerlens/internal/simulator"
)

// A key that is removed from the setting is refused at the next call. A setting with a
// mistake makes every key invalid, those of the setting before it too.
func TestKeysChange(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{}}
	handler := b.handler()
	one := func(name, key string) string {
		return fmt.Sprintf(`{"keys":[{"name":%q,"hash":%q}]}`, name, hashOf(key))
	}
	for i, step := range []struct {
		setting      string
		first, other int
	}{
		{"", 401, 401},
		{one("first", keyAll), 200, 401},
		{one("other", keyMasked), 401, 200},
		{"", 401, 401},
		{one("other", keyMasked) + "}", 500, 500},
		{one("other", keyMasked), 401, 200},
		{`{"keys":[]}`, 401, 401},
		{"", 401, 401},
	} {
		b.env["PARTNERLENS_KEYS"] = step.setting
		for key, want := range map[string]int{keyAll: step.first, keyMasked: step.other} {
			r := httptest.NewRequest(http.MethodGet, "/v1/credit", nil)
			r.Header.Set("X-Api-Key", key)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("step %d: %s is answered %d, want %d: %s", i, key, w.Code, want, w.Body)
			}
		}
	}
	if log := b.log.String(); !strings.Contains(log, "not a JSON object with each member once") || strings.Contains(log, hashOf(keyMasked)) {
		t.Errorf("the log does not say what to mend, or quotes it:\n%s", log)
	}
}

// A key that was taken away opens nothing once its list is too old, however slow
// the list's store is: on platforms that freeze functions no fetch ends in the background.
func TestRevokedKeyOfASlowStore(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Work: simulator.Constant(800 * time.Millisecond)})
	c.sim.SetSecret("callers", `{"keys":[{"name":"first","hash":"`+hashOf(keyAll)+`"}]}`)
	env := storesAt(c.server.URL)
	env["PARTNERLENS_KEYS"], env["PARTNERLENS_SECRETS_FOR"] = "aws-sm:callers", "10s"
	handler := app.Handler(app.HandlerOptions{Env: with(env)})
	ask := func() int {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("X-Api-Key", keyAll)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	first := ask()
	c.sim.SetSecret("callers", `{"keys":[]}`)
	time.Sleep(10 * time.Second) // the least that may be set
	if then := ask(); first != http.StatusOK || then != http.StatusUnauthorized {
		t.Errorf("answered %d, and once the key was taken away %d", first, then)
	}
}

// FunctionGraph hands the agency's key over in headers that a caller can write too.
func TestCallersPlatformKey(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{})
	c.sim.SetSecret("callers", `{"keys":[{"name":"first","hash":"`+hashOf(keyAll)+`"}]}`)
	for _, test := range []struct {
		name  string
		inEnv bool
		ak    string
		want  int
	}{
		{"the platform's", false, simulator.KeyID, http.StatusOK},
		{"a caller's", false, "evil", http.StatusServiceUnavailable},
		{"a caller's, and there is one in the environment", true, "evil", http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := storesAt(c.server.URL)
			env["PARTNERLENS_KEYS"] = "huawei-csms:callers"
			if !test.inEnv {
				delete(env, "HUAWEICLOUD_SDK_AK")
				delete(env, "HUAWEICLOUD_SDK_SK")
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error)
			go func() {
				served <- host.Serve(ctx, ln, app.Handler(app.HandlerOptions{Env: with(env)}), &host.ServeOptions{Getenv: with(env)})
			}()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			ask := func(ak string) int {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ln.Addr().String()+"/metrics", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header = http.Header{"X-Api-Key": {keyAll}, "X-Cff-Security-Access-Key": {ak}, "X-Cff-Security-Secret-Key": {simulator.KeySecret}}
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				return response.StatusCode
			}
			if got := ask(test.ak); got != test.want {
				t.Errorf("answered %d, want %d", got, test.want)
			}
			if got := ask(simulator.KeyID); got != http.StatusOK {
				t.Errorf("the next caller is answered %d", got)
			}
			stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}
