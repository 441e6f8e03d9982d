package app

import (
	"context"
	"maps"
	"slices"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/secrets"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// checkValue is the check of a value by itself.
const checkValue = "value"

// plainChecks examine settings that no account has and that are not references.
var plainChecks = map[string]func(text string) error{
	"PARTNERLENS_STORE_ACCESS_KEY":       checkToken,
	"PARTNERLENS_STORE_SECRET_KEY":       checkToken,
	"PARTNERLENS_STORE_TOKEN":            checkToken,
	"PARTNERLENS_TENCENT_SSM_REGION":     checkToken,
	"PARTNERLENS_TENCENT_SSM_ENDPOINT":   check(parseEndpoint),
	"PARTNERLENS_HUAWEI_CSMS_ENDPOINT":   check(parseEndpoint),
	"PARTNERLENS_HUAWEI_CSMS_PROJECT_ID": checkToken,
}

// checkToken checks a key, a token or an id.
func checkToken(text string) error { return transport.Key("", core.NewSecret(text)) }

// CheckValues examines values that no call of a vendor and no run shows to be wrong: those
// that no account uses, and those that can be used and are likely slips of the unit.
func CheckValues(ctx context.Context, env Environment) (checks []Check) {
	env = env.orOwn()
	add := func(name string, err error, doubt string) {
		c := Check{checkValue, CheckLook, name + ": " + doubt}
		if err != nil {
			c.State, c.Says = CheckFailed, name+": "+core.AsError(err).Detail
		}
		if (err != nil || doubt != "") && !slices.Contains(checks, c) { // both vendors have share_for
			checks = append(checks, c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(plainChecks)) {
		if _, isReference, _ := secrets.Parse(env(name)); isReference {
			add(name, core.Invalid("", "a reference, which is not followed here; write the value itself"), "")
		} else if env(name) != "" {
			add(name, plainChecks[name](env(name)), "")
		}
	}
	add(WatchZoneSetting, nil, zoneDoubt(env(WatchZoneSetting)))
	if env(HoldPercentSetting) == "100" {
		add(HoldPercentSetting, nil, "a list never lacks more than that, so no run is held")
	}
	resolver := NewResolver(env, nil)
	for _, v := range vendors {
		own := (&Accounts{Resolver: resolver, Vendor: v}).fromEnvironment()
		isSet := slices.ContainsFunc(v.Fields, func(f Field) bool { return f.Key && !own.fields[f.Name].Empty() })
		for _, f := range v.Fields {
			if text := env(f.Env); text != "" {
				doubt, err := f.examine(text)
				if add(f.Env, err, doubt); !isSet && !f.All {
					add(f.Env, nil, "not used, since "+v.Fields[0].Env+" is not set; an account of "+AccountsSetting+" has a "+f.Name+" of its own")
				}
			}
		}
	}
	// What is wrong with a setting that is JSON, other checks report.
	text, _ := resolver.Setting(ctx, AccountsSetting)
	accounts, _ := parseAccounts(text)
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		for _, field := range slices.Sorted(maps.Keys(accounts[name].fields)) {
			doubt, _ := accounts[name].vendor.field(field).examine(accounts[name].fields[field].Reveal())
			add(AccountsSetting+": "+name+"."+field, nil, doubt)
		}
	}
	text, _ = resolver.Setting(ctx, alert.Setting)
	config, _ := alert.ParseConfig([]byte(text))
	add(alert.Setting+": rules.partner_low", nil, config.Rules.PartnerLow.Doubt())
	add(alert.Setting+": rules.reseller_low", nil, config.Rules.ResellerLow.Doubt())
	for _, id := range slices.Sorted(maps.Keys(config.Rules.Overrides)) {
		add(alert.Setting+": rules.overrides."+id, nil, config.Rules.Overrides[id].Doubt())
	}
	return checks
}

// examine returns what is likely wrong with a value, and the error of one that cannot be used.
func (f *Field) examine(text string) (doubt string, err error) {
	_, isReference, err := secrets.Parse(text)
	if err == nil && !isReference && f.Check != nil {
		err = f.Check(text)
	}
	if err == nil && !isReference && f.Doubt != nil {
		doubt = f.Doubt(text)
	}
	return doubt, err
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

// zoneDoubt finds an offset that no place has, as +00:08 for +08:00. Kiribati's is the
// largest.
func zoneDoubt(text string) string {
	if zone, err := ParseZone(text); err == nil {
		_, seconds := time.Time{}.In(zone).Zone()
		if offset := time.Duration(seconds) * time.Second; offset.Abs() > 14*time.Hour || offset%(15*time.Minute) != 0 {
			return "an offset that no time zone has; write eight hours as +08:00"
		}
	}
	return ""
}
