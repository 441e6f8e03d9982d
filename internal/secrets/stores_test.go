package secrets

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/awsconfig/awsconfigtest"
	"partnerlens/pkg/core"
)

const planted = "planted-value-7f3a"

// place is where a store under test keeps its secrets.
type place struct {
	scheme string
	at     string // before a secret's name
	env    map[string]string
	remote bool
	set    func(name, text string)
	remove func(name string)
	down   func(bool)
	key    func(env map[string]string, id, secret, token string) // to ask with
}

func places(t *testing.T) []*place {
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	extension := httptest.NewServer(sim.Extension("session"))
	t.Cleanup(func() { sim.Close(); server.Close(); extension.Close() })
	address, _ := url.Parse(extension.URL)

	folder, local := t.TempDir(), map[string]string{}
	awsKey := func(env map[string]string, id, secret, token string) {
		env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"] = id, secret, token
	}
	aws := map[string]string{"AWS_REGION": "ap-southeast-1", "AWS_ENDPOINT_URL": server.URL}
	viaExtension := maps.Clone(aws)
	viaExtension["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"] = address.Port()
	return []*place{
		{scheme: schemeEnv, env: local,
			set: func(name, text string) { local[name] = text }, remove: func(name string) { delete(local, name) }},
		{scheme: schemeFile, at: folder + "/", env: map[string]string{},
			set: func(name, text string) {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text+"\n"), 0o600); err != nil {
					t.Error(err)
				}
			},
			remove: func(name string) { os.Remove(filepath.Join(folder, name)) }},
		{scheme: schemeAWSSecrets, env: maps.Clone(aws), remote: true, set: sim.SetSecret, remove: sim.RemoveSecret, down: sim.SetStoreDown, key: awsKey},
		{scheme: schemeAWSParams, env: maps.Clone(aws), remote: true, set: sim.SetSecret, remove: sim.RemoveSecret, down: sim.SetStoreDown, key: awsKey},
		{scheme: schemeAWSSecrets, env: viaExtension, remote: true, set: sim.SetSecret, remove: sim.RemoveSecret, down: sim.SetStoreDown, key: awsKey},
		{scheme: schemeAWSParams, env: maps.Clone(viaExtension), remote: true, set: sim.SetSecret, remove: sim.RemoveSecret, down: sim.SetStoreDown, key: awsKey},
		{scheme: schemeTencent, env: map[string]string{"PARTNERLENS_TENCENT_SSM_ENDPOINT": server.URL, "TENCENTCLOUD_REGION": "ap-singapore"},
			remote: true, set: sim.SetSecret, remove: sim.RemoveSecret, down: sim.SetStoreDown,
			key: func(env map[string]string, id, secret, token string) {
				env["TENCENTCLOUD_SECRETID"], env["TENCENTCLOUD_SECRETKEY"], env["TENCENTCLOUD_SESSIONTOKEN"] = id, secret, token
			}},
		{scheme: schemeHuawei, env: map[string]string{"PARTNERLENS_HUAWEI_CSMS_ENDPOINT": server.URL, "RUNTIME_PROJECT_ID": simulator.ProjectID},
			remote: true, set: sim.SetSecret, remove: sim.RemoveSecret, down: sim.SetStoreDown,
			key: func(env map[string]string, id, secret, token string) {
				env["HUAWEICLOUD_SDK_AK"], env["HUAWEICLOUD_SDK_SK"], env["HUAWEICLOUD_SDK_SECURITY_TOKEN"] = id, secret, token
			}},
	}
}

func TestMain(m *testing.M) {
	awsconfigtest.Isolate()
	os.Exit(m.Run())
}

// A task of ECS reads AWS's stores with the key of its role.
func TestRoleOfATask(t *testing.T) {
	sim, err := simulator.New(simulator.Options{Secrets: map[string]string{"partner": planted}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	awsconfigtest.Task(t, simulator.TempKeyID, simulator.TempKeySecret, simulator.Token)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	for _, scheme := range []string{schemeAWSSecrets, schemeAWSParams} {
		if got, err := Stores(os.Getenv)[scheme](t.Context(), Reference{Scheme: scheme, Name: "partner"}); err != nil || got.Reveal() != planted {
			t.Errorf("%s: %q, %v", scheme, got.Reveal(), err)
		}
	}
}

// Every store passes the same tests.
func TestStores(t *testing.T) {
	t.Parallel()
	for _, p := range places(t) {
		title := p.scheme
		if p.env["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"] != "" {
			title += " by the extension"
		}
		t.Run(title, func(t *testing.T) {
			text := p.scheme + ":" + p.at + "partner"
			if p.key != nil {
				p.key(p.env, simulator.TempKeyID, simulator.TempKeySecret, simulator.Token)
				if p.env["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"] != "" {
					p.key(p.env, simulator.KeyID, simulator.KeySecret, "session") // the extension's token; the store itself refuses it
				}
			}
			getenv := func(name string) string { return p.env[name] }
			store := Stores(getenv)[p.scheme]
			get := func(ctx context.Context, text string) (string, error) {
				ref, is, err := Parse(text)
				if err != nil || !is {
					t.Fatalf("Parse(%s) = %v, %v", text, is, err)
				}
				whole, err := store(ctx, ref)
				if err != nil {
					if shown := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(shown, planted) || strings.Contains(shown, simulator.KeySecret) {
						t.Errorf("the error shows a secret: %s", shown)
					}
					return "", err
				}
				return ref.member(whole)
			}
			p.remove("partner")
			if _, err := get(t.Context(), text); core.CodeOf(err) != core.CodeMisconfigured && p.env["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"] == "" {
				t.Errorf("one that is not there: %v", err)
			}
			p.set("partner", planted)
			if got, err := get(t.Context(), text); err != nil || got != planted {
				t.Fatalf("%q, %v", got, err)
			}
			p.set("partner", planted+"-2")
			if got, err := get(t.Context(), text); err != nil || got != planted+"-2" {
				t.Errorf("changed: %q, %v", got, err)
			}
			if parts[p.scheme].jsonKey {
				p.set("partner", `{"id":"A","key":"`+planted+`","n":5}`)
				if got, err := get(t.Context(), text+"#key"); err != nil || got != planted {
					t.Errorf("a member: %q, %v", got, err)
				}
				for _, member := range []string{"#unknown", "#n"} {
					if _, err := get(t.Context(), text+member); core.CodeOf(err) != core.CodeMisconfigured {
						t.Errorf("member %s: %v", member, err)
					}
				}
				p.set("partner", planted)
				if _, err := get(t.Context(), text+"#key"); core.CodeOf(err) != core.CodeMisconfigured {
					t.Errorf("a member of a text that is not JSON: %v", err)
				}
			}
			if p.scheme == schemeTencent {
				p.set("versions", "one")
				p.set("versions", "two")
				if got, err := get(t.Context(), "tencent-ssm:versions@v1"); err != nil || got != "one" {
					t.Errorf("an older version: %q, %v", got, err)
				}
			}
			if !p.remote || p.env["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"] != "" {
				return
			}
			p.down(true)
			if _, err := get(t.Context(), text); core.CodeOf(err) != core.CodeUnavailable {
				t.Errorf("a store that is down: %v", err)
			}
			p.down(false)
			for name, key := range map[string][3]string{
				"a wrong secret": {simulator.KeyID, "wrong", ""}, "an unknown key": {"UNKNOWN", "x", ""},
				"no right": {simulator.NoAuthKeyID, simulator.KeySecret, ""}, "an expired token": {simulator.TempKeyID, simulator.TempKeySecret, simulator.ExpiredToken},
			} {
				p.key(p.env, key[0], key[1], key[2])
				if _, err := get(t.Context(), text); core.CodeOf(err) != core.CodeDenied {
					t.Errorf("%s: %v", name, err)
				}
			}
			p.key(p.env, "", "", "")
			if _, err := get(t.Context(), text); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "there is no key") {
				t.Errorf("no key to call with: %v", err)
			}
			p.key(p.env, simulator.KeyID, simulator.KeySecret, "")
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			start := time.Now()
			if _, err := get(gone, text); core.CodeOf(err) != core.CodeCanceled || time.Since(start) > time.Second {
				t.Errorf("a caller whose context is canceled: %v after %v", err, time.Since(start))
			}
		})
	}
}

// A key that a cloud has just refused is not read from the extension, which may have
// cached it. What the extension lacks is read from the store.
func TestRoundTheExtension(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{Secrets: map[string]string{"partner": "new"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("secretId") != "partner" {
			http.Error(w, "not here", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"SecretString":"old"}`)
	}))
	t.Cleanup(func() { sim.Close(); server.Close(); old.Close() })
	address, _ := url.Parse(old.URL)
	env := map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": simulator.KeyID, "AWS_SECRET_ACCESS_KEY": simulator.KeySecret,
		"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": address.Port(),
	}
	store := Stores(func(name string) string { return env[name] })[schemeAWSSecrets]
	get := func(ctx context.Context, name string) string {
		secret, err := store(ctx, Reference{Scheme: schemeAWSSecrets, Name: name})
		if err != nil {
			return string(core.CodeOf(err))
		}
		return secret.Reveal()
	}
	if got := get(t.Context(), "partner"); got != "old" {
		t.Errorf("kept: %s", got)
	}
	if got := get(context.WithValue(t.Context(), refused{}, true), "partner"); got != "new" {
		t.Errorf("refused: %s", got)
	}
	if got := get(t.Context(), "unknown"); got != string(core.CodeMisconfigured) {
		t.Errorf("unknown: %s", got)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want Reference
		is   bool
		bad  bool
	}{
		{"simulator-secret", Reference{}, false, false},
		{"https://intlpartnersmgt.intl.tencentcloudapi.com", Reference{}, false, false},
		{"unknown:name", Reference{}, false, false},
		{"env:NAME", Reference{Scheme: "env", Name: "NAME"}, true, false},
		{"file:/run/secrets/k#1", Reference{Scheme: "file", Name: "/run/secrets/k#1"}, true, false},
		{"aws-sm:partner/keys#id", Reference{Scheme: "aws-sm", Name: "partner/keys", JSONKey: "id"}, true, false},
		{"aws-sm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:k-AbCdEf#id", Reference{Scheme: "aws-sm", Name: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:k-AbCdEf", JSONKey: "id"}, true, false},
		{"aws-ssm:/partner/key", Reference{Scheme: "aws-ssm", Name: "/partner/key"}, true, false},
		{"tencent-ssm:k@v2#id", Reference{Scheme: "tencent-ssm", Name: "k", Version: "v2", JSONKey: "id"}, true, false},
		{"huawei-csms:k#id", Reference{Scheme: "huawei-csms", Name: "k", JSONKey: "id"}, true, false},
		{"env:", Reference{}, true, true},
		{"file:relative", Reference{}, true, true},
		{"aws-sm:k#", Reference{}, true, true},
		{"tencent-ssm:k@", Reference{}, true, true},
		{"huawei-csms:../k", Reference{}, true, true},
		{"aws-sm:a\nb", Reference{}, true, true},
	} {
		got, is, err := Parse(test.text)
		if is != test.is || (err != nil) != test.bad || err == nil && got != test.want {
			t.Errorf("Parse(%q) = %+v, %v, %v", test.text, got, is, err)
		}
		if err == nil && is && got.String() != test.text {
			t.Errorf("%q reads %q", test.text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"aws-sm:a#b", "tencent-ssm:a@b#c", "file:/x", "env:A", "plain", "aws-sm:#", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, is, err := Parse(text)
		if err == nil && is {
			if again, is, err := Parse(ref.String()); err != nil || !is || again != ref {
				t.Fatalf("%q: %+v reads %+v, %v", text, ref, again, err)
			}
		}
	})
}
