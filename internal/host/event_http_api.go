package host

import (
	"net/url"
	"strings"
	"time"
)

// httpAPI reads payload format 2.0, which an API Gateway HTTP API and a Lambda
// Function URL share ("Create AWS Lambda proxy integrations for HTTP APIs in
// API Gateway" and "Invoking Lambda function URLs", gathered November 2026).
func (e *event) httpAPI() *apiRequest {
	rc := e.RequestContext
	r := &apiRequest{
		trigger:  TriggerHTTPAPI,
		method:   rc.HTTP.Method,
		path:     e.RawPath,
		within:   gatewayWithin,
		query:    e.RawQuery,
		header:   e.Headers.header(),
		host:     rc.DomainName,
		sourceIP: rc.HTTP.SourceIP,
		envelope: envelope{limit: maxAnswer, cookies: true, flag: true},
	}
	r.principal = rc.principal()
	if strings.Contains(rc.DomainName, ".lambda-url.") {
		r.trigger, r.within = TriggerLambdaFunctionURL, 0
	}
	r.takeOff(stagePath(e.RawPath, rc))
	_, route, _ := strings.Cut(e.RouteKey, " ") // "GET /v1/credit", or "$default", which has no path
	r.takeOff(mappedPath(r.path, route, e.PathParameters))
	if len(e.Cookies) > 0 {
		r.header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r.setBody(e)
	return r
}

// gatewayWithin is the time for an answer through API Gateway, which gives up after 30 s (HTTP
// API) or, unless raised, 29 s (REST API) and then answers without what was read ("Amazon API
// Gateway quotas", read November 2026). A function URL waits as long as the function may take.
const gatewayWithin = 27 * time.Second

// takeOff takes base off the beginning of the path.
func (r *apiRequest) takeOff(base string) {
	r.path, r.base = strings.TrimPrefix(r.path, base), r.base+base
}

// stagePath gives the stage's name as it stands at the beginning of an HTTP API's path: it does
// for a named stage under the API's own domain, and does not under a custom domain
// (aws-powertools/powertools-lambda-python#621, 2021; "API mappings for HTTP APIs"): there a path
// that begins alike is the caller's.
func stagePath(path string, rc *requestContext) string {
	if rc.Stage == "" || rc.Stage == "$default" || rc.DomainName != "" && !isOwnDomain(rc.DomainName) {
		return ""
	}
	stage := "/" + rc.Stage
	if rest, ok := strings.CutPrefix(path, stage); !ok || rest != "" && rest[0] != '/' {
		return ""
	}
	return stage
}

// isOwnDomain says whether a domain is the one that API Gateway gave the API.
func isOwnDomain(domain string) bool { return strings.Contains(domain, ".execute-api.") }

// mappedPath gives the base path that a custom domain's mapping adds: what of the path stands
// before the route that the gateway matched, as "/v1/{proxy+}", once its parameters are in it.
// "" where the route does not show it.
func mappedPath(path, route string, parameters pairs) string {
	if !strings.HasPrefix(route, "/") || route == "/" {
		return ""
	}
	for _, p := range parameters {
		route = strings.ReplaceAll(route, "{"+p.name+"+}", p.value)
		route = strings.ReplaceAll(route, "{"+p.name+"}", p.value)
	}
	base, ok := strings.CutSuffix(unescaped(path), unescaped(route))
	if !ok || !strings.HasPrefix(path, base) {
		return ""
	}
	return base
}

// unescaped is a path without percent-encoding, which gateways take off some of its forms.
func unescaped(path string) string {
	if text, err := url.PathUnescape(path); err == nil {
		return text
	}
	return path
}
