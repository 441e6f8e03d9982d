package simulator

import (
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
	var name, id string
	given, refusal := tencentParams(body, map[string]any{"SecretName": &name, "VersionId": &id})
	if refusal != nil {
		return nil, refusal
	}
	for param, value := range map[string]string{"SecretName": name, "VersionId": id} {
		if !given[param] {
			return nil, &tencentError{"MissingParameter", "The request is missing a required parameter `" + param + "`."}
		}
		if value == "" {
			return nil, &tencentError{"InvalidParameterValue", "The value of parameter `" + param + "` is not valid."}
		}
	}
	if keyID == NoAuthKeyID {
		return nil, &tencentError{"UnauthorizedOperation", "You are not authorized to perform operation (ssm:GetSecretValue)."}
	}
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
