// Package app is the composition root: it joins functions, accounts and hosts,
// and it is the only reader of the environment. The mains and the command line
// import it; nothing below does.
//
// A function is composed in a package of its own (app/credit, app/tags), so that an
// artefact links one cloud's SDK and not the other's.
package app

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// Version is what the build stamps with -ldflags "-X partnerlens/internal/app.Version=…".
var Version = "dev"

// Environment looks settings up by name, as os.Getenv does: an empty value is
// an unset one.
type Environment func(name string) string

// Settings are the values of the names that something is built from, read at
// one moment. They hold keys: never print them.
type Settings map[string]string

// reservedBySCF begins the names that Tencent SCF keeps for its own: there they
// hold the role's keys, not the reseller's (Environment Variables, Serverless
// Cloud Function docs, read November 2026).
const reservedBySCF = "TENCENTCLOUD_"

// onSCF says whether the process runs as an event function on Tencent SCF.
func onSCF(env Environment) bool { return env("_LAMBDA_SERVER_PORT") != "" }

// WhileSame keeps what build makes while the settings it was built from stay
// the same, and builds anew when one changed: on SCF the environment is set
// anew at every invocation, and keys are rotated elsewhere too. A failure is
// not kept. Safe for concurrent use.
func WhileSame[R any](env Environment, names []string, build func(Settings) (R, error)) func() (R, error) {
	if env == nil {
		env = os.Getenv
	}
	var (
		mu    sync.Mutex
		from  Settings
		built R
	)
	return func() (R, error) {
		now := make(Settings, len(names))
		for _, name := range names {
			if strings.HasPrefix(name, reservedBySCF) && onSCF(env) {
				continue
			}
			now[name] = env(name)
		}
		mu.Lock()
		defer mu.Unlock()
		if from != nil && maps.Equal(from, now) {
			return built, nil
		}
		fresh, err := build(now)
		if err != nil {
			var none R
			return none, err
		}
		from, built = now, fresh
		return built, nil
	}
}

// Pace gives the Pacer of one account and API: at most so many calls a second as
// the setting says, with preset where it is empty; 0 is for a limit that is not
// known. It outlives what is built anew when keys change.
func Pace(env Environment, setting string, preset int) func() (*core.Pacer, error) {
	return WhileSame(env, []string{setting}, func(s Settings) (*core.Pacer, error) {
		if s[setting] == "" {
			return core.NewPacer(preset), nil
		}
		rate, err := strconv.Atoi(s[setting])
		if err != nil || rate < 0 || rate > maxRate {
			return nil, &core.Error{
				Code: core.CodeMisconfigured, Param: setting,
				Detail: fmt.Sprintf("not a number of calls a second, from 1 to %d; 0 is for a limit that is not known", maxRate),
			}
		}
		return core.NewPacer(rate), nil
	})
}

const maxRate = 1000

// ShareForSetting names the setting of how long a complete answer is given again.
const ShareForSetting = "PARTNERLENS_SHARE_FOR"

const defaultShareFor = 5 * time.Second

// ShareFor reads ShareForSetting.
func (s Settings) ShareFor() (time.Duration, error) {
	text := s[ShareForSetting]
	if text == "" {
		return defaultShareFor, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > time.Hour {
		return 0, &core.Error{
			Code: core.CodeMisconfigured, Param: ShareForSetting,
			Detail: "not a time from 0s to 1h; write it as 5s, or 0s for a read at every question",
		}
	}
	return d, nil
}

// Missing is the error for settings that are not there: each by name, and
// where to get it.
func Missing(where string, names ...string) error {
	return &core.Error{
		Code:   core.CodeMisconfigured,
		Param:  strings.Join(names, ", "),
		Detail: "not set; " + where,
	}
}

// OnlyDefault refuses every account but the one that the environment configures.
func OnlyDefault(account string) error {
	if account == core.DefaultAccount {
		return nil
	}
	return core.Invalid("account", "unknown; configured: %s", core.DefaultAccount)
}
