package huawei

import (
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// failures is what the API's codes mean (partner center API reference, Status
// Codes, and API Gateway, Error Codes; read November 2026).
var failures = transport.Failures{
	{Prefix: "CBC.0100", Code: core.CodeInvalid, Detail: "Huawei Cloud does not accept the query"},
	{Prefix: "CBC.0101", Code: core.CodeInvalid, Detail: "Huawei Cloud does not accept the query"},
	{Prefix: "CBC.0150", Code: core.CodeDenied, Detail: "Huawei Cloud refuses the account; it must be a solution provider or a tier-1 distributor"},
	{Prefix: "CBC.0151", Code: core.CodeDenied, Detail: "the key's user may not call this API; allow it to, in IAM, or use a key of the partner's own account"},
	{Prefix: "CBC.0154", Code: core.CodeDenied, Detail: "Huawei Cloud refuses the key or its token", StaleKey: true},
	{Prefix: "CBC.0155", Code: core.CodeDenied, Detail: "Huawei Cloud refuses the key or its token", StaleKey: true},
	{Prefix: "CBC.0250", Code: core.CodeThrottled},
	{Prefix: "CBC.0999", Code: core.CodeUnavailable, Detail: "Huawei Cloud has a fault of its own; try again later"},
	{Prefix: "CBC.5001", Code: core.CodeDenied, Detail: "the key's account is not a Huawei Cloud partner"},
	// The caller named the reseller, so it is his to change; the key is as good as before.
	{Prefix: "CBC.99000037", Code: core.CodeInvalid, Param: "reseller_id", Detail: "not a reseller below this account", UnknownID: true},
	{Prefix: "APIGW.0301", Code: core.CodeDenied, StaleKey: true,
		Detail: "Huawei Cloud does not accept the key: it was deleted, disabled or mistyped, its token has expired, or this machine's clock is more than fifteen minutes off"},
	{Prefix: "APIGW.0303", Code: core.CodeDenied, StaleKey: true,
		Detail: "Huawei Cloud does not accept the key for this API; check the key, and that this machine's clock is right"},
	{Prefix: "APIGW.0308", Code: core.CodeThrottled},
}

// succeeded is the code that says that nothing went wrong (partner center API
// reference, Status Codes, read November 2026).
const succeeded = "CBC.0000"

// noAccess is what the vendor's message says where the account may not call an
// API at all; that has no code of its own.
const noAccess = "has no access to this api"

// told is what an answer says about a failure.
type told struct{ code, message transport.Value }

// member takes in a member of an answer; false where it is not about a failure.
// The vendor's services do not agree on the names.
func (t *told) member(body *transport.Body, name string) bool {
	switch name {
	case "error_code":
		t.code = body.Value()
	case "error_msg", "error_message":
		t.message = body.Value()
	case "error":
		if body.AtText() {
			t.message = body.Value()
			break
		}
		body.Object(func(name string) {
			switch name {
			case "code", "error_code":
				t.code = body.Value()
			case "message", "error_msg", "error_message":
				t.message = body.Value()
			}
		})
	default:
		return false
	}
	return true
}

// error gives the error of an answer once it has been walked; nil: there is
// none. What a body says counts whatever the status: some of the vendor's APIs put
// errors inside an HTTP 200.
func (t *told) error(body *transport.Body, a transport.Answer) error {
	err := a.Err(body)
	code, message := t.code.Text(), t.message.Text()
	switch {
	case body.End() != nil:
	case strings.Contains(strings.ToLower(message), noAccess):
		return &core.Error{
			Code: core.CodeDenied, Param: settingDomainID, VendorCode: transport.Word(code),
			Detail: "Huawei Cloud says that the account may not call this API; it must be a solution provider or a tier-1 distributor of the China site, and this its own account id",
		}
	case err == nil && (code == succeeded || code == "" && message == ""):
	default:
		return failures.Error(a.Status, code)
	}
	return err
}
