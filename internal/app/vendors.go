package app

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Vendor is how accounts of one cloud are configured: by the environment for the
// account default, by AccountsSetting for those with names.
type Vendor struct {
	Name   string // as in "vendor"
	Fields []Field
}

// Field is one thing to configure of an account.
type Field struct {
	Name  string                   // as a member of AccountsSetting
	Env   string                   // the variable of the account default
	SDK   string                   // the SDK's own variable for it; "": it has none
	Key   bool                     // part of a credential: setting one configures an account
	All   bool                     // the variable also holds for accounts that leave the field out
	Check func(text string) error  // returns what is wrong with a value; nil: any value will do
	Doubt func(text string) string // returns what is likely wrong with a value that can be used; may be nil
}

// The fields' names.
const (
	FieldSecretID      = "secret_id"
	FieldSecretKey     = "secret_key"
	FieldToken         = "token"
	FieldAK            = "ak"
	FieldSK            = "sk"
	FieldSecurityToken = "security_token"
	FieldAuthToken     = "auth_token"
	FieldDomainID      = "domain_id"
	FieldEndpoint      = "endpoint"
	FieldRate          = "rate"
	FieldZone          = "zone"
	FieldLow           = "credit_low"
	FieldShareFor      = "share_for"
	FieldResellers     = "resellers"
	FieldExpireMonth   = "expire_month"
)

// Tencent is Tencent Cloud International.
var Tencent = Vendor{"tencentcloud", []Field{
	{Name: FieldSecretID, Env: "PARTNERLENS_TENCENT_SECRET_ID", SDK: "TENCENTCLOUD_SECRET_ID", Key: true, Check: checkToken},
	{Name: FieldSecretKey, Env: "PARTNERLENS_TENCENT_SECRET_KEY", SDK: "TENCENTCLOUD_SECRET_KEY", Key: true, Check: checkToken},
	{Name: FieldToken, Env: "PARTNERLENS_TENCENT_TOKEN", Check: checkToken},
	{Name: FieldEndpoint, Env: "PARTNERLENS_TENCENT_ENDPOINT", Check: check(parseEndpoint)},
	{Name: FieldRate, Env: "PARTNERLENS_TENCENT_RATE", Check: check(parseAnyRate)},
	{Name: FieldZone, Env: "PARTNERLENS_TENCENT_ZONE", Check: check(ParseZone), Doubt: zoneDoubt},
	{Name: FieldLow, Env: "PARTNERLENS_CREDIT_LOW", All: true, Check: check(core.ParseThreshold), Doubt: thresholdDoubt},
	{Name: FieldShareFor, Env: "PARTNERLENS_SHARE_FOR", All: true, Check: check(ParseShareFor), Doubt: shareForDoubt},
}}

// Huawei is Huawei Cloud, the China site.
var Huawei = Vendor{"huaweicloud", []Field{
	{Name: FieldAK, Env: "PARTNERLENS_HUAWEI_AK", SDK: "HUAWEICLOUD_SDK_AK", Key: true, Check: checkToken},
	{Name: FieldSK, Env: "PARTNERLENS_HUAWEI_SK", SDK: "HUAWEICLOUD_SDK_SK", Key: true, Check: checkToken},
	{Name: FieldSecurityToken, Env: "PARTNERLENS_HUAWEI_SECURITY_TOKEN", Check: checkToken},
	{Name: FieldAuthToken, Env: "PARTNERLENS_HUAWEI_AUTH_TOKEN", Key: true, Check: checkToken},
	{Name: FieldDomainID, Env: "PARTNERLENS_HUAWEI_DOMAIN_ID", Check: checkToken},
	{Name: FieldEndpoint, Env: "PARTNERLENS_HUAWEI_ENDPOINT", Check: check(parseEndpoint)},
	{Name: FieldRate, Env: "PARTNERLENS_HUAWEI_RATE", Check: check(parseAnyRate)},
	{Name: FieldResellers, Env: "PARTNERLENS_HUAWEI_RESELLERS", Check: check(ParseResellers)},
	{Name: FieldExpireMonth, Env: "PARTNERLENS_HUAWEI_EXPIRE_MONTH", All: true, Check: check(core.ParseExpireReading)},
	{Name: FieldShareFor, Env: "PARTNERLENS_SHARE_FOR", All: true, Check: check(ParseShareFor), Doubt: shareForDoubt},
}}

var vendors = []*Vendor{&Tencent, &Huawei}

func (v *Vendor) field(name string) *Field {
	i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &v.Fields[i]
}

// check makes the Check of a field of the function that parses it.
func check[V any](parse func(string) (V, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}

func parseEndpoint(text string) (*url.URL, error) { return transport.Endpoint("", text) }

const maxRate = 1000

func parseAnyRate(text string) (int, error) { return ParseRate(text, 1) }

// ParseRate reads calls a second: a number, 0 for a limit that is not known, or
// a share of the vendor's limit, as 60%. A share is one call a second at least.
func ParseRate(text string, limit int) (int, error) {
	number, share := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0 || n > maxRate || share && (n < 1 || n > 100):
		return 0, core.Invalid("", "not a number of calls a second, from 1 to %d, nor a share of the vendor's limit, as 60%%; 0 is for a limit that is not known", maxRate)
	case share:
		return max(1, limit*n/100), nil
	}
	return n, nil
}

// ParseZone reads "+08:00".
func ParseZone(text string) (*time.Location, error) {
	t, err := time.Parse("-07:00", text)
	if err != nil {
		return nil, core.Invalid("", "not an offset from UTC; write it as +08:00")
	}
	_, seconds := t.Zone()
	return time.FixedZone("UTC"+text, seconds), nil
}

// ParseShareFor reads for how long a complete answer is reused.
func ParseShareFor(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > time.Hour {
		return 0, core.Invalid("", "not a time from 0s to 1h; write it as 5s, or 0s to read for every query")
	}
	return d, nil
}

// resellerSeparator joins the ids of FieldResellers.
const resellerSeparator = ","

// ParseResellers reads the ids of the resellers that core.AllResellers walks;
// nil: all of them, as the vendor lists them.
func ParseResellers(text string) ([]string, error) {
	if text == core.AllResellers {
		return nil, nil
	}
	ids := strings.Split(text, resellerSeparator)
	for i, id := range ids {
		ids[i] = strings.TrimSpace(id)
		if err := core.CheckID("", ids[i]); err != nil {
			return nil, core.Invalid("", "not ids of resellers, as 0f1e2d,3c4b5a, nor all: %s", core.AsError(err).Detail)
		}
	}
	return ids, nil
}
