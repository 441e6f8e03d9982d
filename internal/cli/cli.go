// Package cli is the command line, one file a command. Data goes to stdout, progress and
// diagnostics to stderr, and the exit status is that of the contract.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// streams are the standard streams and the settings of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
	env      app.Environment
}

// grammar is every command but those of the queries, which come from app.Functions.
type grammar struct {
	Demo     demoCmd     `cmd:"" help:"Show both queries against built-in simulators. Needs no credentials."`
	Doctor   doctorCmd   `cmd:"" help:"Check settings, credentials and permissions with one call per account, and say what to fix."`
	Serve    serveCmd    `cmd:"" help:"Serve the HTTP API of both functions."`
	Health   healthCmd   `cmd:"" help:"Check that a server answers; for a container's health check."`
	Watch    watchCmd    `cmd:"" help:"Finish today's run: the full list, the changes, and the alerts to channels."`
	Runs     runsCmd     `cmd:"" help:"List the stored runs, show one, and compare two."`
	Alerts   alertsCmd   `cmd:"" help:"List the customers that are in trouble now, the worst first, from the newest runs."`
	Alert    alertCmd    `cmd:"" help:"Try the alert channels."`
	Partner  partnerCmd  `cmd:"" help:"Show what the partner itself has left to allocate, and its resellers."`
	Key      keyCmd      `cmd:"" help:"Create keys for the HTTP API."`
	Simulate simulateCmd `cmd:"" help:"Simulate both clouds' partner APIs on one port."`
	Invoke   invokeCmd   `cmd:"" help:"Run a built function under an emulated platform."`
	Version  versionCmd  `cmd:"" help:"Print the version, the commit and the version of Go."`

	Completion    completionCmd    `cmd:"" help:"Print the script that completes commands in bash, zsh or fish."`
	CompleteWords completeWordsCmd `cmd:"" hidden:"" passthrough:""`

	VersionFlag kong.VersionFlag `name:"version" help:"Print the version."`
	Config      string           `placeholder:"FILE" help:"Read settings from a TOML file; by default that of PARTNERLENS_CONFIG, if set."`
}

const description = `Show the state of a cloud reseller's customers: credit on Tencent Cloud International, new-customer tags on Huawei Cloud.

Exit status: 0 done, 1 internal, 2 usage, 3 not found, 4 denied, 5 try again later, 6 upstream broken, 7 incomplete, 124 deadline, 130 interrupted.`

// Main runs one command line and returns its exit status. The first signal ends it with
// what it has; another one, a second later, ends it at once.
func Main(args []string) int {
	ctx, interrupt := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // of a terminal that is closed, unless nohup keeps it from the command
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		interrupt(core.ErrInterrupted)
		time.Sleep(time.Second) // timeout(1), for one, signals twice
		signal.Stop(signals)
	}()
	return run(ctx, args, streams{os.Stdin, os.Stdout, os.Stderr, os.Getenv})
}

// exit is the panic with which kong's own exits (help, version) leave Parse.
type exit int

func run(ctx context.Context, args []string, std streams) (status int) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case exit:
			status = int(value)
		default:
			panic(value)
		}
	}()
	var commands grammar
	options := []kong.Option{
		kong.Name("partnerlens"),
		kong.Description(description),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Vars{"version": versionOf(app.Version, buildInfo()), "functions": strings.Join(app.FunctionNames(), ",")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	}
	for _, f := range app.Functions {
		options = append(options, kong.DynamicCommand(f.Name, f.Help, "", newQueryCmd(f)))
	}
	parser, err := kong.New(&commands, options...)
	if err != nil {
		return fail(std, err)
	}
	addExamples(parser.Model)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fail(std, core.Invalid("", "%s; see partnerlens %s--help", err, commandOf(err)))
	}
	config, env := readConfig(commands.Config, parsed.Command(), std.env)
	std.env = env
	if err = config.err; err == nil || parsed.Command() == "doctor" { // doctor reports it
		err = parsed.Run(std, config)
	}
	if err != nil {
		if code := core.CodeOf(err); code == core.CodeDeadline && errors.Is(context.Cause(ctx), core.ErrInterrupted) {
			err = &core.Error{Code: core.CodeCanceled, Err: err}
		}
		return fail(std, err)
	}
	return 0
}

// printJSON writes a value as one line of JSON.
func printJSON(w io.Writer, v any) error {
	body, err := core.AppendJSON(nil, v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", body)
	return err
}

// commandOf returns the command that a parse error is about, with a space after it; "" if
// there is none.
func commandOf(err error) string {
	var failure *kong.ParseError
	if !errors.As(err, &failure) || failure.Context.Selected() == nil {
		return ""
	}
	command, _, _ := strings.Cut(failure.Context.Command(), " <") // without its arguments
	return command + " "
}

// fail reports an error on stderr and returns the exit status.
func fail(std streams, err error) int {
	failure := core.AsError(err)
	if !errors.Is(err, errReported) {
		text := failure.Public()
		if failure.Code == core.CodeCanceled { // the user interrupted it
			text = "interrupted"
		}
		stderr := visibleOn(std.err, false)
		_, _ = fmt.Fprintf(stderr, "partnerlens: %s\n", text)
		if failure.Code == core.CodeInternal && failure.Err != nil {
			_, _ = fmt.Fprintf(stderr, "partnerlens: %v\n", failure.Err)
		}
	}
	return failure.Code.ExitStatus()
}

// errReported marks an error that the user has read already.
var errReported = errors.New("reported")

// exitWith ends a command with the exit status of code and without a further message.
func exitWith(code core.Code) error { return &core.Error{Code: code, Err: errReported} }
