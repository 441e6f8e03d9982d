package simulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
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

// awsError is an error of the vendor's.
type awsError struct {
	status        int
	code, message string
	inFront       bool // from what is in front of the service
}

// body returns the error as it is sent. The services write Message, what is in
// front of them writes message.
func (e *awsError) body() []byte {
	m := map[string]string{"__type": e.code}
	switch {
	case e.inFront:
		m["message"] = e.message
	case e.message != "":
		m["Message"] = e.message
	}
	return mustJSON(m)
}

func badAWS(code, message string) *awsError {
	return &awsError{status: http.StatusBadRequest, code: code, message: message}
}

func (s *Simulator) answerAWS(r *http.Request, body []byte) answer {
	a := answer{status: http.StatusOK, header: http.Header{"Content-Type": {awsJSON}, "X-Amzn-Requestid": {s.requestIDs.nextUUID()}}}
	value, refused := s.awsValue(r, body)
	if refused != nil {
		a.status, a.body = refused.status, refused.body()
	} else {
		a.body = mustJSON(value)
	}
	return a
}

func (s *Simulator) awsValue(r *http.Request, body []byte) (any, *awsError) {
	target, service := r.Header.Get("X-Amz-Target"), "secretsmanager"
	if strings.HasPrefix(target, "AmazonSSM.") {
		service = "ssm"
	}
	if s.secrets.isDown() {
		return nil, awsDown(service)
	}
	if len(body) > maxRequest {
		return nil, &awsError{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLargeException", inFront: true}
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if r.Method != http.MethodPost || contentType != awsJSON || target != getSecretValue && target != getParameter {
		return nil, &awsError{status: http.StatusNotFound, code: "UnknownOperationException", inFront: true}
	}
	keyID, region, refused := verifySigV4(r, body, service, s.opts.Now(), s.storeKeys())
	if refused != nil {
		return nil, refused
	}
	var p awsParams
	switch err := json.Unmarshal(body, &p); {
	case err != nil:
		return nil, &awsError{status: http.StatusBadRequest, code: "SerializationException", inFront: true}
	case keyID == NoAuthKeyID && target == getParameter:
		return nil, badAWS("AccessDeniedException", "User is not authorized to perform: ssm:GetParameter on resource: "+parameterARN(region, p.Name))
	case keyID == NoAuthKeyID:
		return nil, badAWS("AccessDeniedException", "User is not authorized to perform: secretsmanager:GetSecretValue on resource: "+p.SecretID)
	case target == getParameter:
		return s.parameter(p, region, epoch)
	}
	return s.secretValue(p, region, epoch)
}

// awsParams are the parameters of both calls. A null counts as absent.
type awsParams struct {
	Name           string
	WithDecryption bool

	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}

// epoch returns a time as the services send it: a number of seconds.
func epoch(t time.Time) any { return float64(t.UnixMilli()) / 1000 }

// awsDown returns the internal error of a service; its name differs by service.
func awsDown(service string) *awsError {
	code := "InternalServiceError"
	if service == "ssm" {
		code = "InternalServerError"
	}
	return &awsError{status: http.StatusInternalServerError, code: code, message: "An error occurred on the server side."}
}

type secretValue struct {
	ARN           string
	Name          string
	VersionID     string `json:"VersionId"`
	SecretString  string
	VersionStages []string
	CreatedDate   any
}

// secretValue answers GetSecretValue; without a version, of AWSCURRENT.
func (s *Simulator) secretValue(p awsParams, region string, date func(time.Time) any) (*secretValue, *awsError) {
	if s.secrets.isDown() {
		return nil, awsDown("secretsmanager")
	}
	if p.SecretID == "" {
		return nil, badAWS("ValidationException", "1 validation error detected: 'secretId' must have length greater than or equal to 1")
	}
	name, versions := s.findSecret(p.SecretID, region)
	if len(versions) == 0 {
		return nil, badAWS("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	id := func(v secretVersion) string { return asUUID(fmt.Sprintf("%x", s.seed.sum("aws", name, v.label()))) }
	version, ok := find(versions, func(v secretVersion) bool {
		switch {
		case p.VersionID != "":
			return id(v) == p.VersionID
		case p.VersionStage == "AWSPREVIOUS":
			return v.former
		}
		return v.current && (p.VersionStage == "" || p.VersionStage == "AWSCURRENT")
	})
	if !ok {
		return nil, badAWS("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for this version.")
	}
	labels := stages(version, "AWSCURRENT", "AWSPREVIOUS")
	if p.VersionID != "" && p.VersionStage != "" && (len(labels) == 0 || labels[0] != p.VersionStage) {
		return nil, badAWS("InvalidRequestException", "The VersionStage is not associated to the provided VersionId.")
	}
	return &secretValue{
		ARN:           secretARN(region, name),
		Name:          name,
		VersionID:     id(version),
		SecretString:  s.secrets.read(version),
		VersionStages: labels,
		CreatedDate:   date(version.created),
	}, nil
}

// arnSuffix is what Secrets Manager adds to a name in an ARN: a hyphen and six
// random characters. Any six match here.
var arnSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

func secretARN(region, name string) string {
	return "arn:aws:secretsmanager:" + region + ":" + awsAccount + ":secret:" + name + "-AbCdEf"
}

// findSecret finds a secret by its name, or by an ARN with or without its suffix.
// Of a name that ends like a suffix AWS warns; here the whole name comes first.
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

// parameter answers GetParameter. NAME:3 is the third version.
func (s *Simulator) parameter(p awsParams, region string, date func(time.Time) any) (*parameterAnswer, *awsError) {
	if s.secrets.isDown() {
		return nil, awsDown("ssm")
	}
	if p.Name == "" {
		return nil, badAWS("ValidationException", "1 validation error detected: 'name' must have length greater than or equal to 1")
	}
	name := p.Name
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
	if bare, isPath := strings.CutPrefix(name, "/"); isPath && len(versions) == 0 && strings.HasPrefix(p.Name, "arn:") {
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
	if p.WithDecryption {
		a.Parameter.Value = s.secrets.read(version)
	} else {
		hidden := s.seed.sum("kms", name, version.text)
		a.Parameter.Value = "AQICAH" + base64.StdEncoding.EncodeToString(hidden[:])
	}
	return a, nil
}

func parameterARN(region, name string) string {
	return "arn:aws:ssm:" + region + ":" + awsAccount + ":parameter/" + strings.TrimPrefix(name, "/")
}
