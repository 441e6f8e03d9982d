package alert

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Setting names the setting that ParseConfig reads:
//
//	{"rules": {"expiry_days": 7, "hysteresis_percent": 10,
//	           "overrides": {"200000000001": "500.00"}, "kinds": ["credit_low", …]},
//	 "quiet": false,
//	 "channels": [{"name": "ops", "type": "slack", "url": "aws-sm:partnerlens#slack",
//	               "language": "en", "min_severity": "warning"}, …]}
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
	Name        string
	Type        ChannelType
	URL         core.Secret // the address, which is a key; for SNS the topic's ARN
	Secret      core.Secret // to sign with; empty: not signed
	Language    string      // English or Chinese
	Kinds       []Kind      // nil: all that the rules alert of
	Accounts    []string    // nil: every account
	MinSeverity Severity    // "": Info
}

// ChannelType is the protocol of a channel.
type ChannelType string

// The types.
const (
	Webhook  ChannelType = "webhook"
	Slack    ChannelType = "slack"
	Feishu   ChannelType = "feishu" // Lark too
	DingTalk ChannelType = "dingtalk"
	WeCom    ChannelType = "wecom"
	SNS      ChannelType = "sns"
)

func channelTypes() []ChannelType {
	return []ChannelType{Webhook, Slack, Feishu, DingTalk, WeCom, SNS}
}

// signs reports whether messages of the type can be signed with a secret.
func (t ChannelType) signs() bool { return t == Webhook || t == Feishu || t == DingTalk }

const (
	maxChannels    = 20
	maxChannelName = 40
	maxOverrides   = 10_000
	maxCustomerID  = 64
)

// wants reports whether the channel gets alerts of a kind.
func (c *Channel) wants(kind Kind) bool {
	least := c.MinSeverity
	if least == "" {
		least = Info
	}
	return (c.Kinds == nil || slices.Contains(c.Kinds, kind)) && kind.Severity().rank() <= least.rank()
}

func (c *Channel) covers(account string) bool {
	return c.Accounts == nil || slices.Contains(c.Accounts, account)
}

// problems are mistakes, each with its place. They quote no value, which may be a key.
type problems []string

func (p *problems) add(place, format string, args ...any) {
	if place != "" {
		place += ": "
	}
	*p = append(*p, place+fmt.Sprintf(format, args...))
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &core.Error{Op: "alert", Code: core.CodeMisconfigured, Param: Setting, Detail: strings.Join(p, "; ")}
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
	var p problems
	var channels []jsontext.Value
	beside := 0 // problems that are not about the rules
	read := func(name string, v jsontext.Value, into any, want string) {
		before := len(p)
		p.read(name, v, into, want)
		beside += len(p) - before
	}
	object(&p, "", text, map[string]func(jsontext.Value){
		"rules": func(v jsontext.Value) { c.Rules = parseRules(&p, v) },
		"quiet": func(v jsontext.Value) { read("quiet", v, &c.Quiet, "true or false") },
		"channels": func(v jsontext.Value) {
			read("channels", v, &channels, "a list of objects, as [{\"name\":\"ops\",\"type\":\"slack\",\"url\":…}]")
		},
	})
	c.NoRules = len(p) > beside
	if len(channels) > maxChannels {
		p.add("channels", "more than %d", maxChannels)
		channels = channels[:maxChannels]
	}
	var names []string
	for i, v := range channels {
		before := len(p)
		channel := parseChannel(&p, fmt.Sprintf("channel %d", i+1), v)
		if channel.Name != "" && slices.Contains(names, channel.Name) {
			p.add(channel.Name, "two channels have this name")
		}
		names = append(names, channel.Name)
		if len(p) == before {
			c.Channels = append(c.Channels, channel)
		}
	}
	c.Err = p.err()
	return c, c.Err
}

// object reads an object's members in the order of their names.
func object(p *problems, place string, text jsontext.Value, members map[string]func(jsontext.Value)) {
	var values map[string]jsontext.Value
	if err := json.Unmarshal(text, &values); err != nil || values == nil {
		p.add(strings.TrimSuffix(place, "."), "not a JSON object with each member once")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		read, known := members[name]
		switch {
		case known:
			read(values[name])
		case isName(name, maxChannelName):
			p.add(place+name, "no such member; there are %s", strings.Join(slices.Sorted(maps.Keys(members)), ", "))
		default:
			p.add(strings.TrimSuffix(place, "."), "a member that is not known; there are %s", strings.Join(slices.Sorted(maps.Keys(members)), ", "))
		}
	}
}

// read reads one value. want describes the value for the error.
func (p *problems) read(place string, v jsontext.Value, into any, want string) bool {
	if err := json.Unmarshal(v, into); err != nil || v.Kind() == 'n' {
		p.add(place, "not %s", want)
		return false
	}
	return true
}

func parseRules(p *problems, text jsontext.Value) (r Rules) {
	percentOrDays := func(name string, into *int, most int) func(jsontext.Value) {
		return func(v jsontext.Value) {
			if want := fmt.Sprintf("a whole number from 1 to %d", most); p.read("rules."+name, v, into, want) && (*into < 1 || *into > most) {
				p.add("rules."+name, "not %s", want)
			}
		}
	}
	object(p, "rules.", text, map[string]func(jsontext.Value){
		"expiry_days":        percentOrDays("expiry_days", &r.ExpiryDays, 365),
		"hysteresis_percent": percentOrDays("hysteresis_percent", &r.HysteresisPercent, 100),
		"kinds":              func(v jsontext.Value) { r.Kinds = parseKinds(p, "rules.kinds", v) },
		"overrides": func(v jsontext.Value) {
			var lines map[string]string
			if !p.read("rules.overrides", v, &lines, `an object of customers' ids and thresholds, as {"200000000001":"500.00"}`) {
				return
			}
			if len(lines) > maxOverrides {
				p.add("rules.overrides", "more than %d", maxOverrides)
				return
			}
			r.Overrides = make(map[string]core.Threshold, len(lines))
			for _, id := range slices.Sorted(maps.Keys(lines)) {
				line, err := core.ParseThreshold(lines[id])
				switch {
				case !isID(id):
					p.add("rules.overrides", "a name that is not a customer's id")
				case err != nil:
					p.add("rules.overrides."+id, "%s", core.AsError(err).Detail)
				default:
					r.Overrides[id] = line
				}
			}
		},
	})
	return r
}

func parseKinds(p *problems, place string, v jsontext.Value) []Kind {
	var kinds []Kind
	if !p.read(place, v, &kinds, "a list of kinds") {
		return nil
	}
	for _, kind := range kinds {
		if !kind.Known() {
			p.add(place, "a kind that is not known; there are %s", join(Kinds()))
			break
		}
	}
	if len(kinds) == 0 {
		p.add(place, "empty: nothing would be reported; leave it out for all kinds")
	}
	return kinds
}

func parseChannel(p *problems, place string, text jsontext.Value) Channel {
	c := Channel{Language: English, MinSeverity: Info}
	var own problems
	var address, secret string
	readText := func(name string, into *string) func(jsontext.Value) {
		return func(v jsontext.Value) { own.read(name, v, into, "a text") }
	}
	oneOf := func(name string, into *string, allowed ...string) func(jsontext.Value) {
		return func(v jsontext.Value) {
			if own.read(name, v, into, "a text") && !slices.Contains(allowed, *into) {
				own.add(name, "unknown; use %s", strings.Join(allowed, ", "))
			}
		}
	}
	types := make([]string, 0, len(channelTypes()))
	for _, t := range channelTypes() {
		types = append(types, string(t))
	}
	object(&own, "", text, map[string]func(jsontext.Value){
		"name":         readText("name", &c.Name),
		"type":         oneOf("type", (*string)(&c.Type), types...),
		"url":          readText("url", &address),
		"secret":       readText("secret", &secret),
		"language":     oneOf("language", &c.Language, English, Chinese),
		"kinds":        func(v jsontext.Value) { c.Kinds = parseKinds(&own, "kinds", v) },
		"min_severity": oneOf("min_severity", (*string)(&c.MinSeverity), string(Critical), string(Warning), string(Info)),
		"accounts": func(v jsontext.Value) {
			if own.read("accounts", v, &c.Accounts, "a list of accounts' names") {
				if len(c.Accounts) == 0 {
					own.add("accounts", "empty: nothing would be reported; leave it out for every account")
				}
				if slices.ContainsFunc(c.Accounts, func(name string) bool { return !isName(name, core.MaxAccountName) }) {
					own.add("accounts", "a name that is not an account's")
				}
			}
		},
	})
	if !isName(c.Name, maxChannelName) {
		own.add("name", "missing or not one; write 1 to %d small letters, digits, - and _", maxChannelName)
		c.Name = ""
	} else {
		place = c.Name
	}
	if c.Type == "" {
		own.add("type", "missing; use %s", strings.Join(types, ", "))
	}
	if address == "" {
		own.add("url", "missing")
	}
	if secret != "" && slices.Contains(channelTypes(), c.Type) && !c.Type.signs() {
		own.add("secret", "%s signs nothing with one; leave it out", c.Type)
	}
	for _, problem := range own {
		p.add(place, "%s", problem)
	}
	c.URL = core.NewSecret(address)
	if secret != "" {
		c.Secret = core.NewSecret(secret)
	}
	return c
}

// isName reports whether a name has only small letters, digits, - and _.
func isName(name string, most int) bool {
	return name != "" && len(name) <= most && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" && name[0] != '-' && name[0] != '_'
}

func isID(id string) bool {
	return id != "" && len(id) <= maxCustomerID && !strings.ContainsFunc(id, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-' || r == '_')
	})
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = string(t)
	}
	return strings.Join(texts, ", ")
}

// HasChannel reports whether there is a channel of the name for the account.
func (c *Config) HasChannel(channel, account string) bool {
	return slices.ContainsFunc(c.Channels, func(o Channel) bool { return o.Name == channel && o.covers(account) })
}

// texts returns the texts that may be references, by the names for their errors.
func (c *Channel) texts() map[string]string {
	texts := map[string]string{c.textName("url"): c.URL.Reveal()}
	if !c.Secret.Empty() {
		texts[c.textName("secret")] = c.Secret.Reveal()
	}
	return texts
}

func (c *Channel) textName(member string) string { return Setting + ": " + c.Name + "." + member }

// with returns the Channel with its texts resolved and its address checked. The error does
// not quote the address.
func (c *Channel) with(resolved map[string]string) (*Channel, error) {
	ready := *c
	ready.URL = core.NewSecret(strings.TrimSpace(resolved[c.textName("url")]))
	if !c.Secret.Empty() {
		ready.Secret = core.NewSecret(strings.TrimSpace(resolved[c.textName("secret")]))
	}
	wrong := ""
	if c.Type == SNS {
		if _, err := parseTopic(ready.URL.Reveal()); err != nil {
			wrong = "not a topic; write its ARN, as arn:aws:sns:eu-central-1:123456789012:alerts"
		}
	} else if _, err := parseAddress(ready.URL.Reveal()); err != nil {
		wrong = "not an address that can be used; write https://host/path (http:// only for this machine itself)"
	}
	if wrong != "" {
		return nil, &core.Error{Op: "alert", Code: core.CodeMisconfigured, Param: c.textName("url"), Detail: wrong}
	}
	return &ready, nil
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
