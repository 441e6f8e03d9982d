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
		r.principal = rc.restPrincipal()
		if e.Version == "1.0" { // an HTTP API
			r.path = withoutStage(e.Path, rc)
		}
	}
	r.setBody(e)
	return r
}
