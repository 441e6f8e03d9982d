package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The signature of Tencent Cloud's API 3.0, TC3-HMAC-SHA256, checked as the
// page "Signature v3" of the Tencent Cloud International API documentation
// describes it (read November 2026).

const (
	tc3Algorithm = "TC3-HMAC-SHA256"
	tc3Skew      = 5 * time.Minute
)

// verifyTC3 returns the id of the key that signed a call to a service at a time.
func verifyTC3(r *http.Request, body []byte, service string, at time.Time, key keyring) (keyID string, refused *refusal) {
	auth, ok := parseAuthorization(r.Header.Get("Authorization"), tc3Algorithm, "Credential")
	if !ok {
		return "", tencentRefusal("AuthFailure.InvalidAuthorization", "Authorization in the request header is invalid.")
	}
	keyID, scope, _ := strings.Cut(auth.credential, "/")
	unixSeconds, err := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
	if err != nil {
		return "", tencentRefusal("InvalidParameter", "The value type of parameter `Timestamp` is not valid.")
	}
	signedAt := time.Unix(unixSeconds, 0)
	if skew := at.Sub(signedAt).Abs(); skew > tc3Skew {
		return "", tencentRefusal("AuthFailure.SignatureExpire", "The provided credentials could not be validated because of exceeding request timestamp limit.")
	}
	secret, token, known := key(keyID)
	if !known {
		return "", tencentRefusal("AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct.")
	}
	if given := r.Header.Get("X-TC-Token"); given != token {
		return "", tencentRefusal("AuthFailure.TokenFailure", "The provided token is wrong or has expired.")
	}

	// content-type and host must be signed, others may be.
	canonical, ok := tc3CanonicalRequest(r, auth.signedHeaders, body)
	toSign := tc3Algorithm + "\n" + strconv.FormatInt(unixSeconds, 10) + "\n" + scope + "\n" + hexSHA256([]byte(canonical))
	if !ok || !auth.covers("content-type", "host") || scope != signedAt.UTC().Format(time.DateOnly)+"/"+service+"/tc3_request" ||
		!auth.is(signature("TC3"+secret, toSign, strings.Split(scope, "/")...)) {
		return "", tencentRefusal("AuthFailure.SignatureFailure", "The provided credentials could not be validated. Please check your signature is correct.")
	}
	return keyID, nil
}

// tc3CanonicalRequest returns the text whose hash is signed. A POST has neither
// path nor query in it. The values of the headers are in lower case, too.
func tc3CanonicalRequest(r *http.Request, signedHeaders []string, body []byte) (string, bool) {
	signed, ok := canonicalHeaders(r, signedHeaders, body, strings.ToLower)
	return r.Method + "\n/\n\n" + signed, ok
}

// authorization is the parts that every vendor's Authorization header has.
type authorization struct {
	credential    string
	signedHeaders []string
	signature     string
}

// parseAuthorization parses "ALGORITHM NAME=…, SignedHeaders=a;b, Signature=…",
// where NAME is the vendor's name of the credential.
func parseAuthorization(header, algorithm, name string) (authorization, bool) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return authorization{}, false
	}
	var a authorization
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case name:
			a.credential = value
		case "SignedHeaders":
			a.signedHeaders = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.credential != "" && len(a.signedHeaders) > 0 && a.signature != ""
}

// covers reports whether the signed headers are sorted and have all of the names.
func (a authorization) covers(names ...string) bool {
	for _, name := range names {
		if !slices.Contains(a.signedHeaders, name) {
			return false
		}
	}
	return slices.IsSorted(a.signedHeaders)
}

// is reports whether a signature is the one in the header.
func (a authorization) is(signature string) bool {
	return hmac.Equal([]byte(signature), []byte(a.signature))
}

// canonicalHeaders returns what all canonical requests end with: the headers that
// are signed, each value in a form, their names, and the hash of the body. It
// fails if one of the headers is absent. net/http keeps Host and Content-Length
// apart from the others.
func canonicalHeaders(r *http.Request, names []string, body []byte, form func(string) string) (string, bool) {
	var b strings.Builder
	for _, name := range names {
		values := r.Header.Values(name)
		switch {
		case name == "host" && r.Host != "":
			values = []string{r.Host}
		case name == "content-length" && len(values) == 0 && r.ContentLength >= 0:
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		case len(values) == 0:
			return "", false
		}
		b.WriteString(name + ":" + form(strings.TrimSpace(strings.Join(values, ","))) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + hexSHA256(body))
	return b.String(), true
}

// signature signs a text with a key that is derived from a secret and the parts
// of a scope, one after the other.
func signature(secret, text string, scope ...string) string {
	key := []byte(secret)
	for _, part := range append(slices.Clip(scope), text) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
