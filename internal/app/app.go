// Package app is the composition root: it joins functions, accounts and hosts,
// and it is the only reader of the environment. The mains and the command line
// import it; nothing below does.
//
// A function is composed in a package of its own (app/credit, app/tags), so that an
// artefact links one cloud's partner API and not the other's.
package app

import (
	"os"
	"strings"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// Version is what the build stamps with -ldflags "-X partnerlens/internal/app.Version=…".
var Version = "dev"

// Composed is a function with the accounts that it is composed of.
type Composed struct {
	Function  *core.Function
	Accounts  *Accounts
	Evaluator *alert.Evaluator // of the function's records
}

// Environment looks settings up by name, as os.Getenv does: an empty value is
// an unset one.
type Environment func(name string) string

// orOwn is env, or the process's own for nil; without what the platform keeps
// for itself.
func (env Environment) orOwn() Environment {
	if env == nil {
		return os.Getenv
	}
	return env
}

// reservedBySCF begins the names that Tencent SCF keeps for its own: there they
// hold the role's keys, not the reseller's (Environment Variables, Serverless
// Cloud Function docs, read November 2026).
const reservedBySCF = "TENCENTCLOUD_"

// resellers looks up a setting that holds a reseller's key.
func (env Environment) resellers(name string) string {
	onSCF := env("_LAMBDA_SERVER_PORT") != ""
	if onSCF && strings.HasPrefix(name, reservedBySCF) {
		return ""
	}
	return env(name)
}
