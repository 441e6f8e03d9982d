package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
)

// KeysSetting names the setting that ParseKeys reads.
const KeysSetting = "PARTNERLENS_KEYS"

// A key is keyPrefix and 32 letters and digits: 160 random bits. Such a key
// cannot be guessed or found from its hash, so plain SHA-256 without salt or stretching
// protects it. A key that a person made up would not be protected, and is shorter as a
// rule: shorter keys are refused.
const (
	keyPrefix  = "plk_"
	keyLetters = 32
	maxKey     = 128
	hashPrefix = "sha256:"
)

// NewKey returns a new key, and its hash for an entry of ParseKeys.
func NewKey() (key, hash string) {
	random := rand.Text() + rand.Text() // 26 letters each, 5 bits a letter
	key = keyPrefix + random[:keyLetters]
	sum := sha256.Sum256([]byte(key))
	return key, hashPrefix + hex.EncodeToString(sum[:])
}

// isKey reports whether a text has the form of a key.
func isKey(text string) bool {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	return ok && len(rest) >= keyLetters && len(text) <= maxKey && !strings.ContainsFunc(rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// Keys authenticate and authorize callers. nil means that no keys are configured. Keys are
// safe for concurrent use.
type Keys struct {
	keys       []grant // with a hash
	principals []grant // with a principal
}

// grant is the right of one entry.
type grant struct {
	name      string
	hash      [sha256.Size]byte
	principal string   // exact, or a prefix
	prefix    bool     // principal is a prefix
	functions []string // nil: every one
	accounts  []string // nil: every one
	expires   time.Time
	personal  bool
}

func (g *grant) expired(now time.Time) bool { return !g.expires.IsZero() && !now.Before(g.expires) }

// byKey returns the grant of a key. It compares every hash in whole, so that its duration
// reveals nothing.
func (k *Keys) byKey(key string) (grant, bool) {
	sum := sha256.Sum256([]byte(key))
	found := -1
	for i := range k.keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], k.keys[i].hash[:]), i, found)
	}
	if found < 0 || !isKey(key) {
		return grant{}, false
	}
	return k.keys[found], true
}

// byPrincipal returns the grant of a principal that the platform authenticated: of several
// that match, the most specific.
func (k *Keys) byPrincipal(principal string) (grant, bool) {
	var best grant
	found := false
	for _, g := range k.principals {
		fits := g.principal == principal || g.prefix && strings.HasPrefix(principal, g.principal)
		if fits && (!found || !g.prefix || best.prefix && len(g.principal) > len(best.principal)) {
			best, found = g, true
		}
	}
	return best, found
}

// tokenKeys are the keys of a server without configured keys: its token, if it has one.
func tokenKeys(token core.Secret) *Keys {
	if token.Empty() {
		return &Keys{}
	}
	return &Keys{keys: []grant{{name: "token", hash: sha256.Sum256([]byte(token.Reveal())), personal: true}}}
}

// soon is how long before its expiry a key is reported.
const soon = 14 * 24 * time.Hour

// Doubts returns likely mistakes: keys that have expired or soon will, and accounts that
// are not configured.
func (k *Keys) Doubts(now time.Time, accounts []string) (doubts []string) {
	usable := false
	for _, g := range slices.Concat(k.keys, k.principals) {
		switch {
		case g.expired(now):
			doubts = append(doubts, g.name+" expired at "+g.expires.Format(time.RFC3339)+": renew it or remove it")
		case !g.expires.IsZero() && g.expired(now.Add(soon)):
			doubts = append(doubts, g.name+" expires at "+g.expires.Format(time.RFC3339))
		}
		usable = usable || !g.expired(now)
		for _, account := range g.accounts {
			if !slices.Contains(accounts, account) {
				doubts = append(doubts, g.name+" may read the account "+account+", which is not configured here")
			}
		}
	}
	if !usable {
		doubts = append(doubts, "no key is valid: create one with partnerlens key new")
	}
	return doubts
}

// ParseKeys reads the setting's text: {"keys":[…]}, with an entry for each key,
// and for each principal that the platform authenticates and whose rights differ from
// reading everything masked:
//
//	{"name":"crm","hash":"sha256:…","functions":["credit"],"accounts":["default"],"expires":"2027-06-30","pii":true}
//	{"name":"ops","principal":"arn:aws:sts::123456789012:assumed-role/ops/*","pii":true}
//
// functions and accounts left out are all, expires left out is never, pii left
// out is no. A date is its beginning, in UTC. With known given, functions must be among
// them. The error names every mistake, and quotes nothing that could be a key.
func ParseKeys(text []byte, known ...string) (*Keys, error) {
	var doc keysSetting
	p := settings.Decode(text, &doc)
	keys := &Keys{}
	names, hashes, principals := map[string]int{}, map[string]int{}, map[string]int{}
	for i, value := range doc.Keys {
		entry := entrySetting{known: known}
		problems := settings.Decode(value, &entry)
		place := fmt.Sprintf("entry %d", i+1)
		unique := func(path, text string, seen map[string]int) {
			if seen[text] != 0 {
				problems.Add(path, "entry %d has the same", seen[text])
			} else if text != "" {
				seen[text] = i + 1
			}
		}
		if isName(entry.Name) {
			if unique("name", entry.Name, names); names[entry.Name] == i+1 {
				place += " (" + entry.Name + ")"
			}
		}
		g := entry.grant()
		if entry.Principal != nil {
			unique("principal", *entry.Principal, principals)
			keys.principals = append(keys.principals, g)
		} else {
			if g.hash != [sha256.Size]byte{} {
				unique("hash", string(g.hash[:]), hashes)
			}
			keys.keys = append(keys.keys, g)
		}
		p.Within(place+": ", problems)
	}
	if err := p.Err(KeysSetting); err != nil {
		return nil, err
	}
	return keys, nil
}

// keysSetting is the setting as JSON.
type keysSetting struct {
	Keys []jsontext.Value `json:"keys" want:"a list of entries, as [{\"name\":\"crm\",\"hash\":\"sha256:…\"}]"`
}

func (s *keysSetting) Validate() (p settings.Problems) {
	if s.Keys == nil {
		p.Add("keys", "missing; write {\"keys\":[{\"name\":\"crm\",\"hash\":\"sha256:…\"}]}")
	}
	return p
}

// entrySetting is an entry as JSON.
type entrySetting struct {
	Name      string   `json:"name" want:"a text"`
	Hash      *string  `json:"hash" want:"sha256: and 64 hexadecimal digits, as partnerlens key new printed it"`
	Principal *string  `json:"principal" want:"a text as the audit line shows it"`
	Functions []string `json:"functions" want:"a list of names; leave it out for all"`
	Accounts  []string `json:"accounts" want:"a list of names; leave it out for all"`
	Expires   *string  `json:"expires" want:"a moment; write it as 2027-06-30T00:00:00Z, or 2027-06-30, or leave it out for never"`
	PII       bool     `json:"pii" want:"true or false"`

	known []string // functions
}

func (e *entrySetting) Validate() (p settings.Problems) {
	switch {
	case e.Name == "":
		p.Add("name", "missing; say whose key it is, for the log")
	case !isName(e.Name):
		p.Add("name", "not 1 to 64 letters, digits or marks of ASCII, without spaces, quotation marks and backslashes, and no key")
	}
	if (e.Hash == nil) == (e.Principal == nil) {
		p.Add("", "must have a hash, for a key, or a principal, for a caller that the platform authenticates, and not both")
	}
	if e.Hash != nil {
		_, ok := parseHash(*e.Hash)
		switch {
		case strings.HasPrefix(*e.Hash, keyPrefix):
			p.Add("hash", "this is a key itself, which only its caller may keep; give the hash that partnerlens key new printed, and make a new key, since this one was written down")
		case !ok:
			p.Add("hash", "not sha256: and 64 hexadecimal digits, as partnerlens key new printed it")
		}
	}
	if e.Principal != nil {
		text := *e.Principal
		if text == "" || len(text) > maxPrincipal || strings.HasPrefix(text, keyPrefix) || strings.Contains(strings.TrimSuffix(text, "*"), "*") || clean(text, maxPrincipal) != text {
			p.Add("principal", "not a text as the audit line shows it, nor its beginning and a * at the end")
		}
	}
	among := ""
	if len(e.known) > 0 {
		among = ": there are " + strings.Join(e.known, " and ")
	}
	validateNames(&p, "functions", e.Functions, among, func(name string) bool {
		return isName(name) && (len(e.known) == 0 || slices.Contains(e.known, name))
	})
	validateNames(&p, "accounts", e.Accounts, "", func(name string) bool { return isName(name) && name != core.AllAccounts })
	if e.Expires != nil {
		if _, ok := parseExpiry(*e.Expires); !ok {
			p.Add("expires", "not a moment; write it as 2027-06-30T00:00:00Z, or 2027-06-30, or leave it out for never")
		}
	}
	return p
}

// validateNames checks a list of names. An empty one is refused: it could mean none as
// well as all.
func validateNames(p *settings.Problems, member string, names []string, among string, fits func(string) bool) {
	if names != nil && len(names) == 0 {
		p.Add(member, "not a list with at least one name; leave it out for all")
	}
	for i, name := range names {
		if !fits(name) {
			p.Add(member, "number %d is none%s; leave %s out for all", i+1, among, member)
		}
	}
}

// grant returns the grant of an entry without mistakes.
func (e *entrySetting) grant() grant {
	g := grant{name: e.Name, functions: e.Functions, accounts: e.Accounts, personal: e.PII}
	if e.Hash != nil {
		g.hash, _ = parseHash(*e.Hash)
	}
	if e.Principal != nil {
		g.principal, g.prefix = strings.CutSuffix(*e.Principal, "*")
	}
	if e.Expires != nil {
		g.expires, _ = parseExpiry(*e.Expires)
	}
	return g
}

func parseHash(text string) (hash [sha256.Size]byte, ok bool) {
	digits, ok := strings.CutPrefix(text, hashPrefix)
	if !ok || len(digits) != 2*len(hash) {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(digits))
	return hash, err == nil
}

// isName says whether a text can stand in a log line as a name.
func isName(text string) bool {
	return text != "" && len(text) <= 64 && !strings.Contains(text, keyPrefix) && !strings.HasPrefix(text, hashPrefix) &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

// parseExpiry reads a moment, or a date, which is its beginning in UTC.
func parseExpiry(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
