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
		s.wait(r.Context(), s.opts.Latency)
		if r.Method != http.MethodGet {
			fail(w, http.StatusMethodNotAllowed, "method not allowed")
			return
		}
		token := r.Header.Get("X-Aws-Parameters-Secrets-Token")
		if token == "" || token != sessionToken {
			fail(w, http.StatusForbidden, "some error occurred while validating the token of the request")
			return
		}
		var value any
		var refusal *awsError
		operation := "SSM: GetParameter"
		switch query := r.URL.Query(); strings.TrimSuffix(r.URL.Path, "/") {
		case "/secretsmanager/get":
			operation = "Secrets Manager: GetSecretValue"
			v, failure := s.secretValue(secretParams{query.Get("secretId"), query.Get("versionId"), query.Get("versionStage")}, extensionRegion, dateText)
			refusal, value = failure, struct {
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
			v, failure := s.parameter(parameterParams{name, query.Get("withDecryption") == "true"}, extensionRegion, dateText)
			refusal, value = failure, struct {
				*parameterAnswer
				ResultMetadata struct{}
			}{parameterAnswer: v}
		default:
			fail(w, http.StatusNotFound, "404 page not found")
			return
		}
		if refusal != nil {
			fail(w, refusal.status, "operation error "+operation+", api error "+refusal.code+": "+refusal.message)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(mustJSON(value))
	})
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(message))
}

func dateText(t time.Time) any { return t.UTC().Format(time.RFC3339Nano) }
