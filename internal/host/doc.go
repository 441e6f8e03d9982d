// Package host runs a function on AWS Lambda, on Tencent SCF, or behind a plain HTTP
// server. It turns a platform's event into one of two inputs, and the result into the
// form that the platform expects:
//
//   - an API trigger becomes an *http.Request for the http.Handler, and the answer
//     becomes the trigger's envelope;
//   - a schedule, a queue message or a direct payload becomes a Job.
//
// An event is decoded once; its members decide its shape. An unknown shape is an error
// that lists the known ones: a guess could turn it into a query for every customer.
//
// An artefact links one runtime: AWS Lambda's (lambda.go), or with the build tag scf
// Tencent SCF's (scf.go). SCF's library needs net/rpc, which makes an artefact larger
// and slower to start, and both libraries claim _LAMBDA_SERVER_PORT. Both artefacts have
// the HTTP server. Always build with the tag lambda.norpc as well.
//
// Host has no vendors, queries or settings. It reads only the five variables that name
// the platform, since SCF sets the environment anew for each invocation.
package host
