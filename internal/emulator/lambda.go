package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// maxPayload is Lambda's bound on a synchronous request and on its answer, by its
// own message (anomalyco/console#63, 2026-01-02).
const maxPayload = 6291556

// Lambda runs an artefact for an OS-only runtime (provided.al2023) under the Lambda
// Runtime API ("Using the Lambda runtime API for custom runtimes", version
// 2018-06-01). The error is about the emulation; the function's own failures are in
// the Result.
func Lambda(ctx context.Context, opts Options) (Result, error) {
	o := opts.withDefaults()
	for _, invocation := range o.Invocations {
		switch {
		case len(invocation.Env) > 0:
			return Result{}, errors.New("emulator: on Lambda the environment cannot change between invocations; use Options.Env")
		case len(invocation.Event) > maxPayload:
			return Result{}, fmt.Errorf("emulator: an event of %d bytes; the limit of Lambda is %d", len(invocation.Event), maxPayload)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Result{}, fmt.Errorf("emulator: %w", err)
	}
	api := &runtimeAPI{
		name:    o.Name,
		polled:  make(chan struct{}),
		pending: make(chan lambdaInvocation),
		answers: make(chan Answer),
		failed:  make(chan *Failure, 1),
	}
	server := &http.Server{Handler: api.routes()}
	go func() { _ = server.Serve(ln) }() // ends with Close
	defer func() { _ = server.Close() }()
	return run(ctx, o, lambdaVariables(o, ln.Addr().String()), api.ready, func(ctx context.Context, p *process, i Invocation) (Answer, bool) {
		return api.invoke(ctx, p, i, o.Timeout)
	})
}

// lambdaVariables returns the variables of a process on Lambda but for its keys
// ("Working with Lambda environment variables", Defined runtime environment
// variables).
func lambdaVariables(o Options, api string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + o.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=emulated",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"LAMBDA_TASK_ROOT=/var/task",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
	}
}

// runtimeAPI serves invocations to a function's process.
type runtimeAPI struct {
	name    string
	polled  chan struct{} // one for each request for an invocation
	pending chan lambdaInvocation
	answers chan Answer
	failed  chan *Failure // during start
}

type lambdaInvocation struct {
	id       string
	event    []byte
	deadline time.Time
}

func (a *runtimeAPI) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", a.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", a.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.initError)
	return mux
}

// ready waits until the process requests its first invocation.
func (a *runtimeAPI) ready(ctx context.Context) error {
	select {
	case <-a.polled:
		return nil
	case failure := <-a.failed:
		return failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *runtimeAPI) invoke(ctx context.Context, p *process, i Invocation, limit time.Duration) (Answer, bool) {
	id := newRequestID()
	inTime, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	deadline, _ := inTime.Deadline()
	next := lambdaInvocation{id, i.Event, deadline}
	lost := func() (Answer, bool) {
		if ctx.Err() == nil {
			return Answer{RequestID: id, Failure: timedOut(limit)}, true
		}
		return Answer{RequestID: id, Failure: p.exited(id)}, true
	}
	select {
	case a.pending <- next:
	case <-inTime.Done():
		return lost()
	}
	for {
		select {
		case answer := <-a.answers:
			if answer.RequestID != id {
				continue
			}
			// An invocation ends when the process requests the next one.
			select {
			case <-a.polled:
				return answer, false
			case <-inTime.Done():
				return answer, true
			}
		case <-inTime.Done():
			return lost()
		}
	}
}

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case a.polled <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case i := <-a.pending:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:"+a.name)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+i.id[:8]+"-"+i.id[24:36]+i.id[9:13]+i.id[14:18]+i.id[19:23]+";Parent=0000000000000000;Sampled=0")
		_, _ = w.Write(i.event)
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	payload, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestBody", "the body cannot be read")
		return
	}
	if len(payload) > maxPayload {
		a.answer(r, Answer{RequestID: id, Failure: &Failure{
			FailureTooLarge, fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload),
		}})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxPayload))
		return
	}
	a.answer(r, Answer{RequestID: id, Payload: payload})
	accept(w)
}

func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	a.answer(r, Answer{RequestID: r.PathValue("id"), Failure: readFailure(r)})
	accept(w)
}

func (a *runtimeAPI) initError(w http.ResponseWriter, r *http.Request) {
	select {
	case a.failed <- readFailure(r):
	default: // the first error counts
	}
	accept(w)
}

func (a *runtimeAPI) answer(r *http.Request, answer Answer) {
	select {
	case a.answers <- answer:
	case <-r.Context().Done():
	}
}

func readFailure(r *http.Request) *Failure {
	var failure struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	if err := json.Unmarshal(body, &failure); err != nil {
		return &Failure{"Runtime.UnknownReason", "the error is not JSON"}
	}
	return &Failure{failure.ErrorType, failure.ErrorMessage}
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errorMessage":%q,"errorType":%q}`, message, kind)
}
