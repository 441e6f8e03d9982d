// Package app is the composition root: it joins functions, accounts and hosts,
// and it is the only reader of the environment. Only the mains and the command line import
// it.
package app

import (
	"os"
	"strings"
)

// Version is set by the build with -ldflags "-X partnerlens/internal/app.Version=…", and so
// is Commit.
var Version, Commit = "dev", ""

// Environment looks settings up by name, as os.Getenv does: an empty value is
// an unset one.
type Environment func(name string) string

// orOwn is env, or the process's own for nil.
func (env Environment) orOwn() Environment {
	if env == nil {
		return os.Getenv
	}
	return env
}

// reservedBySCF begins the names that Tencent SCF reserves: they hold the keys of the role,
// not of the reseller (Environment Variables, Serverless
// Cloud Function docs, read November 2026).
const reservedBySCF = "TENCENTCLOUD_"

// resellers looks up a variable that may hold a reseller's key.
func (env Environment) resellers(name string) string {
	onSCF := env("_LAMBDA_SERVER_PORT") != ""
	if onSCF && strings.HasPrefix(name, reservedBySCF) {
		return ""
	}
	return env(name)
}
