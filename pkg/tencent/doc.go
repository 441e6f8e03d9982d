// Package tencent is the Source of customers' credit on Tencent Cloud
// International: the partner API QueryCustomersCredit (intlpartnersmgt, version
// 2022-09-28).
//
// It reads one page in one attempt, through the vendor's SDK, which addresses and
// signs the call; this package decodes the answer itself, and exactly. It has no
// other actions, and no pacing, retries or storage: those are in core.Reader.
//
// core evaluates the amounts. The field Arrears is passed on and never used: the
// vendor's own sample fills it with a fixed text.
//
// It imports pkg/core and pkg/transport.
package tencent
