package simulator

import (
	"encoding/json"
	"net/http"
)

// GetSecretValue of Tencent Cloud's Secrets Manager (SSM, version 2019-09-23),
// by its page in the International API docs (page of 2023-09-18) and the error
// codes that the vendor lists for it (read November 2026).

const (
	ssmService = "ssm"
	ssmAction  = "GetSecretValue"
	ssmVersion = "2019-09-23"

	// ssmCurrent is the version in use. The page promises it for the credentials
	// of Tencent's own products only.
	ssmCurrent = "SSM_Current"
)

func (s *Simulator) answerSSM(r *http.Request, body []byte) answer {
	requestID := s.requestIDs.nextUUID()
	value, refusal := s.ssmValue(r, body)
	if refusal != nil {
		return refusal.answer(requestID, 0)
	}
	value.RequestID = requestID
	return tencentAnswer(value, requestID, 0)
}

type ssmAnswer struct {
	SecretName   string
	VersionID    string `json:"VersionId"`
	SecretBinary string
	SecretString string
	RequestID    string `json:"RequestId"`
}

func (s *Simulator) ssmValue(r *http.Request, body []byte) (*ssmAnswer, *tencentError) {
	if s.secrets.isDown() {
		return nil, &tencentError{"InternalError", "An internal error has occurred."}
	}
	// The page of 2020 requires a region, that of 2023 does not. A call with one
	// is right under both.
	if refusal := tencentForm(r, body, "Action", "Version", "Timestamp", "Region"); refusal != nil {
		return nil, refusal
	}
	keyID, refusal := verifyTC3(r, body, ssmService, s.opts.Now(), s.storeKey)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := tencentAction(r, ssmAction, ssmVersion); refusal != nil {
		return nil, refusal
	}
	params, refusal := parseSSMParams(body)
	if refusal != nil {
		return nil, refusal
	}
	if keyID == NoAuthKeyID {
		return nil, &tencentError{"UnauthorizedOperation", "You are not authorized to perform operation (ssm:GetSecretValue)."}
	}
	name, id := params["SecretName"], params["VersionId"]
	versions := s.secrets.versions(name)
	if len(versions) == 0 {
		return nil, &tencentError{"ResourceNotFound.SecretNotExist", "The secret does not exist."}
	}
	version, ok := find(versions, func(v secretVersion) bool {
		return v.label() == id || id == ssmCurrent && v.current
	})
	if !ok {
		return nil, &tencentError{"ResourceNotFound", "The version does not exist."}
	}
	// Whether the answer names the version or repeats SSM_Current is not
	// published.
	return &ssmAnswer{SecretName: name, VersionID: version.label(), SecretString: s.secrets.read(version)}, nil
}

func parseSSMParams(body []byte) (map[string]string, *tencentError) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil || given == nil {
		return nil, &tencentError{"InvalidParameter", "The request body is not a JSON object."}
	}
	names := []string{"SecretName", "VersionId"}
	params := make(map[string]string)
	for _, name := range names {
		raw, ok := given[name]
		if !ok || string(raw) == "null" {
			return nil, &tencentError{"MissingParameter", "The request is missing a required parameter `" + name + "`."}
		}
		if params[name], ok = text(raw); !ok {
			return nil, &tencentError{"InvalidParameter", "The value type of parameter `" + name + "` is not valid."}
		}
		if params[name] == "" {
			return nil, &tencentError{"InvalidParameterValue", "The value of parameter `" + name + "` is not valid."}
		}
		delete(given, name)
	}
	for name := range given {
		return nil, &tencentError{"UnknownParameter", "The parameter `" + name + "` is not recognized."}
	}
	return params, nil
}
