// Package alert decides what of a run is worth telling, puts it into words and
// tells it.
//
// It has three parts that know little of each other:
//
//   - Rules judge one customer at a time: what it was, what it is and the State
//     kept of it give Alerts and the next State. Pure: no clock, no I/O.
//   - A Digest gathers a run's Alerts in bounded memory, worst first, and puts them
//     into each channel's format and size, in English or Chinese.
//   - Config.Deliver sends the Digest to every channel side by side: at least once,
//     with an id to de-duplicate by, tried again with backoff. A channel that fails is
//     told in its Delivery; it never fails the run.
//
// Names leave here masked. Addresses of channels are secrets: none is logged,
// returned or put into an error, and neither is what a channel answered.
//
// It does not read records, keep State or resolve references to secrets: who
// runs it does. internal/watch, internal/app and internal/cli may import it.
package alert
