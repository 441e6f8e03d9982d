package store

import (
	"os"
	"strings"
	"testing"

	"partnerlens/pkg/awsconfig/awsconfigtest"
	"partnerlens/pkg/core"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const cos, obs = "&endpoint=https://cos.ap-singapore.myqcloud.com", "&endpoint=https://obs.cn-north-4.myhuaweicloud.com"
	for _, test := range []struct {
		url  string
		want string // of the place, in parts; or of the error, after "!"
	}{
		{"file:///var/lib/partnerlens", "/var/lib/partnerlens"},
		{"file://localhost/var/lib/a%20b/", "/var/lib/a b"},
		{"file://var/lib", "!three slashes"},
		{"file:var/lib", "!write file:///folder"},
		{"file:///", "!needs a folder"},
		{"file:///a?region=x", "!no parameters"},
		{"file:///a#b", "!write file:///folder"},
		{"", "!write file:///folder"},
		{"/var/lib", "!write file:///folder"},
		{"https://bucket.s3.amazonaws.com/x", "!write file:///folder"},
		{"s3://bucket?region=eu-central-1", "bucket '' eu-central-1 host"},
		{"s3://bucket", "bucket '' us-west-2 host"}, // AWS_REGION
		{"s3://bucket/a/b/?region=eu-central-1", "bucket 'a/b/' eu-central-1 host"},
		{"s3://b-125/p?region=ap-singapore" + cos, "b-125 'p/' ap-singapore host https://cos.ap-singapore.myqcloud.com"},
		{"s3://bucket/p?region=cn-north-4" + obs, "bucket 'p/' cn-north-4 host https://obs.cn-north-4.myhuaweicloud.com"},
		{"s3://bucket?region=r&endpoint=http://127.0.0.1:7070", "bucket '' r path http://127.0.0.1:7070"},
		{"s3://bucket?endpoint=http://localhost:7070", "bucket '' us-west-2 path http://localhost:7070"},
		{"s3://bucket?region=r&endpoint=http://127.0.0.1:7070&path_style=false", "bucket '' r host http://127.0.0.1:7070"},
		{"s3://bucket?region=r&endpoint=https://minio.example&path_style=true", "bucket '' r path https://minio.example"},
		{"s3://bucket?region=r&sse=AES256", "bucket '' r host AES256"},
		{"s3://bucket?region=r&sse=aws:kms&kms_key=arn:aws:kms:r:1:key/k", "bucket '' r host aws:kms arn:aws:kms:r:1:key/k"},
		{"s3://b-125?" + cos[1:], "!add region="}, // AWS_REGION is none of COS's
		{"s3://bucket?region=EU", "!add region="},
		{"s3://bucket?region=r&endpoint=http://minio.example", "!https://host"},
		{"s3://bucket?region=r&endpoint=https://AKID:planted@minio.example", "!https://host"},
		{"s3://bucket?region=r&endpoint=https://bucket.cos.r.myqcloud.com", "!write endpoint=https://cos.r.myqcloud.com"},
		{"s3://AKID:planted@bucket?region=r", "!keys come from the environment"},
		{"s3://planted@bucket?region=r", "!keys come from the environment"},
		{"s3://bucket?region=r&secret_key=planted", "!not known; there are endpoint, kms_key"},
		{"s3://bucket?region=r&planted", "!not known"},
		{"s3://bucket?region=r&region=s", "!region is given twice"},
		{"s3://bucket?region=", "!region is empty"},
		{"s3://bucket?region=%zz", "!cannot be read"},
		{"s3://bucket?region=r&path_style=1", "!true or false"},
		{"s3://bucket?region=r&sse=none", "!AES256 or aws:kms"},
		{"s3://bucket?region=r&kms_key=k", "!needs sse=aws:kms"},
		{"s3://bucket?region=r&sse=aws:kms&kms_key=a%0ab", "!id or ARN"},
		{"s3://bucket/a//b?region=r", "!the prefix"},
		{"s3://bucket/../b?region=r", "!the prefix"},
		{"s3://Bucket?region=r", "!small letters"},
		{"s3:///a?region=r", "!small letters"},
		{"s3://bucket:80?region=r", "!small letters"},
		{"s3://bucket--use1-az4--x-s3?region=r", "!directory bucket"},
		{"s3://[planted", "!not a URL"},
	} {
		env := map[string]string{"AWS_REGION": "us-west-2"}
		p, err := parse(test.url, Options{Getenv: func(name string) string { return env[name] }, Setting: "THE_SETTING"})
		if text, bad := strings.CutPrefix(test.want, "!"); bad {
			e := core.AsError(err)
			if err == nil || e.Code != core.CodeMisconfigured || e.Param != "THE_SETTING" || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "planted") {
				t.Errorf("parse(%q) = %v, want a core.Error with %q", test.url, err, text)
			}
			continue
		}
		if err != nil {
			t.Errorf("parse(%q) = %v", test.url, err)
			continue
		}
		got := p.folder
		if got == "" {
			parts := []string{p.bucket, "'" + p.prefix + "'", p.region, map[bool]string{true: "path", false: "host"}[p.pathStyle]}
			if p.endpoint != nil {
				parts = append(parts, p.endpoint.String())
			}
			got = strings.TrimRight(strings.Join(append(parts, p.sse, p.kmsKey), " "), " ")
		}
		if got != test.want {
			t.Errorf("parse(%q) = %q, want %q", test.url, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"file:///a", "s3://bucket/p?region=r&endpoint=https://h", "s3://a:b@c", "s3://bucket?sse=aws:kms&kms_key=k&region=r", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse(text, Options{Getenv: func(string) string { return "" }, Setting: "store"})
		switch {
		case err != nil:
			if core.CodeOf(err) != core.CodeMisconfigured {
				t.Errorf("%q: %v", text, err)
			}
		case p.folder == "" && (!isBucket(p.bucket) || p.region == "" || p.prefix != "" && checkPrefix(p.prefix) != nil):
			t.Errorf("%q: %+v", text, p)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	set := func(names keyNames, id string) map[string]string {
		return map[string]string{names.id: id, names.secret: "secret-" + id, names.token: "token-" + id}
	}
	const aws, cos, obs, other = "", "&endpoint=https://cos.r.myqcloud.com", "&endpoint=https://obs.r.myhuaweicloud.com", "&endpoint=https://minio.example"
	lambda := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "credit"}
	for _, test := range []struct {
		name, where string
		env         []map[string]string
		want        string // the key's id; or of the error, after "!"
	}{
		{"our own win", aws, []map[string]string{set(own, "O"), set(amazon, "A")}, "O"},
		{"our own win on COS", cos, []map[string]string{set(own, "O"), set(tencent, "T"), set(amazon, "A")}, "O"},
		{"AWS", aws, []map[string]string{set(amazon, "A"), set(tencent, "T"), set(huawei, "H")}, "A"},
		{"COS: the role first", cos, []map[string]string{set(amazon, "A"), set(tencent, "T"), set(huawei, "H")}, "T"},
		{"OBS: the role first", obs, []map[string]string{set(amazon, "A"), set(tencent, "T"), set(huawei, "H")}, "H"},
		{"COS by AWS's names", cos, []map[string]string{set(amazon, "A")}, "A"},
		{"another store", other, []map[string]string{set(amazon, "A"), set(tencent, "T")}, "A"},
		{"Lambda's role is AWS's", aws, []map[string]string{set(amazon, "A"), lambda}, "A"},
		{"and no other's", cos, []map[string]string{set(amazon, "A"), lambda}, "!set PARTNERLENS_STORE_ACCESS_KEY"},
		{"nor this one's", other, []map[string]string{set(amazon, "A"), lambda}, "!set PARTNERLENS_STORE_ACCESS_KEY"},
		{"none", cos, nil, "!or TENCENTCLOUD_SECRETID and TENCENTCLOUD_SECRETKEY"},
		{"half of one", aws, []map[string]string{{own.id: "O"}, set(amazon, "A")}, "!PARTNERLENS_STORE_SECRET_KEY: not set"},
		{"a line break", aws, []map[string]string{{own.id: "O", own.secret: "planted\n"}}, "!PARTNERLENS_STORE_SECRET_KEY: has a space"},
		{"in the token", aws, []map[string]string{{own.id: "O", own.secret: "s", own.token: "planted\n"}}, "!PARTNERLENS_STORE_TOKEN: has a space"},
	} {
		env := map[string]string{}
		for _, some := range test.env {
			for name, text := range some {
				env[name] = text
			}
		}
		getenv := func(name string) string { return env[name] }
		p, err := parse("s3://bucket?region=r"+test.where, Options{Getenv: getenv})
		if err != nil {
			t.Fatal(err)
		}
		key, err := keys(p, getenv).Retrieve(t.Context())
		if text, bad := strings.CutPrefix(test.want, "!"); bad {
			if core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "planted") {
				t.Errorf("%s: %v, want %q", test.name, err, text)
			}
		} else if err != nil || key.AccessKeyID != test.want || key.SecretAccessKey != "secret-"+test.want || key.SessionToken != "token-"+test.want {
			t.Errorf("%s: %q, %v, want %q", test.name, key.AccessKeyID, err, test.want)
		}
	}
}

// A task of ECS opens a bucket on AWS with the key of its role, and shows the role to no
// other store.
func TestRoleOfATask(t *testing.T) {
	for _, name := range []string{amazon.id, amazon.secret, amazon.token, own.id, own.secret, own.token} {
		t.Setenv(name, "")
	}
	awsconfigtest.Task(t, "TASK", "secret", "token")
	for endpoint, want := range map[string]string{"": "TASK", "&endpoint=https://minio.example": "", "&endpoint=https://cos.r.myqcloud.com": ""} {
		p, err := parse("s3://bucket?region=r"+endpoint, Options{Getenv: os.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		key, err := keys(p, os.Getenv).Retrieve(t.Context())
		if key.AccessKeyID != want || (want == "") != (core.CodeOf(err) == core.CodeMisconfigured) {
			t.Errorf("%q: %s, %v, want %q", endpoint, key.AccessKeyID, err, want)
		}
	}
}
