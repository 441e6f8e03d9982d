// Package transport is the HTTP transport under both vendors' SDKs: it makes one
// attempt of a call, reads the answer itself and hides it from the SDK.
//
// The SDKs address and sign requests. They are not fit to read customers' data: one
// has no context, both quote whole answers in their errors, and one reads an
// error inside an HTTP 200 as an empty list. A Transport adds the context, the proxy
// of the environment, a connection pool, a time limit and a size limit, passes the
// body to the Decode of the vendor package, and returns a constant body to the SDK.
//
// It is not a client: it never retries, waits, follows a redirect or logs, and
// knows no vendor. Every error that it returns is a *core.Error whose texts and
// causes quote nothing of an answer.
//
// It imports pkg/core only.
package transport
