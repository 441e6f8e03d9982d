package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Invoke answers one event as a platform sends it. The runtimes call it, and tests do.
// ctx must end when the platform ends the invocation. A failed API request is an
// answer; an error is an *core.Error and means that the invocation failed.
func Invoke(ctx context.Context, opts Options, requestID string, event []byte) ([]byte, error) {
	opts = opts.withDefaults()
	if requestID == "" {
		requestID = rand.Text()
	}
	ctx, cancel := withReserve(ctx)
	defer cancel()
	v := &invocation{
		opts:      opts,
		requestID: requestID,
		trigger:   "unknown",
		log:       opts.Logger.With("request_id", requestID),
		started:   time.Now(),
	}
	// The span is below the one that a request's headers name, else below Lambda's, else new.
	var ok bool
	if v.span, ok = transport.SpanOf(ctx); !ok {
		v.span = transport.NewSpan()
	}
	var answer []byte
	err := guard(v.log, func() (err error) {
		answer, err = v.run(ctx, event)
		return err
	})
	ctx = transport.WithSpan(ctx, v.span)
	v.logLine(ctx, err)
	if opts.Finished != nil {
		_ = guard(v.log, func() error { opts.Finished(ctx, requestID); return nil })
	}
	if err != nil {
		return nil, core.AsError(err)
	}
	return answer, nil
}

type invocation struct {
	opts      Options
	requestID string
	trigger   string
	status    int // of an HTTP answer
	failed    int // messages of a batch
	span      transport.Span
	started   time.Time
	log       *slog.Logger
}

func (v *invocation) run(ctx context.Context, event []byte) ([]byte, error) {
	d, err := decode(event)
	v.trigger = cmp.Or(d.trigger, v.trigger)
	if d.api != nil {
		if span, ok := transport.SpanFrom(d.api.header); ok {
			v.span = span
		}
	}
	ctx = transport.WithSpan(ctx, v.span)
	switch {
	case err != nil:
		return nil, err
	case d.api != nil:
		return v.serve(ctx, d.api), nil
	case d.trigger == TriggerWarmUp:
		return []byte(warmUpAnswer), nil
	case d.trigger == TriggerSQS:
		return v.batch(ctx, d.jobs)
	}
	return v.job(ctx, d.jobs[0])
}

// logLine writes the log line of the invocation. It has no header, query or body.
func (v *invocation) logLine(ctx context.Context, err error) {
	args := []any{"trigger", v.trigger, "duration_ms", time.Since(v.started).Milliseconds()}
	if id, ok := ctx.Value(xrayKey{}).(string); ok {
		args = append(args, "xray_trace_id", id)
	}
	level := slog.LevelInfo
	if v.status != 0 {
		args = append(args, "status", v.status)
		if v.status >= 500 {
			level = slog.LevelError
		}
	}
	if v.failed > 0 {
		args = append(args, "failed_messages", v.failed)
		level = slog.LevelError
	}
	if err != nil {
		args = append(args, "code", core.CodeOf(err), "error", err.Error())
		level = slog.LevelError
	}
	v.log.Log(ctx, level, "invocation", args...)
}

// serve calls the handler and returns its answer in the trigger's envelope.
func (v *invocation) serve(ctx context.Context, r *apiRequest) []byte {
	if r.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, v.started.Add(r.within))
		defer cancel()
	}
	w := newResponse(r.envelope, r.method)
	err := guard(v.log, func() error {
		req, err := r.http(ctx, v.requestID)
		if err == nil {
			v.opts.HTTP.ServeHTTP(w, req)
		}
		return err
	})
	if err == nil {
		if answer, ok := w.finish(); ok {
			v.status = w.status
			return answer
		}
		err = tooLarge()
	}
	w = newResponse(r.envelope, r.method)
	writeProblem(w, core.AsError(err), v.requestID)
	answer, _ := w.finish()
	v.status = w.status
	return answer
}

// job runs one job.
func (v *invocation) job(ctx context.Context, job Job) ([]byte, error) {
	if job.ID == "" {
		job.ID = v.requestID
	}
	job.Budget = maxAnswer
	answer, err := v.opts.Job(ctx, job)
	switch {
	case err != nil:
		return nil, err
	case len(answer) > maxAnswer:
		return nil, tooLarge()
	case answer == nil:
		answer = []byte("null") // the platforms accept JSON only
	}
	return answer, nil
}

// batch runs a job for every message and lists the messages that failed. A message that
// can never succeed is among them: after as many deliveries as the queue allows it
// reaches the dead-letter queue. In a FIFO queue every message after a failed one fails
// too, as in AWS's SqsFifoPartialProcessor (aws-powertools, read November 2026).
func (v *invocation) batch(ctx context.Context, jobs []Job) ([]byte, error) {
	answer := sqsAnswer{BatchItemFailures: []sqsFailure{}}
	for _, job := range jobs {
		err := ctx.Err()
		if err == nil && (v.failed == 0 || !isFIFO(job)) {
			err = guard(v.log, func() error { return v.message(ctx, job) })
		} else if err == nil {
			err = &core.Error{Code: core.CodeUnavailable, Detail: "a message before it failed"}
		}
		if err == nil {
			continue
		}
		v.failed++
		failure := core.AsError(err)
		v.log.ErrorContext(ctx, "message failed", "message_id", job.ID, "code", failure.Code, "error", failure.Error())
		answer.BatchItemFailures = append(answer.BatchItemFailures, sqsFailure{job.ID})
	}
	return core.AppendJSON(nil, answer)
}

func (v *invocation) message(ctx context.Context, job Job) (err error) {
	if job.Payload, err = messageQuery(job.Payload); err != nil {
		return err
	}
	_, err = v.job(ctx, job) // a queue takes no answer
	return err
}

// withReserve returns a context that ends before ctx does, so that time is left to
// write the answer: a twentieth of the time, at least a second, at most ten seconds, and
// never more than half of it.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(deadline)
	reserve := min(max(left/20, time.Second), 10*time.Second, left/2)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// xrayKey is the context key of X-Ray's id of the trace, which Lambda gives each
// invocation. The log has it, since X-Ray's console finds a trace by no other id.
type xrayKey struct{}
