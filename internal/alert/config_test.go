package alert

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

// planted is a key that may be pasted anywhere.
const planted = "hooks.example/T000/B000/planted-key"

func TestParseConfig(t *testing.T) {
	t.Parallel()
	c, err := ParseConfig([]byte(`{
		"rules": {"expiry_days": 14, "hysteresis_percent": 5, "partner_low": "5000.00", "reseller_low": "5%", "overrides": {"200000000001": "500.00", "200000000002": "5%"}, "kinds": ["credit_low", "customer_gone"]},
		"quiet": true,
		"channels": [
			{"name": "ops", "type": "slack", "url": "aws-sm:partnerlens#slack"},
			{"name": "sales-cn", "type": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send?access_token=x", "secret": "env:DING", "language": "zh", "kinds": ["tag_eligible"], "accounts": ["north", "south"], "min_severity": "info"},
			{"name": "topic", "type": "sns", "url": "arn:aws:sns:eu-central-1:123456789012:alerts.fifo", "min_severity": "critical"}
		]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Rules; r.ExpiryDays != 14 || r.HysteresisPercent != 5 || r.Overrides["200000000001"].String() != "500.00" || r.Overrides["200000000002"].String() != "5%" || !slices.Equal(r.Kinds, []Kind{CreditLow, CustomerGone}) {
		t.Errorf("rules %+v", r)
	}
	if r := c.Rules; r.PartnerLow.String() != "5000.00" || r.ResellerLow.String() != "5%" {
		t.Errorf("rules %+v", r)
	}
	ops, sales := c.Channels[0], c.Channels[1]
	if !c.Quiet || ops.Language != English || ops.MinSeverity != Info || ops.Kinds != nil || ops.Accounts != nil || !ops.Secret.Empty() || !ops.covers("any") {
		t.Errorf("%+v", ops)
	}
	if sales.Type != DingTalk || sales.Language != Chinese || sales.covers("east") || !sales.covers("north") || sales.wants(CreditForced) || !sales.wants(TagEligible) {
		t.Errorf("%+v", sales)
	}
	want := map[string]string{
		"PARTNERLENS_ALERTS: ops.url": "aws-sm:partnerlens#slack", "PARTNERLENS_ALERTS: sales-cn.secret": "env:DING",
		"PARTNERLENS_ALERTS: sales-cn.url": "https://oapi.dingtalk.com/robot/send?access_token=x",
		"PARTNERLENS_ALERTS: topic.url":    "arn:aws:sns:eu-central-1:123456789012:alerts.fifo",
	}
	got := make(map[string]string)
	for _, channel := range c.Channels {
		maps.Copy(got, channel.texts())
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if _, err := c.Channels[0].with(c.Channels[0].texts()); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "ops.url") {
		t.Errorf("an unresolved reference: %v", err)
	}
	got["PARTNERLENS_ALERTS: ops.url"], got["PARTNERLENS_ALERTS: sales-cn.secret"] = "https://hooks.slack.com/services/T/B/k\n", "SEC1"
	var ready []*Channel
	for _, channel := range c.Channels {
		r, err := channel.with(got)
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, r)
	}
	if ready[0].URL.Reveal() != "https://hooks.slack.com/services/T/B/k" || ready[1].Secret.Reveal() != "SEC1" || c.Channels[1].Secret.Reveal() != "env:DING" {
		t.Errorf("%+v", ready)
	}
	if shown := fmt.Sprintf("%v %+v %#v", *ready[0], *ready[1], *ready[1]); strings.Contains(shown, "SEC1") || strings.Contains(shown, "hooks.slack.com") {
		t.Errorf("shows %s", shown)
	}
	if c, err := ParseConfig(nil); err != nil || len(c.Channels) != 0 || c.Quiet {
		t.Errorf("nothing: %+v, %v", c, err)
	}
}

func TestParseConfigErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`[]`:                          {"not a JSON object"},
		`{"a":1,"a":2}`:               {"not a JSON object"},
		`null`:                        {"not a JSON object"},
		`{"chanels":[],"quiet":"no"}`: {"chanels: no such member; write channels", "quiet: not true or false"},
		`{"` + planted + `":1}`:       {"a member is unknown, and not shown"},
		`{"rules":{"expiry_days":0,"hysteresis_percent":101,"kinds":["credit_lo"],"overrides":{"200000000001":"` + planted + `","a b":"1"},"partner_low":"-1","reseller_low":"101%","low":1}}`: {
			"rules.expiry_days: not a whole number from 1 to 365", "rules.hysteresis_percent: not a whole number from 1 to 100",
			"rules.kinds: a kind that is not known; there are partner_low, credit_forced,", "rules.partner_low: not a threshold", "rules.reseller_low: not a threshold", "rules.overrides.200000000001: not a threshold",
			"rules.overrides: a name that is not a customer's id", "rules.low: no such member",
		},
		`{"rules":{"kinds":[]}}`:         {"rules.kinds: empty"},
		`{"rules":{"expiry_days":null}}`: {"rules.expiry_days: not a whole number"},
		`{"rules":{"expiry_days":7.5}}`:  {"rules.expiry_days: not a whole number"},
		`{"channels":{"name":"ops"}}`:    {"channels: not a list"},
		`{"channels":[{"url":"` + planted + `"}, "x", {"name":"` + planted + `","type":"` + planted + `","url":"x"}]}`: {
			"channel 1: name: missing", "channel 1: type: missing; use webhook, slack, teams, feishu, dingtalk, wecom, sns",
			"channel 2: not a JSON object", "channel 3: name: missing or not one", "channel 3: type: unknown",
		},
		`{"channels":[{"name":"ops","type":"slack","url":"x","secret":"` + planted + `"},{"name":"ops","type":"feishu","url":""}]}`: {
			"ops: secret: slack signs nothing with one", "ops: two channels have this name", "ops: url: missing",
		},
		`{"channels":[{"name":"ops","type":"webhook","url":"x","language":"de","kinds":"all","accounts":[],"min_severity":"bad","token":"` + planted + `"}]}`: {
			"ops: language: unknown; use en, zh", "ops: kinds: not a list of kinds", "ops: accounts: empty", "ops: min_severity: unknown; use critical, warning, info",
			"ops: token: no such member",
		},
		`{"channels":[{"name":"ops","type":"webhook","url":"x","accounts":["` + planted + `"]}]}`:     {"ops: accounts: a name that is not an account's"},
		`{"channels":[` + strings.Repeat(`{"name":"a","type":"sns","url":"x"},`, 30)[:30*36-1] + `]}`: {"channels: more than 20"},
	} {
		_, err := ParseConfig([]byte(text))
		failure := core.AsError(err)
		if failure == nil || failure.Code != core.CodeMisconfigured || failure.Param != Setting {
			t.Errorf("ParseConfig(%s) = %v", text, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("ParseConfig(%s)\nsays %v\nwithout %q", text, err, part)
			}
		}
		if strings.Contains(err.Error(), "planted") {
			t.Errorf("ParseConfig(%s) quotes a key: %v", text, err)
		}
	}
}

// A mistake disables the channel or the rules that it is in, and nothing else.
func TestParseConfigKeepsValidParts(t *testing.T) {
	t.Parallel()
	const good = `{"name":"ops","type":"webhook","url":"https://host.example"}`
	for _, test := range []struct {
		name, text string
		channels   []string
		noRules    bool
	}{
		{"nothing wrong", `{"channels":[` + good + `]}`, []string{"ops"}, false},
		{"one channel", `{"channels":[` + good + `,{"name":"crm","type":"carrier-pigeon","url":"x"}]}`, []string{"ops"}, false},
		{"a name twice", `{"channels":[` + good + `,` + good + `]}`, []string{"ops"}, false},
		{"the list of channels", `{"rules":{"expiry_days":9},"channels":7}`, nil, false},
		{"names", `{"channels":[` + good + `,{"name":"crm","type":"webhook","url":"https://host.example","names":"whole"}]}`, []string{"ops"}, false},
		{"the baseline", `{"baseline":"loud","channels":[` + good + `]}`, []string{"ops"}, false},
		{"a channel's baseline", `{"channels":[` + good + `,{"name":"crm","type":"webhook","url":"https://host.example","baseline":""}]}`, []string{"ops"}, false},
		{"quiet", `{"quiet":7,"channels":[` + good + `]}`, []string{"ops"}, false},
		{"a rule", `{"rules":{"expiry_days":0},"channels":[` + good + `]}`, []string{"ops"}, true},
		{"a name that is misspelt", `{"rulez":{},"channels":[` + good + `]}`, []string{"ops"}, true},
		{"not JSON", `{"channels":[`, nil, true},
	} {
		c, err := ParseConfig([]byte(test.text))
		var names []string
		for _, channel := range c.Channels {
			names = append(names, channel.Name)
		}
		if (err == nil) != (test.name == "nothing wrong") || !errors.Is(c.Err, err) || !slices.Equal(names, test.channels) || c.NoRules != test.noRules {
			t.Errorf("%s: %q, no rules %t, %v", test.name, names, c.NoRules, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"https://hooks.slack.com/services/T/B/k": true, "https://host:8443/p?access_token=x": true, "http://127.0.0.1:8080/x": true, "http://localhost/x": true, "http://[::1]/x": true,
		"http://host/x": false, "http://127.0.0.1.evil.example/x": false, "https://user:pw@host/x": false, "https://host/#f": false, "ftp://host/x": false, "//host/x": false,
		"host/x": false, "": false, "https:///x": false, "aws-sm:partnerlens#slack": false, "https://host/a b": false, "https://host/\r\nx": false, "https://h\u00f6st/x": false,
	} {
		c := &Channel{Name: "ops", Type: Webhook, URL: core.NewSecret(text)}
		_, err := c.with(c.texts())
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q is quoted: %v", text, err)
		}
	}
	for text, ok := range map[string]bool{
		"arn:aws:sns:eu-central-1:123456789012:alerts": true, "arn:aws-cn:sns:cn-north-1:123456789012:alerts.fifo": true,
		"arn:aws:sqs:eu-central-1:123456789012:alerts": false, "arn:aws:sns:eu-central-1:1:alerts": false, "arn:aws:sns:e.evil/x:123456789012:a": false,
		"arn:aws:sns:eu-central-1:123456789012:": false, "arn:aws:sns:eu-central-1:123456789012:a:b": false, "https://sns.eu-central-1.amazonaws.com": false,
	} {
		c := &Channel{Name: "topic", Type: SNS, URL: core.NewSecret(text)}
		if _, err := c.with(c.texts()); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{`{}`, `{"rules":{"overrides":{"1":"5%"}},"channels":[{"name":"a","type":"sns","url":"arn:aws:sns:r:123456789012:t"}]}`, `{"channels":[{}]}`, `{"quiet":null}`,
		`{"channels":[{"name":"a","type":"email","url":"smtp://h","from":"a@b.c","to":["d@e.f"],"split":"owner","owners":["x"],"owner_channels":{"x":"x@y.z"}}]}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			if failure := core.AsError(err); failure.Code != core.CodeMisconfigured || failure.Detail == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		seen := make(map[string]bool)
		for _, channel := range c.Channels {
			if seen[channel.Name] || !isName(channel.Name) || !slices.Contains(channelTypes(), channel.Type) || channel.URL.Empty() {
				t.Fatalf("%q gives %+v", text, channel)
			}
			seen[channel.Name] = true
			if ready, err := channel.with(channel.texts()); err == nil && ready.Name != channel.Name {
				t.Fatalf("%q", text)
			}
		}
	})
}

// A channel without names or baseline has the defaults, and the baseline beside the channels
// is of those without one.
func TestNamesAndBaseline(t *testing.T) {
	t.Parallel()
	const channel = `{"name":"%s","type":"webhook","url":"https://host.example"%s}`
	for _, test := range []struct {
		baseline, member string
		names            Names
		want             Baseline
	}{
		{"", "", NamesMasked, BaselineList},
		{"", `,"names":"full","baseline":"quiet"`, NamesFull, BaselineQuiet},
		{`"baseline":"quiet",`, `,"names":"masked"`, NamesMasked, BaselineQuiet},
		{`"baseline":"quiet",`, `,"baseline":"list"`, NamesMasked, BaselineList},
	} {
		c, err := ParseConfig([]byte(`{` + test.baseline + `"channels":[` + fmt.Sprintf(channel, "ops", test.member+`,"accounts":["main"]`) + `]}`))
		if err != nil || c.Channels[0].Names != test.names || c.Channels[0].Baseline != test.want {
			t.Errorf("%+v: %+v, %v", test, c.Channels, err)
		}
		if c.FullNames("main") != (test.names == NamesFull) || c.Opening("main") != (test.want == BaselineList) || c.FullNames("other") || c.Opening("other") {
			t.Errorf("%+v: names %t, opening %t", test, c.FullNames("main"), c.Opening("main"))
		}
	}
	for text, want := range map[string]string{
		`{"channels":[{"name":"ops","type":"webhook","url":"https://host.example","names":"whole"}]}`: "ops: names: unknown; use masked or full",
		`{"baseline":"loud"}`: "baseline: unknown; use list or quiet",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
