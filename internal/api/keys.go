package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// KeysSetting names the setting that ParseKeys reads.
const KeysSetting = "PARTNERLENS_KEYS"

// A key is keyPrefix and 32 letters and digits: 160 random bits. Such a key
// cannot be guessed, nor found from its hash, so that plain SHA-256 without salt
// or stretching keeps it. What somebody made up would not be kept by it, and is
// shorter as a rule: nothing below 32 opens.
const (
	keyPrefix  = "plk_"
	keyLetters = 32
	maxKey     = 128
	hashPrefix = "sha256:"
)

// NewKey makes a key, and its hash as an entry of ParseKeys has it.
func NewKey() (key, hash string) {
	random := rand.Text() + rand.Text() // 26 letters each, 5 bits a letter
	key = keyPrefix + random[:keyLetters]
	sum := sha256.Sum256([]byte(key))
	return key, hashPrefix + hex.EncodeToString(sum[:])
}

// isKey says whether a text has a key's form.
func isKey(text string) bool {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	return ok && len(rest) >= keyLetters && len(text) <= maxKey && !strings.ContainsFunc(rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// Keys are who may ask, and for what. nil: no keys are configured. Safe for
// concurrent use.
type Keys struct {
	keys       []grant // with a hash
	principals []grant // with a principal
}

// grant is what one entry gives.
type grant struct {
	name      string
	hash      [sha256.Size]byte
	principal string   // exact, or what it begins with
	prefix    bool     // the latter
	functions []string // nil: every one
	accounts  []string // nil: every one
	expires   time.Time
	personal  bool
}

func (g *grant) expired(now time.Time) bool { return !g.expires.IsZero() && !now.Before(g.expires) }

// byKey gives the grant of a key. It looks at every hash to its end, whichever
// it finds, so that how long it takes tells nothing.
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

// byPrincipal gives the grant of whom the platform let in: of several that fit,
// the one that says most about whom it is for.
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

// tokenKeys are the keys of a server that has no other ones: its token, if it has one.
func tokenKeys(token core.Secret) *Keys {
	if token.Empty() {
		return &Keys{}
	}
	return &Keys{keys: []grant{{name: "token", hash: sha256.Sum256([]byte(token.Reveal())), personal: true}}}
}

// soon is how long before its end somebody should know of a key's.
const soon = 14 * 24 * time.Hour

// Doubts says what of the keys is likely to be a mistake: who opens nothing, or soon will
// not, and accounts that are not among those that are configured.
func (k *Keys) Doubts(now time.Time, accounts []string) (doubts []string) {
	usable := false
	for _, g := range slices.Concat(k.keys, k.principals) {
		switch {
		case g.expired(now):
			doubts = append(doubts, g.name+" expired at "+g.expires.Format(time.RFC3339)+": renew it or take it away")
		case !g.expires.IsZero() && g.expired(now.Add(soon)):
			doubts = append(doubts, g.name+" expires at "+g.expires.Format(time.RFC3339))
		}
		usable = usable || !g.expired(now)
		for _, account := range g.accounts {
			if !slices.Contains(accounts, account) {
				doubts = append(doubts, g.name+" may ask for the account "+account+", which is not configured here")
			}
		}
	}
	if !usable {
		doubts = append(doubts, "no key opens the door: make one with partnerlens key new")
	}
	return doubts
}

// ParseKeys reads the setting's text: {"keys":[…]}, with an entry for each key,
// and for each principal that the platform lets in and that is to have
// other rights than to ask everything, masked:
//
//	{"name":"crm","hash":"sha256:…","functions":["credit"],"accounts":["default"],"expires":"2027-06-30","pii":true}
//	{"name":"ops","principal":"arn:aws:sts::123456789012:assumed-role/ops/*","pii":true}
//
// functions and accounts left out are all, expires left out is never, pii left
// out is no. A date is its beginning, in UTC. With known given, functions must be among
// them. All that is wrong is told at once; what could be a key is never quoted.
func ParseKeys(text []byte, known ...string) (*Keys, error) {
	var document struct {
		Keys *[]jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &document, json.RejectUnknownMembers(true)); err != nil || document.Keys == nil {
		return nil, keysError([]string{`not a JSON object that has "keys" and nothing else, each name once, as {"keys":[{"name":"crm","hash":"sha256:…"}]}`})
	}
	p := keysParser{known: known, names: map[string]int{}, hashes: map[[sha256.Size]byte]int{}, principals: map[string]int{}}
	keys := &Keys{}
	for i, value := range *document.Keys {
		g, isKey := p.entry(i+1, value)
		if isKey {
			keys.keys = append(keys.keys, g)
		} else {
			keys.principals = append(keys.principals, g)
		}
	}
	if len(p.wrong) > 0 {
		return nil, keysError(p.wrong)
	}
	return keys, nil
}

// maxWrong is how many mistakes are told at once.
const maxWrong = 20

func keysError(wrong []string) *core.Error {
	if more := len(wrong) - maxWrong; more > 0 {
		wrong = append(wrong[:maxWrong:maxWrong], fmt.Sprintf("and %d more", more))
	}
	return &core.Error{Code: core.CodeMisconfigured, Param: KeysSetting, Detail: strings.Join(wrong, "; ")}
}

type keysParser struct {
	known      []string
	wrong      []string
	names      map[string]int // to the entry's number
	hashes     map[[sha256.Size]byte]int
	principals map[string]int
}

// entryMembers are what an entry may have.
var entryMembers = []string{"name", "hash", "principal", "functions", "accounts", "expires", "pii"}

func (p *keysParser) entry(number int, value jsontext.Value) (g grant, isKey bool) {
	which := fmt.Sprintf("entry %d", number)
	wrong := func(format string, args ...any) {
		p.wrong = append(p.wrong, which+": "+fmt.Sprintf(format, args...))
	}
	var members map[string]jsontext.Value
	if value.Kind() != '{' || json.Unmarshal(value, &members) != nil {
		wrong("not an object")
		return g, false
	}
	var ok bool
	switch g.name, ok = asText(members["name"]); {
	case members["name"] == nil:
		wrong("name: missing; say whose key it is, for the log")
	case !ok || !isName(g.name):
		wrong("name: must be 1 to 64 letters, digits or marks of ASCII, without spaces, quotation marks and backslashes, and no key")
	case p.names[g.name] != 0:
		wrong("name: entry %d has the same", p.names[g.name])
	default:
		p.names[g.name] = number
		which = fmt.Sprintf("entry %d (%s)", number, g.name)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch {
		case slices.Contains(entryMembers, name):
		case printable(name) != "" && !strings.Contains(name, keyPrefix):
			wrong("%s: unknown; there may be %s", name, strings.Join(entryMembers, ", "))
		default:
			wrong("a member is unknown; there may be %s", strings.Join(entryMembers, ", "))
		}
	}
	hash, hasHash := members["hash"]
	principal, hasPrincipal := members["principal"]
	switch {
	case hasHash == hasPrincipal:
		wrong("must have a hash, for a key, or a principal, for whom the platform lets in, and not both")
	case hasHash:
		p.hash(&g, hash, number, wrong)
	default:
		p.principal(&g, principal, number, wrong)
	}
	g.functions = p.list("functions", members, wrong, func(name string) bool {
		return isName(name) && (len(p.known) == 0 || slices.Contains(p.known, name))
	})
	g.accounts = p.list("accounts", members, wrong, func(name string) bool { return isName(name) && name != core.AllAccounts })
	if value, given := members["expires"]; given {
		text, _ := asText(value)
		if g.expires, ok = parseExpiry(text); !ok {
			wrong("expires: not a moment; write it as 2027-06-30T00:00:00Z, or 2027-06-30, or leave it out for never")
		}
	}
	switch pii := members["pii"]; {
	case pii == nil || pii.Kind() == 'f':
	case pii.Kind() == 't':
		g.personal = true
	default:
		wrong("pii: must be true or false")
	}
	return g, hasHash
}

func (p *keysParser) hash(g *grant, value jsontext.Value, number int, wrong func(string, ...any)) {
	text, _ := asText(value)
	digits, ok := strings.CutPrefix(text, hashPrefix)
	n, err := hex.Decode(g.hash[:], []byte(digits[:min(len(digits), 2*len(g.hash))]))
	switch {
	case strings.HasPrefix(text, keyPrefix):
		wrong("hash: this is a key itself, which is to be kept by who asks with it; give the hash that partnerlens key new printed, and make a new key, since this one was written down")
	case !ok || err != nil || n != len(g.hash) || len(digits) != 2*len(g.hash):
		wrong("hash: must be sha256: and 64 hexadecimal digits, as partnerlens key new printed it")
	case p.hashes[g.hash] != 0:
		wrong("hash: entry %d has the same", p.hashes[g.hash])
	default:
		p.hashes[g.hash] = number
	}
}

func (p *keysParser) principal(g *grant, value jsontext.Value, number int, wrong func(string, ...any)) {
	text, ok := asText(value)
	g.principal, g.prefix = strings.CutSuffix(text, "*")
	switch {
	case !ok || text == "" || len(text) > maxPrincipal || strings.HasPrefix(text, keyPrefix) || strings.ContainsAny(g.principal, "*") || clean(text, maxPrincipal) != text:
		wrong("principal: must be a text as the audit line shows it, or its beginning and a * at the end")
	case p.principals[text] != 0:
		wrong("principal: entry %d has the same", p.principals[text])
	default:
		p.principals[text] = number
	}
}

// list reads a list of names. An empty one is refused: it could mean none as
// well as all.
func (p *keysParser) list(member string, members map[string]jsontext.Value, wrong func(string, ...any), fits func(string) bool) []string {
	value, given := members[member]
	if !given {
		return nil
	}
	var elements []jsontext.Value
	if value.Kind() != '[' || json.Unmarshal(value, &elements) != nil || len(elements) == 0 {
		wrong("%s: must be a list with at least one name; leave it out for all", member)
		return nil
	}
	var names []string
	for i, element := range elements {
		name, ok := asText(element)
		if !ok || !fits(name) {
			known := ""
			if member == "functions" && len(p.known) > 0 {
				known = ": there are " + strings.Join(p.known, " and ")
			}
			wrong("%s: number %d is none%s; leave %[1]s out for all", member, i+1, known)
		}
		names = append(names, name)
	}
	return names
}

func asText(value jsontext.Value) (text string, ok bool) {
	return text, value.Kind() == '"' && json.Unmarshal(value, &text) == nil
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
