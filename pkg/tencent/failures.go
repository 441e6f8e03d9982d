package tencent

import (
	"slices"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// failures are the codes that mean the same in every action (Error Code of each; and
// Error Codes, Common Error Codes; read November 2026). All come inside an HTTP 200.
var failures = transport.Failures{
	{Prefix: "AuthFailure", Code: core.CodeDenied,
		Detail: "Tencent Cloud does not accept the API key"},
	{Prefix: "AuthFailure.InvalidSecretId", Code: core.CodeDenied, Param: settingSecretID,
		Detail: "not the id of a Tencent Cloud API key; create one in the console of Tencent Cloud International, under Access Management"},
	{Prefix: "AuthFailure.SecretIdNotFound", Code: core.CodeDenied, Param: settingSecretID, StaleKey: true,
		Detail: "Tencent Cloud does not know this API key; it was deleted, disabled or mistyped, or belongs to the other site (China or International)"},
	{Prefix: "AuthFailure.SignatureFailure", Code: core.CodeDenied, Param: settingSecretKey, StaleKey: true,
		Detail: "the secret key does not belong to the secret id, or was not copied whole"},
	{Prefix: "AuthFailure.SignatureExpire", Code: core.CodeDenied,
		Detail: "this machine's clock is more than five minutes off; set it right"},
	{Prefix: "AuthFailure.TokenFailure", Code: core.CodeDenied, Param: settingToken, StaleKey: true,
		Detail: "the token of the temporary key has expired or does not belong to it"},
	{Prefix: "AuthFailure.MFAFailure", Code: core.CodeDenied,
		Detail: "the API key asks for a second factor, which a program cannot give; use a key without"},
	{Prefix: "RequestLimitExceeded", Code: core.CodeThrottled},
	{Prefix: "OperationDenied.ServiceBusy", Code: core.CodeUnavailable,
		Detail: "Tencent Cloud is busy; try again later"},
	{Prefix: "InternalError", Code: core.CodeUnavailable,
		Detail: "Tencent Cloud has a fault of its own; try again later"},
	{Prefix: "InvalidParameter", Code: core.CodeInvalid,
		Detail: "Tencent Cloud does not accept the query"},
	{Prefix: "InvalidParameterValue", Code: core.CodeInvalid,
		Detail: "Tencent Cloud does not accept the query"},
	{Prefix: "InvalidParameter.Page", Code: core.CodeInvalid,
		Detail: "Tencent Cloud has no such page; start again without a cursor"},
	{Prefix: "InvalidParameterValue.InvalidUin", Code: core.CodeInvalid, Param: "filter", UnknownID: true,
		Detail: "not the id (UIN) of one of the account's customers"},
	{Prefix: "UnauthorizedOperation.NotCustomerUin", Code: core.CodeInvalid, UnknownID: true,
		Detail: "not the id (UIN) of one of the account's customers"},
	{Prefix: "FailedOperation", Code: core.CodeUpstream,
		Detail: "Tencent Cloud could not carry out the query, and does not say why"},
}

// notPermitted are the codes for a key that may not call an action, or for an account
// that has not the role for it.
var notPermitted = []string{
	"AuthFailure.UnauthorizedOperation", "UnauthorizedOperation",
	"UnauthorizedOperation.UinNoAuth", "FailedOperation.UinNotAgent", "FailedOperation.UinNotReseller",
}

// failuresOf returns the codes of an action, whose name is also that of its permission.
func failuresOf(action string) transport.Failures {
	role := "a distributor or reseller"
	if action == resellersAction {
		role = "a distributor"
	}
	table := slices.Clone(failures)
	for i, code := range notPermitted {
		detail := "the API key may not call this API; allow its user intlpartnersmgt:" + action + " in Access Management (CAM)"
		if i >= 2 {
			detail = "the key's account may not call this API: it must be " + role + " of Tencent Cloud International, or a sub-account of one that is allowed intlpartnersmgt:" + action
		}
		table = append(table, transport.Failure{Prefix: code, Code: core.CodeDenied, Detail: detail})
	}
	return table
}

// NotPermitted reports whether an error says that the key may not call an action, or
// that its account has not the role for it. The key may be good for other actions.
func NotPermitted(err error) bool {
	failure := core.AsError(err)
	return failure != nil && failure.Code == core.CodeDenied && slices.ContainsFunc(notPermitted, func(code string) bool {
		return failure.VendorCode == code || strings.HasPrefix(failure.VendorCode, code+".")
	})
}
