package host

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// Options are a function and its process. Name, HTTP and Job are required; the rest
// defaults to the process's own.
type Options struct {
	// Name is the function's name, for the log and for usage texts: "credit".
	Name string

	// HTTP answers API triggers. Each request has the header X-Request-Id: the platform's
	// id of the invocation, in place of the caller's; behind the plain server the caller's.
	// Its context ends early enough to write the answer.
	//
	// On a platform that limits the size of answers, the ResponseWriter has the methods
	//
	//	Budget() int       // bytes that the body may cost
	//	Cost(p []byte) int // bytes that p costs inside the answer
	//
	// A body over its budget becomes a problem with status 500.
	HTTP http.Handler

	// Job answers every other event with one JSON document, or with an error. The caller
	// gets the error's code and its Public text.
	Job func(ctx context.Context, job Job) ([]byte, error)

	// Prepare runs once, during the wait for the first invocation: for slow work that every
	// invocation needs and that does not depend on settings. May be nil.
	Prepare func()

	// Finished runs after each invocation of a platform's runtime, after its log line; not
	// after the plain server's requests. May be nil.
	Finished func(ctx context.Context, requestID string)

	Logger *slog.Logger             // nil: JSON lines on Stderr
	Args   []string                 // nil: the process's arguments, without its name
	Getenv func(name string) string // nil: os.Getenv
	Stdout io.Writer                // nil: os.Stdout
	Stderr io.Writer                // nil: os.Stderr
}

// Job is a query that did not arrive as an HTTP request.
type Job struct {
	Trigger   string    // one of the Trigger constants
	Name      string    // of the rule, trigger or queue; "" if the event does not have it
	ID        string    // of the event or message; else of the invocation
	Scheduled time.Time // the scheduled time, UTC; zero if the event does not have it
	Payload   []byte    // a JSON object, the query; nil: the trigger names none
	Budget    int       // bytes that the answer may have
}

// The triggers, as the log and Job.Trigger name them.
const (
	TriggerHTTP              = "http" // the plain server
	TriggerHTTPAPI           = "lambda-http-api"
	TriggerLambdaFunctionURL = "lambda-function-url"
	TriggerRESTAPI           = "lambda-rest-api"
	TriggerALB               = "lambda-alb"
	TriggerEventBridgeRule   = "lambda-eventbridge-rule"
	TriggerScheduler         = "lambda-eventbridge-scheduler" // without an Input; with one it is a direct payload
	TriggerSQS               = "lambda-sqs"
	TriggerSCFFunctionURL    = "scf-function-url"
	TriggerSCFAPIGateway     = "scf-api-gateway"
	TriggerSCFTimer          = "scf-timer"
	TriggerFunctionGraph     = "functiongraph-timer"
	TriggerDirect            = "direct"
	TriggerWarmUp            = "warm-up" // answered without a Job
)

// Run detects the platform, runs the function there until the platform or a signal ends
// it, and returns the process's exit status.
func Run(opts Options) int {
	opts = opts.withDefaults()
	p, err := detect(opts.Name, opts.Args, opts.Getenv)
	if err != nil {
		return exitStatus(opts, err)
	}
	if opts.Prepare != nil {
		go func() { _ = guard(opts.Logger, func() error { opts.Prepare(); return nil }) }()
	}
	switch p.kind {
	case onLambda:
		err = runLambda(opts)
	case onSCF:
		err = runSCF(opts)
	default:
		err = runHTTP(opts, p.listen)
	}
	if err != nil {
		return exitStatus(opts, err)
	}
	return 0
}

func (opts Options) withDefaults() Options {
	if opts.Args == nil {
		opts.Args = os.Args[1:]
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	if opts.Stdout == nil {
		opts.Stdout = os.Stdout
	}
	if opts.Stderr == nil {
		opts.Stderr = os.Stderr
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewJSONHandler(opts.Stderr, nil)).With("function", opts.Name)
	}
	return opts
}
