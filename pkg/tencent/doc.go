// Package tencent is the Source of customers' credit on Tencent Cloud
// International: the partner API QueryCustomersCredit (intlpartnersmgt, version
// 2022-09-28).
//
// It asks for one page in one attempt, through the vendor's SDK, which addresses
// and signs the call; the answer is read here, exactly, and the SDK sees none of it.
// It is no client for other actions and knows no pacing, retry or storage: those
// are a core.Reader's.
//
// What an amount means is core's to say. The field Arrears is handed on and
// never used: the vendor's own sample fills it with a fixed text.
//
// internal/app and tests may import it; it imports pkg/core and pkg/transport.
package tencent
