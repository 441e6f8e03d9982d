package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

type doctorCmd struct {
	Account string `help:"Only this account; by default every configured account."`
	Output  string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// diagnosis is the result of doctor.
type diagnosis struct {
	OK       bool          `json:"ok"`
	Accounts []app.Checkup `json:"accounts"`
	Auth     app.Check     `json:"auth"`
	Watch    []app.Check   `json:"watch"`
	Settings []app.Check   `json:"settings"`
}

// Run checks every account with one call, and what the watch needs.
func (c *doctorCmd) Run(ctx context.Context, std streams, config config) error {
	names := config.file.Names()
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		names = append(names, name)
	}
	found, err := c.examine(ctx, std.env, names, config)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		if err := printJSON(std.out, found); err != nil {
			return err
		}
	} else {
		found.print(std.out)
	}
	if found.OK {
		return nil
	}
	for _, account := range found.Accounts {
		if !account.OK {
			return exitWith(account.Code)
		}
	}
	return exitWith(core.CodeMisconfigured)
}

// examine checks the settings of env; names are those of all variables that are set.
func (c *doctorCmd) examine(ctx context.Context, env app.Environment, names []string, config config) (diagnosis, error) {
	if config.err != nil && config.file == nil {
		return diagnosis{
			Accounts: []app.Checkup{}, Auth: app.Check{Name: "auth", State: app.CheckNotReached},
			Settings: []app.Check{{Name: "file", State: app.CheckFailed, Says: core.AsError(config.err).Public()}},
		}, nil
	}
	all := app.ComposeAll(env, nil)
	var used []app.Composed
	for _, p := range all {
		if configured, err := p.Accounts.Any(ctx); configured || err != nil {
			used = append(used, p)
		}
	}
	if used == nil { // none is configured: report what each lacks
		used = all
	}
	var examine []func() app.Checkup
	var configured []string
	for _, p := range used {
		names, err := p.Accounts.Names(ctx)
		if err != nil {
			examine = append(examine, func() app.Checkup { return p.Accounts.Unreadable(err) })
			continue
		}
		for _, name := range names {
			configured = append(configured, name)
			if c.Account == "" || c.Account == name || c.Account == core.AllAccounts {
				examine = append(examine, func() app.Checkup { return p.Checkup(ctx, name) })
			}
		}
	}
	found := diagnosis{Accounts: make([]app.Checkup, len(examine))}
	var running sync.WaitGroup
	for i := range examine {
		running.Go(func() { found.Accounts[i] = examine[i]() })
	}
	running.Wait()
	if len(found.Accounts) == 0 {
		return found, core.Invalid("--account", "no such account is configured")
	}
	found.Auth = app.CheckAuth(ctx, env, configured)
	found.Watch = app.CheckWatch(ctx, env, used)
	found.Settings = slices.Concat(config.file.Checks(), app.CheckNames(env, names))
	for _, value := range app.CheckValues(ctx, env) {
		if !slices.ContainsFunc(found.all(), func(check *app.Check) bool { return check.Says == value.Says }) {
			found.Settings = append(found.Settings, value)
		}
	}
	found.OK = true
	for _, check := range found.all() {
		found.OK = found.OK && check.State != app.CheckFailed
		check.Says = config.file.Place(check.Says)
	}
	return found, nil
}

// all returns every check.
func (d *diagnosis) all() (all []*app.Check) {
	all = append(all, &d.Auth)
	for i := range d.Accounts {
		for j := range d.Accounts[i].Checks {
			all = append(all, &d.Accounts[i].Checks[j])
		}
	}
	for _, checks := range [][]app.Check{d.Watch, d.Settings} {
		for i := range checks {
			all = append(all, &checks[i])
		}
	}
	return all
}

var marks = map[app.CheckState]string{
	app.CheckOK: "ok", app.CheckLook: "LOOK", app.CheckFailed: "FAILED", app.CheckNotReached: "-",
}

func (d diagnosis) print(w io.Writer) {
	section := func(title string, checks ...app.Check) {
		if len(checks) > 0 {
			_, _ = fmt.Fprintln(w, title)
		}
		for _, check := range checks {
			_, _ = fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-7s %-11s %s", marks[check.State], check.Name, escape(check.Says)), " "))
		}
	}
	for _, account := range d.Accounts {
		section(fmt.Sprintf("%s (%s)", account.Account, account.Vendor), account.Checks...)
	}
	section("callers", d.Auth)
	section("watch", d.Watch...)
	section("settings", d.Settings...)
}
