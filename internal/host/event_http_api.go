package host

import "strings"

// httpAPI reads payload format 2.0, which an API Gateway HTTP API and a Lambda
// Function URL share ("Create AWS Lambda proxy integrations for HTTP APIs in
// API Gateway" and "Invoking Lambda function URLs", gathered November 2026).
func (e *event) httpAPI() *apiRequest {
	rc := e.RequestContext
	r := &apiRequest{
		trigger:  TriggerHTTPAPI,
		method:   rc.HTTP.Method,
		path:     withoutStage(e.RawPath, rc),
		query:    e.RawQuery,
		header:   e.Headers.header(),
		host:     rc.DomainName,
		sourceIP: rc.HTTP.SourceIP,
		envelope: envelope{limit: maxAnswer, cookies: true, flag: true},
	}
	r.principal = rc.principal()
	if strings.Contains(rc.DomainName, ".lambda-url.") {
		r.trigger = TriggerLambdaFunctionURL
	}
	if len(e.Cookies) > 0 {
		r.header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r.setBody(e)
	return r
}

// withoutStage takes the stage's name off the path of an HTTP API. It stands
// there for a named stage under the API's own domain, and does not under a
// custom domain (aws-powertools/powertools-lambda-python#621, 2021; "API
// mappings for HTTP APIs"): there a path that begins alike is the caller's.
func withoutStage(path string, rc *requestContext) string {
	if rc.Stage == "" || rc.Stage == "$default" || rc.DomainName != "" && !strings.Contains(rc.DomainName, ".execute-api.") {
		return path
	}
	rest, ok := strings.CutPrefix(path, "/"+rc.Stage)
	if !ok || rest != "" && rest[0] != '/' {
		return path
	}
	return rest
}
