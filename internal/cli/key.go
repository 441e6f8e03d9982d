package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

type keyCmd struct {
	New keyNewCmd `cmd:"" help:"Make a key for the HTTP API, and its entry for PARTNERLENS_KEYS."`
}

type keyNewCmd struct {
	Name     string   `required:"" help:"Whose key it is, for the log."`
	Function []string `sep:"none" placeholder:"NAME" help:"A function that it may ask; may be given several times. All unless given."`
	Account  []string `sep:"none" placeholder:"NAME" help:"An account that it may ask for; may be given several times. All unless given."`
	Expires  string   `placeholder:"WHEN" help:"Until when it holds: 2027-06-30, 2027-06-30T12:00:00Z, or 90d. For ever unless given."`
	PII      bool     `name:"pii" help:"It may see names, e-mail addresses and telephone numbers whole, and search by them."`
	Output   string   `enum:"text,json" default:"text" help:"text: the key on stdout, its entry on stderr; json: both as one object on stdout."`
}

// keyEntry is an entry of PARTNERLENS_KEYS.
type keyEntry struct {
	Name      string   `json:"name"`
	Hash      string   `json:"hash"`
	Functions []string `json:"functions,omitempty"`
	Accounts  []string `json:"accounts,omitempty"`
	Expires   string   `json:"expires,omitempty"`
	PII       bool     `json:"pii,omitzero"`
}

// Run prints a new key. It is kept nowhere.
func (c *keyNewCmd) Run(std streams) error {
	key, hash := api.NewKey()
	entry := keyEntry{Name: c.Name, Hash: hash, Functions: c.Function, Accounts: c.Account, PII: c.PII}
	if c.Expires != "" {
		at, err := expiry(c.Expires, time.Now())
		if err != nil {
			return err
		}
		entry.Expires = at.Format(time.RFC3339)
	}
	text, err := core.AppendJSON(nil, entry)
	if err != nil {
		return err
	}
	if _, err := api.ParseKeys(fmt.Appendf(nil, `{"keys":[%s]}`, text), app.FunctionNames()...); err != nil {
		return core.Invalid("", "such a key would not be taken: %s", core.AsError(err).Detail)
	}
	if c.Output == "json" {
		both, err := core.AppendJSON(nil, struct {
			Key   string   `json:"key"`
			Entry keyEntry `json:"entry"`
		}{key, entry})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%s\n", both)
		return err
	}
	if _, err := fmt.Fprintln(std.out, key); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "%s\n", text)
	fmt.Fprintf(std.err, "Give the key to %s, who sends it as Authorization: Bearer KEY; it is shown this once. Put the entry into %s: {\"keys\":[…]}.\n", c.Name, api.KeysSetting)
	return nil
}

// expiry reads a moment, a date, which is its beginning in UTC, or a number of days.
func expiry(text string, now time.Time) (time.Time, error) {
	var at time.Time
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return at, core.Invalid("--expires", "not a number of days; write it as 90d")
		}
		at = now.UTC().Truncate(time.Second).AddDate(0, 0, int(n))
	} else if moment, err := time.Parse(time.RFC3339, text); err == nil {
		at = moment.UTC()
	} else if at, err = time.Parse(time.DateOnly, text); err != nil {
		return at, core.Invalid("--expires", "neither a moment, a date nor a number of days; write it as 2027-06-30T12:00:00Z, 2027-06-30 or 90d")
	}
	if !at.After(now) {
		return at, core.Invalid("--expires", "over already; such a key would open nothing")
	}
	return at, nil
}
