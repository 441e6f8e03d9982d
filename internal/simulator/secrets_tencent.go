package simulator

import "net/http"

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
	value, refused := s.ssmValue(r, body)
	return tencentAnswer(value, refused, requestID)
}

func (s *Simulator) ssmValue(r *http.Request, body []byte) (map[string]any, *refusal) {
	if s.secrets.isDown() {
		return nil, tencentRefusal("InternalError", "An internal error has occurred.")
	}
	// The page of 2020 requires a region, that of 2023 does not. A call with one
	// is right under both.
	if refused := tencentForm(r, body, "Action", "Version", "Timestamp", "Region"); refused != nil {
		return nil, refused
	}
	keyID, refused := verifyTC3(r, body, ssmService, s.opts.Now(), s.storeKeys())
	if refused != nil {
		return nil, refused
	}
	if refused := tencentAction(r, ssmVersion, ssmAction); refused != nil {
		return nil, refused
	}
	var name, id string
	given, refused := tencentParams(body, map[string]any{"SecretName": &name, "VersionId": &id})
	if refused != nil {
		return nil, refused
	}
	for param, value := range map[string]string{"SecretName": name, "VersionId": id} {
		if !given[param] {
			return nil, tencentRefusal("MissingParameter", "The request is missing a required parameter `"+param+"`.")
		}
		if value == "" {
			return nil, tencentRefusal("InvalidParameterValue", "The value of parameter `"+param+"` is not valid.")
		}
	}
	if keyID == NoAuthKeyID {
		return nil, tencentRefusal("UnauthorizedOperation", "You are not authorized to perform operation (ssm:GetSecretValue).")
	}
	versions := s.secrets.versions(name)
	if len(versions) == 0 {
		return nil, tencentRefusal("ResourceNotFound.SecretNotExist", "The secret does not exist.")
	}
	version, ok := find(versions, func(v secretVersion) bool {
		return v.label() == id || id == ssmCurrent && v.current
	})
	if !ok {
		return nil, tencentRefusal("ResourceNotFound", "The version does not exist.")
	}
	// Whether the answer names the version or repeats SSM_Current is not
	// published.
	return map[string]any{"SecretName": name, "VersionId": version.label(), "SecretBinary": "", "SecretString": s.secrets.read(version)}, nil
}
