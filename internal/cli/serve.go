package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/internal/app/credit"
	"partnerlens/internal/app/tags"
	"partnerlens/internal/host"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

type serveCmd struct {
	Listen string `default:"127.0.0.1:8080" help:"Address to listen on."`
	Demo   bool   `help:"Answer from built-in simulators. Needs no credentials."`
}

// Run serves until it is interrupted.
func (c *serveCmd) Run(ctx context.Context, std streams) error {
	env := app.Environment(os.Getenv)
	if c.Demo {
		_, demo, stop, err := startDemo(ctx, simulator.Options{})
		if err != nil {
			return err
		}
		defer stop()
		env = demo
	}
	ln, err := listen(c.Listen)
	if err != nil {
		return err
	}
	logger := app.NewLogger(std.err, env)
	slog.SetDefault(logger)
	handler := app.Handler(app.HandlerOptions{Logger: logger, Env: env}, credit.Function(env, nil), tags.Function(env, nil))
	fmt.Fprintf(std.out, "listening on http://%s\n", ln.Addr())
	if local, ok := ln.Addr().(*net.TCPAddr); env(api.KeysSetting) == "" && ok && !local.IP.IsLoopback() {
		logger.Warn(api.KeysSetting + " is not set: only programs on this machine may ask; see partnerlens key new")
	}
	return host.Serve(ctx, ln, handler, &host.ServeOptions{Logger: logger, Getenv: env})
}

func listen(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, core.Invalid("--listen", "cannot listen there: %s", err)
	}
	return ln, nil
}
