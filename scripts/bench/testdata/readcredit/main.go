// Command readcredit reads everyone's credit and tells what memory that took.
package main

import (
	"os"

	"partnerlens/internal/app"
	"partnerlens/scripts/bench/peak"
)

func main() { os.Exit(peak.Main(app.Credit.Compose(nil, nil))) }
