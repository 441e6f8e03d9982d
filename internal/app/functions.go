package app

import (
	"context"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// Functions is the table of functions. The HTTP API, the command line, the watch,
// doctor, the metrics and the tests range over it; a query that is not in it does not
// exist.
var Functions = []*Function{&Credit, &Tags}

// A Function is one entry of the table: a query of a vendor, and what is peculiar to it.
type Function struct {
	Name     string           // in paths, keys and on the command line
	Vendor   *Vendor          // whose accounts it reads
	Title    string           // above its table in the demo
	Urgent   []string         // its statuses, the most urgent first
	Least    string           // the column whose least number is the most urgent among equal statuses
	Help     string           // of its command
	Examples string           // of its command
	Alerts   *alert.Evaluator // of its records
	Flags    []Flag           // its own parameters as flags of its command, beside the ids
	Table    core.Params      // of a query whose answer is shown as a table, unless it is by id or sets them itself

	// Open returns the function over Readers of the accounts. A nil now is time.Now.
	Open func(accounts *Accounts, now func() time.Time) *core.Function
	// Partner returns what reads the state of the partner itself; nil: the vendor has no such API.
	Partner func(accounts *Accounts, now func() time.Time) *siblings
	// Probe returns the one call with which doctor examines an account.
	Probe func(Settings) (Probe, error)
}

// A Flag is a parameter of a function on the command line.
type Flag struct {
	Param, Help string
}

// FunctionNames returns the names of all functions, in the order of the table.
func FunctionNames() []string {
	names := make([]string, len(Functions))
	for i, f := range Functions {
		names[i] = f.Name
	}
	return names
}

// Composed is a function with the accounts that it reads.
type Composed struct {
	Entry    *Function
	Function *core.Function
	Accounts *Accounts
	siblings *siblings // nil: the vendor has none
}

// Compose joins the function with the accounts that env configures. A nil env is the
// process's own, a nil now is time.Now.
func (f *Function) Compose(env Environment, now func() time.Time) Composed {
	return f.compose(env, now, ownersOf(env, now))
}

// ownersOf returns the table of owners for answers.
func ownersOf(env Environment, now func() time.Time) *ownersTable {
	w := &Watcher{Env: env, Now: now}
	w.prepare()
	return w.owners
}

// compose is Compose with the table of owners, which several functions share. Its stage is
// the last, since an owner in it goes before the vendor's account manager.
func (f *Function) compose(env Environment, now func() time.Time, owners *ownersTable) Composed {
	accounts := &Accounts{Resolver: NewResolver(env, nil), Vendor: f.Vendor}
	c := Composed{Entry: f, Function: f.Open(accounts, now), Accounts: accounts}
	if f.Partner != nil {
		c.siblings = f.Partner(accounts, now)
		c.Function = c.Function.WithStage(c.siblings.stage)
	}
	c.Function = c.Function.WithStage(owners.stage)
	return c
}

// ComposeAll composes every function of the table.
func ComposeAll(env Environment, now func() time.Time) []Composed {
	all := make([]Composed, len(Functions))
	owners := ownersOf(env, now)
	for i, f := range Functions {
		all[i] = f.compose(env, now, owners)
	}
	return all
}

// Checkup examines one account with one call, and where that succeeds with one call of
// each API that says something of the partner itself.
func (c Composed) Checkup(ctx context.Context, account string) Checkup {
	checkup := c.Accounts.Checkup(ctx, account, c.Entry.Probe)
	if checkup.OK && c.siblings != nil {
		checkup.Checks = append(checkup.Checks, c.siblings.check(ctx, account))
	}
	return checkup
}
