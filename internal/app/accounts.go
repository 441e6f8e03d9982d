package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/host"
	"partnerlens/internal/secrets"
	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
)

// AccountsSetting names the setting that configures accounts by name: a JSON
// object, or a reference to one.
const AccountsSetting = "PARTNERLENS_ACCOUNTS"

// SecretsForSetting names the setting of how long a secret is used before it is
// read again.
const SecretsForSetting = "PARTNERLENS_SECRETS_FOR"

// Resolver replaces references among settings by the secrets that they name.
type Resolver struct {
	env      Environment
	logger   *slog.Logger
	staleFor time.Duration                       // as in secrets.Options
	cache    cached[core.Secret, *secrets.Cache] // by the text of SecretsForSetting
}

// NewResolver returns a Resolver. A nil env is the process's own. A nil logger is slog's
// default at the moment when a store fails: a store that is down for weeks must not
// first show at a cold start.
func NewResolver(env Environment, logger *slog.Logger) *Resolver {
	return &Resolver{env: env.orOwn(), logger: logger}
}

// with returns the Cache, and a context with the key that the platform passes beside a
// call. A key in the environment goes first: a caller may set a request's headers.
func (r *Resolver) with(ctx context.Context) (context.Context, *secrets.Cache, error) {
	if key, ok := host.PlatformKey(ctx); ok && r.env("HUAWEICLOUD_SDK_AK") == "" {
		ctx = secrets.WithHuaweiKey(ctx, secrets.HuaweiKey{AK: key.AccessKey.Reveal(), SK: key.SecretKey, SecurityToken: key.Token})
	}
	text := r.env(SecretsForSetting)
	cache, err := r.cache.of(core.NewSecret(text), func() (*secrets.Cache, error) {
		keepFor := secrets.DefaultKeepFor
		if text != "" {
			var err error
			if keepFor, err = time.ParseDuration(text); err != nil || keepFor < 10*time.Second || keepFor > 24*time.Hour {
				return nil, &core.Error{Code: core.CodeMisconfigured, Param: SecretsForSetting, Detail: "not a time from 10s to 24h; write it as 5m"}
			}
		}
		return secrets.NewCache(secrets.Options{Getenv: r.env, KeepFor: keepFor, StaleFor: r.staleFor, Logger: cmp.Or(r.logger, slog.Default())}), nil
	})
	return ctx, cache, err
}

// Setting returns the value of one setting.
func (r *Resolver) Setting(ctx context.Context, name string) (string, error) {
	text := r.env(name)
	if text == "" {
		return "", nil
	}
	resolved, err := r.resolve(ctx, map[string]string{name: text})
	return resolved[name], err
}

func (r *Resolver) resolve(ctx context.Context, settings map[string]string) (map[string]string, error) {
	ctx, cache, err := r.with(ctx)
	if err != nil {
		return nil, err
	}
	return cache.Resolve(ctx, settings)
}

func (r *Resolver) renew(ctx context.Context, settings map[string]string) {
	if ctx, cache, err := r.with(ctx); err == nil {
		cache.Renew(ctx, settings)
	}
}

// Accounts are the accounts of one cloud, as they are configured at each call. Safe for
// concurrent use.
type Accounts struct {
	Resolver *Resolver
	Vendor   *Vendor

	parsed cached[core.Secret, map[string]account] // by the text of AccountsSetting, which may hold keys
}

// account is one account as configured: values or references, by field.
type account struct {
	vendor *Vendor // nil: unknown
	fields map[string]core.Secret
	named  bool  // by AccountsSetting, not by variables
	err    error // every mistake in it
}

// Names returns the accounts in the order of their names. Where none is configured it
// returns the default alone, for which Settings reports what is missing.
func (a *Accounts) Names(ctx context.Context) ([]string, error) {
	all, err := a.configured(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return []string{core.DefaultAccount}, nil
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// Settings returns the settings of an account, its key included.
func (a *Accounts) Settings(ctx context.Context, name string) (Settings, error) {
	s := Settings{Account: name, vendor: a.Vendor}
	all, err := a.configured(ctx)
	if err != nil {
		return s, err
	}
	account, there := all[name]
	if !there {
		account = a.fromEnvironment()
	}
	if account.err != nil {
		return s, account.err
	}
	s.named = account.named
	resolved, err := a.Resolver.resolve(ctx, s.inErrors(account.fields))
	if err != nil {
		return s, err
	}
	s.values = make(map[string]core.Secret, len(account.fields))
	for field := range account.fields {
		s.values[field] = core.NewSecret(resolved[s.Name(field)])
	}
	return s, nil
}

// Renew reads an account's keys again.
func (a *Accounts) Renew(ctx context.Context, name string) {
	if text := a.Resolver.env(AccountsSetting); text != "" {
		a.Resolver.renew(ctx, map[string]string{AccountsSetting: text})
	}
	all, err := a.configured(ctx)
	if err != nil {
		return
	}
	account, there := all[name]
	if !there {
		account = a.fromEnvironment()
	}
	a.Resolver.renew(ctx, Settings{Account: name, vendor: a.Vendor, named: account.named}.inErrors(account.fields))
}

// configured returns the vendor's accounts.
func (a *Accounts) configured(ctx context.Context) (map[string]account, error) {
	text, err := a.Resolver.Setting(ctx, AccountsSetting)
	if err != nil {
		return nil, err
	}
	parsed, err := a.parsed.of(core.NewSecret(text), func() (map[string]account, error) { return parseAccounts(text) })
	if err != nil {
		return nil, err
	}
	all := make(map[string]account)
	for name, account := range parsed {
		if account.vendor == a.Vendor || account.vendor == nil { // it may be an account of this cloud
			account.fields = a.withShared(account.fields)
			all[name] = account
		}
	}
	own := a.fromEnvironment()
	isSet := slices.ContainsFunc(a.Vendor.Fields, func(f Field) bool { return f.Key && !own.fields[f.Name].Empty() })
	if _, twice := all[core.DefaultAccount]; isSet && twice {
		own.err = &core.Error{Code: core.CodeMisconfigured, Param: AccountsSetting, Detail: core.DefaultAccount + ": configured by variables of its own too (" + a.Vendor.Fields[0].Env + "); rename or remove one of the two"}
	}
	if isSet {
		all[core.DefaultAccount] = own
	}
	if len(all) > core.MaxAccounts {
		return nil, &core.Error{Code: core.CodeMisconfigured, Param: AccountsSetting, Detail: fmt.Sprintf("%d accounts of %s; at most %d can be read at once, so deploy a second function for the others", len(all), a.Vendor.Name, core.MaxAccounts)}
	}
	return all, nil
}

// fromEnvironment returns the account that variables configure.
func (a *Accounts) fromEnvironment() account {
	fields := make(map[string]core.Secret)
	mine := false
	for _, f := range a.Vendor.Fields {
		if text := a.Resolver.env(f.Env); text != "" {
			fields[f.Name] = core.NewSecret(text)
			mine = mine || f.Key
		}
	}
	for _, f := range a.Vendor.Fields {
		if f.SDK != "" && !mine { // never half of our key with half of the SDK's
			if text := a.Resolver.env.resellers(f.SDK); text != "" {
				fields[f.Name] = core.NewSecret(text)
			}
		}
	}
	return account{vendor: a.Vendor, fields: fields}
}

// withShared adds the variables that hold for all accounts.
func (a *Accounts) withShared(fields map[string]core.Secret) map[string]core.Secret {
	fields = maps.Clone(fields)
	for _, f := range a.Vendor.Fields {
		if text := a.Resolver.env(f.Env); f.All && text != "" && fields[f.Name].Empty() {
			fields[f.Name] = core.NewSecret(text)
		}
	}
	return fields
}

var accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// parseAccounts reads AccountsSetting. The mistakes in an account stop that account
// alone. The error is for a text that is no object of accounts.
func parseAccounts(text string) (map[string]account, error) {
	if text == "" {
		return nil, nil
	}
	var all, unnamed settings.Problems
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(strings.TrimPrefix(text, byteOrderMark)), &members); err != nil || members == nil {
		all.Add("", `not a JSON object of accounts by name, each name once, as {"north":{"vendor":"tencentcloud","secret_id":"aws-sm:partner#id","secret_key":"aws-sm:partner#key"}}`)
		return nil, all.Err(AccountsSetting)
	}
	accounts := make(map[string]account)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !accountName.MatchString(name) || len(name) > core.MaxAccountName || name == core.AllAccounts {
			unnamed.Add("", "the name of an account is not one: write 1 to %d small letters, digits, - and _, and not %s", core.MaxAccountName, core.AllAccounts)
			continue
		}
		account, problems := parseAccount(members[name])
		var own settings.Problems
		own.Within(name+".", problems)
		account.err = own.Err(AccountsSetting)
		accounts[name], all = account, append(all, own...)
	}
	if unnamed != nil {
		failure := *core.AsError(append(unnamed, all...).Err(AccountsSetting))
		failure.Inside = true // it names every account
		return nil, &failure
	}
	return accounts, nil
}

// byteOrderMark is what some editors write before a text.
const byteOrderMark = "\ufeff"

func parseAccount(text jsontext.Value) (a account, p settings.Problems) {
	a = account{fields: make(map[string]core.Secret), named: true}
	var kind struct {
		Vendor string `json:"vendor"`
	}
	_ = json.Unmarshal(text, &kind) // what is no object has no vendor
	i := slices.IndexFunc(vendors, func(v *Vendor) bool { return v.Name == kind.Vendor })
	if i < 0 {
		p.Add("vendor", "missing or unknown; write %s or %s", Tencent.Name, Huawei.Name)
		return a, p
	}
	a.vendor = vendors[i]
	known := []string{"vendor"}
	for _, field := range a.vendor.Fields {
		known = append(known, field.Name)
	}
	members, p := settings.Members(text, known)
	delete(members, "vendor")
	for _, name := range slices.Sorted(maps.Keys(members)) {
		text, ok := fieldText(members[name])
		if !ok {
			p.Add(name, "not a text, or an empty one; give it a value or leave it out")
			continue
		}
		if _, err := a.vendor.field(name).examine(text); err != nil {
			p.Add(name, "%s", core.AsError(err).Detail)
		}
		a.fields[name] = core.NewSecret(text)
	}
	for _, missing := range a.missing() {
		p.Add(missing, "missing")
	}
	return a, p
}

// fieldText returns a member as text: a text, a whole number, or a list of texts.
func fieldText(value jsontext.Value) (string, bool) {
	switch value.Kind() {
	case '"':
		var text string
		err := json.Unmarshal(value, &text)
		return text, err == nil && text != ""
	case '0':
		return string(value), true
	case '[':
		var list []string
		err := json.Unmarshal(value, &list)
		return strings.Join(list, resellerSeparator), err == nil && len(list) > 0 && !slices.Contains(list, "")
	}
	return "", false
}

// missing returns the required fields that are not set.
func (a account) missing() (names []string) {
	pair := [2]string{FieldSecretID, FieldSecretKey}
	if a.vendor == &Huawei {
		pair = [2]string{FieldAK, FieldSK}
		if !a.fields[FieldAuthToken].Empty() {
			return nil
		}
	}
	for _, name := range pair {
		if a.fields[name].Empty() {
			names = append(names, name)
		}
	}
	return names
}

// Settings are the settings of one account at one moment. Printing them prints no
// value.
type Settings struct {
	Account string
	vendor  *Vendor
	values  map[string]core.Secret
	named   bool
}

// Get returns a field's value; "" where it is not set.
func (s Settings) Get(field string) string { return s.values[field].Reveal() }

// Secret is Get for values that must not be printed.
func (s Settings) Secret(field string) core.Secret { return s.values[field] }

// Name returns the name of a field in the configuration.
func (s Settings) Name(field string) string {
	if s.named {
		return AccountsSetting + ": " + s.Account + "." + field
	}
	return s.vendor.field(field).Env
}

func (s Settings) inErrors(fields map[string]core.Secret) map[string]string {
	named := make(map[string]string, len(fields))
	for field, text := range fields {
		named[s.Name(field)] = text.Reveal()
	}
	return named
}

// Parse parses a field by a function. Where the field is not set, the result is preset.
func Parse[V any](s Settings, field string, preset V, parse func(string) (V, error)) (V, error) {
	text := s.Get(field)
	if text == "" {
		return preset, nil
	}
	v, err := parse(text)
	if err != nil {
		return preset, &core.Error{Code: core.CodeMisconfigured, Param: s.Name(field), Detail: core.AsError(err).Detail}
	}
	return v, nil
}

// Missing returns an error that names the fields that are not set, and where to get
// them; nil where none is missing.
func (s Settings) Missing(where string, fields ...string) error {
	var names []string
	for _, field := range fields {
		if s.Get(field) == "" {
			names = append(names, s.Name(field))
		}
	}
	if names == nil {
		return nil
	}
	return &core.Error{Code: core.CodeMisconfigured, Param: strings.Join(names, ", "), Detail: "not set; " + where}
}

// renamed replaces the variable that an error names by the name of the account's field.
func (s Settings) renamed(err error) error {
	var failure *core.Error
	if !errors.As(err, &failure) || !s.named {
		return err
	}
	for _, f := range s.vendor.Fields {
		if failure.Param == f.Env {
			named := *failure
			named.Param = s.Name(f.Name)
			return &named
		}
	}
	return err
}

// only returns the settings with one field alone.
func (s Settings) only(field string) Settings {
	s.values = map[string]core.Secret{field: s.values[field]}
	return s
}

// Equal reports whether two accounts have the same settings.
func (s Settings) Equal(t Settings) bool {
	return s.named == t.named && maps.EqualFunc(s.values, t.values, core.Secret.Equal)
}

// PerAccount caches what is built from an account's settings while they stay the same, the
// key included: answers read with another key are not shared. A failure is not cached.
// Safe for concurrent use.
type PerAccount[R any] struct {
	accounts sync.Map // of *cached[Settings, R], by account
}

// While returns what build makes of the settings.
func (p *PerAccount[R]) While(s Settings, build func(Settings) (R, error)) (R, error) {
	of, _ := p.accounts.LoadOrStore(s.Account, new(cached[Settings, R]))
	return of.(*cached[Settings, R]).of(s, func() (R, error) {
		r, err := build(s)
		return r, s.renamed(err)
	})
}

// Pacers hold one Pacer for each account while its rate stays the same. It outlives
// Readers, which are built anew when keys change.
type Pacers struct {
	Limit int // the vendor's, in calls a second: the rate of accounts that set none
	kept  PerAccount[*core.Pacer]
}

// Of returns the account's Pacer.
func (p *Pacers) Of(s Settings) (*core.Pacer, error) {
	return p.kept.While(s.only(FieldRate), func(s Settings) (*core.Pacer, error) {
		rate, err := rateOf(s, p.Limit)
		if err != nil {
			return nil, err
		}
		return core.NewPacer(rate), nil
	})
}

// rateOf returns the account's rate, in calls a second, under the vendor's limit.
func rateOf(s Settings, limit int) (int, error) {
	return Parse(s, FieldRate, limit, func(text string) (int, error) { return ParseRate(text, limit) })
}

// DefaultShareFor is how long a complete answer is reused unless set.
const DefaultShareFor = 5 * time.Second
