package cli

// The examples below the help of each command. Those of queries are in the table of functions, and
// those of the daily run beside its commands.

// Help returns examples.
func (*demoCmd) Help() string {
	return `Examples:

	partnerlens demo
	partnerlens demo --customers 2000 --rows 40
`
}

// Help returns examples.
func (*serveCmd) Help() string {
	return `Examples:

	partnerlens serve --demo                  simulated clouds
	partnerlens serve                         your own accounts
	partnerlens serve --listen 0.0.0.0:8080   for other machines; make keys first: key new

	curl 'http://127.0.0.1:8080/v1/credit?status=forced,overdrawn'
`
}

// Help returns examples.
func (*healthCmd) Help() string {
	return `Examples:

	partnerlens health
	partnerlens health http://127.0.0.1:9000/healthz --within 1s
`
}

// Help returns examples.
func (*alertsCmd) Help() string {
	return `Examples:

	partnerlens alerts                         everything that is open, the worst first
	partnerlens alerts --severity critical --since 2026-11-22
	partnerlens alerts --kind credit_overdrawn --columns customer_id,name,remaining,owner
	partnerlens alerts --owner 'Chen, Wei' -o csv > mine.csv
`
}

// Help returns examples.
func (*partnerCmd) Help() string {
	return `Examples:

	partnerlens partner                        from the newest run, if there is one
	partnerlens partner --live -o json         the vendor is asked now
`
}

// Help returns examples.
func (*keyNewCmd) Help() string {
	return `Examples:

	partnerlens key new --name crm
	partnerlens key new --name sales --function credit --pii --expires 90d
`
}

// Help returns examples.
func (*simulateCmd) Help() string {
	return `Examples:

	partnerlens simulate --listen 127.0.0.1:9090 --print-env
	partnerlens simulate --customers 20000 --rate 5 --latency 80ms
	partnerlens simulate --fault bad-value     values that are not as documented
	partnerlens simulate --fault x             all faults
`
}

// Help returns examples.
func (*invokeCmd) Help() string {
	return `Examples, after scripts/build.sh:

	partnerlens invoke --platform lambda --binary dist/lambda/credit/bootstrap \
	  --event functions/credit/events/lambda-function-url.json \
	  --env PARTNERLENS_TENCENT_SECRET_ID --env PARTNERLENS_TENCENT_SECRET_KEY
	echo '{"limit":3}' | partnerlens invoke --platform scf --event - \
	  --binary dist/scf/tags/main --env PARTNERLENS_HUAWEI_AK --env PARTNERLENS_HUAWEI_SK
`
}

// Help returns examples.
func (versionCmd) Help() string {
	return `Examples:

	partnerlens version
`
}
