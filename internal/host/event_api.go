package host

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// apiRequest is the HTTP request of an API trigger's event.
type apiRequest struct {
	Origin
	method   string
	path     string // as the caller encoded it, or decoded: platforms differ
	query    string // encoded
	header   http.Header
	host     string // if header has none
	sourceIP string
	body     []byte
	failure  error         // why the event holds no valid request; nil: it does
	envelope envelope      // the form of the answer
	within   time.Duration // after this time the gateway gives up waiting; 0: it does not
}

// gatewayWithin is the time for an answer through API Gateway, which gives up after 30 s
// (HTTP API) or, unless raised, 29 s (REST API) and discards the answer ("Amazon API
// Gateway quotas", read November 2026). A function URL waits until the function ends.
const gatewayWithin = 27 * time.Second

// httpAPI reads payload format 2.0 of an API Gateway HTTP API or a Lambda Function URL
// ("Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and "Invoking
// Lambda function URLs", gathered November 2026).
func (e *event) httpAPI() *apiRequest {
	rc := e.RequestContext
	r := e.request(TriggerHTTPAPI)
	r.method, r.path, r.query = rc.HTTP.Method, e.RawPath, e.RawQuery
	r.host, r.sourceIP, r.Principal = rc.DomainName, rc.HTTP.SourceIP, rc.principal()
	r.envelope.cookies = true
	r.within = gatewayWithin
	if strings.Contains(rc.DomainName, ".lambda-url.") {
		r.Trigger, r.within = TriggerLambdaFunctionURL, 0
	}
	r.cutBase(stagePath(e.RawPath, rc))
	_, route, _ := strings.Cut(e.RouteKey, " ") // "GET /v1/credit", or "$default", which has no path
	r.cutBase(mappedPath(r.path, route, e.PathParameters))
	if len(e.Cookies) > 0 {
		r.header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return r
}

// restAPI reads the event of an API Gateway REST API, or payload format 1.0 of an HTTP
// API, which follows it ("Lambda proxy integrations in API Gateway", "Input format of a
// Lambda function for proxy integration", gathered November 2026).
func (e *event) restAPI() *apiRequest {
	r := e.request(TriggerRESTAPI) // a REST API's path does not have the stage
	r.within = gatewayWithin
	if rc := e.RequestContext; rc != nil {
		isHTTPAPI := e.Version == "1.0"
		r.host, r.sourceIP, r.Principal = rc.DomainName, rc.Identity.SourceIP, rc.restPrincipal(isHTTPAPI)
		switch {
		case isHTTPAPI:
			r.cutBase(stagePath(e.Path, rc))
		case isOwnDomain(rc.DomainName) && rc.Stage != "":
			r.BasePath = "/" + rc.Stage
		}
	}
	r.cutBase(mappedPath(r.path, *e.Resource, e.PathParameters))
	return r
}

const (
	// maxALBAnswer is the largest answer that a load balancer accepts from a function,
	// 1 MB ("Use Lambda functions as targets of an Application Load Balancer", Limits, read
	// November 2026).
	maxALBAnswer = 1000 * 1000
	// albWithin is the time for an answer through a load balancer, which gives up after its
	// idle timeout, 60 s unless raised ("Edit attributes for your Application Load
	// Balancer", read November 2026).
	albWithin = 55 * time.Second
)

// alb reads the event of an Application Load Balancer (the page of maxALBAnswer,
// "Receive events from the load balancer"). The target group's attribute
// lambda.multi_value_headers.enabled decides whether its maps hold lists; the answer must
// be of the same kind. Without it, the default, a repeated parameter comes with its last
// value only. Values of the query stay as the caller encoded them.
func (e *event) alb() *apiRequest {
	r := e.request(TriggerALB)
	r.query = e.parameters().encodedQuery()
	r.within = albWithin
	r.envelope.limit, r.envelope.statusText = maxALBAnswer, true
	r.LastValues = !r.envelope.lists
	// The load balancer appends the caller's address to what the caller sent.
	forwarded := strings.Join(r.header.Values("X-Forwarded-For"), ",")
	r.sourceIP = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	return r
}

// scfAPIGateway reads the event of Tencent's API Gateway ("Trigger Event Message
// Structure Summary", 2024-11-08). The service stopped on 2026-10-30; private gateways
// and tests still send the event. path is the full path; queryStringParameters has only
// the parameters that the API declares.
func (e *event) scfAPIGateway() *apiRequest {
	r := e.request(TriggerSCFAPIGateway)
	r.sourceIP = e.RequestContext.SourceIP
	return r
}

// scfFunctionURL reads the event of an SCF Function URL ("Function URL Overview",
// 2025-06-17): API Gateway's without headerParameters, isBase64Encoded, pathParameters,
// queryStringParameters and requestContext. The answer has only the members that the page
// shows, and always statusCode: without it SCF takes any JSON for the body.
func (e *event) scfFunctionURL() *apiRequest {
	r := e.request(TriggerSCFFunctionURL)
	r.envelope.flag = false
	r.sourceIP = r.header.Get("X-Scf-Remote-Addr") // "the client's IP", the same page
	return r
}

// cutBase removes base from the beginning of the path.
func (r *apiRequest) cutBase(base string) {
	r.path, r.BasePath = strings.TrimPrefix(r.path, base), r.BasePath+base
}

// stagePath returns the stage at the beginning of an HTTP API's path, if it is there. The
// path of a named stage begins with it under the API's own domain, and not under a custom
// domain (aws-powertools/powertools-lambda-python#621, 2021; "API mappings for HTTP
// APIs"), where an equal beginning belongs to the caller's path.
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

// isOwnDomain reports whether API Gateway assigned the domain to the API.
func isOwnDomain(domain string) bool { return strings.Contains(domain, ".execute-api.") }

// mappedPath returns the base path that a custom domain's mapping adds: the part of the
// path before the route that the gateway matched, as "/v1/{proxy+}", with its parameters
// filled in. It returns "" if the route does not show it.
func mappedPath(path, route string, parameters pairs) string {
	if !strings.HasPrefix(route, "/") || route == "/" {
		return ""
	}
	for _, p := range parameters {
		route = strings.ReplaceAll(route, "{"+p.name+"+}", p.value)
		route = strings.ReplaceAll(route, "{"+p.name+"}", p.value)
	}
	base, ok := strings.CutSuffix(unescapePath(path), unescapePath(route))
	if !ok || !strings.HasPrefix(path, base) {
		return ""
	}
	return base
}

// unescapePath removes percent-encoding from a path: gateways differ in what they decode.
func unescapePath(path string) string {
	if text, err := url.PathUnescape(path); err == nil {
		return text
	}
	return path
}

// requestIDHeader carries the platform's id of the invocation to the handler.
const requestIDHeader = "X-Request-Id"

// http returns the request as a server would have read it.
func (r *apiRequest) http(ctx context.Context, requestID string) (*http.Request, error) {
	switch {
	case r.failure != nil:
		return nil, r.failure
	case r.method == "":
		return nil, core.Invalid("", "the event names no method")
	}
	ctx = context.WithValue(ctx, originKey{}, r.Origin)
	req, err := http.NewRequestWithContext(ctx, r.method, "/", bytes.NewReader(r.body))
	if err != nil { // the URL is constant
		return nil, core.Invalid("", "the event's method is not one of HTTP's")
	}
	req.URL = &url.URL{Path: r.path, RawQuery: r.query}
	if decoded, err := url.PathUnescape(r.path); err == nil {
		req.URL.Path, req.URL.RawPath = decoded, r.path // net/url ignores a RawPath that does not encode Path
	}
	if !strings.HasPrefix(req.URL.Path, "/") {
		req.URL.Path, req.URL.RawPath = "/"+req.URL.Path, ""
	}
	req.RequestURI = req.URL.RequestURI()
	req.Header = r.header
	if host := r.header.Get("Host"); host != "" {
		r.host = host
	}
	req.Host = r.host
	req.Header.Del("Host")
	dropPlatformKeys(req.Header)
	req.Header.Set(requestIDHeader, requestID)
	if r.sourceIP != "" {
		req.RemoteAddr = net.JoinHostPort(r.sourceIP, "0") // the event does not name the port
	}
	return req, nil
}
