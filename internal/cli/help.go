package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// examples are shown in the help of commands, one a line. Those of queries are in the table of
// functions.
var examples = map[string]string{
	"demo": `
partnerlens demo
partnerlens demo --customers 2000 --rows 40`,
	"serve": `
partnerlens serve --demo                  simulated clouds
partnerlens serve                         your own accounts
partnerlens serve --listen 0.0.0.0:8080   for other machines; first: key new`,
	"health": `
partnerlens health
partnerlens health http://127.0.0.1:9000/healthz --within 1s`,
	"alerts": `
partnerlens alerts                        everything that is open
partnerlens alerts --severity critical --since 2026-11-22
partnerlens alerts --kind credit_overdrawn --columns customer_id,remaining,owner
partnerlens alerts --owner 'Chen, Wei' -o csv > mine.csv`,
	"partner": `
partnerlens partner                       from the newest run, if there is one
partnerlens partner --live -o json        the vendor is asked now`,
	"key new": `
partnerlens key new --name crm
partnerlens key new --name sales --function credit --pii --expires 90d`,
	"simulate": `
partnerlens simulate --listen 127.0.0.1:9090 --print-env
partnerlens simulate --customers 20000 --rate 5 --latency 80ms`,
	"invoke": `
partnerlens invoke --platform lambda --binary dist/lambda/credit/bootstrap \
  --event functions/credit/events/lambda-function-url.json \
  --env PARTNERLENS_TENCENT_SECRET_ID --env PARTNERLENS_TENCENT_SECRET_KEY
echo '{"limit":3}' | partnerlens invoke --platform scf --event - \
  --binary dist/scf/tags/main --env PARTNERLENS_HUAWEI_AK --env PARTNERLENS_HUAWEI_SK`,
}

// addExamples adds the examples to the help of their commands.
func addExamples(commands *kong.Application) {
	for _, leaf := range commands.Leaves(false) {
		if text := examples[leaf.Path()]; text != "" {
			leaf.Detail = exampleText(text)
		}
	}
}

func exampleText(lines string) string {
	return "Examples:\n\n\t" + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n\t")
}
