package host

// scfAPIGateway reads the event of Tencent's API Gateway ("Trigger
// Event Message Structure Summary", 2024-11-08; the service stopped on
// 2026-10-30, gateways of one's own and tests still send it). path is the full path; queryStringParameters has only the
// parameters that the API declares.
func (e *event) scfAPIGateway() *apiRequest {
	r := &apiRequest{
		trigger:  TriggerSCFAPIGateway,
		method:   e.HTTPMethod,
		path:     e.Path,
		query:    e.Query.query(),
		header:   e.Headers.header(),
		sourceIP: e.RequestContext.SourceIP,
		envelope: envelope{limit: maxAnswer, flag: true},
	}
	if e.Query == nil {
		r.query = e.QueryParameters.query()
	}
	r.setBody(e)
	return r
}
