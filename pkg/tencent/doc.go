// Package tencent reads the partner API of Tencent Cloud International
// (intlpartnersmgt, version 2022-09-28): customers' credit (QueryCustomersCredit), and
// what it says of the partner itself (Sibling).
//
// A Source reads one page in one attempt, through the vendor's SDK, which addresses and
// signs the call; this package decodes the answer itself, and exactly. Each call can send
// its own action alone, and all actions only read. There are no pacing, retries or
// storage: those are in core.Reader.
//
// core evaluates the amounts. The field Arrears is passed on and never used: the
// vendor's own sample fills it with a fixed text.
//
// It imports pkg/core and pkg/transport.
package tencent
