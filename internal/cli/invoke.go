package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/emulator"
	"partnerlens/internal/secrets"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

type invokeCmd struct {
	Platform string        `enum:"lambda,scf" required:"" help:"lambda or scf."`
	Binary   string        `type:"existingfile" required:"" help:"The artefact, such as dist/lambda/credit/bootstrap."`
	Event    string        `required:"" help:"A file with the event; - is stdin."`
	Env      []string      `sep:"none" placeholder:"NAME[=VALUE]" help:"An environment variable for the function; may be given several times. NAME alone passes on the value that it has here, which keeps a key out of the list of processes. The function gets these variables and the platform's, and no others."`
	Timeout  time.Duration `default:"30s" help:"The platform's time limit."`
	Quiet    bool          `short:"q" help:"Do not show the function's log on stderr."`
}

// Run invokes the function once and prints its answer.
func (c *invokeCmd) Run(ctx context.Context, std streams) error {
	event, err := c.event(std.in)
	if err != nil {
		return err
	}
	env, err := c.environment(std.err)
	if err != nil {
		return err
	}
	opts := emulator.Options{
		Binary: c.Binary, Timeout: c.Timeout, Env: env,
		Invocations: []emulator.Invocation{{Event: event}},
	}
	if !c.Quiet {
		opts.Stderr = std.err
	}
	runtime := emulator.Lambda
	if c.Platform == "scf" {
		// SCF passes the environment with each invocation.
		runtime, opts.Env = emulator.SCF, nil
		opts.Invocations[0].Env = make(map[string]string)
		for _, setting := range env {
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
		if !strings.HasPrefix(text, answer.Failure.Type+":") { // our messages begin with their type
			text = answer.Failure.Error()
		}
		_, _ = fmt.Fprintln(visibleOn(std.err, false), text)
		return exitWith(core.Code(answer.Failure.Type)) // a core.Code, or else internal
	}
	_, err = fmt.Fprintf(visibleOn(std.out, true), "%s\n", strings.TrimSuffix(string(answer.Payload), "\n"))
	return err
}

// environment returns the variables of the function as NAME=value.
func (c *invokeCmd) environment(stderr io.Writer) (env []string, err error) {
	for _, setting := range c.Env {
		name, value, given := strings.Cut(setting, "=")
		_, isReference, _ := secrets.Parse(value)
		switch {
		case name == "":
			return nil, core.Invalid("--env", "write it as NAME=value, or as NAME")
		case !given:
			if value, given = os.LookupEnv(name); !given {
				return nil, core.Invalid("--env", "write it as NAME=value, or set %s here first", name)
			}
			setting = name + "=" + value
		case holdsKey(name) && value != "" && !isReference && value != simulator.KeySecret:
			_, _ = fmt.Fprintf(stderr, "every user of this machine can read the value of %s in the list of processes; set it in your environment and pass --env %[1]s\n", name)
		}
		env = append(env, setting)
	}
	return env, nil
}

// holdsKey reports whether a variable holds a credential.
func holdsKey(name string) bool {
	return name == app.AccountsSetting || slices.ContainsFunc([]string{"SECRET_KEY", "SECRETKEY", "ACCESS_KEY", "_SK", "TOKEN"}, func(end string) bool { return strings.HasSuffix(name, end) })
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
