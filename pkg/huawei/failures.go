package huawei

import (
	"net/http"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// failures are the codes of the API (partner center API reference, Status Codes,
// and API Gateway, Error Codes; read November 2026).
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
	// The caller chose the reseller and can change it; the key is valid.
	{Prefix: "CBC.99000037", Code: core.CodeInvalid, Param: "reseller_id", Detail: "not a reseller below this account", UnknownID: true},
	{Prefix: "APIGW.0301", Code: core.CodeDenied, StaleKey: true,
		Detail: "Huawei Cloud does not accept the key: it was deleted, disabled or mistyped, its token has expired, or this machine's clock is more than fifteen minutes off"},
	{Prefix: "APIGW.0303", Code: core.CodeDenied, StaleKey: true,
		Detail: "Huawei Cloud does not accept the key for this API; check the key, and that this machine's clock is right"},
	{Prefix: "APIGW.0308", Code: core.CodeThrottled},
}

// succeeded is the code of success (partner center API reference, Status Codes,
// read November 2026).
const succeeded = "CBC.0000"

// noAccess is in the vendor's message if the account may not call an API at all,
// which has no code.
const noAccess = "has no access to this api"

// failure is the members of an answer that report a failure. Their names differ
// between the vendor's services.
type failure struct {
	ErrorCode    transport.Value `json:"error_code"`
	ErrorMsg     transport.Value `json:"error_msg"`
	ErrorMessage transport.Value `json:"error_message"`
	Error        transport.Value `json:"error"` // a message, or an object
}

// err returns the error that a decoded answer reports, also inside an HTTP 200;
// nil if it reports none.
func (f *failure) err(a transport.Answer) error {
	var inner struct {
		failure `json:",inline"`
		Code    transport.Value `json:"code"`
		Message transport.Value `json:"message"`
	}
	if !f.Error.Empty() {
		_ = transport.Answer{Body: []byte(f.Error)}.Decode(&inner) // fails for a message
	}
	code := firstText(f.ErrorCode, inner.ErrorCode, inner.Code)
	message := firstText(f.ErrorMsg, f.ErrorMessage, f.Error, inner.ErrorMsg, inner.ErrorMessage, inner.Message)
	switch {
	case strings.Contains(strings.ToLower(message), noAccess):
		return &core.Error{
			Code: core.CodeDenied, Param: settingDomainID, VendorCode: transport.Word(code),
			Detail: "Huawei Cloud says that the account may not call this API; it must be a solution provider or a tier-1 distributor of the China site, and this its own account id",
		}
	case a.Status == http.StatusOK && (code == succeeded || code == "" && message == ""):
		return nil
	}
	return failures.Error(a.Status, code)
}

// firstText returns the first text that is not empty.
func firstText(values ...transport.Value) string {
	for _, value := range values {
		if text := value.Text(); text != "" {
			return text
		}
	}
	return ""
}
