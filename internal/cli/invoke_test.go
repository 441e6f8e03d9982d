package cli

import (
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/simulator"
)

// A key given by its name alone stands in no list of processes; one that is written out
// is warned of, and never repeated.
func TestInvokeEnvironment(t *testing.T) {
	t.Setenv("PARTNERLENS_HUAWEI_SK", "hush=1")
	for _, test := range []struct {
		env  string
		want string // "": an error
		warn bool
	}{
		{"PARTNERLENS_HUAWEI_SK", "PARTNERLENS_HUAWEI_SK=hush=1", false},
		{"PARTNERLENS_HUAWEI_SK=hush", "PARTNERLENS_HUAWEI_SK=hush", true},
		{"AWS_SECRET_ACCESS_KEY=hush", "AWS_SECRET_ACCESS_KEY=hush", true},
		{"PARTNERLENS_TENCENT_TOKEN=hush", "PARTNERLENS_TENCENT_TOKEN=hush", true},
		{"PARTNERLENS_TENCENT_TOKEN=", "PARTNERLENS_TENCENT_TOKEN=", false},
		{"PARTNERLENS_HUAWEI_SK=aws-sm:partner#sk", "PARTNERLENS_HUAWEI_SK=aws-sm:partner#sk", false},
		{"PARTNERLENS_TENCENT_SECRET_KEY=" + simulator.KeySecret, "PARTNERLENS_TENCENT_SECRET_KEY=" + simulator.KeySecret, false},
		{"PARTNERLENS_TENCENT_SECRET_ID=AKID", "PARTNERLENS_TENCENT_SECRET_ID=AKID", false},
		{"PARTNERLENS_NOT_SET", "", false},
		{"=x", "", false},
	} {
		var stderr strings.Builder
		env, err := (&invokeCmd{Env: []string{test.env}}).environment(&stderr)
		if (err == nil) != (test.want != "") || err == nil && !slices.Equal(env, []string{test.want}) {
			t.Errorf("--env %s gives %d variables, %v", test.env, len(env), err)
		}
		if warned := stderr.Len() > 0; warned != test.warn || strings.Contains(stderr.String(), "hush") {
			t.Errorf("--env %s warns: %s", test.env, &stderr)
		}
	}
}
