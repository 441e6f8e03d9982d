package repotest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "partnerlens/"

// packages returns the imports of each package of the module.
func packages(t *testing.T, args ...string) map[string][]string {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-f", `{{.ImportPath}} {{join .Imports " "}}`}, args...)...)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	imports := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		imports[fields[0]] = fields[1:]
	}
	return imports
}

func under(path string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return path == root || strings.HasPrefix(path, root+"/")
	})
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	const (
		tencentSDK = "github.com/tencentcloud/tencentcloud-sdk-go"
		huaweiSDK  = "github.com/huaweicloud/huaweicloud-sdk-go-v3"
		lambdaLib  = "github.com/aws/aws-lambda-go"
		scfLib     = "github.com/tencentyun/scf-go-lib"
	)
	rules := []struct {
		in     []string // packages and those below them
		except []string
		never  []string // imports that the rule forbids
		why    string
	}{
		{[]string{"pkg/core"}, []string{"pkg/core/sourcetest"}, []string{"partnerlens", tencentSDK, huaweiSDK, lambdaLib, scfLib},
			"core knows no vendor, no platform and no other package of ours"},
		{[]string{"pkg/core"}, []string{"pkg/core/sourcetest"}, []string{"os"},
			"core reads no environment and no files; app does"},
		{[]string{"pkg/core/sourcetest"}, nil, []string{"partnerlens/pkg/tencent", "partnerlens/pkg/huawei", "partnerlens/internal"},
			"the conformance suite is the same for every Source, so it knows none"},
		{[]string{"pkg/transport", "pkg/awsconfig", "pkg/settings", "pkg/sheet"}, nil, []string{"partnerlens/pkg/tencent", "partnerlens/pkg/huawei", "partnerlens/internal", tencentSDK, huaweiSDK},
			"the transport under the SDKs is the same for every vendor"},
		{[]string{"pkg/tencent"}, nil, []string{"partnerlens/pkg/huawei", "partnerlens/internal", huaweiSDK}, "vendors never import each other"},
		{[]string{"pkg/huawei"}, nil, []string{"partnerlens/pkg/tencent", "partnerlens/internal", tencentSDK}, "vendors never import each other"},
		{[]string{"internal/simulator"}, nil, []string{"partnerlens", tencentSDK, huaweiSDK},
			"a simulator that shares our code, or the vendors', shares their mistakes"},
		{[]string{"internal/emulator"}, nil, []string{"partnerlens", lambdaLib, scfLib},
			"an emulator that shares the runtimes' code shares their mistakes"},
		{[]string{"internal/api"}, nil, []string{"partnerlens/internal", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei", lambdaLib, scfLib},
			"the API knows functions, not vendors or platforms"},
		{[]string{"internal/alert"}, nil, []string{"partnerlens/internal", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei", tencentSDK, huaweiSDK, lambdaLib, scfLib, "os"},
			"alert rules and delivery are the same for every vendor and platform; app reads the environment"},
		{[]string{"internal/metrics"}, []string{"internal/metrics/metricstest"}, []string{"partnerlens", tencentSDK, huaweiSDK, lambdaLib, scfLib, "github.com/prometheus", "os"},
			"metrics know nothing of what they count; app gives them their labels; Prometheus's client costs start-up"},
		{[]string{"internal/secrets"}, nil, []string{"partnerlens/internal", lambdaLib, scfLib, "os/exec"},
			"packages of internal are joined by app, not by each other"},
		{[]string{"internal/watch"}, nil, []string{
			"partnerlens/internal/api", "partnerlens/internal/app", "partnerlens/internal/cli", "partnerlens/internal/emulator", "partnerlens/internal/host",
			"partnerlens/internal/metrics", "partnerlens/internal/secrets", "partnerlens/internal/simulator", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei", lambdaLib, scfLib},
			"watch imports alert and store; app joins it with vendors, platforms and settings"},
		{[]string{"internal/store"}, nil, []string{"partnerlens/internal", lambdaLib, scfLib, "os/exec"},
			"a store knows no platform and no other package of ours"},
		{[]string{"internal/host"}, nil, []string{"partnerlens/internal", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei"},
			"packages of internal are joined by app, not by each other"},
		{[]string{"internal", "functions", "cmd", "pkg"}, []string{"internal/host"}, []string{lambdaLib, scfLib},
			"only host knows the platforms' runtimes"},
		{[]string{"internal", "functions", "cmd"}, nil, []string{tencentSDK, huaweiSDK},
			"only a vendor's own package knows its SDK"},
		{[]string{"internal/app", "internal/host", "internal/api", "pkg", "functions"}, nil, []string{"partnerlens/internal/simulator", "partnerlens/internal/emulator", "partnerlens/internal/cli", "partnerlens/internal/configfile"},
			"a deployed artefact does not carry the simulator, the emulator or the command line"},
	}
	for _, tags := range []string{"lambda.norpc", "scf"} {
		for path, imports := range packages(t, "-tags", tags, "./...") {
			pkg := strings.TrimPrefix(path, module)
			for _, rule := range rules {
				if !under(pkg, rule.in...) || under(pkg, rule.except...) {
					continue
				}
				for _, imported := range imports {
					own := under(imported, module+pkg) || under(imported, prefixed(rule.in)...)
					if under(imported, rule.never...) && !own {
						t.Errorf("%s imports %s (-tags %s): %s", pkg, imported, tags, rule.why)
					}
				}
			}
		}
	}
}

func prefixed(pkgs []string) []string {
	paths := make([]string, len(pkgs))
	for i, pkg := range pkgs {
		paths[i] = module + pkg
	}
	return paths
}

// An artefact pays for what it links at every cold start. Both vendors' SDKs are in
// every artefact, since a credential may be stored in either vendor's secret store.
func TestArtefactsLinkWhatTheyNeed(t *testing.T) {
	t.Parallel()
	heavy := map[string]string{
		"net/rpc": "net/rpc, which keeps the linker from dropping unused methods",
		"github.com/aws/aws-sdk-go-v2/service/ssm": "AWS Systems Manager's client (start-up 3.22 instead of 2.38)",
		"github.com/alecthomas/kong":               "the command line",
		"github.com/pelletier/go-toml/v2":          "the decoder of the command line's config file",
		"partnerlens/internal/simulator":           "the simulator",
		"partnerlens/internal/emulator":            "the emulator",
	}
	for tags, want := range map[string][]string{"lambda.norpc": nil, "scf": {"net/rpc"}} {
		for _, main := range []string{"./functions/credit", "./functions/tags"} {
			t.Run(main+"/"+tags, func(t *testing.T) {
				t.Parallel()
				linked := packages(t, "-deps", "-tags", tags, main)
				for path, what := range heavy {
					if _, is := linked[path]; is != slices.Contains(want, path) {
						t.Errorf("links %s: %v", what, is)
					}
				}
			})
		}
	}
}
