// Command partnerlens asks both clouds from a terminal, serves the HTTP API
// locally, and simulates both clouds and both platforms to try it all without
// an account.
package main

import (
	"os"

	"partnerlens/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
