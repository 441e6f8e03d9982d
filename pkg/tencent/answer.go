package tencent

import (
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// status is the members that the Response of every action has beside its own.
// Embed it in the struct of a Response.
type status struct {
	RequestID transport.Value `json:"RequestId"`
	Error     *struct{ Code transport.Value }
}

// err returns the error that a decoded answer reports, also inside an HTTP 200.
func (s *status) err(a transport.Answer, table transport.Failures) error {
	if s.Error != nil {
		return table.Error(a.Status, s.Error.Code.Text())
	}
	return a.Err()
}

// requestID returns the id of the request, which the answer has in its body.
func (s *status) requestID() string { return transport.Word(s.RequestID.Text()) }

// withID adds the id of the request to an error.
func (s *status) withID(err error) error {
	e := core.AsError(err)
	e.RequestID = s.requestID()
	return e
}
