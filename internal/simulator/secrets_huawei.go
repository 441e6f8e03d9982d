package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// ShowSecretVersion of Huawei Cloud's secret management (CSMS, a part of DEW),
// by its page in the DEW API reference (page of 2024-08-06, read November 2026).
//
// That page lists 404 for what does not exist; the page of error codes lists its
// code, CSMS.0005, under 400. Neither has a code for a missing permission or an
// internal error; those here are the gateway's. A client should go by the status
// for these, and by the code for what does not exist.

const csmsPrefix = "/v1/"

func (s *Simulator) answerCSMS(r *http.Request, body []byte) answer {
	requestID := s.requestIDs.next()
	value, refused := s.csmsVersion(r, body)
	return huaweiAnswer(value, refused, requestID)
}

type csmsAnswer struct {
	Version struct {
		Metadata struct {
			ID            string   `json:"id"`
			CreateTime    int64    `json:"create_time"` // milliseconds, although the page says seconds: its sample has them
			KMSKeyID      string   `json:"kms_key_id"`
			SecretName    string   `json:"secret_name"`
			VersionStages []string `json:"version_stages"`
		} `json:"version_metadata"`
		SecretString string `json:"secret_string"`
	} `json:"version"`
}

func (s *Simulator) csmsVersion(r *http.Request, body []byte) (*csmsAnswer, *refusal) {
	if s.secrets.isDown() {
		return nil, &refusal{http.StatusInternalServerError, "APIGW.0601", "Internal server error"}
	}
	// /v1/{project_id}/secrets/{secret_name}/versions/{version_id}
	path := strings.Split(r.URL.Path, "/")
	if r.Method != http.MethodGet || len(path) != 7 || path[3] != "secrets" || path[5] != "versions" {
		return nil, noSuchAPI
	}
	if len(body) > maxRequest {
		return nil, tooLarge
	}
	project, name, id := path[2], path[4], path[6]
	keyID, refused := verifySDKHMAC(r, body, s.opts.Now(), s.storeKeys())
	if refused != nil {
		return nil, refused
	}
	if header := r.Header.Get("X-Project-Id"); project != ProjectID || header != "" && header != ProjectID {
		return nil, &refusal{http.StatusBadRequest, "CSMS.0002", "The value of parameter project_id is invalid."}
	}
	if keyID == NoAuthKeyID {
		return nil, &refusal{http.StatusForbidden, "APIGW.0302", "The IAM user is not authorized to access the API"}
	}
	version, ok := find(s.secrets.versions(name), func(v secretVersion) bool {
		return v.label() == id || id == "latest" && v.current
	})
	if !ok {
		return nil, &refusal{http.StatusNotFound, "CSMS.0005", "The resource does not exist."}
	}
	a := new(csmsAnswer)
	a.Version.SecretString = s.secrets.read(version)
	m := &a.Version.Metadata
	m.ID, m.SecretName, m.CreateTime = version.label(), name, version.created.UnixMilli()
	m.KMSKeyID = asUUID(fmt.Sprintf("%x", s.seed.sum("csms")))
	m.VersionStages = stages(version, "SYSCURRENT", "SYSPREVIOUS")
	return a, nil
}
