// Package snapshot keeps runs: what an account's customers were at a moment, and
// what changed since the run before.
//
// A run is known by function, account and scheduled day or hour; delivered
// twice, retried or late it is the same run. It has a folder in an object store:
//
//	runs/<function>/<account>/<run>/customers.ndjson.gz   every customer, by key
//	                                customers.csv         the same for a spreadsheet
//	                                changes.ndjson        new, gone, changed since the run before
//	                                alerts.json           what is worth telling somebody
//	                                state.ndjson.gz       what the next run must know to tell once
//	                                manifest.json         written last: counts, sums, why not
//	                                progress/…                while the run is under way
//	runs/<function>/<account>/latest.json                 the newest complete run
//	                          turn.json                   while somebody finishes a run
//	                          untold.json                 where somebody is still to be told
//
// No manifest, no run. Only runs whose manifest says complete are compared with,
// handed out or counted: one that failed never says that all customers are gone.
//
// A run can be interrupted anywhere, by a deadline, by a kill or by a store that
// refuses, and goes on: what was read is in parts that never change, a checkpoint
// lists them, and everything after reading follows from the parts and the run before,
// so that doing it again gives the same bytes. Two at once end as one, since the first to
// have read everything claims the run and the other takes over what it claimed. Runs of
// an account are finished one after the other, so that each is compared with what was
// told last.
//
// The package knows neither clouds nor channels: a Watch tells it what is worth
// telling. internal/app may import it, and tests.
package snapshot
