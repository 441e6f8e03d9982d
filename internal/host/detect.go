package host

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"

	"partnerlens/pkg/core"
)

type kind int

const (
	onHTTP kind = iota
	onLambda
	onSCF
)

// place is where the process runs.
type place struct {
	kind   kind
	listen string // of the HTTP server
}

const defaultListen = "127.0.0.1:8080"

// detect tells the place by the variables that the platforms set. Both
// platforms' custom runtimes may carry a PORT of somebody's making, so the
// platforms' own come first. An empty _LAMBDA_SERVER_PORT is none: SCF's
// library would listen on a random port for ever.
func detect(name string, args []string, getenv func(string) string) (place, error) {
	switch {
	case getenv("AWS_LAMBDA_RUNTIME_API") != "":
		return place{kind: onLambda}, nil
	case getenv("_LAMBDA_SERVER_PORT") != "":
		return place{kind: onSCF}, nil
	case len(args) == 0 && getenv("PORT") == "":
		return place{}, usage(name, "nothing says where to run")
	}
	listen := defaultListen
	if port := getenv("PORT"); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return place{}, core.Invalid("PORT", "not a port number from 0 to 65535")
		}
		// A platform that says PORT (Cloud Run, Heroku and their like) sends
		// requests from outside the container.
		listen = net.JoinHostPort("0.0.0.0", port)
	}
	if len(args) == 0 {
		return place{listen: listen}, nil
	}
	if args[0] != "serve" {
		return place{}, usage(name, "the argument is not known")
	}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&listen, "listen", listen, "")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return place{}, usage(name, "the arguments after serve are not known")
	}
	return place{listen: listen}, nil
}

func usage(name, why string) error {
	return core.Invalid("", `%s.

usage: %s serve [--listen ADDR]    the HTTP API, on %s unless told otherwise
       PORT=N %[2]s                  the HTTP API on every address, port N

On a serverless platform it runs without arguments: this artefact has %s's
runtime, and knows the platform by %s.`, why, name, defaultListen, runtimeName, runtimeVariable)
}

// refuse says on stderr why the process ends, and gives its exit status.
func refuse(opts Options, err error) int {
	failure := core.AsError(err)
	fmt.Fprintf(opts.Stderr, "%s: %s\n", opts.Name, failure.Public())
	if cause := errors.Unwrap(failure); cause != nil {
		opts.Logger.Error("cannot run", "error", cause.Error())
	}
	return failure.Code.ExitStatus()
}
