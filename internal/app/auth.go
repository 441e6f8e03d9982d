package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/host"
	"partnerlens/internal/metrics"
	"partnerlens/pkg/core"
)

// PlatformAuthSetting names the setting for a platform that authenticates callers without
// a trace of it in its events.
const PlatformAuthSetting = "PARTNERLENS_PLATFORM_AUTH"

// byCAM is its one value: SCF Function URLs with the authentication type CAM. Events of a
// public URL have the same form, and a caller can write the headers of a signed call, so
// only the operator knows.
const byCAM = "scf-cam"

// staleKeysFor is how long an expired copy of the callers' keys is used while its store
// fails. A revoked key stays valid as long.
const staleKeysFor = time.Hour

func checkPlatformAuth(env Environment) error {
	if setting := env(PlatformAuthSetting); setting == "" || setting == byCAM {
		return nil
	}
	return &core.Error{
		Code: core.CodeMisconfigured, Param: PlatformAuthSetting,
		Detail: "unknown; " + byCAM + " is for SCF Function URLs with the authentication type CAM; leave it unset elsewhere",
	}
}

// HandlerOptions configure the HTTP API. They are copied.
type HandlerOptions struct {
	Logger *slog.Logger // nil: nothing is logged
	Env    Environment  // nil: os.Getenv

	Token     core.Secret // as in api.Options
	Simulated bool        // as in api.Options
}

// Handler returns the HTTP API of functions.
func Handler(o HandlerOptions, functions ...*core.Function) http.Handler {
	return handler(o, newMeter(new(metrics.Set), o.Logger), functions...)
}

func handler(o HandlerOptions, meter *meter, functions ...*core.Function) http.Handler {
	env := o.Env.orOwn()
	watcher := &Watcher{Env: env, Logger: o.Logger}
	newest := &newestRuns{watcher: watcher}
	reviewed := make([]*core.Function, len(functions))
	for i, f := range functions {
		reviewed[i] = f.WithStage(newest.review(f.Name))
	}
	resolver := NewResolver(env, o.Logger)
	resolver.staleFor = staleKeysFor
	var keys cached[core.Secret, *api.Keys]
	return api.New(api.Options{
		Functions: reviewed, Version: Version, Logger: o.Logger, Token: o.Token, Simulated: o.Simulated,
		Keys: func(ctx context.Context) (*api.Keys, error) {
			if err := checkPlatformAuth(env); err != nil {
				return nil, err
			}
			text, err := resolver.Setting(ctx, api.KeysSetting)
			if err != nil || text == "" {
				return nil, err
			}
			// While a text is malformed no key is valid: a revoked key must not stay valid.
			return keys.of(core.NewSecret(text), func() (*api.Keys, error) { return api.ParseKeys([]byte(text), FunctionNames()...) })
		},
		Platform: func(r *http.Request) (string, bool) {
			origin := host.OriginOf(r.Context())
			if origin.Trigger == host.TriggerSCFFunctionURL && env(PlatformAuthSetting) == byCAM {
				return byCAM, true
			}
			return origin.Principal, origin.Principal != ""
		},
		NoLoopback: onPlatform(env),
		BasePath: func(r *http.Request) (own, outer string, err error) {
			own, err = api.ParseBasePath(env(api.BasePathSetting))
			return own, host.OriginOf(r.Context()).BasePath, err
		},
		LastValues: func(r *http.Request) bool { return host.OriginOf(r.Context()).LastValues },
		Metrics: func(ctx context.Context, sees func(function, account string) bool) []byte {
			newest.ages(ctx, meter, functions)
			return meter.set.AppendText(nil, sees)
		},
		Observe:   meter.request,
		Trace:     meter.answering(),
		Zone:      env.datesZone,
		Resources: Resources(watcher, functions...),
	})
}

// platformVariables are set where a platform's agent forwards requests over loopback:
// Lambda's Web Adapter, SCF Web functions, FunctionGraph HTTP functions, and Knative, of
// which Cloud Run is one.
var platformVariables = []string{"AWS_LAMBDA_FUNCTION_NAME", "TENCENTCLOUD_RUNENV", "SCF_NAMESPACE", "RUNTIME_PROJECT_ID", "K_SERVICE"}

func onPlatform(env Environment) bool {
	return slices.ContainsFunc(platformVariables, func(name string) bool { return env(name) != "" })
}
