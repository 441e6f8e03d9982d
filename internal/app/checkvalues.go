package app

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/secrets"
	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
	"partnerlens/pkg/transport"
)

// ValueCheck is a mistake in the value of a setting, or what makes the value doubtful.
type ValueCheck struct {
	Setting string
	Member  string // of a setting that is JSON; "": the whole
	State   CheckState
	Text    string
}

// String returns the text as errors have it.
func (c ValueCheck) String() string {
	if c.Member == "" {
		return c.Setting + ": " + c.Text
	}
	return c.Setting + ": " + c.Member + ": " + c.Text
}

// valueChecks examine settings that are plain texts and are not of an account. Those of the
// schedule and the store are examined by plan.
var valueChecks = map[string]func(text string) error{
	SecretsForSetting:                    check(parseSecretsFor),
	LogLevelSetting:                      checkLogLevel,
	PlatformAuthSetting:                  checkPlatformAuth,
	api.BasePathSetting:                  check(api.ParseBasePath),
	"PARTNERLENS_STORE_ACCESS_KEY":       checkPlain,
	"PARTNERLENS_STORE_SECRET_KEY":       checkPlain,
	"PARTNERLENS_STORE_TOKEN":            checkPlain,
	"PARTNERLENS_TENCENT_SSM_REGION":     checkRegion,
	"PARTNERLENS_TENCENT_SSM_ENDPOINT":   check(parseEndpoint),
	"PARTNERLENS_HUAWEI_CSMS_ENDPOINT":   check(parseEndpoint),
	"PARTNERLENS_HUAWEI_CSMS_PROJECT_ID": checkPlain,
}

// checkToken checks a key, a token or an id.
func checkToken(text string) error { return transport.Key("", core.NewSecret(text)) }

// checkPlain is checkToken of a setting that cannot be a reference.
func checkPlain(text string) error {
	if _, isReference, _ := secrets.Parse(text); isReference {
		return core.Invalid("", "a reference, which is not followed here; write the value itself")
	}
	return checkToken(text)
}

func checkRegion(text string) error {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return core.Invalid("", "not a region; write it as ap-singapore")
	}
	return nil
}

// CheckValues examines the value of every setting, without a call of a vendor: those too
// that no account uses, and every member of a setting that is JSON.
func CheckValues(ctx context.Context, env Environment) (all []ValueCheck) {
	env = env.orOwn()
	w := &Watcher{Env: env}
	w.prepare()
	add := func(setting string, err error) {
		failure := core.AsError(err)
		var problems settings.Problems
		if !errors.As(err, &problems) {
			problems = settings.Problems{{Text: failure.Detail}}
		}
		for _, problem := range problems {
			all = append(all, ValueCheck{setting, problem.Path, CheckFailed, problem.Text})
		}
	}
	doubt := func(setting, member, text string) {
		if text != "" {
			all = append(all, ValueCheck{setting, member, CheckLook, text})
		}
	}
	plan, mistakes := w.plan()
	for _, err := range mistakes {
		if setting := core.AsError(err).Param; env(setting) != "" {
			add(setting, err)
		}
	}
	doubt(WatchZoneSetting, "", zoneDoubt(env(WatchZoneSetting)))
	if plan.percent == 100 {
		doubt(HoldPercentSetting, "", "a list never lacks more than that, so no run is held")
	}
	for _, name := range slices.Sorted(maps.Keys(valueChecks)) {
		if text := env(name); text != "" {
			if err := valueChecks[name](text); err != nil {
				add(name, err)
			}
		}
	}
	if text := env("PARTNERLENS_STORE_ACCESS_KEY"); text != "" && !strings.HasPrefix(plan.where, "s3:") {
		doubt("PARTNERLENS_STORE_ACCESS_KEY", "", "not used: the store is not a bucket")
	}
	checkFields(w, add, doubt)
	checkJSON(ctx, w, add, doubt)
	slices.SortStableFunc(all, func(a, b ValueCheck) int { return cmp.Compare(a.Setting, b.Setting) })
	return slices.Compact(all)
}

// checkFields examines the variables of the default account of each vendor.
func checkFields(w *Watcher, add func(string, error), doubt func(setting, member, text string)) {
	for _, v := range vendors {
		own := (&Accounts{Resolver: w.resolver, Vendor: v}).fromEnvironment()
		isSet := slices.ContainsFunc(v.Fields, func(f Field) bool { return f.Key && !own.fields[f.Name].Empty() })
		for _, f := range v.Fields {
			text := w.Env(f.Env)
			if text == "" {
				continue
			}
			err, doubts := f.examine(text)
			if err != nil {
				add(f.Env, err)
			}
			doubt(f.Env, "", doubts)
			if !isSet && !f.All {
				doubt(f.Env, "", "not used, since "+v.Fields[0].Env+" is not set; an account of "+AccountsSetting+" has a "+f.Name+" of its own")
			}
		}
	}
}

// examine returns what is wrong with a value, and what is likely wrong with it.
func (f *Field) examine(text string) (wrong error, doubt string) {
	_, isReference, err := secrets.Parse(text)
	switch {
	case err != nil || isReference:
		return err, ""
	case f.Check != nil:
		wrong = f.Check(text)
	}
	if wrong == nil && f.Doubt != nil {
		doubt = f.Doubt(text)
	}
	return wrong, doubt
}

// checkJSON examines the settings that are JSON. If one cannot be fetched, other checks
// report it.
func checkJSON(ctx context.Context, w *Watcher, add func(string, error), doubt func(setting, member, text string)) {
	text := func(name string) string {
		text, _ := w.resolver.Setting(ctx, name)
		return text
	}
	accounts, err := parseAccounts(text(AccountsSetting))
	if err != nil {
		add(AccountsSetting, err)
	}
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		account := accounts[name]
		if account.err != nil {
			add(AccountsSetting, account.err)
		}
		for _, field := range slices.Sorted(maps.Keys(account.fields)) {
			_, doubts := account.vendor.field(field).examine(account.fields[field].Reveal())
			doubt(AccountsSetting, name+"."+field, doubts)
		}
	}
	if keys := text(api.KeysSetting); keys != "" {
		if _, err := api.ParseKeys([]byte(keys), FunctionNames()...); err != nil {
			add(api.KeysSetting, err)
		}
	}
	config, err := alert.ParseConfig([]byte(text(alert.Setting)))
	if err != nil {
		add(alert.Setting, err)
	}
	doubt(alert.Setting, "rules.partner_low", config.Rules.PartnerLow.Doubt())
	doubt(alert.Setting, "rules.reseller_low", config.Rules.ResellerLow.Doubt())
	for _, id := range slices.Sorted(maps.Keys(config.Rules.Overrides)) {
		doubt(alert.Setting, "rules.overrides."+id, config.Rules.Overrides[id].Doubt())
	}
}

// thresholdDoubt is core.Threshold's Doubt of a text.
func thresholdDoubt(text string) string {
	low, _ := core.ParseThreshold(text)
	return low.Doubt()
}

// shareForDoubt finds milliseconds where minutes were likely meant.
func shareForDoubt(text string) string {
	if d, _ := ParseShareFor(text); d > 0 && d < time.Second {
		return "less than a second; write 5s for seconds, 5m for minutes"
	}
	return ""
}

// mostOffset is that of Kiribati. No time zone is further from UTC.
const mostOffset = 14 * time.Hour

// zoneDoubt finds an offset that no place has, and names whose sign is the opposite of what
// it seems.
func zoneDoubt(text string) string {
	zone, err := ParseZone(text)
	if strings.HasPrefix(text, "Etc/GMT") && strings.ContainsAny(text, "+-") {
		return "a name in which + is west of Greenwich; write the offset, as +08:00"
	}
	if err != nil {
		return ""
	}
	_, seconds := time.Time{}.In(zone).Zone()
	if offset := time.Duration(seconds) * time.Second; offset.Abs() > mostOffset || offset%(15*time.Minute) != 0 {
		return "an offset that no time zone has; write eight hours as +08:00"
	}
	return ""
}
