package secrets

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Reference names the place of a credential.
type Reference struct {
	Scheme  string // "aws-sm"
	Name    string // of the secret, as its store names it
	Version string // "": the store's current one
	JSONKey string // the member of a secret that is a JSON object; "": the whole secret
}

// The schemes.
const (
	schemeEnv        = "env"
	schemeFile       = "file"
	schemeAWSSecrets = "aws-sm"
	schemeAWSParams  = "aws-ssm"
	schemeTencent    = "tencent-ssm"
	schemeHuawei     = "huawei-csms"
)

// parts say what may follow a name.
var parts = map[string]struct{ version, jsonKey bool }{
	schemeEnv:        {},
	schemeFile:       {},
	schemeAWSSecrets: {jsonKey: true},
	schemeAWSParams:  {},
	schemeTencent:    {version: true, jsonKey: true},
	schemeHuawei:     {jsonKey: true},
}

// maxName is longer than any store's bound (AWS: an ARN of 2048).
const maxName = 2100

// Parse parses a setting's text; is reports whether it is a reference and not the
// credential itself. The error quotes nothing of the text but the scheme.
func Parse(text string) (ref Reference, is bool, err error) {
	scheme, rest, found := strings.Cut(text, ":")
	may, known := parts[scheme]
	if !found || !known {
		return Reference{}, false, nil
	}
	ref = Reference{Scheme: scheme, Name: rest}
	if may.jsonKey {
		ref.Name, ref.JSONKey, found = strings.Cut(ref.Name, "#")
		if found && ref.JSONKey == "" {
			return ref, true, core.Invalid("", "ends in #; write the JSON member's name after it, as %s:NAME#secret_key", scheme)
		}
	}
	if may.version {
		ref.Name, ref.Version, found = strings.Cut(ref.Name, "@")
		if found && ref.Version == "" {
			return ref, true, core.Invalid("", "has an empty version; write it after the @, as %s:NAME@v1", scheme)
		}
	}
	switch {
	case ref.Name == "":
		return ref, true, core.Invalid("", "names nothing; write %s:NAME", scheme)
	case len(ref.Name) > maxName, strings.ContainsFunc(ref.Name+ref.Version, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return ref, true, core.Invalid("", "is not a name that %s could have", scheme)
	case scheme == schemeFile && !strings.HasPrefix(ref.Name, "/"):
		return ref, true, core.Invalid("", "is not a whole path; write file:/folder/file")
	case scheme == schemeHuawei && strings.ContainsAny(ref.Name, "/?%"), scheme == schemeTencent && strings.ContainsAny(ref.Name, "/?%"):
		return ref, true, core.Invalid("", "is not a name that %s could have", scheme)
	}
	return ref, true, nil
}

// secret returns the Reference to the whole secret, which several may share.
func (r Reference) secret() Reference {
	r.JSONKey = ""
	return r
}

// String returns the text that Parse parses. A name is no secret.
func (r Reference) String() string {
	text := r.Scheme + ":" + r.Name
	if r.Version != "" {
		text += "@" + r.Version
	}
	if r.JSONKey != "" {
		text += "#" + r.JSONKey
	}
	return text
}

// member returns the credential in a whole secret.
func (r Reference) member(whole core.Secret) (string, error) {
	if r.JSONKey == "" {
		return strings.TrimRight(whole.Reveal(), "\r\n"), nil // as editors leave a file
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(whole.Reveal()), &members); err != nil || members == nil {
		return "", broken("the secret is not a JSON object, so it has no member %s; store it as {\"%s\":\"…\"}, or leave out #%s", r.JSONKey, r.JSONKey, r.JSONKey)
	}
	value, there := members[r.JSONKey]
	if !there {
		return "", broken("the secret's JSON has no member %s", r.JSONKey)
	}
	var text string
	if value.Kind() != '"' || json.Unmarshal(value, &text) != nil || text == "" {
		return "", broken("the secret's JSON has a member %s that is no text, or an empty one", r.JSONKey)
	}
	return text, nil
}

func broken(format string, args ...any) *core.Error {
	failure := core.Invalid("", format, args...)
	failure.Code = core.CodeMisconfigured
	return failure
}
