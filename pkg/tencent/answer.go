package tencent

import "partnerlens/pkg/transport"

// answered is what every answer of Tencent Cloud's APIs is wrapped in: members of
// the action's own beside the request's id, or an error, also inside an HTTP 200.
type answered struct {
	requestID string
	err       error // what the answer tells went wrong, or is wrong with it
}

// decodeAnswer walks an answer and hands each member of the action's own to member.
func decodeAnswer(a transport.Answer, table transport.Failures, member func(body *transport.Body, name string)) answered {
	var requestID, code transport.Value
	failed := false
	body := transport.NewBody(a.Body)
	body.Object(func(name string) {
		if name != "Response" {
			return
		}
		body.Object(func(name string) {
			switch name {
			case "RequestId":
				requestID = body.Value()
			case "Error":
				failed = !body.AtNull()
				body.Object(func(name string) {
					if name == "Code" {
						code = body.Value()
					}
				})
			default:
				member(body, name)
			}
		})
	})
	done := answered{transport.Word(requestID.Text()), a.Err(body)}
	if failed && body.End() == nil {
		done.err = table.Error(a.Status, code.Text())
	}
	return done
}
