package host

// scfFunctionURL reads the event of an SCF Function URL ("Function URL
// Overview", 2025-06-17): API Gateway's of old without headerParameters,
// isBase64Encoded, pathParameters, queryStringParameters and requestContext.
// The answer has just the members that the page shows, and always statusCode:
// without it any JSON is taken for the body.
func (e *event) scfFunctionURL() *apiRequest {
	r := &apiRequest{
		trigger:  TriggerSCFFunctionURL,
		method:   e.HTTPMethod,
		path:     e.Path,
		query:    e.Query.query(),
		header:   e.Headers.header(),
		envelope: envelope{limit: maxAnswer},
	}
	r.sourceIP = r.header.Get("X-Scf-Remote-Addr") // "the client's IP", the same page
	r.setBody(e)
	return r
}
