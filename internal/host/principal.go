package host

import (
	"context"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Who asks, as the platform found out before it handed the request over. It is
// taken from the parts of an event that a caller cannot write, and never from
// headers. What an authorizer function of the reseller's own found out is not
// taken: it may let everybody in. Anything of an unexpected form is nobody.
//
// A principal is one of
//
//	arn:aws:…        an IAM identity, where the trigger asks for AWS_IAM
//	jwt:SUBJECT      the subject of a token that a JWT or Cognito authorizer checked
//	jwt-client:ID    the client of a token without a subject
//
// so that no token's subject passes for an IAM identity.

type originKey struct{}

type origin struct {
	trigger, principal, base string
	lastValues               bool
}

// Principal gives who the platform says asks; ok is false where it does not say.
func Principal(ctx context.Context) (principal string, ok bool) {
	o, _ := ctx.Value(originKey{}).(origin)
	return o.principal, o.principal != ""
}

// Trigger gives what carried the request, one of the Trigger constants; "" where
// the request is not one of host's.
func Trigger(ctx context.Context) string {
	o, _ := ctx.Value(originKey{}).(origin)
	return o.trigger
}

// BasePath gives what stands before the request's path in the URL that its caller used, as far
// as the event carries it: the name of a stage, and the base path of a custom domain's mapping.
func BasePath(ctx context.Context) string {
	o, _ := ctx.Value(originKey{}).(origin)
	return o.base
}

// LastValues says whether the query of the request holds only the last value of a parameter that
// its caller repeated.
func LastValues(ctx context.Context) bool {
	o, _ := ctx.Value(originKey{}).(origin)
	return o.lastValues
}

// principal is who asks by payload format 2.0.
func (rc *requestContext) principal() string {
	if arn := text(rc.Authorizer, "iam", "userArn"); isARN(arn) {
		return arn
	}
	return tokenPrincipal(member(rc.Authorizer, "jwt", "claims"))
}

// restPrincipal is the caller by a REST API's event, and by payload format 1.0 of an HTTP API. An
// authorizer function of a REST API adds texts, numbers and truths beside its principalId, so that
// an object of claims is Cognito's. One of an HTTP API can add an object of that name, too; the
// JWT authorizer has scopes beside it, which may be null.
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

// maxPrincipal is longer than any ARN or subject that somebody grants rights to.
const maxPrincipal = 1024

// text gives the text that a chain of names leads to, "" where there is none
// that could be a principal.
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

// member gives what a chain of names leads to; nil where an object on the way
// is none, or has a name twice: then nobody knows which of the two counts.
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
