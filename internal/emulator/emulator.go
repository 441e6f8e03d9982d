// Package emulator emulates the runtimes of AWS Lambda and Tencent SCF: it starts
// a built artefact as the platform does, passes it events one after the other, and
// returns its answers. The artefact is the deployed one, unchanged.
//
// The package emulates the protocol between platform and process, the limits of
// time and size, and how a platform treats a process that breaks them. It does not
// emulate the file system, the system image, permissions, or several processes at
// once.
//
// It runs any function. The command line, scripts and tests may import it. It
// imports no package of this module and neither platform's library, whose mistakes
// it would share.
package emulator

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options configure a run.
type Options struct {
	Binary      string        // the artefact
	Env         []string      // K=V, beside the platform's own variables; this process's are not inherited
	Invocations []Invocation  // in this order, one after the other
	Timeout     time.Duration // of each invocation; 0: DefaultTimeout
	Name        string        // of the function; "": "function"
	Stderr      io.Writer     // receives the process's output as it is written; may be nil
}

// Invocation is one event.
type Invocation struct {
	Event []byte            // as the trigger sends it
	Env   map[string]string // SCF only: set before this invocation. Lambda cannot
}

// DefaultTimeout is the time limit of an invocation that has no other.
const DefaultTimeout = 30 * time.Second

// startLimit is Lambda's limit on the Init phase.
const startLimit = 10 * time.Second

// Result is the outcome of a run.
type Result struct {
	Answers []Answer      // of the invocations that started, in order
	Start   time.Duration // from starting the process until it was ready
	Exit    string        // how the process exited, as "exit status 1", or Ended
	Output  []byte        // the end of the process's stdout and stderr
}

// Ended is the Exit of a process that ran until the emulator stopped it.
const Ended = "stopped by the emulator"

// Answer is the outcome of one invocation: a payload or a failure.
type Answer struct {
	RequestID string
	Payload   []byte
	Failure   *Failure // nil: the invocation succeeded
}

// Failure is why an invocation failed, as the platform shows it to the caller.
type Failure struct {
	Type    string // errorType
	Message string // errorMessage
}

func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// The types of the platform's own failures, as Lambda names them.
const (
	FailureTimeout  = "Sandbox.Timedout"
	FailureExit     = "Runtime.ExitError"
	FailureTooLarge = "Function.ResponseSizeTooLarge"
)

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	o.Name = cmp.Or(o.Name, "function")
	return o
}

// run starts a process with the platform's variables, invokes it once ready
// returns, and stops it. An invocation is fatal if the process cannot serve another.
func run(ctx context.Context, o Options, platform []string, ready func(context.Context) error,
	invoke func(context.Context, *process, Invocation) (answer Answer, fatal bool)) (result Result, err error) {
	if len(o.Invocations) == 0 {
		return result, errors.New("emulator: there are no invocations")
	}
	startTime := time.Now()
	p, err := start(ctx, o, platform)
	if err != nil {
		return result, err
	}
	defer func() { result.Exit, result.Output = p.end() }()

	starting, cancel := context.WithTimeout(p.alive, startLimit)
	err = ready(starting)
	cancel()
	result.Start = time.Since(startTime)
	var failure *Failure
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return result, context.Cause(ctx)
	case errors.As(err, &failure):
		return result, fmt.Errorf("emulator: the process could not start: %w", failure)
	case p.alive.Err() != nil:
		return result, fmt.Errorf("emulator: the process exited before it was ready: %s", p.how())
	default:
		return result, fmt.Errorf("emulator: the process was not ready after %v: %w", result.Start.Round(time.Millisecond), err)
	}
	for i, invocation := range o.Invocations {
		answer, fatal := invoke(p.alive, p, invocation)
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		result.Answers = append(result.Answers, answer)
		if fatal && i < len(o.Invocations)-1 {
			return result, fmt.Errorf("emulator: the process exited at invocation %d of %d", i+1, len(o.Invocations))
		}
	}
	return result, nil
}

// timedOut returns the failure of an invocation beyond its time limit.
func timedOut(limit time.Duration) *Failure {
	return &Failure{FailureTimeout, fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())}
}

// newRequestID returns a random UUID, the form of both platforms' ids.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
