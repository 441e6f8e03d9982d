// Package host is where a function runs: on AWS Lambda, on Tencent SCF, or
// behind a plain HTTP server. It turns what a platform sends into one of two
// things and what comes of it into what the platform wants back:
//
//   - an API trigger becomes an *http.Request for the one http.Handler, and its
//     answer the trigger's own envelope;
//   - a schedule, a queue message or a direct payload becomes a Job.
//
// An event is decoded once and told by its fields; there is one file for every
// shape. An unknown shape is an error that names the known ones: guessed at, it
// could become a question about every customer.
//
// An artefact holds one cloud's runtime. The default build has AWS Lambda's
// (lambda.go), the build tag scf swaps it for Tencent SCF's (scf.go): SCF's
// library brings net/rpc, which makes every artefact larger and slower to
// start, and both libraries take _LAMBDA_SERVER_PORT for theirs. The HTTP
// server is in both. Always build with the tag lambda.norpc, too.
//
// Host knows nothing of clouds' partner APIs, of questions or of settings: the
// environment may change from one invocation to the next (SCF sets it anew every
// time), so it reads none but the five variables that say where it runs.
//
// # Who may import it
//
// The composition root, and the command line for Serve. Host imports core and
// the runtimes, and no other package of this module.
package host
