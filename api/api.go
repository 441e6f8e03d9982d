// Package api holds the contract of the HTTP API, openapi.yaml, as it is
// served and as tests hold every answer against it. It is no code; anyone may
// import it.
package api

import _ "embed"

// OpenAPI is openapi.yaml. It must not be written to.
//
//go:embed openapi.yaml
var OpenAPI []byte
