package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

type watchCmd struct {
	Function string        `enum:"all,${functions}" default:"all" help:"${functions}, or all that have an account."`
	Account  string        `help:"Only this account; by default every configured account."`
	RunID    string        `name:"run" placeholder:"DAY" help:"Run to finish, such as 2026-11-22 or 2026-11-22T06; by default the current one."`
	Output   string        `short:"o" enum:"text,json" default:"text" help:"text or json."`
	Quiet    bool          `short:"q" help:"Show no progress."`
	Log      string        `enum:",text,json" default:"" placeholder:"FORMAT" help:"Write the log to stderr, as text or json."`
	Timeout  time.Duration `help:"Stop after this time, such as 15m; the next call resumes."`

	Accept    bool `xor:"mode" help:"Accept the run's list however far it shrank: a held run is compared and reported."`
	Force     bool `xor:"mode" help:"Repeat a finished run; its alerts are delivered again."`
	Redeliver bool `xor:"mode" help:"Make no run; deliver the pending and the refused messages of all runs, or of --run."`

	storeFlags

	Demo bool `help:"Show two days of simulated clouds: two runs, the changes between them, and the digest."`
}

// Run finishes the runs.
func (c *watchCmd) Run(ctx context.Context, std streams) error {
	if c.Demo {
		return c.demo(ctx, std)
	}
	ctx, cancel, err := withTimeout(ctx, c.Timeout)
	if err != nil {
		return err
	}
	defer cancel()
	env, err := storeEnvironment(c.Store, std.env)
	if err != nil {
		return err
	}
	show := &watchProgress{progress: newProgress(std, c.Quiet), stderr: visibleOn(std.err, false)}
	watcher := &app.Watcher{Env: env, Logger: c.logger(show, env), Progress: show.update}
	all, failed := c.watchAll(ctx, watcher)
	show.clear()
	switch {
	case all != nil || failed != nil:
	case c.Account != "":
		return core.Invalid("--account", "no such account is configured")
	default:
		return &core.Error{Code: core.CodeMisconfigured, Detail: "no account is configured; see partnerlens doctor"}
	}
	if errors.Is(failed, errReported) && !isTerminal(std.out) { // what reads stderr alone must see it, too
		_, _ = fmt.Fprintln(std.err, "partnerlens: not every run is complete and delivered; stdout has the reasons")
	}
	for _, watched := range all {
		if c.Output == "text" {
			runSummary{out: visibleOn(std.out, false), store: env(app.StoreSetting), interrupted: isInterrupted(ctx), force: c.Force}.watched(watched)
		} else if watched.Schema != "" { // it was begun
			if err := printJSON(std.out, watched); err != nil {
				return err
			}
		}
	}
	return failed
}

// watchAll makes the runs of the functions, one after the other. The error is of the first
// function that is not as it should be: one function's does not affect the runs of the others.
func (c *watchCmd) watchAll(ctx context.Context, watcher *app.Watcher) (all []app.Watched, failed error) {
	request := app.WatchRequest{Account: c.Account, Run: c.RunID}
	request.Mode = map[bool]app.WatchMode{c.Accept: app.WatchAccept, c.Force: app.WatchForce, c.Redeliver: app.WatchRedeliver}[true]
	for _, f := range app.ComposeAll(watcher.Env, nil) {
		switch {
		case !c.wants(ctx, f):
			continue
		case isInterrupted(ctx):
			all, failed = append(all, app.Watched{Function: f.Function.Name}), cmp.Or(failed, exitWith(core.CodeCanceled))
			continue
		}
		watched, err := watcher.Watch(ctx, f, request)
		if status := c.status(ctx, watched, err); err != nil || failed == nil {
			failed = status
		}
		all = append(all, watched)
	}
	return all, failed
}

// wants reports whether the command is about a function. A function is left out if none of
// its accounts is configured, or not the one that the command names.
func (c *watchCmd) wants(ctx context.Context, f app.Composed) bool {
	if c.Function != "all" {
		return c.Function == f.Function.Name
	}
	if configured, err := f.Accounts.Any(ctx); err == nil && !configured {
		return false
	}
	if c.Account == "" || c.Account == core.AllAccounts {
		return true
	}
	names, err := f.Accounts.Names(ctx)
	return err != nil || slices.Contains(names, c.Account)
}

// status is the error that stands for the result of a function.
func (c *watchCmd) status(ctx context.Context, watched app.Watched, err error) error {
	lacking := watched.Undelivered()
	switch {
	case err != nil && len(watched.Accounts) > 0 && c.Output == "text": // the summary has it
		return exitWith(core.CodeOf(err))
	case err != nil:
		return err
	case !watched.Complete && isInterrupted(ctx):
		return exitWith(core.CodeCanceled)
	case !watched.Complete:
		return exitWith(core.CodeIncomplete)
	case lacking != "":
		return exitWith(lacking)
	}
	return nil
}

// isInterrupted reports whether a signal has ended the command.
func isInterrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), core.ErrInterrupted)
}

// logger returns the logger of the command: that of --log, or one for what the summary does
// not have.
func (c *watchCmd) logger(w io.Writer, env app.Environment) *slog.Logger {
	switch c.Log {
	case "json":
		return app.NewLogger(w, env)
	case "text":
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(besideSummary{slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn})})
}

// besideSummary drops the records whose content the summary has.
type besideSummary struct{ *slog.TextHandler }

// Handle implements slog.Handler.
func (h besideSummary) Handle(ctx context.Context, r slog.Record) error {
	if slices.Contains([]string{"watched", "run warned", "delivery failed"}, r.Message) {
		return nil
	}
	return h.TextHandler.Handle(ctx, r)
}

// fileURL is the URL of a folder.
func fileURL(folder string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}).String()
}

// storeEnvironment is an environment with a store: where, or else the one that is set, or
// a folder, so that a laptop needs no set-up.
func storeEnvironment(where string, getenv func(string) string) (app.Environment, error) {
	if where == "" {
		where = getenv(app.StoreSetting)
	}
	if where == "" {
		here, err := filepath.Abs("partnerlens-runs")
		if err != nil {
			return nil, &core.Error{Code: core.CodeInternal, Err: err}
		}
		where = fileURL(here)
	}
	return func(name string) string {
		if name == app.StoreSetting {
			return where
		}
		return getenv(name)
	}, nil
}

// demo makes the runs of two simulated days.
func (c *watchCmd) demo(ctx context.Context, std streams) error {
	sim, env, stop, err := startDemo(ctx, std.env, simulator.Options{Customers: 200})
	if err != nil {
		return err
	}
	defer stop()
	folder := c.Store
	if folder == "" {
		made, err := os.MkdirTemp("", "partnerlens-demo-")
		if err != nil {
			return &core.Error{Code: core.CodeInternal, Err: err}
		}
		folder = fileURL(made)
	}
	now := time.Now()
	var digests []*alert.Digest
	demoEnv := func(name string) string {
		switch name {
		case app.StoreSetting:
			return folder
		case alert.Setting: // the demo sends nothing
			return ""
		}
		return env(name)
	}
	for day := range 2 {
		sim.SetDay(day)
		at := now.AddDate(0, 0, day-1)
		watcher := &app.Watcher{Env: demoEnv, Now: func() time.Time { return at }, Digest: func(d *alert.Digest) { digests = append(digests, d) }}
		_, _ = fmt.Fprintf(std.out, "%s\n\n", []string{"YESTERDAY: the first run, with which later runs are compared", "TODAY: the second run, and what changed"}[day])
		for _, f := range app.ComposeAll(demoEnv, func() time.Time { return at }) {
			watched, err := watcher.Watch(ctx, f, app.WatchRequest{})
			if err != nil {
				return err
			}
			runSummary{out: visibleOn(std.out, false), store: folder}.watched(watched)
		}
		_, _ = fmt.Fprintln(std.out)
	}
	_, _ = fmt.Fprint(std.out, "THE DIGESTS, as a channel receives them:\n\n")
	for _, digest := range digests {
		_, _ = fmt.Fprintf(std.out, "%s\n\n", digest.Text(alert.English, 12))
	}
	if len(digests) > 0 {
		_, _ = fmt.Fprintf(std.out, "THE FIRST OF THEM, as a channel with \"language\": \"zh\" receives it:\n\n%s\n\n", digests[0].Text(alert.Chinese, 12))
	}
	_, _ = fmt.Fprintf(std.out, `The files are in %[2]s. Where to look next:

  customers.xlsx opens in Excel; docs/runs.md shows DuckDB and Athena
  partnerlens alerts --store %[1]s
                             who is in trouble now, from these runs
  partnerlens watch          the same for your own accounts
  partnerlens alert test     sends a sample to the channels of PARTNERLENS_ALERTS
`, folder, strings.TrimPrefix(folder, "file://"))
	return nil
}

type alertCmd struct {
	Test alertTestCmd `cmd:"" help:"Send a sample to every channel of PARTNERLENS_ALERTS."`
}

type alertTestCmd struct{}

// Run sends a sample.
func (alertTestCmd) Run(ctx context.Context, std streams) error {
	deliveries, err := (&app.Watcher{Env: std.env}).SendSample(ctx)
	if err != nil {
		return err
	}
	failed := core.Code("")
	for _, d := range deliveries {
		_, _ = fmt.Fprintf(std.out, "%s (%s): %s", escape(d.Name()), d.Type, d.State)
		if d.State != alert.Delivered {
			_, _ = fmt.Fprintf(std.out, " after %d attempts: %s", d.Tries, d.Detail)
			failed = d.Code
		}
		_, _ = fmt.Fprintln(std.out)
	}
	if failed != "" {
		return exitWith(failed)
	}
	return nil
}
