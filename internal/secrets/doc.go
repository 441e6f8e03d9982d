// Package secrets turns references to credentials into credentials.
//
// A setting that holds a credential is the credential itself, or says where it
// is kept:
//
//	env:NAME                          another environment variable
//	file:/path                        a file, as container platforms mount them
//	aws-sm:NAME-or-ARN[#json-key]     AWS Secrets Manager
//	aws-ssm:NAME                      AWS Systems Manager Parameter Store
//	tencent-ssm:NAME[@VERSION][#json-key]  Tencent Cloud Secrets Manager
//	huawei-csms:NAME[#json-key]       Huawei Cloud Secret Management Service
//
// A Cache fetches what they name, keeps it for a while, renews it before that
// is over, and lives on what it has where a store is down. Stores are asked with
// the role of the platform that the function runs on, whose keys are read at each
// fetch: SCF hands over new ones at every invocation.
//
// It prints no value, and no error of it holds one. internal/app may import it,
// and tests.
package secrets
