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
	New keyNewCmd `cmd:"" help:"Create a key for the HTTP API, and its entry for PARTNERLENS_KEYS."`
}

type keyNewCmd struct {
	Name     string   `required:"" help:"Name of the caller, for the log."`
	Function []string `sep:"none" placeholder:"NAME" help:"A function that the key may use; repeatable. By default all."`
	Account  []string `sep:"none" placeholder:"NAME" help:"An account that the key may read; repeatable. By default all."`
	Expires  string   `placeholder:"WHEN" help:"When the key expires: 2027-06-30, 2027-06-30T12:00:00Z or 90d. By default never."`
	PII      bool     `name:"pii" help:"The key may read and search unmasked names, e-mail addresses and telephone numbers."`
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

// Run prints a new key. The key is stored nowhere.
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
		return core.Invalid("", "the API would not accept such a key: %s", core.AsError(err).Detail)
	}
	if c.Output == "json" {
		return printJSON(std.out, struct {
			Key   string   `json:"key"`
			Entry keyEntry `json:"entry"`
		}{key, entry})
	}
	if _, err := fmt.Fprintln(std.out, key); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(std.err, "%s\n", text)
	_, _ = fmt.Fprintf(std.err, "Give the key to %s, which sends it as Authorization: Bearer KEY. It is not shown again. Put the entry into %s: {\"keys\":[…]}.\n", c.Name, api.KeysSetting)
	return nil
}

// expiry parses a time, a date (its start in UTC) or a number of days.
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
		return at, core.Invalid("--expires", "neither a time, a date nor a number of days; write it as 2027-06-30T12:00:00Z, 2027-06-30 or 90d")
	}
	if !at.After(now) {
		return at, core.Invalid("--expires", "in the past; give a time in the future")
	}
	return at, nil
}
