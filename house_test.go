// Package partnerlens holds no code: the test here keeps the walls of the house
// where docs/architecture.md says they stand.
package partnerlens

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "partnerlens/"

// packages gives every package of the module, with what it imports.
func packages(t *testing.T, args ...string) map[string][]string {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-f", `{{.ImportPath}} {{join .Imports " "}}`}, args...)...)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	imports := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		imports[words[0]] = words[1:]
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
	walls := []struct {
		in     []string // packages, and what is below them
		except []string
		never  []string // may not be imported there
		why    string
	}{
		{[]string{"pkg/core"}, []string{"pkg/core/sourcetest"}, []string{"partnerlens", tencentSDK, huaweiSDK, lambdaLib, scfLib},
			"core knows no cloud, no platform, and nothing of the rest of the house"},
		{[]string{"pkg/core"}, []string{"pkg/core/sourcetest"}, []string{"os"},
			"core reads no environment and no files: app does"},
		{[]string{"pkg/core/sourcetest"}, nil, []string{"partnerlens/pkg/tencent", "partnerlens/pkg/huawei", "partnerlens/internal"},
			"the law is the same for every Source, so it knows none"},
		{[]string{"pkg/transport"}, nil, []string{"partnerlens/pkg/tencent", "partnerlens/pkg/huawei", "partnerlens/internal", tencentSDK, huaweiSDK},
			"the connection under the SDKs is the same for every cloud"},
		{[]string{"pkg/tencent"}, nil, []string{"partnerlens/pkg/huawei", "partnerlens/internal", huaweiSDK}, "clouds never import each other"},
		{[]string{"pkg/huawei"}, nil, []string{"partnerlens/pkg/tencent", "partnerlens/internal", tencentSDK}, "clouds never import each other"},
		{[]string{"internal/simulator"}, nil, []string{"partnerlens", tencentSDK, huaweiSDK},
			"a simulator that shares our code, or the vendors', shares their mistakes"},
		{[]string{"internal/emulator"}, nil, []string{"partnerlens", lambdaLib, scfLib},
			"an emulator that shares the runtimes' code shares their mistakes"},
		{[]string{"internal/api"}, nil, []string{"partnerlens/internal", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei", lambdaLib, scfLib},
			"siblings do not import one another: app joins them; the API knows functions, not clouds or platforms"},
		{[]string{"internal/alert"}, nil, []string{"partnerlens/internal", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei", tencentSDK, huaweiSDK, lambdaLib, scfLib, "github.com/aws/aws-sdk-go-v2/service", "os"},
			"what is worth telling, and telling it, is the same for every cloud and platform; app joins siblings and reads the environment; a client of AWS costs start-up"},
		{[]string{"internal/metrics"}, []string{"internal/metrics/metricstest"}, []string{"partnerlens", tencentSDK, huaweiSDK, lambdaLib, scfLib, "github.com/prometheus", "os"},
			"numbers know nothing of what they count; app gives them their labels; Prometheus's client costs start-up"},
		{[]string{"internal/secrets"}, nil, []string{"partnerlens/internal", lambdaLib, scfLib, "os/exec"},
			"siblings do not import one another: app joins them"},
		{[]string{"internal/watch"}, nil, []string{
			"partnerlens/internal/api", "partnerlens/internal/app", "partnerlens/internal/cli", "partnerlens/internal/emulator", "partnerlens/internal/host",
			"partnerlens/internal/metrics", "partnerlens/internal/secrets", "partnerlens/internal/simulator", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei", lambdaLib, scfLib},
			"a run evaluates alerts and delivers them, and imports alert and store for that; app joins it with vendors, platforms and settings"},
		{[]string{"internal/store"}, nil, []string{"partnerlens/internal", lambdaLib, scfLib, "os/exec"},
			"siblings do not import one another: app joins them; a store knows no platform"},
		{[]string{"internal/host"}, nil, []string{"partnerlens/internal", "partnerlens/pkg/tencent", "partnerlens/pkg/huawei"},
			"siblings do not import one another: app joins them"},
		{[]string{"internal", "functions", "cmd", "pkg"}, []string{"internal/host"}, []string{lambdaLib, scfLib},
			"only the host knows the platforms' runtimes"},
		{[]string{"internal", "functions", "cmd"}, nil, []string{tencentSDK, huaweiSDK},
			"only a cloud's own package knows its SDK"},
		{[]string{"internal/app", "internal/host", "internal/api", "pkg", "functions"}, nil, []string{"partnerlens/internal/simulator", "partnerlens/internal/emulator", "partnerlens/internal/cli"},
			"what is shipped to a platform does not carry what imitates one"},
	}
	for _, tags := range []string{"lambda.norpc", "scf"} {
		for path, imports := range packages(t, "-tags", tags, "./...") {
			room := strings.TrimPrefix(path, module)
			for _, wall := range walls {
				if !under(room, wall.in...) || under(room, wall.except...) {
					continue
				}
				for _, imported := range imports {
					own := under(imported, module+room) || under(imported, prefixed(wall.in)...)
					if under(imported, wall.never...) && !own {
						t.Errorf("%s imports %s (-tags %s): %s", room, imported, tags, wall.why)
					}
				}
			}
		}
	}
}

func prefixed(rooms []string) []string {
	paths := make([]string, len(rooms))
	for i, room := range rooms {
		paths[i] = module + room
	}
	return paths
}

// What an artefact links, it pays for at every cold start. Both clouds' SDKs are
// in every one: a key may be kept in either cloud's store.
func TestArtefactsLinkWhatTheyNeed(t *testing.T) {
	t.Parallel()
	heavy := map[string]string{
		"net/rpc":                                             "net/rpc, which keeps the linker from dropping unused methods",
		"github.com/aws/aws-sdk-go-v2/config":                 "AWS's config package (start-up 1.81)",
		"github.com/aws/aws-sdk-go-v2/service/ssm":            "AWS Systems Manager's client (start-up 1.83)",
		"github.com/aws/aws-sdk-go-v2/service/secretsmanager": "AWS Secrets Manager's client (start-up 1.27)",
		"github.com/alecthomas/kong":                          "the command line",
		"partnerlens/internal/simulator":                      "the simulator",
		"partnerlens/internal/emulator":                       "the emulator",
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
