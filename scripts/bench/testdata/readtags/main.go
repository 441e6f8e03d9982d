// Command readtags reads everyone's tags and tells what memory that took.
package main

import (
	"os"

	"partnerlens/internal/app/tags"
	"partnerlens/scripts/bench/peak"
)

func main() { os.Exit(peak.Main(tags.Compose(nil, nil))) }
