package cli

import (
	"cmp"
	"slices"
	"strings"

	"partnerlens/internal/app"
	"partnerlens/internal/configfile"
)

// config is the config file of a command.
type config struct {
	file *configfile.File // nil: there is none
	err  error            // of a file that cannot be used at all, or the mistakes in it
}

// withoutSettings are the commands that read no settings: a file with a mistake must not keep
// a container's health check or version from being answered.
var withoutSettings = []string{"complete-words", "completion", "demo", "health", "invoke", "key", "simulate", "version"}

// readConfig reads the config file of a command: that of the flag, or else that of
// app.ConfigSetting. env returns the settings of both places.
func readConfig(flag, command string, own app.Environment) (c config, env app.Environment) {
	path := cmp.Or(flag, own(app.ConfigSetting))
	command, _, _ = strings.Cut(command, " ")
	if path == "" || slices.Contains(withoutSettings, command) {
		return config{}, own
	}
	if c.file, c.err = configfile.Read(path, own); c.err != nil {
		return c, own
	}
	c.err = c.file.Err()
	return c, c.file.Getenv
}
