// Package core is the words and the engine of partnerlens: what a reseller's
// customer is, how a cloud is asked about all of them, and when the answer may
// be believed.
//
// # The story
//
// A reseller has between fifty and a hundred thousand customers on a cloud. The
// cloud tells their state page by page, a few pages a second, with customers
// coming and going meanwhile. What the reseller needs is one list that is right,
// or that says it is not.
//
// A Function is a question from outside: "credit" or "tags". Its Params, whether
// they came in a URL, a JSON payload or on the command line, become a query (a
// CreditQuery, a TagQuery) and a Question that is ready to be read; whatever
// is wrong with them becomes an Error that names the parameter.
//
// A Source is one cloud's side of it: one page in one attempt, nothing more.
// pkg/tencent and pkg/huawei are Sources; pkg/core/sourcetest is the law that
// both keep.
//
// A Reader stands over a Source and does, once for every cloud, what makes a
// list of pages an answer: it walks them in order, tells customers apart, stops
// where it was told to or where time or room ends, and holds what it
// read against the cloud's own count. Records (a CustomerCredit, a CustomerTag)
// leave it settled: with the account, and with the one word, Status, that says how
// the customer stands.
//
// A Report closes every answer. Its Complete is true only if every customer that
// matched was read and that was proven. Otherwise Stopped or Warnings say why,
// and Next is a Cursor from which the read goes on exactly there, in another
// process or on another platform.
//
// # Rules
//
// An amount is a Money: the digits the cloud wrote, never a float. A month is a
// Month, an id a string, a wait a time.Duration, a key a Secret. Every error
// that leaves a package is an *Error with one of the Codes; its Public text is
// for callers and holds no customer's data.
//
// # Who may import it
//
// Everyone. Core itself knows no cloud, no platform and no storage, and imports
// no package of this module.
package core
