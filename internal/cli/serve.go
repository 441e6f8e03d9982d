package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
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
	env := std.env
	if c.Demo {
		_, demo, stop, err := startDemo(ctx, std.env, simulator.Options{})
		if err != nil {
			return err
		}
		defer stop()
		env = demo
	}
	if _, err := api.ParseBasePath(env(api.BasePathSetting)); err != nil {
		return err
	}
	ln, err := listen(c.Listen)
	if err != nil {
		return err
	}
	logger := app.NewLogger(std.err, env)
	slog.SetDefault(logger)
	opts := app.HandlerOptions{Logger: logger, Env: env, Simulated: c.Demo}
	_, _ = fmt.Fprintf(std.out, "listening on http://%s\n", ln.Addr())
	local, ok := ln.Addr().(*net.TCPAddr)
	switch {
	case env(api.KeysSetting) != "" || c.Demo:
	case ok && local.IP.IsLoopback():
		token, _ := api.NewKey()
		opts.Token = core.NewSecret(token)
		_, _ = fmt.Fprintf(std.out, "token %s\n", token)
		_, _ = fmt.Fprintf(std.err, "No key is configured. Programs on this machine get masked data, or unmasked data with the token as Authorization: Bearer TOKEN. The token expires when this server stops.\n")
	default: // a token would stay in a container's log
		logger.Warn(api.KeysSetting + " is not set: only programs on this machine get answers, with masked data; see partnerlens key new")
	}
	var functions []*core.Function
	for _, f := range app.ComposeAll(env, nil) {
		functions = append(functions, f.Function)
	}
	return host.Serve(ctx, ln, app.Handler(opts, functions...), &host.ServeOptions{Logger: logger, Getenv: env})
}

func listen(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, core.Invalid("--listen", "cannot listen there: %s", err)
	}
	return ln, nil
}
