package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

type watchCmd struct {
	Function string        `enum:"all,${functions}" default:"all" help:"${functions}, or all that have an account."`
	Account  string        `help:"Only this account; by default every configured account."`
	RunID    string        `name:"run" placeholder:"DAY" help:"Run to finish, such as 2026-11-22 or 2026-11-22T06; by default the current one."`
	Output   string        `short:"o" enum:"text,json" default:"text" help:"text or json."`
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
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	env, err := storeEnvironment(c.Store, std.env)
	if err != nil {
		return err
	}
	mode := map[bool]app.WatchMode{c.Accept: app.WatchAccept, c.Force: app.WatchForce, c.Redeliver: app.WatchRedeliver}[true]
	watcher := &app.Watcher{Env: env, Logger: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	var failed error
	var all []app.Watched
	for _, f := range app.ComposeAll(env, nil) {
		if c.Function != "all" && c.Function != f.Function.Name {
			continue
		}
		configured, err := f.Accounts.Any(ctx)
		if err == nil && !configured && c.Function == "all" {
			continue
		}
		if c.Account != "" && c.Account != core.AllAccounts && c.Function == "all" {
			if names, err := f.Accounts.Names(ctx); err == nil && !slices.Contains(names, c.Account) {
				continue
			}
		}
		watched, err := watcher.Watch(ctx, f, app.WatchRequest{Account: c.Account, Run: c.RunID, Mode: mode})
		switch lacking := watched.Undelivered(); {
		case err != nil: // of one function; the others' runs are unaffected
			failed = err
		case failed != nil:
		case !watched.Complete:
			failed = exitWith(core.CodeIncomplete)
		case lacking != "":
			failed = exitWith(lacking)
		}
		all = append(all, watched)
	}
	if all == nil && c.Account != "" {
		return core.Invalid("--account", "no such account is configured")
	}
	if all == nil {
		return &core.Error{Code: core.CodeMisconfigured, Detail: "no account is configured; see partnerlens doctor"}
	}
	if c.Output == "json" {
		for _, watched := range all {
			if err := printJSON(std.out, watched); err != nil {
				return err
			}
		}
	} else {
		for _, watched := range all {
			printWatched(std.out, env(app.StoreSetting), watched)
		}
	}
	return failed
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

func printWatched(w io.Writer, where string, watched app.Watched) {
	where, _, _ = strings.Cut(where, "?")
	for _, a := range watched.Accounts {
		_, _ = fmt.Fprintln(w, watchedLine(watched, a))
		if a.Manifest != "" && len(a.Details.Objects) > 0 {
			_, _ = fmt.Fprintf(w, "  %s/%s\n", strings.TrimSuffix(where, "/"), strings.TrimSuffix(a.Manifest, "manifest.json"))
		}
		if a.State != watch.Incomplete { // its line has the reason
			for _, warning := range a.Warnings {
				_, _ = fmt.Fprintf(w, "  warning: %s: %s\n", warning.Code, warningText(warning))
			}
		}
		for _, d := range a.Undelivered {
			_, _ = fmt.Fprintf(w, "  NOT DELIVERED: %s\n", escape(undeliveredLine(d)))
		}
	}
}

// watchedLine describes the run of an account.
func watchedLine(watched app.Watched, a app.WatchedRun) string {
	m := a.Details
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s%s: ", watched.Function, a.Account, strings.TrimSuffix(" "+watched.Run, " "))
	switch a.State {
	case watch.GoingOn:
		fmt.Fprintf(&b, "NOT FINISHED: time ran out after %d customers; the next call resumes", a.Count)
		return b.String()
	case watch.Incomplete:
		b.WriteString("NOT COMPLETE")
		for _, warning := range m.Warnings {
			b.WriteString(": " + escape(warning.Message))
		}
		return b.String()
	case watch.Held:
		fmt.Fprintf(&b, "HELD, %d customers: %d of %d known customers are missing; nothing was compared or reported. If the list is right: partnerlens watch --accept --run %s", a.Count, m.Held.Missing, m.Held.Known, watched.Run)
		return b.String()
	case watch.Redelivered:
		fmt.Fprintf(&b, "redelivered, %d deliveries are lacking", len(a.Undelivered))
		return b.String()
	case watch.Unproven:
		fmt.Fprintf(&b, "%d customers, NOT PROVEN COMPLETE", a.Count)
		if m.Total != nil {
			fmt.Fprintf(&b, " (the vendor counts %d)", *m.Total)
		}
	case watch.Done, watch.Already:
		if a.State == watch.Already {
			b.WriteString("done before, ")
		}
		fmt.Fprintf(&b, "%d customers, complete", a.Count)
	default:
		if a.Error == nil {
			return b.String() + string(a.State)
		}
		return b.String() + "FAILED: " + escape(a.Error.Message)
	}
	if m.ReadLate {
		fmt.Fprintf(&b, ", read late on %s", m.AsOf.Format(time.RFC3339))
	}
	switch {
	case m.Previous != nil:
		fmt.Fprintf(&b, "; since %s %d new, %d gone, %d changed", *m.Previous, m.Changes.New, m.Changes.Gone, m.Changes.Changed)
	case m.PreviousState == nil:
		b.WriteString("; the first run, so there is nothing to compare with")
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(m.Alerts)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", m.Alerts[kind], kind))
	}
	if kinds != nil {
		fmt.Fprintf(&b, "; alerts: %s", strings.Join(kinds, ", "))
	}
	return b.String()
}

// undeliveredLine describes a message that a channel did not accept, and what happens next.
func undeliveredLine(d alert.Delivery) string {
	if d.Channel == "" {
		return d.Detail + "; it is delivered once the setting is right"
	}
	what := "the next call tries again"
	if d.State == alert.Refused {
		what = "partnerlens watch --redeliver tries again"
	}
	return fmt.Sprintf("%s (%s): %s; %s", d.Name(), d.Type, d.Detail, what)
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
		digests = nil
		for _, f := range app.ComposeAll(demoEnv, func() time.Time { return at }) {
			watched, err := watcher.Watch(ctx, f, app.WatchRequest{})
			if err != nil {
				return err
			}
			printWatched(std.out, folder, watched)
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
