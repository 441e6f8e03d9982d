package host

import "partnerlens/pkg/core"

// publicMessage is all that a platform, and through it a caller, learns of a
// failed invocation.
func publicMessage(failure *core.Error) string {
	return string(failure.Code) + ": " + failure.Public()
}
