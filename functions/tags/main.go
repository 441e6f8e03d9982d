// Command tags is the function "tags": which Huawei Cloud customers count as
// new, and until when. It runs on AWS Lambda, or on Tencent SCF when built with
// -tags scf, or as a local server: tags serve.
package main

import (
	"os"

	"partnerlens/internal/app"
)

func main() { os.Exit(app.Run(app.Tags.Compose(nil, nil))) }
