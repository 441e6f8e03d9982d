// Package core defines partnerlens's records and queries, and reads all of a
// reseller's customers from a cloud vendor.
//
// # Overview
//
// A reseller has between fifty and a hundred thousand customers at a vendor. The
// vendor lists their state page by page, a few pages a second, while customers
// come and leave. The reseller needs one list that is complete, or that says that
// it is not.
//
//   - A Function is a query by name: "credit" or "tags". It turns Params, from a
//     URL, a JSON payload or the command line, into a Question, or into an Error
//     that names the parameter to change.
//   - A Source is the driver of one vendor: one page in one attempt. pkg/tencent
//     and pkg/huawei are Sources; pkg/core/sourcetest is their conformance suite.
//   - A Reader turns a Source's pages into an answer, in the same way for every
//     vendor: it paces and retries calls, hands on each customer once, and proves
//     that none is missing. Its records, CustomerCredit and CustomerTag, carry the
//     account and a status.
//   - A Report is the envelope of every answer. Complete is true only if every
//     customer that matched was read and that is proven. Otherwise Stopped or
//     Warnings say why, and Next is a Cursor from which any process, on any
//     platform, continues the read.
//
// # Types
//
// An amount is a Money: the digits that the vendor wrote, never a float. A month
// is a Month, an id a string, a wait a time.Duration, a key a Secret. Every error
// that leaves a package is an *Error with one of the Codes; its Public text is for
// callers and contains no customer's data.
//
// Core knows no vendor, no platform and no storage, and imports no package of
// this module.
package core
