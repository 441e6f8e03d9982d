package simulator

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// GetSecretValue of AWS Secrets Manager and GetParameter of the Parameter Store
// of AWS Systems Manager, by their API references (read November 2026). Both
// speak JSON 1.1: one path, X-Amz-Target names the call.

const (
	getSecretValue = "secretsmanager.GetSecretValue"
	getParameter   = "AmazonSSM.GetParameter"
	awsJSON        = "application/x-amz-json-1.1"
	awsAccount     = "123456789012"
)

// awsError is an error in the vendor's terms.
type awsError struct {
	status        int
	code, message string
	atDoor        bool // found before the service itself sees the call
}

// body is the error as it is sent. The services say Message; what is in front
// of them says message. Who decodes into a Go struct reads both.
func (e *awsError) body() []byte {
	m := map[string]string{"__type": e.code}
	switch {
	case e.atDoor:
		m["message"] = e.message
	case e.message != "":
		m["Message"] = e.message
	}
	return mustJSON(m)
}

func badAWS(code, message string) *awsError {
	return &awsError{status: http.StatusBadRequest, code: code, message: message}
}

func (s *Simulator) serveAWS(w http.ResponseWriter, r *http.Request, body []byte) {
	requestID := s.ids.nextUUID()
	value, refusal := s.answerAWS(r, body)
	s.wait(r.Context(), s.latency)
	w.Header().Set("Content-Type", awsJSON)
	w.Header().Set("X-Amzn-Requestid", requestID)
	if refusal != nil {
		w.WriteHeader(refusal.status)
		w.Write(refusal.body())
		return
	}
	w.Write(mustJSON(value))
}

func (s *Simulator) answerAWS(r *http.Request, body []byte) (any, *awsError) {
	target := r.Header.Get("X-Amz-Target")
	service := "secretsmanager"
	if strings.HasPrefix(target, "AmazonSSM.") {
		service = "ssm"
	}
	if s.secrets.isDown() {
		return nil, awsDown(service)
	}
	if len(body) > maxRequest {
		return nil, &awsError{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLargeException", atDoor: true}
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if r.Method != http.MethodPost || contentType != awsJSON || target != getSecretValue && target != getParameter {
		return nil, &awsError{status: http.StatusNotFound, code: "UnknownOperationException", atDoor: true}
	}
	keyID, region, refusal := verifySigV4(r, body, service, s.now(), s.storeKey)
	if refusal != nil {
		return nil, refusal
	}
	var given map[string]any
	if json.Unmarshal(body, &given) != nil {
		return nil, malformed
	}
	if target == getParameter {
		name, ok := optional[string](given, "Name")
		plain, isBool := optional[bool](given, "WithDecryption")
		switch {
		case !ok || !isBool:
			return nil, malformed
		case keyID == NoAuthKeyID:
			return nil, badAWS("AccessDeniedException", "User is not authorized to perform: ssm:GetParameter on resource: "+parameterARN(region, name))
		}
		return s.parameter(parameterParams{name, plain}, region, epoch)
	}
	id, ok1 := optional[string](given, "SecretId")
	version, ok2 := optional[string](given, "VersionId")
	stage, ok3 := optional[string](given, "VersionStage")
	switch {
	case !ok1 || !ok2 || !ok3:
		return nil, malformed
	case keyID == NoAuthKeyID:
		return nil, badAWS("AccessDeniedException", "User is not authorized to perform: secretsmanager:GetSecretValue on resource: "+id)
	}
	return s.secretValue(secretParams{id, version, stage}, region, epoch)
}

var malformed = &awsError{status: http.StatusBadRequest, code: "SerializationException", atDoor: true}

// optional returns a parameter, which may be absent or null but not of another
// type. A name has to be written as it is: encoding/json would be more lenient
// than AWS.
func optional[T any](given map[string]any, name string) (value T, ok bool) {
	if given[name] == nil {
		return value, true
	}
	value, ok = given[name].(T)
	return value, ok
}

// epoch is a time as the services send it: seconds, a number.
func epoch(t time.Time) any { return float64(t.UnixMilli()) / 1000 }

// awsDown is the internal error of a service; the two have different names.
func awsDown(service string) *awsError {
	code := "InternalServiceError"
	if service == "ssm" {
		code = "InternalServerError"
	}
	return &awsError{status: http.StatusInternalServerError, code: code, message: "An error occurred on the server side."}
}

type secretParams struct{ id, version, stage string }

type secretValue struct {
	ARN           string
	Name          string
	VersionID     string `json:"VersionId"`
	SecretString  string
	VersionStages []string
	CreatedDate   any
}

// secretValue answers GetSecretValue. Without a version it is AWSCURRENT.
func (s *Simulator) secretValue(p secretParams, region string, date func(time.Time) any) (*secretValue, *awsError) {
	if p.id == "" {
		return nil, badAWS("ValidationException", "1 validation error detected: 'secretId' must have length greater than or equal to 1")
	}
	name, versions := s.findSecret(p.id, region)
	if len(versions) == 0 {
		return nil, badAWS("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	id := func(v secretVersion) string { return asUUID(s.seed.sum("aws", name, v.label())) }
	version, ok := find(versions, func(v secretVersion) bool {
		switch {
		case p.version != "":
			return id(v) == p.version
		case p.stage == "AWSPREVIOUS":
			return v.former
		}
		return v.current && (p.stage == "" || p.stage == "AWSCURRENT")
	})
	if !ok {
		return nil, badAWS("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for this version.")
	}
	labels := stages(version, "AWSCURRENT", "AWSPREVIOUS")
	if p.version != "" && p.stage != "" && (len(labels) == 0 || labels[0] != p.stage) {
		return nil, badAWS("InvalidRequestException", "The VersionStage is not associated to the provided VersionId.")
	}
	return &secretValue{
		ARN:           secretARN(region, name),
		Name:          name,
		VersionID:     id(version),
		SecretString:  s.secrets.tell(version),
		VersionStages: labels,
		CreatedDate:   date(version.created),
	}, nil
}

// arnSuffix is what Secrets Manager adds to a name in an ARN: a hyphen and six
// characters at random. Any six are taken here.
var arnSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// secretARN is the whole ARN of a secret.
func secretARN(region, name string) string {
	return "arn:aws:secretsmanager:" + region + ":" + awsAccount + ":secret:" + name + "-AbCdEf"
}

// findSecret finds a secret by its name, or by an ARN with or without its
// suffix. AWS takes a name that itself ends like a suffix for a whole ARN, and
// warns of it; here the name is tried first.
func (s *Simulator) findSecret(id, region string) (name string, versions []secretVersion) {
	if !strings.HasPrefix(id, "arn:") {
		return id, s.secrets.versions(id)
	}
	arn := strings.SplitN(id, ":", 7) // arn, partition, service, region, account, "secret", name
	if len(arn) != 7 || arn[2] != "secretsmanager" || arn[3] != region || arn[4] != awsAccount || arn[5] != "secret" {
		return "", nil
	}
	name = arn[6]
	if versions = s.secrets.versions(name); len(versions) == 0 {
		name = arnSuffix.ReplaceAllString(name, "")
		versions = s.secrets.versions(name)
	}
	return name, versions
}

type parameterParams struct {
	name  string
	plain bool // with decryption
}

type parameter struct {
	ARN              string
	DataType         string
	LastModifiedDate any
	Name             string
	Selector         string `json:",omitempty"`
	Type             string
	Value            string
	Version          int
}

type parameterAnswer struct{ Parameter parameter }

// parameter answers GetParameter. NAME:3 asks for the third version.
func (s *Simulator) parameter(p parameterParams, region string, date func(time.Time) any) (*parameterAnswer, *awsError) {
	if p.name == "" {
		return nil, badAWS("ValidationException", "1 validation error detected: 'name' must have length greater than or equal to 1")
	}
	name := p.name
	if arn := strings.SplitN(name, ":", 6); arn[0] == "arn" { // partition, service, region, account, "parameter/" and the name
		path, ok := "", len(arn) == 6 && arn[2] == "ssm" && arn[3] == region && arn[4] == awsAccount
		if ok {
			path, ok = strings.CutPrefix(arn[5], "parameter")
		}
		if !ok {
			return nil, badAWS("ParameterNotFound", "")
		}
		name = path
	}
	name, selector, selected := strings.Cut(name, ":")
	versions := s.secrets.versions(name)
	if bare, isPath := strings.CutPrefix(name, "/"); isPath && len(versions) == 0 && strings.HasPrefix(p.name, "arn:") {
		name, versions = bare, s.secrets.versions(bare) // an ARN does not show whether the name starts with a slash
	}
	if len(versions) == 0 {
		return nil, badAWS("ParameterNotFound", "") // this error has no message
	}
	version, ok := find(versions, func(v secretVersion) bool {
		return selected && strconv.Itoa(v.number) == selector || !selected && v.current
	})
	if !ok {
		return nil, badAWS("ParameterVersionNotFound", "Systems Manager could not find this version of the parameter.")
	}
	a := &parameterAnswer{parameter{
		ARN:              parameterARN(region, name),
		DataType:         "text",
		LastModifiedDate: date(version.created),
		Name:             name,
		Type:             "SecureString",
		Version:          version.number,
	}}
	if selected {
		a.Parameter.Selector = ":" + selector
	}
	if p.plain {
		a.Parameter.Value = s.secrets.tell(version)
	} else {
		hidden := s.seed.sum("kms", name, version.text)
		a.Parameter.Value = "AQICAH" + base64.StdEncoding.EncodeToString(hidden[:])
	}
	return a, nil
}

func parameterARN(region, name string) string {
	return "arn:aws:ssm:" + region + ":" + awsAccount + ":parameter/" + strings.TrimPrefix(name, "/")
}
