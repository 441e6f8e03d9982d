package app

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Vendor is how accounts of one cloud are configured: by the environment for the
// one called default, by AccountsSetting for those with names.
type Vendor struct {
	Name   string // as in "vendor"
	Fields []Field
}

// Field is one thing to configure of an account.
type Field struct {
	Name  string                  // as a member of AccountsSetting
	Env   string                  // as a variable, of the account default
	SDK   string                  // the SDK's own variable for it; "": it has none
	Key   bool                    // part of a credential: where one is set there is an account
	All   bool                    // where an account does not say, the variable holds for it too
	Check func(text string) error // what is wrong with it; nil: nothing can be
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
	{Name: FieldSecretID, Env: "PARTNERLENS_TENCENT_SECRET_ID", SDK: "TENCENTCLOUD_SECRET_ID", Key: true},
	{Name: FieldSecretKey, Env: "PARTNERLENS_TENCENT_SECRET_KEY", SDK: "TENCENTCLOUD_SECRET_KEY", Key: true},
	{Name: FieldToken, Env: "PARTNERLENS_TENCENT_TOKEN"},
	{Name: FieldEndpoint, Env: "PARTNERLENS_TENCENT_ENDPOINT", Check: checkEndpoint},
	{Name: FieldRate, Env: "PARTNERLENS_TENCENT_RATE", Check: checkRate},
	{Name: FieldZone, Env: "PARTNERLENS_TENCENT_ZONE", Check: checkZone},
	{Name: FieldLow, Env: "PARTNERLENS_CREDIT_LOW", All: true, Check: checkLow},
	{Name: FieldShareFor, Env: "PARTNERLENS_SHARE_FOR", All: true, Check: checkShareFor},
}}

// Huawei is Huawei Cloud, the China site.
var Huawei = Vendor{"huaweicloud", []Field{
	{Name: FieldAK, Env: "PARTNERLENS_HUAWEI_AK", SDK: "HUAWEICLOUD_SDK_AK", Key: true},
	{Name: FieldSK, Env: "PARTNERLENS_HUAWEI_SK", SDK: "HUAWEICLOUD_SDK_SK", Key: true},
	{Name: FieldSecurityToken, Env: "PARTNERLENS_HUAWEI_SECURITY_TOKEN"},
	{Name: FieldAuthToken, Env: "PARTNERLENS_HUAWEI_AUTH_TOKEN", Key: true},
	{Name: FieldDomainID, Env: "PARTNERLENS_HUAWEI_DOMAIN_ID"},
	{Name: FieldEndpoint, Env: "PARTNERLENS_HUAWEI_ENDPOINT", Check: checkEndpoint},
	{Name: FieldRate, Env: "PARTNERLENS_HUAWEI_RATE", Check: checkRate},
	{Name: FieldResellers, Env: "PARTNERLENS_HUAWEI_RESELLERS", Check: checkResellers},
	{Name: FieldExpireMonth, Env: "PARTNERLENS_HUAWEI_EXPIRE_MONTH", All: true, Check: checkExpireMonth},
	{Name: FieldShareFor, Env: "PARTNERLENS_SHARE_FOR", All: true, Check: checkShareFor},
}}

var vendors = []*Vendor{&Tencent, &Huawei}

func (v *Vendor) field(name string) *Field {
	i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &v.Fields[i]
}

func checkEndpoint(text string) error {
	_, err := transport.Endpoint("", text)
	return err
}

const maxRate = 1000

func checkRate(text string) error {
	_, err := ParseRate(text, 1)
	return err
}

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

func checkZone(text string) error {
	_, err := ParseZone(text)
	return err
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

func checkLow(text string) error {
	_, err := core.ParseThreshold(text)
	return err
}

func checkShareFor(text string) error {
	_, err := ParseShareFor(text)
	return err
}

// ParseShareFor reads how long a complete answer is given again.
func ParseShareFor(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > time.Hour {
		return 0, core.Invalid("", "not a time from 0s to 1h; write it as 5s, or 0s for a read at every question")
	}
	return d, nil
}

func checkExpireMonth(text string) error {
	_, err := core.ParseExpireReading(text)
	return err
}

// resellerSeparator joins the ids of FieldResellers.
const resellerSeparator = ","

func checkResellers(text string) error {
	_, err := ParseResellers(text)
	return err
}

// ParseResellers reads the ids of the resellers that core.AllResellers walks;
// nil: all of them, as the cloud lists them.
func ParseResellers(text string) ([]string, error) {
	if text == core.AllResellers {
		return nil, nil
	}
	ids := strings.Split(text, resellerSeparator)
	for i, id := range ids {
		ids[i] = strings.TrimSpace(id)
		if err := core.CheckID(ids[i]); err != nil {
			return nil, core.Invalid("", "not ids of resellers, as 0f1e2d,3c4b5a, nor all: %s", core.AsError(err).Detail)
		}
	}
	return ids, nil
}
