package host

import (
	"context"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A principal is the caller as the platform authenticated it. It comes from the members
// of an event that a caller cannot write, never from headers. The result of an
// authorizer function of the reseller's own does not count, since it may allow every
// caller. A value of an unexpected form gives no principal.
//
// A principal is one of
//
//	arn:aws:…        an IAM identity, if the trigger requires AWS_IAM
//	jwt:SUBJECT      the subject of a token that a JWT or Cognito authorizer verified
//	jwt-client:ID    the client of a token without a subject
//
// so that a token's subject cannot pass for an IAM identity.

// Origin is what a request's event says beside the request.
type Origin struct {
	Trigger   string // one of the Trigger constants
	Principal string // the caller that the platform authenticated; "" if it did not
	// BasePath is the path before the request's path in the caller's URL, as far as the event
	// has it: a stage, and the base path of a custom domain's mapping.
	BasePath string
	// LastValues means that the query has only the last value of a repeated parameter.
	LastValues bool
}

type originKey struct{}

// OriginOf returns the origin of a request by its context; the zero Origin if the request
// does not come from this package.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// principal returns the principal of payload format 2.0.
func (rc *requestContext) principal() string {
	if arn := text(rc.Authorizer, "iam", "userArn"); isARN(arn) {
		return arn
	}
	return tokenPrincipal(member(rc.Authorizer, "jwt", "claims"))
}

// restPrincipal returns the principal of a REST API's event, or of payload format 1.0 of
// an HTTP API. An authorizer function of a REST API adds strings, numbers and booleans and
// a principalId, so that an object named claims is Cognito's. An authorizer function of an
// HTTP API can add such an object; only the JWT authorizer has scopes, which may be null.
func (rc *requestContext) restPrincipal(httpAPI bool) string {
	if arn := text(rc.Identity.UserARN); isARN(arn) {
		return arn
	}
	if member(rc.Authorizer, "principalId") != nil || httpAPI && member(rc.Authorizer, "scopes") == nil {
		return ""
	}
	return tokenPrincipal(member(rc.Authorizer, "claims"))
}

func tokenPrincipal(claims jsontext.Value) string {
	if subject := text(claims, "sub"); subject != "" {
		return "jwt:" + subject
	}
	if client := text(claims, "client_id"); client != "" {
		return "jwt-client:" + client
	}
	return ""
}

func isARN(text string) bool { return strings.HasPrefix(text, "arn:") }

// maxPrincipal is longer than any ARN or subject that an entry of the keys names.
const maxPrincipal = 1024

// text returns the text at a path of member names, or "" if it cannot be a principal.
func text(value jsontext.Value, names ...string) string {
	var s string
	value = member(value, names...)
	if value.Kind() != '"' || json.Unmarshal(value, &s) != nil || len(s) > maxPrincipal {
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return ""
	}
	return s
}

// member returns the value at a path of member names, or nil if a value on the path is
// no object or repeats a name, which leaves open which member counts.
func member(value jsontext.Value, names ...string) jsontext.Value {
	for _, name := range names {
		var members map[string]jsontext.Value
		if value.Kind() != '{' || json.Unmarshal(value, &members) != nil {
			return nil
		}
		value = members[name]
	}
	return value
}
