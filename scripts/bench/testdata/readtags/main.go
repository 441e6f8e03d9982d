// Command readtags reads everyone's tags and tells what memory that took.
package main

import (
	"os"

	"partnerlens/internal/app"
	"partnerlens/scripts/bench/peak"
)

func main() { os.Exit(peak.Main(app.Tags.Compose(nil, nil))) }
