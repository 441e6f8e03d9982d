package app

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
)

// settingPrefix begins the name of every setting, and of most that are mistyped.
const settingPrefix = "PARTNERLENS"

// SettingNames are the variables that are settings, in the order of the alphabet.
func SettingNames() []string {
	names := []string{
		AccountsSetting, SecretsForSetting, LogLevelSetting, PlatformAuthSetting, api.KeysSetting, api.BasePathSetting, alert.Setting,
		StoreSetting, WatchEverySetting, WatchZoneSetting, RetainSetting, AttemptsSetting, HoldPercentSetting, HoldCountSetting,
		"PARTNERLENS_STORE_ACCESS_KEY", "PARTNERLENS_STORE_SECRET_KEY", "PARTNERLENS_STORE_TOKEN", // internal/store
		"PARTNERLENS_TENCENT_SSM_REGION", "PARTNERLENS_TENCENT_SSM_ENDPOINT", // internal/secrets
		"PARTNERLENS_HUAWEI_CSMS_ENDPOINT", "PARTNERLENS_HUAWEI_CSMS_PROJECT_ID",
	}
	for _, v := range vendors {
		for _, f := range v.Fields {
			names = append(names, f.Env)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// CheckNames finds variables that look like settings and are none: a name that is not
// known is ignored, and what it was to set stays unset. names are all that are set.
func CheckNames(env Environment, names []string) (checks []Check) {
	env = env.orOwn()
	known := SettingNames()
	for _, name := range slices.Sorted(slices.Values(names)) {
		similar, distance := nearest(name, known)
		if slices.Contains(known, name) || env(name) == "" || distance > 2 && !strings.HasPrefix(strings.ToUpper(name), settingPrefix) || isReferred(env, name, names) {
			continue
		}
		says := name + ": not a setting, so it sets nothing; "
		if similar != "" && distance <= len(name)/4 {
			says += "write " + similar + ", or take it away"
		} else {
			says += "take it away, or look its name up in docs/settings.md"
		}
		checks = append(checks, Check{"variable", CheckFailed, says})
	}
	return checks
}

// isReferred says whether another setting takes its value from the variable.
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

// nearest gives the known name that a name is most likely meant to be, and how many
// letters are other ones, not counting capitals and separators.
func nearest(name string, known []string) (similar string, distance int) {
	distance = math.MaxInt
	plain := func(text string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(text)) }
	for _, candidate := range known {
		if d := editDistance(plain(name), plain(candidate)); d < distance {
			similar, distance = candidate, d
		}
	}
	return similar, distance
}

// editDistance is how many letters must be added, left out or changed to make b of a
// (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// unknownMember says of an account's member that it is none. It quotes the member's name
// where that is surely one, and not a key that was pasted into its place.
func unknownMember(member string, v *Vendor) string {
	var known []string
	for _, f := range v.Fields {
		known = append(known, f.Name)
	}
	similar, distance := nearest(member, known)
	switch {
	case distance <= len(similar)/3:
		return fmt.Sprintf(".%s: no such member; write %s", member, similar)
	case len(member) <= 20 && strings.Trim(member, "abcdefghijklmnopqrstuvwxyz_-") == "":
		return fmt.Sprintf(".%s: no such member; %s accounts have %s", member, v.Name, strings.Join(known, ", "))
	}
	return fmt.Sprintf(" has a member that %s accounts do not have, and whose name is not shown since it could be a key; they have %s", v.Name, strings.Join(known, ", "))
}
