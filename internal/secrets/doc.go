// Package secrets turns references to credentials into credentials.
//
// A setting that holds a credential is the credential itself, or a reference to the
// place that holds it:
//
//	env:NAME                          another environment variable
//	file:/path                        a file, as container platforms mount them
//	aws-sm:NAME-or-ARN[#json-key]     AWS Secrets Manager
//	aws-ssm:NAME                      AWS Systems Manager Parameter Store
//	tencent-ssm:NAME[@VERSION][#json-key]  Tencent Cloud Secrets Manager
//	huawei-csms:NAME[#json-key]       Huawei Cloud Secret Management Service
//
// A Cache fetches secrets, caches them, refreshes them before they are due, and uses
// the cached value where a store is down. Stores are called with the key of the role
// that the function runs with, which is read at each fetch: SCF sets a new one at every
// invocation.
//
// No error and no output of the package holds a value.
package secrets
