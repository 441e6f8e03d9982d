package repotest

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fence is a block of a page: what it is in, and its text.
var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Huawei's IAM refuses a custom policy that mixes global rights with those of a project, and wants those of
// OBS alone; a secret is opened with two rights ("Creating a Custom Policy for Cloud
// Services"; "Flink OpenSource SQL Jobs Using DEW", read November 2026).
func TestHuaweiPoliciesCanBeMade(t *testing.T) {
	t.Parallel()
	allowed := make(map[string]int) // right -> policy
	policies := 0
	for _, block := range fence.FindAllStringSubmatch(page(t, "deploy-huawei.md"), -1) {
		if block[1] != "json" {
			continue
		}
		var policy struct {
			Version   string
			Statement []struct {
				Effect           string
				Action, Resource []string
			}
		}
		if err := json.Unmarshal([]byte(block[2]), &policy); err != nil || policy.Version != "1.1" || len(policy.Statement) == 0 {
			t.Errorf("%v: %s", err, block[2])
			continue
		}
		policies++
		var services []string
		for _, statement := range policy.Statement {
			for _, action := range statement.Action {
				service, _, _ := strings.Cut(action, ":")
				services = append(services, service)
				allowed[action] = policies
			}
		}
		if services = once(services); slices.Contains(services, "obs") && len(services) > 1 {
			t.Errorf("IAM refuses one policy of %v: %s", services, block[2])
		}
	}
	if secret := allowed["csms:secretVersion:get"]; secret == 0 || secret != allowed["kms:dek:decrypt"] {
		t.Errorf("no policy lets a secret be read and opened: %v", allowed)
	}
	for _, scope := range []string{"`AX`", "`XA`"} {
		if !strings.Contains(page(t, "deploy-huawei.md"), scope) {
			t.Errorf("the page does not say which policy has the scope %s", scope)
		}
	}
}

// curl before 8.3 signs a query as it stands, AWS signs it percent-encoded and in order (curl/curl#11794):
// what the page signs is the same in both.
func TestAWSQuestionIsSignedByAnyCurl(t *testing.T) {
	t.Parallel()
	questions := regexp.MustCompile(`--aws-sigv4[^`+"`"+`]*?"\$\{url\}([^"]+)"`).FindAllStringSubmatch(page(t, "deploy-aws.md"), -1)
	if len(questions) == 0 {
		t.Error("the page asks nothing with curl")
	}
	for _, match := range questions {
		_, query, _ := strings.Cut(match[1], "?")
		values, err := url.ParseQuery(query)
		if err != nil || values.Encode() != query {
			t.Errorf("%s: AWS signs %s, %v", query, values.Encode(), err)
		}
	}
}
