package alert

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
	"partnerlens/pkg/transport"
)

// Setting names the setting that ParseConfig reads:
//
//	{"rules": {"expiry_days": 7, "hysteresis_percent": 10, "partner_low": "10%", "reseller_low": "10%",
//	           "overrides": {"200000000001": "500.00"}, "kinds": ["credit_low", …]},
//	 "quiet": false, "baseline": "list",
//	 "channels": [{"name": "ops", "type": "slack", "url": "aws-sm:partnerlens#slack",
//	               "language": "en", "names": "masked", "min_severity": "warning"}, …]}
//
// Everything but a channel's name, type and url may be left out.
const Setting = "PARTNERLENS_ALERTS"

// Config is what to alert of, and the channels. It is safe for concurrent reading.
type Config struct {
	Rules    Rules
	Quiet    bool // deliver runs without an alert, too; a first run always is delivered
	Channels []Channel

	Err     error // what is wrong with the Setting
	NoRules bool  // the rules could not be read, so that no alert can be evaluated
}

// Channel is one receiver of digests.
type Channel struct {
	Name        string      `json:"name" want:"a text"`
	Type        ChannelType `json:"type" want:"a text"`
	URL         core.Secret `json:"url" want:"a text"`      // the address, which is a key; for SNS the topic's ARN
	Secret      core.Secret `json:"secret" want:"a text"`   // to sign with; empty: not signed
	Language    string      `json:"language" want:"a text"` // English or Chinese
	Names       Names       `json:"names" want:"a text"`
	Baseline    Baseline    `json:"baseline" want:"a text"`
	Kinds       []Kind      `json:"kinds" want:"a list of kinds"`              // nil: all that the rules alert of
	Accounts    []string    `json:"accounts" want:"a list of accounts' names"` // nil: every account
	MinSeverity Severity    `json:"min_severity" want:"a text"`                // "": Info

	Owners        []string               `json:"owners" want:"a list of owners' names"` // nil: alerts of all owners and of none
	Split         Split                  `json:"split" want:"a text"`
	OwnerChannels map[string]core.Secret `json:"owner_channels" want:"an object of owners' names and addresses, as {\"alice\":\"alice@example.com\"}"`

	From string   `json:"from" want:"a text"`                   // of an e-mail
	To   []string `json:"to" want:"a list of e-mail addresses"` // of an e-mail

	addressName string // the member that URL is of; "": url
}

// Split says which messages a channel gets of a run.
type Split string

// The splits.
const (
	SplitNone     Split = ""
	SplitOwner    Split = "owner"    // one for each owner in OwnerChannels, and one of the other alerts
	SplitCustomer Split = "customer" // one for each alert
)

// Names says how a channel gets names of customers and resellers.
type Names string

// The forms of names. The zero Names is NamesMasked.
const (
	NamesMasked Names = "masked"
	NamesFull   Names = "full" // and customers' remarks
)

// Baseline says what a channel gets of a first run.
type Baseline string

// The baselines. The zero Baseline is BaselineList.
const (
	BaselineList  Baseline = "list"  // the open conditions of customers that are not muted
	BaselineQuiet Baseline = "quiet" // that it was made
)

// ChannelType is the protocol of a channel.
type ChannelType string

// The types.
const (
	Webhook  ChannelType = "webhook"
	Slack    ChannelType = "slack"
	Teams    ChannelType = "teams"  // a workflow
	Feishu   ChannelType = "feishu" // Lark too
	DingTalk ChannelType = "dingtalk"
	WeCom    ChannelType = "wecom"
	SNS      ChannelType = "sns"
	Email    ChannelType = "email"
)

func channelTypes() []ChannelType {
	return []ChannelType{Webhook, Slack, Teams, Feishu, DingTalk, WeCom, SNS, Email}
}

// signs reports whether messages of the type can be signed with a secret.
func (t ChannelType) signs() bool { return t == Webhook || t == Feishu || t == DingTalk }

const (
	maxChannels   = 20
	maxName       = core.MaxAccountName
	maxOverrides  = 10_000
	maxCustomerID = 64
	maxOwners     = 500 // of a channel
)

// wants reports whether the channel gets alerts of a kind.
func (c *Channel) wants(kind Kind) bool {
	return (c.Kinds == nil || slices.Contains(c.Kinds, kind)) && kind.Severity().rank() <= c.MinSeverity.rank()
}

func (c *Channel) covers(account string) bool {
	return c.Accounts == nil || slices.Contains(c.Accounts, account)
}

// recipients are the owners of the channel's deliveries, "" first: the channel itself.
func (c *Channel) recipients() []string {
	if c.Split != SplitOwner {
		return []string{""}
	}
	return append([]string{""}, slices.Sorted(maps.Keys(c.OwnerChannels))...)
}

// of returns the channel with the address of an owner; itself if the owner has none.
func (c *Channel) of(owner string) *Channel {
	address, has := c.OwnerChannels[owner]
	if !has {
		return c
	}
	own := *c
	if c.Type == Email {
		own.To = []string{address.Reveal()}
	} else {
		own.URL, own.addressName = address, ownerMember(owner)
	}
	return &own
}

// Owners returns the owners that channels name, sorted.
func (c *Config) Owners() []string {
	owners := []string{}
	for i := range c.Channels {
		owners = slices.Concat(owners, c.Channels[i].Owners, slices.Collect(maps.Keys(c.Channels[i].OwnerChannels)))
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// ParseConfig reads the text of a Setting; "" is the default, without channels. The error
// has every mistake, and the Config beside it is what is right: the channels without a
// mistake, and the rules if they have none (else NoRules). url and secret may be
// references, which Deliver checks.
func ParseConfig(text []byte) (*Config, error) {
	c := new(Config)
	if len(text) == 0 {
		return c, nil
	}
	doc := configSetting{Baseline: BaselineList}
	p := settings.Decode(text, &doc)
	if doc.Rules != nil {
		r := ruleSetting{ExpiryDays: DefaultExpiryDays, HysteresisPercent: DefaultHysteresis, PartnerLow: core.DefaultLow, ResellerLow: core.DefaultLow}
		p.Within("rules.", settings.Decode(doc.Rules, &r))
		c.Rules = Rules{ExpiryDays: r.ExpiryDays, HysteresisPercent: r.HysteresisPercent, Overrides: r.thresholds, Kinds: r.Kinds}
		c.Rules.PartnerLow, _ = core.ParseThreshold(r.PartnerLow) // Validate has checked both
		c.Rules.ResellerLow, _ = core.ParseThreshold(r.ResellerLow)
	}
	c.Quiet = doc.Quiet
	c.NoRules = slices.ContainsFunc(p, func(problem settings.Problem) bool {
		return !slices.Contains([]string{"quiet", "baseline", "channels"}, problem.Path)
	})
	if !doc.Baseline.known() {
		doc.Baseline = BaselineList
	}
	var names []string
	for i, v := range doc.Channels[:min(len(doc.Channels), maxChannels)] {
		channel := Channel{Language: English, Names: NamesMasked, Baseline: doc.Baseline, MinSeverity: Info}
		problems := settings.Decode(v, &channel)
		place := channel.Name
		if !isName(place) {
			place = fmt.Sprintf("channel %d", i+1)
		} else if slices.Contains(names, place) {
			problems.Add("", "two channels have this name")
		}
		names = append(names, place)
		p.Within(place+": ", problems)
		if problems == nil {
			c.Channels = append(c.Channels, channel)
		}
	}
	c.Err = p.Err(Setting)
	return c, c.Err
}

// configSetting is the Setting as JSON.
type configSetting struct {
	Rules    jsontext.Value   `json:"rules" want:"an object"`
	Quiet    bool             `json:"quiet" want:"true or false"`
	Baseline Baseline         `json:"baseline" want:"a text"` // of channels without one
	Channels []jsontext.Value `json:"channels" want:"a list of objects, as [{\"name\":\"ops\",\"type\":\"slack\",\"url\":…}]"`
}

func (c *configSetting) Validate() (p settings.Problems) {
	validateBaseline(&p, c.Baseline)
	if len(c.Channels) > maxChannels {
		p.Add("channels", "more than %d", maxChannels)
	}
	return p
}

// ruleSetting is the Setting's rules as JSON.
type ruleSetting struct {
	ExpiryDays        int               `json:"expiry_days" want:"a whole number from 1 to 365"`
	HysteresisPercent int               `json:"hysteresis_percent" want:"a whole number from 1 to 100"`
	Kinds             []Kind            `json:"kinds" want:"a list of kinds"`
	PartnerLow        string            `json:"partner_low" want:"a text, as \"1000.00\" or \"10%\""`
	ResellerLow       string            `json:"reseller_low" want:"a text, as \"1000.00\" or \"10%\""`
	Overrides         map[string]string `json:"overrides" want:"an object of customers' ids and thresholds, as {\"200000000001\":\"500.00\"}"`

	thresholds map[string]core.Threshold // Overrides, if they have no mistake
}

func (r *ruleSetting) Validate() (p settings.Problems) {
	if n := r.ExpiryDays; n < 1 || n > 365 {
		p.Add("expiry_days", "not a whole number from 1 to 365")
	}
	if n := r.HysteresisPercent; n < 1 || n > 100 {
		p.Add("hysteresis_percent", "not a whole number from 1 to 100")
	}
	validateKinds(&p, r.Kinds)
	for _, rule := range [][2]string{{"partner_low", r.PartnerLow}, {"reseller_low", r.ResellerLow}} {
		if _, err := core.ParseThreshold(rule[1]); err != nil {
			p.Add(rule[0], "%s", core.AsError(err).Detail)
		}
	}
	if len(r.Overrides) > maxOverrides {
		p.Add("overrides", "more than %d", maxOverrides)
		return p
	}
	r.thresholds = make(map[string]core.Threshold, len(r.Overrides))
	for _, id := range slices.Sorted(maps.Keys(r.Overrides)) {
		var err error
		if !isID(id) {
			p.Add("overrides", "a name that is not a customer's id")
		} else if r.thresholds[id], err = core.ParseThreshold(r.Overrides[id]); err != nil {
			p.Add("overrides."+id, "%s", core.AsError(err).Detail)
		}
	}
	return p
}

func (b Baseline) known() bool { return b == BaselineList || b == BaselineQuiet }

func validateBaseline(p *settings.Problems, b Baseline) {
	if !b.known() {
		p.Add("baseline", "unknown; use %s or %s", BaselineList, BaselineQuiet)
	}
}

func validateKinds(p *settings.Problems, kinds []Kind) {
	if slices.ContainsFunc(kinds, func(kind Kind) bool { return !kind.Known() }) {
		p.Add("kinds", "a kind that is not known; there are %s", join(Kinds()))
	}
	if kinds != nil && len(kinds) == 0 {
		p.Add("kinds", "empty: nothing would be reported; leave it out for all kinds")
	}
}

// Validate returns every mistake in a Channel of the Setting.
func (c *Channel) Validate() (p settings.Problems) {
	if !isName(c.Name) {
		p.Add("name", "missing or not one; write 1 to %d small letters, digits, - and _", maxName)
	}
	switch {
	case c.Type == "":
		p.Add("type", "missing; use %s", join(channelTypes()))
	case !slices.Contains(channelTypes(), c.Type):
		p.Add("type", "unknown; use %s", join(channelTypes()))
	case !c.Secret.Empty() && !c.Type.signs() && c.Type != Email:
		p.Add("secret", "%s signs nothing with one; leave it out", c.Type)
	}
	c.validateEmail(&p)
	c.validateOwners(&p)
	if c.URL.Empty() {
		p.Add("url", "missing")
	}
	if c.Language != English && c.Language != Chinese {
		p.Add("language", "unknown; use %s, %s", English, Chinese)
	}
	if c.Names != NamesMasked && c.Names != NamesFull {
		p.Add("names", "unknown; use %s or %s", NamesMasked, NamesFull)
	}
	validateBaseline(&p, c.Baseline)
	if !slices.Contains(severities, c.MinSeverity) {
		p.Add("min_severity", "unknown; use %s", join(severities))
	}
	validateKinds(&p, c.Kinds)
	if c.Accounts != nil && len(c.Accounts) == 0 {
		p.Add("accounts", "empty: nothing would be reported; leave it out for every account")
	}
	if slices.ContainsFunc(c.Accounts, func(name string) bool { return !isName(name) }) {
		p.Add("accounts", "a name that is not an account's")
	}
	return p
}

// validateOwners checks what concerns owners, and cleans their names as an Alert's.
func (c *Channel) validateOwners(p *settings.Problems) {
	if c.Owners != nil && len(c.Owners) == 0 {
		p.Add("owners", "empty: nothing would be reported; leave it out for every owner")
	}
	for i, owner := range c.Owners {
		if c.Owners[i] = CleanOwner(owner); c.Owners[i] == "" {
			p.Add("owners", "an owner without a name")
		}
	}
	switch {
	case c.Split != SplitNone && c.Split != SplitOwner && c.Split != SplitCustomer:
		p.Add("split", "unknown; use %s, %s, or leave it out", SplitOwner, SplitCustomer)
	case c.Split == SplitCustomer && c.Type != Webhook:
		p.Add("split", "%s is for a webhook alone", SplitCustomer)
	case c.Split == SplitOwner && len(c.OwnerChannels) == 0:
		p.Add("owner_channels", "missing: split needs the owners' addresses")
	case c.Split != SplitOwner && c.OwnerChannels != nil:
		p.Add("owner_channels", "of no use without \"split\":\"%s\"", SplitOwner)
	}
	if max(len(c.OwnerChannels), len(c.Owners)) > maxOwners {
		p.Add("owners", "more than %d", maxOwners)
		return
	}
	channels := make(map[string]core.Secret, len(c.OwnerChannels))
	for _, name := range slices.Sorted(maps.Keys(c.OwnerChannels)) {
		owner, address := CleanOwner(name), c.OwnerChannels[name]
		member := ownerMember(owner)
		switch _, double := channels[owner]; {
		case owner == "":
			p.Add("owner_channels", "an owner without a name")
		case strings.Contains(owner, "://"):
			p.Add("owner_channels", "an address in the place of an owner; write the owner first, as {\"alice\":\"https://host/path\"}")
		case double:
			p.Add(member, "two owners have this name, apart from spaces and invisible characters")
		case address.Empty():
			p.Add(member, "missing")
		case c.Owners != nil && !slices.Contains(c.Owners, owner):
			p.Add(member, "not one of the channel's owners")
		case c.Type == Email:
			if _, err := parseMailbox(address.Reveal()); err != nil {
				p.Add(member, "not an e-mail address, as alice@example.com")
			}
		}
		channels[owner] = address
	}
	if c.OwnerChannels != nil {
		c.OwnerChannels = channels
	}
}

// ownerMember names an owner's address in an error, without the name if that could be a key.
func ownerMember(owner string) string {
	if strings.ContainsFunc(owner, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" .-_@'", r)
	}) {
		return "owner_channels"
	}
	return "owner_channels." + owner
}

const nameLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_"

// isName reports whether a name of a channel or an account has only small letters, digits,
// - and _.
func isName(name string) bool {
	return name != "" && len(name) <= maxName && strings.Trim(name, nameLetters) == "" && name[0] != '-' && name[0] != '_'
}

func isID(id string) bool {
	return id != "" && len(id) <= maxCustomerID && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"+nameLetters) == ""
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = string(t)
	}
	return strings.Join(texts, ", ")
}

// FullNames reports whether a channel of an account has NamesFull.
func (c *Config) FullNames(account string) bool {
	return slices.ContainsFunc(c.Channels, func(o Channel) bool { return o.covers(account) && o.Names == NamesFull })
}

// Opening reports whether a channel of an account has BaselineList.
func (c *Config) Opening(account string) bool {
	return slices.ContainsFunc(c.Channels, func(o Channel) bool { return o.covers(account) && o.Baseline != BaselineQuiet })
}

// HasChannel reports whether there is a channel of the name for the account.
func (c *Config) HasChannel(channel, account string) bool {
	return slices.ContainsFunc(c.Channels, func(o Channel) bool { return o.Name == channel && o.covers(account) })
}

// texts returns the texts that may be references, by the names for their errors.
func (c *Channel) texts() map[string]string {
	texts := map[string]string{c.textName(c.address()): c.URL.Reveal()}
	if !c.Secret.Empty() {
		texts[c.textName("secret")] = c.Secret.Reveal()
	}
	return texts
}

// address is the member that has the channel's address.
func (c *Channel) address() string { return cmp.Or(c.addressName, "url") }

func (c *Channel) textName(member string) string { return Setting + ": " + c.Name + "." + member }

// with returns the Channel with its texts resolved and its address checked. The error does
// not quote the address.
func (c *Channel) with(resolved map[string]string) (*Channel, error) {
	ready := *c
	ready.URL = core.NewSecret(strings.TrimSpace(resolved[c.textName(c.address())]))
	if !c.Secret.Empty() {
		ready.Secret = core.NewSecret(strings.TrimSpace(resolved[c.textName("secret")]))
	}
	wrong := ""
	switch c.Type {
	case SNS:
		if _, err := parseTopic(ready.URL.Reveal()); err != nil {
			wrong = "not a topic; write its ARN, as arn:aws:sns:eu-central-1:123456789012:alerts"
		}
	case Email:
		server, err := parseServer(ready.URL.Reveal())
		switch {
		case err != nil:
			wrong = err.Error()
		case (server.user == "") != ready.Secret.Empty():
			wrong = "a server with a user needs the password as secret, and one without needs none"
		}
	default:
		if _, err := parseAddress(ready.URL.Reveal()); err != nil {
			wrong = "not an address that can be used; write https://host/path (http:// only for this machine itself)"
		}
	}
	if wrong != "" {
		return nil, c.misconfigured(c.address(), wrong)
	}
	if _, err := webhookKey(ready.Secret.Reveal()); err != nil && c.Type == Webhook {
		return nil, c.misconfigured("secret", "not base64 after whsec_")
	}
	return &ready, nil
}

func (c *Channel) misconfigured(member, detail string) error {
	return &core.Error{Op: "alert", Code: core.CodeMisconfigured, Param: c.textName(member), Detail: detail}
}

// parseAddress parses a channel's address: an endpoint with a path and a query. Its error
// may quote the address.
func parseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("not an address")
	}
	if _, err := transport.Endpoint(Setting, u.Scheme+"://"+u.Host); err != nil {
		return nil, err
	}
	return u, nil
}
