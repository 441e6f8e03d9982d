// Command partnerlens queries both vendors from a terminal, serves the HTTP API, makes the daily
// runs, and simulates both vendors and both platforms to try it without an account.
package main

import (
	"os"

	"partnerlens/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
