package simulator

import (
	"net/http"
	"strings"
	"time"
)

// The AWS Parameters and Secrets Lambda Extension, by "Use Secrets Manager
// secrets in Lambda functions" in the Lambda guide and "Using Parameter Store
// parameters in Lambda functions" in the Systems Manager guide (read November
// 2026). It is written in Go and answers with the SDK's structs: dates are texts
// and there is a ResultMetadata, where the services send numbers and none. AWS
// publishes neither its errors nor a complete answer; a client must go by
// SecretString, Value and the status alone.

const extensionRegion = "us-east-1"

// Extension serves the Lambda extension in front of the AWS stores on a port of
// its own: GET /secretsmanager/get and /systemsmanager/parameters/get. A caller
// must send sessionToken, which a function has in AWS_SESSION_TOKEN. Unlike the
// real extension, which caches an answer for 300 s, it reads the store every time.
func (s *Simulator) Extension(sessionToken string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.delay(r.Context(), s.opts.There, s.opts.Work, s.opts.Back)
		if r.Method != http.MethodGet {
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		token := r.Header.Get("X-Aws-Parameters-Secrets-Token")
		if token == "" || token != sessionToken {
			http.Error(w, "some error occurred while validating the token of the request", http.StatusForbidden)
			return
		}
		var value any
		var refused *awsError
		operation := "SSM: GetParameter"
		switch query := r.URL.Query(); strings.TrimSuffix(r.URL.Path, "/") {
		case "/secretsmanager/get":
			operation = "Secrets Manager: GetSecretValue"
			v, failure := s.secretValue(awsParams{SecretID: query.Get("secretId"), VersionID: query.Get("versionId"), VersionStage: query.Get("versionStage")}, extensionRegion, dateText)
			refused, value = failure, struct {
				*secretValue
				SecretBinary   []byte // null
				ResultMetadata struct{}
			}{secretValue: v}
		case "/systemsmanager/parameters/get":
			name := query.Get("name")
			for _, selector := range []string{"version", "label"} {
				if v := query.Get(selector); v != "" {
					name += ":" + v
				}
			}
			v, failure := s.parameter(awsParams{Name: name, WithDecryption: query.Get("withDecryption") == "true"}, extensionRegion, dateText)
			refused, value = failure, struct {
				*parameterAnswer
				ResultMetadata struct{}
			}{parameterAnswer: v}
		default:
			http.NotFound(w, r)
			return
		}
		if refused != nil {
			http.Error(w, "operation error "+operation+", api error "+refused.code+": "+refused.message, refused.status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(mustJSON(value))
	})
}

func dateText(t time.Time) any { return t.UTC().Format(time.RFC3339Nano) }
