package app

import (
	"slices"
	"strings"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/owners"
	"partnerlens/pkg/settings"
)

// settingPrefix begins the name of every setting.
const settingPrefix = "PARTNERLENS"

// ConfigSetting names the config file of the command line.
const ConfigSetting = "PARTNERLENS_CONFIG"

// SettingNames returns the variables that are settings, in alphabetical order.
func SettingNames() []string {
	names := []string{
		AccountsSetting, SecretsForSetting, LogLevelSetting, PlatformAuthSetting, api.KeysSetting, api.BasePathSetting, PublicURLSetting, alert.Setting, owners.Setting,
		StoreSetting, WatchEverySetting, WatchZoneSetting, LanguageSetting, RetainSetting, AttemptsSetting, HoldPercentSetting, HoldCountSetting,
		"PARTNERLENS_STORE_ACCESS_KEY", "PARTNERLENS_STORE_SECRET_KEY", "PARTNERLENS_STORE_TOKEN", // internal/store
		"PARTNERLENS_TENCENT_SSM_REGION", "PARTNERLENS_TENCENT_SSM_ENDPOINT", // internal/secrets
		"PARTNERLENS_HUAWEI_CSMS_ENDPOINT", "PARTNERLENS_HUAWEI_CSMS_PROJECT_ID",
		ConfigSetting,
	}
	for _, v := range vendors {
		for _, f := range v.Fields {
			names = append(names, f.Env)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// CheckNames finds variables that look like settings and are none. Such a variable has no
// effect. names are those of all variables that are set.
func CheckNames(env Environment, names []string) (checks []Check) {
	env = env.orOwn()
	known := SettingNames()
	for _, name := range slices.Sorted(slices.Values(names)) {
		similar, distance := settings.Nearest(name, known)
		if slices.Contains(known, name) || env(name) == "" || distance > 2 && !strings.HasPrefix(strings.ToUpper(name), settingPrefix) || isReferred(env, name, names) {
			continue
		}
		says := name + ": not a setting, so it has no effect; "
		if similar != "" && distance <= len(name)/4 {
			says += "write " + similar + ", or remove it"
		} else {
			says += "remove it, or look up its name in docs/settings.md"
		}
		checks = append(checks, Check{"variable", CheckFailed, says})
	}
	return checks
}

// isReferred reports whether another setting takes its value from the variable.
func isReferred(env Environment, name string, names []string) bool {
	for _, other := range names {
		for rest, found := env(other), other != name; found; {
			_, rest, found = strings.Cut(rest, "env:"+name)
			if found && (rest == "" || !isNameByte(rest[0])) {
				return true
			}
		}
	}
	return false
}

func isNameByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}
