package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/host"
	"partnerlens/internal/metrics"
	"partnerlens/pkg/core"
)

// PlatformAuthSetting names the setting that says which platform checks callers
// without telling so in its events.
const PlatformAuthSetting = "PARTNERLENS_PLATFORM_AUTH"

// byCAM is its one value: SCF Function URLs have the authentication type CAM.
// An event has the same form where it is open to everybody, and the headers
// of a signed call are the caller's to write, so that only the operator knows.
const byCAM = "scf-cam"

// staleKeysFor is how long callers' keys are used that are too old, where their
// store has failed: nobody checks them after us, so that who was to lose his key keeps it
// as long.
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

// HandlerOptions are what the HTTP API of functions is built with. They are copied.
type HandlerOptions struct {
	Logger *slog.Logger // nil: nothing is logged
	Env    Environment  // nil: os.Getenv

	Token     core.Secret // as in api.Options
	Simulated bool        // as in api.Options
}

// Handler is the HTTP API of functions.
func Handler(o HandlerOptions, functions ...*core.Function) http.Handler {
	return handler(o, newMeter(new(metrics.Set), o.Logger), functions...)
}

func handler(o HandlerOptions, meter *meter, functions ...*core.Function) http.Handler {
	env := o.Env.orOwn()
	watcher := &Watcher{Env: env, Logger: o.Logger}
	ages := &ages{watcher: watcher, functions: functions}
	known := &known{watcher: watcher}
	reviewed := make([]*core.Function, len(functions))
	for i, f := range functions {
		reviewed[i] = f.Reviewed(known.review(f.Name))
	}
	resolver := NewResolver(env, o.Logger)
	resolver.staleFor = staleKeysFor
	keys := keysWhileSame(func(ctx context.Context) (string, error) { return resolver.Setting(ctx, api.KeysSetting) })
	return api.New(api.Options{
		Functions: reviewed, Version: Version, Logger: o.Logger, Token: o.Token, Simulated: o.Simulated,
		Keys: func(ctx context.Context) (*api.Keys, error) {
			if err := checkPlatformAuth(env); err != nil {
				return nil, err
			}
			return keys(ctx)
		},
		Platform: func(r *http.Request) (string, bool) {
			if host.Trigger(r.Context()) == host.TriggerSCFFunctionURL && env(PlatformAuthSetting) == byCAM {
				return byCAM, true
			}
			return host.Principal(r.Context())
		},
		NoLoopback: onPlatform(env),
		BasePath: func(r *http.Request) (own, outer string, err error) {
			own, err = api.ParseBasePath(env(api.BasePathSetting))
			return own, host.BasePath(r.Context()), err
		},
		LastValues: func(r *http.Request) bool { return host.LastValues(r.Context()) },
		Metrics: func(ctx context.Context, sees func(function, account string) bool) []byte {
			ages.tell(ctx, meter)
			return meter.set.AppendText(nil, sees)
		},
		Observe: meter.request,
		Trace:   meter.answering(),
	})
}

// platformVariables are set where a platform's agent beside the process hands
// requests over, over loopback: by Lambda (its Web Adapter), SCF (Web
// functions), FunctionGraph (HTTP functions) and Knative, which is Cloud Run's.
var platformVariables = []string{"AWS_LAMBDA_FUNCTION_NAME", "TENCENTCLOUD_RUNENV", "SCF_NAMESPACE", "RUNTIME_PROJECT_ID", "K_SERVICE"}

func onPlatform(env Environment) bool {
	return slices.ContainsFunc(platformVariables, func(name string) bool { return env(name) != "" })
}

// keysWhileSame reads keys anew when their text changed. A text that cannot be
// read closes the door until it is mended: those who were to lose their key
// must not keep it.
func keysWhileSame(text func(context.Context) (string, error)) func(context.Context) (*api.Keys, error) {
	var (
		mu   sync.Mutex
		last string
		keys *api.Keys
		err  error
	)
	return func(ctx context.Context) (*api.Keys, error) {
		now, failure := text(ctx)
		if failure != nil {
			return nil, failure
		}
		mu.Lock()
		defer mu.Unlock()
		if now == last {
			return keys, err
		}
		last, keys, err = now, nil, nil
		if now != "" {
			keys, err = api.ParseKeys([]byte(now), FunctionNames()...)
		}
		return keys, err
	}
}
