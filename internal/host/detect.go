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

// platform is the environment that the process runs in.
type platform struct {
	kind   kind
	listen string // of the HTTP server
}

const defaultListen = "127.0.0.1:8080"

// detect finds the platform by the variables that it sets. On both serverless platforms
// an operator may set PORT as well, so that their own variables come first. An empty
// _LAMBDA_SERVER_PORT counts as unset: SCF's library would listen on a random port.
func detect(name string, args []string, getenv func(string) string) (platform, error) {
	switch {
	case getenv("AWS_LAMBDA_RUNTIME_API") != "":
		return platform{kind: onLambda}, nil
	case getenv("_LAMBDA_SERVER_PORT") != "":
		return platform{kind: onSCF}, nil
	case len(args) == 0 && getenv("PORT") == "":
		return platform{}, usage(name, "neither an argument nor the environment names the platform")
	}
	listen := defaultListen
	if port := getenv("PORT"); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return platform{}, core.Invalid("PORT", "not a port number from 0 to 65535")
		}
		// Platforms that set PORT (Cloud Run, Heroku) send requests from outside the container.
		listen = net.JoinHostPort("0.0.0.0", port)
	}
	if len(args) == 0 {
		return platform{listen: listen}, nil
	}
	if args[0] != "serve" {
		return platform{}, usage(name, "unknown argument")
	}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&listen, "listen", listen, "")
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return platform{}, usage(name, "unknown arguments after serve")
	}
	return platform{listen: listen}, nil
}

func usage(name, why string) error {
	return core.Invalid("", `%s.

usage: %s serve [--listen ADDR]    the HTTP API, by default on %s
       PORT=N %[2]s                  the HTTP API on every address, port N

On a serverless platform it runs without arguments: this artefact has the runtime of
%s, which it detects by %s.`, why, name, defaultListen, runtimeName, runtimeVariable)
}

// exitStatus prints the error that ends the process and returns the exit status.
func exitStatus(opts Options, err error) int {
	failure := core.AsError(err)
	_, _ = fmt.Fprintf(opts.Stderr, "%s: %s\n", opts.Name, failure.Public())
	if cause := errors.Unwrap(failure); cause != nil {
		opts.Logger.Error("cannot run", "error", cause.Error())
	}
	return failure.Code.ExitStatus()
}
