// Package cli is the command line: one file a verb. Data goes to stdout, talk
// to stderr, and the exit status says how it ended. cmd/partnerlens imports it,
// and tests.
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

	"github.com/alecthomas/kong"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// streams are the process around a verb.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// grammar is every verb.
type grammar struct {
	Demo     demoCmd     `cmd:"" help:"Show both queries against built-in simulators. Needs no credentials."`
	Doctor   doctorCmd   `cmd:"" help:"Check every account with one call each, and say what to do about what is wrong."`
	Serve    serveCmd    `cmd:"" help:"Serve the HTTP API of both functions."`
	Health   healthCmd   `cmd:"" help:"Ask a server whether it is well; for a container's health check."`
	Watch    watchCmd    `cmd:"" help:"Bring today's run to its end: the full list, what changed, and who is told."`
	Alert    alertCmd    `cmd:"" help:"Try the channels that are told."`
	Key      keyCmd      `cmd:"" help:"Make keys for the HTTP API."`
	Simulate simulateCmd `cmd:"" help:"Simulate both clouds' partner APIs on one port."`
	Invoke   invokeCmd   `cmd:"" help:"Run a built function under an emulated platform."`

	Version kong.VersionFlag `help:"Print the version."`
}

const description = `What a cloud reseller's customers' state is: credit on Tencent Cloud International, new-customer tags on Huawei Cloud.

Exit status: 0 done, 1 internal, 2 usage, 3 not found, 4 denied, 5 try again later, 6 upstream broken, 7 incomplete, 124 deadline, 130 interrupted.`

// Main runs one command line and gives its exit status.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, streams{os.Stdin, os.Stdout, os.Stderr})
}

// ended is how kong's own exits (help, version) come out of Parse.
type ended int

func run(ctx context.Context, args []string, std streams) (status int) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case ended:
			status = int(value)
		default:
			panic(value)
		}
	}()
	var verbs grammar
	options := []kong.Option{
		kong.Name("partnerlens"),
		kong.Description(description),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(ended(code)) }),
		kong.Vars{"version": app.Version, "functions": strings.Join(app.FunctionNames(), ",")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	}
	for _, f := range app.Functions {
		options = append(options, kong.DynamicCommand(f.Name, f.Help, "", newQueryCmd(f)))
	}
	parser, err := kong.New(&verbs, options...)
	if err != nil {
		return fail(std, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fail(std, core.Invalid("", "%s; see partnerlens %s--help", err, verbOf(err)))
	}
	if err := parsed.Run(); err != nil {
		return fail(std, err)
	}
	return 0
}

// verbOf gives the verb, with a space after it, that a command line was
// misspelt behind.
func verbOf(err error) string {
	var misspelt *kong.ParseError
	if !errors.As(err, &misspelt) || misspelt.Context.Selected() == nil {
		return ""
	}
	verb, _, _ := strings.Cut(misspelt.Context.Command(), " <") // without its arguments
	return verb + " "
}

// fail tells on stderr what went wrong and gives the exit status.
func fail(std streams, err error) int {
	failure := core.AsError(err)
	if !errors.Is(err, errTold) {
		text := failure.Public()
		if failure.Code == core.CodeCanceled { // at a terminal it was no caller who went away
			text = "interrupted"
		}
		stderr := visibleOn(std.err, false)
		fmt.Fprintf(stderr, "partnerlens: %s\n", text)
		if failure.Code == core.CodeInternal && failure.Err != nil {
			fmt.Fprintf(stderr, "partnerlens: %v\n", failure.Err)
		}
	}
	return failure.Code.ExitStatus()
}

// errTold marks an error whose story the user has read already.
var errTold = errors.New("told")

// told ends a verb with the exit status of code, saying nothing more.
func told(code core.Code) error { return &core.Error{Code: code, Err: errTold} }
