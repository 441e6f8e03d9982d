package app

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/host"
	"partnerlens/internal/metrics"
	"partnerlens/pkg/core"
)

// Run runs a function on the platform of the process: Lambda, SCF or a local server. It
// returns the exit status.
func Run(f Composed) int {
	logger := NewLogger(os.Stderr, nil).With("function", f.Function.Name)
	slog.SetDefault(logger) // for code that has no logger of its own
	if os.Getenv(ConfigSetting) != "" {
		logger.Warn(ConfigSetting + ": not used; a function reads no config file, so set its variables")
	}
	return host.Run(options(f, nil, logger, os.Stdout))
}

// options are the same on every platform. out receives the lines for CloudWatch.
func options(f Composed, env Environment, logger *slog.Logger, out io.Writer) host.Options {
	env = env.orOwn()
	meter := newMeter(new(metrics.Set), logger)
	return host.Options{
		Name:     f.Function.Name,
		HTTP:     handler(HandlerOptions{Logger: logger, Env: env}, meter, f.Function),
		Job:      jobs(f, &Watcher{Env: env, Logger: logger, Metrics: meter.set}, meter, logger),
		Prepare:  loadTrustStore,
		Finished: func(ctx context.Context, requestID string) { meter.flush(ctx, env, out, f.Function.Name, requestID) },
		Logger:   logger,
	}
}

// readyWithin is longer than a process needs to be ready for its first call.
const readyWithin = 10 * time.Millisecond

// loadTrustStore reads the system's root certificates, which takes several times as long
// as the rest of a start. It waits until the process is ready, since both would share the
// processor. The first handshake, which needs the certificates, follows a look-up, a dial
// and a round trip later.
func loadTrustStore() {
	time.Sleep(readyWithin)
	_, _ = x509.SystemCertPool() // package x509 keeps them; a failure shows at the first handshake
}

// jobs answers events that are no HTTP request. A direct payload gets the whole answer. A
// schedule without a query starts the watch if a store is configured. Any other schedule,
// and a queue, gets the Report without customers: the answer ends in a platform's log.
func jobs(f Composed, watcher *Watcher, meter *meter, logger *slog.Logger) func(context.Context, host.Job) ([]byte, error) {
	return func(ctx context.Context, job host.Job) (_ []byte, err error) {
		end := meter.job(f.Function.Name, job.Trigger)
		panicked := true
		defer func() {
			if panicked {
				err = &core.Error{Code: core.CodeInternal} // for the metric; the host reports the panic
			}
			end(err)
		}()
		answer, err := answerJob(ctx, f, watcher, meter, logger, job)
		panicked = false
		return answer, err
	}
}

func answerJob(ctx context.Context, f Composed, watcher *Watcher, meter *meter, logger *slog.Logger, job host.Job) ([]byte, error) {
	params := core.Params{}
	if job.Payload != nil {
		var err error
		if params, err = core.ParamsFromJSON(job.Payload); err != nil {
			return nil, err
		}
	}
	if request, isWatch, err := watchRequest(job, params); err != nil || isWatch && (job.Payload != nil || watcher.Enabled()) {
		if err != nil {
			return nil, err
		}
		watched, err := watcher.Watch(ctx, f, request)
		if err != nil {
			return nil, err
		}
		return core.AppendJSON(nil, watched)
	}
	question, err := f.Function.Ask(params)
	if err != nil {
		return nil, err
	}
	ctx = core.WithTrace(ctx, meter.answering())
	if job.Trigger == host.TriggerDirect {
		return direct(ctx, f.Function, question, params, job.Budget, logger)
	}
	return scheduled(ctx, question, job, logger)
}

// The members of a payload that starts the watch. A Scheduler's Input can hold the time it
// was scheduled for; a state machine repeats the payload until complete is true.
const (
	watchMember     = "watch" // "now", or a run by its id
	scheduledMember = "scheduled_time"
	accountMember   = "account"
	modeMember      = "mode" // a WatchMode
	watchNow        = "now"
)

// watchRequest reports whether a job is for the watch: a schedule without a query, or a
// payload with the member watch.
func watchRequest(job host.Job, params core.Params) (request WatchRequest, isWatch bool, err error) {
	request.At = job.Scheduled
	if _, asked := params[watchMember]; !asked {
		return request, job.Payload == nil && job.Trigger != host.TriggerSQS, nil
	}
	for name, values := range params {
		if len(values) != 1 || values[0] == "" {
			return request, true, core.Invalid(name, "give it one value")
		}
		switch value := values[0]; name {
		case watchMember:
			if value != watchNow {
				request.Run = value
			}
		case accountMember:
			request.Account = value
		case modeMember:
			request.Mode = WatchMode(value)
			if !slices.Contains([]WatchMode{WatchAccept, WatchForce, WatchRedeliver}, request.Mode) {
				return request, true, core.Invalid(name, "unknown; write %s, %s or %s", WatchAccept, WatchForce, WatchRedeliver)
			}
		case scheduledMember:
			if request.At, err = time.Parse(time.RFC3339, value); err != nil {
				return request, true, core.Invalid(name, "not a time; write it as 2026-11-22T06:00:00Z")
			}
		default:
			return request, true, core.Invalid(watchMember, "a run reads every customer; only %s, %s and %s may stand beside it", accountMember, modeMember, scheduledMember)
		}
	}
	return request, true, nil
}

// direct needs no authentication: the platform has authorized the caller to invoke the
// function.
func direct(ctx context.Context, f *core.Function, question *core.Question, params core.Params, budget int, logger *slog.Logger) ([]byte, error) {
	start := time.Now()
	body, report, err := api.JSON(ctx, f, question, params, budget)
	logger.InfoContext(ctx, "audit", "auth_method", "invoke", "account", report.Account, "customers", report.Count,
		"complete", report.Complete, "stopped", report.Stopped, "masked", question.Masked(), "code", core.CodeOf(err),
		"upstream_request_ids", report.RequestIDs, "duration_ms", time.Since(start).Milliseconds())
	return body, err
}

func scheduled(ctx context.Context, question *core.Question, job host.Job, logger *slog.Logger) ([]byte, error) {
	byStatus := make(map[string]int)
	report, err := question.Read(ctx, func(record core.Record) bool {
		byStatus[record.StatusText()]++
		return true
	})
	if err != nil {
		return nil, err
	}
	logger.InfoContext(ctx, "read",
		"trigger", job.Trigger, "name", job.Name, "id", job.ID, "account", report.Account,
		"complete", report.Complete, "stopped", report.Stopped, "customers", report.Count, "by_status", byStatus,
		"missing_ids", len(report.MissingIDs), "warnings", len(report.Warnings), "upstream_request_ids", report.RequestIDs)
	return core.AppendJSON(nil, report)
}
