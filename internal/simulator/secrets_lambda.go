package simulator

import (
	"net/http"
	"strings"
	"time"
)

// The AWS Parameters and Secrets Lambda Extension, by "Use Secrets Manager
// secrets in Lambda functions" in the Lambda guide and "Using Parameter Store
// parameters in Lambda functions" in the Systems Manager guide (read November
// 2026). It is Go and answers with the SDK's own structs: dates are texts and
// there is a ResultMetadata, where the services themselves send numbers and
// none. AWS publishes neither its errors nor a complete answer; a client must
// go by SecretString, Value and the status alone.

const extensionRegion = "us-east-1"

// Extension is the Lambda extension in front of the AWS stores, for a port of
// its own: GET /secretsmanager/get and /systemsmanager/parameters/get. The token
// is what a function finds in AWS_SESSION_TOKEN and has to send. Unlike the real
// one, which remembers an answer for 300 s, it asks anew every time.
func (s *Simulator) Extension(sessionToken string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.wait(r.Context(), s.latency)
		fail := func(status int, message string) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(status)
			w.Write([]byte(message))
		}
		if r.Method != http.MethodGet {
			fail(http.StatusMethodNotAllowed, "method not allowed")
			return
		}
		token := r.Header.Get("X-Aws-Parameters-Secrets-Token")
		if token == "" || token != sessionToken {
			fail(http.StatusForbidden, "some error occurred while validating the token of the request")
			return
		}
		var value any
		var refusal *awsError
		operation := "SSM: GetParameter"
		switch query := r.URL.Query(); strings.TrimSuffix(r.URL.Path, "/") {
		case "/secretsmanager/get":
			operation = "Secrets Manager: GetSecretValue"
			value, refusal = s.extensionSecret(secretParams{query.Get("secretId"), query.Get("versionId"), query.Get("versionStage")})
		case "/systemsmanager/parameters/get":
			name := query.Get("name")
			for _, selector := range []string{"version", "label"} {
				if v := query.Get(selector); v != "" {
					name += ":" + v
				}
			}
			value, refusal = s.extensionParameter(parameterParams{name, query.Get("withDecryption") == "true"})
		default:
			fail(http.StatusNotFound, "404 page not found")
			return
		}
		if refusal != nil {
			fail(refusal.status, "operation error "+operation+", api error "+refusal.code+": "+refusal.message)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(mustJSON(value))
	})
}

type resultMetadata struct{}

func (s *Simulator) extensionSecret(p secretParams) (any, *awsError) {
	if s.secrets.isDown() {
		return nil, awsDown("secretsmanager")
	}
	v, refusal := s.secretValue(p, extensionRegion, dateText)
	if refusal != nil {
		return nil, refusal
	}
	return struct {
		*secretValue
		SecretBinary   []byte // null
		ResultMetadata resultMetadata
	}{secretValue: v}, nil
}

func (s *Simulator) extensionParameter(p parameterParams) (any, *awsError) {
	if s.secrets.isDown() {
		return nil, awsDown("ssm")
	}
	v, refusal := s.parameter(p, extensionRegion, dateText)
	if refusal != nil {
		return nil, refusal
	}
	return struct {
		*parameterAnswer
		ResultMetadata resultMetadata
	}{parameterAnswer: v}, nil
}

func dateText(t time.Time) any { return t.UTC().Format(time.RFC3339Nano) }
