// Package alert decides which changes between two runs are alerts, and delivers them.
//
// It has three parts:
//
//   - Rules evaluate one customer at a time, by the Evaluator of its function: the customer
//     before and after, and the State of the run before, give Alerts and the next State.
//     Evaluation is pure: it uses no clock and no I/O.
//   - A Digest collects a run's Alerts in bounded memory, worst first.
//   - Config.Deliver sends a Digest to all channels concurrently, each in its format, size
//     and language: at least once, with an id for de-duplication, and with retries. A
//     channel that fails has the reason in its Delivery; it never fails the run.
//
// Names in Alerts are masked. The addresses of channels are secrets: neither they nor the
// channels' answers are logged, returned or put into an error.
//
// The package does not read records, store States or resolve references to secrets.
package alert
