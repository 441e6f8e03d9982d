package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"partnerlens/internal/app"
	"partnerlens/internal/app/credit"
	"partnerlens/internal/app/tags"
	"partnerlens/pkg/core"
)

type doctorCmd struct {
	Account string `help:"Only this account; every configured one unless given."`
	Output  string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// practice is one cloud's accounts and how to examine one.
type practice struct {
	accounts *app.Accounts
	probe    func(app.Settings) (app.Probe, error)
}

// diagnosis is what doctor found.
type diagnosis struct {
	OK       bool          `json:"ok"`
	Accounts []app.Checkup `json:"accounts"`
	Door     app.Check     `json:"door"`
}

// Run examines every account with one call each.
func (c *doctorCmd) Run(ctx context.Context, std streams) error {
	found, err := c.examine(ctx, nil)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		body, err := core.AppendJSON(nil, found)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s\n", body)
	} else {
		found.print(std.out)
	}
	if found.OK {
		return nil
	}
	for _, account := range found.Accounts {
		if !account.OK {
			return told(account.Code)
		}
	}
	return told(core.CodeMisconfigured)
}

func (c *doctorCmd) examine(ctx context.Context, env app.Environment) (diagnosis, error) {
	all := []practice{{credit.Accounts(env), credit.Probe}, {tags.Accounts(env), tags.Probe}}
	var used []practice
	for _, p := range all {
		if configured, err := p.accounts.Any(ctx); configured || err != nil {
			used = append(used, p)
		}
	}
	if used == nil { // nothing is: say of both what is missing
		used = all
	}
	var examine []func() app.Checkup
	var configured []string
	for _, p := range used {
		names, err := p.accounts.Names(ctx)
		if err != nil {
			examine = append(examine, func() app.Checkup { return p.accounts.Unreadable(err) })
			continue
		}
		for _, name := range names {
			configured = append(configured, name)
			if c.Account == "" || c.Account == name || c.Account == core.AllAccounts {
				examine = append(examine, func() app.Checkup { return p.accounts.Checkup(ctx, name, p.probe) })
			}
		}
	}
	found := diagnosis{Accounts: make([]app.Checkup, len(examine))}
	var under sync.WaitGroup
	for i := range examine {
		under.Go(func() { found.Accounts[i] = examine[i]() })
	}
	under.Wait()
	if len(found.Accounts) == 0 {
		return found, core.Invalid("--account", "no such account is configured")
	}
	found.Door = app.CheckDoor(ctx, env, configured)
	found.OK = found.Door.State != app.CheckFailed
	for _, account := range found.Accounts {
		found.OK = found.OK && account.OK
	}
	return found, nil
}

var marks = map[app.CheckState]string{
	app.CheckOK: "ok", app.CheckLook: "LOOK", app.CheckFailed: "FAILED", app.CheckNotReached: "-",
}

func (d diagnosis) print(w io.Writer) {
	line := func(check app.Check) {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-7s %-11s %s", marks[check.State], check.Name, harmless(check.Says)), " "))
	}
	for _, account := range d.Accounts {
		fmt.Fprintf(w, "%s (%s)\n", account.Account, account.Vendor)
		for _, check := range account.Checks {
			line(check)
		}
	}
	fmt.Fprintln(w, "callers")
	line(d.Door)
}
