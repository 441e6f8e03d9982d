//go:build scf

package host

import "partnerlens/pkg/core"

// SCF's library takes an error's type from the name of its Go type and from
// nothing else (cloudfunction/function.go, 13c9a7eeca80), so there is a type for
// every code.
type (
	invalid_request        struct{ message }
	unauthenticated        struct{ message }
	forbidden              struct{ message }
	not_found              struct{ message }
	method_not_allowed     struct{ message }
	not_acceptable         struct{ message }
	request_timeout        struct{ message }
	too_large              struct{ message }
	unsupported_media_type struct{ message }
	too_many_requests      struct{ message }
	misconfigured          struct{ message }
	denied                 struct{ message }
	throttled              struct{ message }
	unavailable            struct{ message }
	upstream_broken        struct{ message }
	incomplete             struct{ message }
	deadline               struct{ message }
	canceled               struct{ message }
	internal               struct{ message }
)

type message string

func (m message) Error() string { return string(m) }

func scfFailure(failure *core.Error) error {
	text := message(publicMessage(failure))
	switch failure.Code {
	case core.CodeInvalid:
		return invalid_request{text}
	case core.CodeUnauthenticated:
		return unauthenticated{text}
	case core.CodeForbidden:
		return forbidden{text}
	case core.CodeNotFound:
		return not_found{text}
	case core.CodeMethodNotAllowed:
		return method_not_allowed{text}
	case core.CodeNotAcceptable:
		return not_acceptable{text}
	case core.CodeSlowRequest:
		return request_timeout{text}
	case core.CodeTooLarge:
		return too_large{text}
	case core.CodeUnsupportedMedia:
		return unsupported_media_type{text}
	case core.CodeTooMany:
		return too_many_requests{text}
	case core.CodeMisconfigured:
		return misconfigured{text}
	case core.CodeDenied:
		return denied{text}
	case core.CodeThrottled:
		return throttled{text}
	case core.CodeUnavailable:
		return unavailable{text}
	case core.CodeUpstream:
		return upstream_broken{text}
	case core.CodeIncomplete:
		return incomplete{text}
	case core.CodeDeadline:
		return deadline{text}
	case core.CodeCanceled:
		return canceled{text}
	}
	return internal{text}
}
