package app

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/host"
	"partnerlens/internal/metrics"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// meter counts events into a Set. A nil Set counts nothing.
type meter struct {
	set       *metrics.Set
	log       *slog.Logger
	functions map[string]string // by the schema of their records
	started   sync.Once
}

func newMeter(set *metrics.Set, log *slog.Logger) *meter {
	m := &meter{set: set, log: log, functions: make(map[string]string)}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	for _, name := range FunctionNames() {
		m.functions[core.Schema(name)] = name
	}
	return m
}

// start counts the first request or job as a cold start.
func (m *meter) start() {
	m.started.Do(func() { m.set.Add(metrics.ColdStarts, metrics.Labels{}, 1) })
}

func code(c core.Code) string { return cmp.Or(string(c), metrics.OK) }

// answering counts the reads of answers.
func (m *meter) answering() *core.Trace {
	return &core.Trace{Called: m.called, Ended: func(ctx context.Context, read core.ReadEnd) {
		m.read(ctx, read)
		cut := !read.Complete && read.Stopped != core.StoppedLimit && read.Stopped != core.StoppedSize
		m.set.Add(metrics.Incomplete, m.of(read.Schema, read.Account, read.Provider), one(cut && read.Code == ""))
	}}
}

// running counts the reads of runs. One that is resumed later is no incomplete answer.
func (m *meter) running() *core.Trace { return &core.Trace{Called: m.called, Ended: m.read} }

func (m *meter) of(schema, account, provider string) metrics.Labels {
	return metrics.Labels{Function: m.functions[schema], Account: account, Provider: provider}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (m *meter) called(ctx context.Context, call core.Call) {
	labels := m.of(call.Schema, call.Account, call.Provider)
	m.set.Observe(metrics.CallDuration, labels, call.Took)
	m.set.Add(metrics.Refusals, labels, one(call.Code == core.CodeThrottled))
	m.set.Add(metrics.LateRefusals, labels, one(call.Late))
	if call.Rate > 0 {
		m.set.Set(metrics.CallsPerSecond, labels, float64(call.Rate))
	}
	m.set.Add(metrics.Retries, labels, one(call.Attempt > 1))
	if m.log.Enabled(ctx, slog.LevelDebug) {
		m.log.LogAttrs(ctx, slog.LevelDebug, "call", slog.String("function_name", labels.Function), slog.String("account", call.Account),
			slog.String("provider", call.Provider), slog.Int("try", call.Attempt), slog.String("code", code(call.Code)), slog.Int64("duration_ms", call.Took.Milliseconds()))
	}
	labels.Code = code(call.Code)
	m.set.Add(metrics.Calls, labels, 1)
}

func (m *meter) read(_ context.Context, read core.ReadEnd) {
	labels := m.of(read.Schema, read.Account, read.Provider)
	m.set.Add(metrics.Pages, labels, read.Pages)
	if labels.Function != "" { // else the records are of the partner, not customers
		m.set.Add(metrics.Customers, labels, read.Customers)
	}
}

// request counts a request to the HTTP API.
func (m *meter) request(r *http.Request) func(api.Outcome) {
	m.start()
	m.set.Add(metrics.InFlight, metrics.Labels{}, 1)
	return func(o api.Outcome) {
		m.set.Add(metrics.InFlight, metrics.Labels{}, -1)
		m.set.Add(metrics.WrongKeys, metrics.Labels{}, one(o.WrongKey))
		m.answered(o.Function, host.OriginOf(r.Context()).Trigger, o.Code, o.Took)
	}
}

// job counts a job. Its end is called by a defer, since a panic continues to the host.
func (m *meter) job(function, trigger string) (end func(error)) {
	m.start()
	start := time.Now()
	return func(err error) { m.answered(function, trigger, core.CodeOf(err), time.Since(start)) }
}

func (m *meter) answered(function, trigger string, why core.Code, took time.Duration) {
	labels := metrics.Labels{Function: function, Trigger: trigger}
	m.set.Observe(metrics.Duration, labels, took)
	labels.Code = code(why)
	m.set.Add(metrics.Invocations, labels, 1)
}

// run counts an attempt at an account's run, and sets the age of the newest complete run,
// which started at newest; zero: not known.
func (m *meter) run(function string, done WatchedRun, newest, now time.Time) {
	labels := metrics.Labels{Function: function, Account: done.Account}
	m.set.Add(metrics.CompleteRuns, labels, one(done.State == watch.Done))
	m.set.Add(metrics.IncompleteRuns, labels, one(done.State == watch.Incomplete || done.State == watch.Unproven))
	m.set.Add(metrics.FailedRuns, labels, one(done.err != nil))
	m.set.Add(metrics.HeldRuns, labels, one(done.State == watch.Held))
	if done.attempted() {
		m.set.Set(metrics.Undelivered, labels, float64(len(done.Undelivered)))
	}
	m.age(labels, newest, now)
}

func (m *meter) age(labels metrics.Labels, asOf, now time.Time) {
	if !asOf.IsZero() {
		m.set.Set(metrics.DataAge, labels, now.Sub(asOf).Seconds())
	}
}

func (m *meter) delivered(function, account, channel string, ok bool) {
	labels := metrics.Labels{Function: function, Account: account, Channel: channel}
	m.set.Add(metrics.AlertsSent, labels, one(ok))
	m.set.Add(metrics.AlertsFailed, labels, one(!ok))
}

// flush writes what an invocation added: on Lambda as a line for CloudWatch to out,
// elsewhere as a line of the log; nothing if nothing was added.
func (m *meter) flush(ctx context.Context, env Environment, out io.Writer, function, requestID string) {
	m.start()
	added := m.set.Snapshot()
	if len(added.Whole) == 0 {
		return
	}
	if env("AWS_LAMBDA_FUNCTION_NAME") != "" {
		trace, _ := transport.SpanOf(ctx)
		_, _ = out.Write(added.AppendEMF(nil, function, time.Now(), metrics.Member{Name: "request_id", Value: requestID}, metrics.Member{Name: "trace_id", Value: trace.TraceID}))
		return
	}
	attrs := append([]slog.Attr{slog.String("request_id", requestID)}, valueAttrs(added.Whole)...)
	var accounts []any
	for _, name := range slices.Sorted(maps.Keys(added.Accounts)) {
		accounts = append(accounts, slog.Attr{Key: name, Value: slog.GroupValue(valueAttrs(added.Accounts[name])...)})
	}
	if accounts != nil {
		attrs = append(attrs, slog.Group("accounts", accounts...))
	}
	m.log.LogAttrs(ctx, slog.LevelInfo, "metrics", attrs...)
}

func valueAttrs(values []metrics.Value) (attrs []slog.Attr) {
	for _, v := range values {
		if v.IsHistogram() {
			attrs = append(attrs, slog.Group(v.Name, slog.Uint64("count", v.Count), slog.Float64("sum", v.Number), slog.Float64("max", v.Max())))
		} else {
			attrs = append(attrs, slog.Float64(v.Name, v.Number))
		}
	}
	return attrs
}
