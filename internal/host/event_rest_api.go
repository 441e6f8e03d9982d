package host

// restAPI reads the event of an API Gateway REST API, and payload format 1.0 of
// an HTTP API, which is made after it ("Lambda proxy integrations in API
// Gateway", "Input format of a Lambda function for proxy integration", gathered
// November 2026). The maps with one value a name hold the last one only; they
// count where the others are missing, as in hand-written tests.
func (e *event) restAPI() *apiRequest {
	r := &apiRequest{
		trigger:  TriggerRESTAPI,
		method:   e.HTTPMethod,
		path:     e.Path, // without the stage, for a REST API
		within:   gatewayWithin,
		query:    e.MultiValueQueryParams.query(),
		header:   e.MultiValueHeaders.header(),
		envelope: envelope{limit: maxAnswer, lists: e.MultiValueHeaders != nil, flag: true},
	}
	if e.MultiValueQueryParams == nil {
		r.query = e.QueryParameters.query()
	}
	if e.MultiValueHeaders == nil {
		r.header = e.Headers.header()
	}
	if rc := e.RequestContext; rc != nil {
		r.host = rc.DomainName
		r.sourceIP = rc.Identity.SourceIP
		isHTTPAPI := e.Version == "1.0"
		r.principal = rc.restPrincipal(isHTTPAPI)
		switch {
		case isHTTPAPI:
			r.takeOff(stagePath(e.Path, rc))
		case isOwnDomain(rc.DomainName) && rc.Stage != "":
			r.base = "/" + rc.Stage
		}
	}
	if e.Resource != nil {
		r.takeOff(mappedPath(r.path, *e.Resource, e.PathParameters))
	}
	r.setBody(e)
	return r
}
