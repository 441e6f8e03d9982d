// Package watch makes runs: what an account's customers were at a moment, what
// changed since the run before, and the alerts that follow from it.
//
// A run is known by function, account and scheduled day or hour; delivered
// twice, retried or late it is the same run. It has a folder in an object store:
//
//	store.json                                            the store's identity
//	runs/<function>/<account>/<run>/customers.ndjson.gz   every customer, by key
//	                                customers.csv         the same for a spreadsheet
//	                                changes.ndjson        new, gone, changed since the run before
//	                                alerts.json           the conditions that began or ended
//	                                state.ndjson.gz       what the next run must remember to report once
//	                                manifest.json         written last: counts, checksums, warnings
//	                                progress/…            while the run is under way
//	runs/<function>/<account>/latest.json                 the newest complete run
//	                          lease.json                  while an invocation works on a run
//	                          pending.json                what channels lack
//
// One call goes this way (run.go, top to bottom): acquire the lease of the account; load
// or start the checkpoint; read pages; compare with the previous complete run and
// evaluate alerts, which writes the objects; deliver; write the manifest; release.
//
// No manifest, no run. A run that is complete is compared with, named by latest.json and
// counted. One whose list could not be proven is published as Unproven: its customers are
// marked by their objects' names, and what was seen is reported. One whose list shrank too
// much is Held: kept and shown, and not compared. Neither ever says that customers are
// gone.
//
// A run can be interrupted anywhere, by a deadline, by a kill or by a store that
// refuses, and goes on: what was read is in parts that never change, a checkpoint
// lists them, and everything after reading follows from the parts and the runs before,
// so that doing it again gives the same bytes. What was delivered is recorded as each
// delivery ends.
//
// internal/app may import it, and tests.
package watch
