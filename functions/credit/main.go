// Command credit is the function "credit": what Tencent Cloud customers may
// spend and have left. It runs on AWS Lambda, or on Tencent SCF when built with
// -tags scf, or as a local server: credit serve.
package main

import (
	"os"

	"partnerlens/internal/app"
)

func main() { os.Exit(app.Run(app.Credit.Compose(nil, nil))) }
