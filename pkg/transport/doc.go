// Package transport is the connection under both vendors' SDKs: it carries one call,
// once, reads the answer itself and shows the SDK nothing of it.
//
// The SDKs are there to address and to sign. What they do with a connection and
// an answer is not fit for customers' data: one knows no context, both put
// whole answers into the texts of errors, and one takes an error inside an HTTP
// 200 for an empty list. A Transport gives a call its context, the proxy of the
// environment, a pool, a time limit and a bound, hands the body to the vendor
// package's own Decode, and lets the SDK see a few harmless bytes.
//
// It is not a client: it never retries, waits, follows a redirect or logs, and
// knows no vendor. Every error that leaves it is a *core.Error, in our own words,
// whose cause holds nothing of what came over the transport.
//
// Only the vendor packages (pkg/tencent, pkg/huawei) may import it; it imports
// pkg/core.
package transport
