// Package watch makes runs. A run records the customers of an account at a moment, what
// changed since the run before, and the alerts that follow.
//
// A run is identified by function, account, and scheduled day or hour, however often and
// whenever it is called. It has a folder in an object store:
//
//	store.json                                            the store's identity
//	runs/<function>/<account>/<run>/customers.ndjson.gz   every customer, by key
//	                                customers.csv         the same for a spreadsheet, and customers.xlsx
//	                                changes.ndjson        new, gone, changed since the run before
//	                                alerts.json           the conditions that began or ended, and those that did so silently
//	                                open.json             the conditions that are open
//	                                state.ndjson.gz       what the next run needs to report each once
//	                                manifest.json         written last: counts, checksums, warnings
//	                                progress/…            until the run has ended
//	runs/<function>/<account>/latest.json                 the newest complete run
//	                          lease.json                  while an invocation works on a run
//	                          pending.json                deliveries that are not finished
//
// watch.go has the run from top to bottom: acquire the lease of the function's account; load
// the pending deliveries and complete interrupted runs; load or start the checkpoint; read
// the list; compare it with the previous complete run, evaluate alerts and write the
// objects; deliver the pending digests, then this run's; write the manifest; clean up;
// release the lease.
//
// A complete run is compared with, named by latest.json, and counted. A run whose list
// could not be proven complete is published as Unproven: the names of its objects say so,
// and alerts about the customers seen are delivered. A run whose list shrank too much is
// Held: stored, and not compared. Neither reports customers as gone.
//
// A deadline, a kill or a failing store can interrupt a run anywhere, and the next call
// goes on: parts that were read never change, a checkpoint lists them, and the objects
// follow from the parts and the earlier runs, so that writing them again gives the same
// bytes. Each delivery is recorded as it ends.
//
// ReadOpen (reading.go) and ReadHistory (customerhistory.go) read finished runs: who is in
// trouble now, and what each day's run has of one customer.
package watch
