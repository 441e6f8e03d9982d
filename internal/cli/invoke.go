package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"partnerlens/internal/emulator"
	"partnerlens/pkg/core"
)

type invokeCmd struct {
	Platform string        `enum:"lambda,scf" required:"" help:"lambda or scf."`
	Binary   string        `type:"existingfile" required:"" help:"The artefact, as dist/lambda/credit/bootstrap."`
	Event    string        `required:"" help:"A file with the event; - is stdin."`
	Env      []string      `sep:"none" placeholder:"K=V" help:"An environment variable for the function; may be given several times. It gets no other but the platform's."`
	Timeout  time.Duration `default:"30s" help:"The platform's time limit."`
	Quiet    bool          `short:"q" help:"Do not show the function's log on stderr."`
}

// Run invokes once and prints the answer.
func (c *invokeCmd) Run(ctx context.Context, std streams) error {
	event, err := c.event(std.in)
	if err != nil {
		return err
	}
	for _, setting := range c.Env {
		if name, _, ok := strings.Cut(setting, "="); !ok || name == "" {
			return core.Invalid("--env", "write it as NAME=value")
		}
	}
	opts := emulator.Options{
		Binary: c.Binary, Timeout: c.Timeout, Env: c.Env,
		Invocations: []emulator.Invocation{{Event: event}},
	}
	if !c.Quiet {
		opts.Stderr = std.err
	}
	runtime := emulator.Lambda
	if c.Platform == "scf" {
		// SCF hands the environment over with each invocation.
		runtime, opts.Env = emulator.SCF, nil
		opts.Invocations[0].Env = make(map[string]string)
		for _, setting := range c.Env {
			name, value, _ := strings.Cut(setting, "=")
			opts.Invocations[0].Env[name] = value
		}
	}
	result, err := runtime(ctx, opts)
	if ctx.Err() != nil {
		return core.AsError(ctx.Err())
	}
	if err != nil {
		return &core.Error{Code: core.CodeInvalid, Param: "--binary", Detail: fmt.Sprintf("it does not run as a function on %s: %v", c.Platform, err)}
	}
	answer := result.Answers[0]
	if answer.Failure != nil {
		text := answer.Failure.Message
		if !strings.HasPrefix(text, answer.Failure.Type+":") { // ours begin with their type
			text = answer.Failure.Error()
		}
		fmt.Fprintln(std.err, text)
		return told(core.Code(answer.Failure.Type)) // a code of ours, else internal
	}
	_, err = fmt.Fprintf(std.out, "%s\n", strings.TrimSuffix(string(answer.Payload), "\n"))
	return err
}

func (c *invokeCmd) event(stdin io.Reader) ([]byte, error) {
	if c.Event == "-" {
		return io.ReadAll(stdin)
	}
	event, err := os.ReadFile(c.Event)
	if err != nil {
		return nil, core.Invalid("--event", "cannot be read: %s", err)
	}
	return event, nil
}
