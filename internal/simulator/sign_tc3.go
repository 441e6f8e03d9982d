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

// verifyTC3 returns the id of the key that signed the call to a service, as it
// arrived at a time.
func verifyTC3(r *http.Request, body []byte, service string, at time.Time, key keyring) (keyID string, refusal *tencentError) {
	auth, ok := parseAuthorization(r.Header.Get("Authorization"), tc3Algorithm, "Credential")
	if !ok {
		return "", &tencentError{"AuthFailure.InvalidAuthorization", "Authorization in the request header is invalid."}
	}
	keyID, scope, _ := strings.Cut(auth.credential, "/")
	unixSeconds, err := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
	if err != nil {
		return "", &tencentError{"InvalidParameter", "The value type of parameter `Timestamp` is not valid."}
	}
	signedAt := time.Unix(unixSeconds, 0)
	if skew := at.Sub(signedAt).Abs(); skew > tc3Skew {
		return "", &tencentError{"AuthFailure.SignatureExpire", "The provided credentials could not be validated because of exceeding request timestamp limit."}
	}
	secret, token, known := key(keyID)
	if !known {
		return "", &tencentError{"AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct."}
	}
	if given := r.Header.Get("X-TC-Token"); given != token {
		return "", &tencentError{"AuthFailure.TokenFailure", "The provided token is wrong or has expired."}
	}

	failure := &tencentError{"AuthFailure.SignatureFailure", "The provided credentials could not be validated. Please check your signature is correct."}
	// The page wants content-type and host signed, others may be; names in
	// lower case and in the order of their characters.
	if !slices.Contains(auth.signedHeaders, "content-type") || !slices.Contains(auth.signedHeaders, "host") || !slices.IsSorted(auth.signedHeaders) {
		return "", failure
	}
	if scope != signedAt.UTC().Format(time.DateOnly)+"/"+service+"/tc3_request" {
		return "", failure
	}
	canonical, ok := tc3CanonicalRequest(r, auth.signedHeaders, body)
	if !ok {
		return "", failure
	}
	toSign := tc3Algorithm + "\n" + strconv.FormatInt(unixSeconds, 10) + "\n" + scope + "\n" + hexSHA256([]byte(canonical))
	signingKey := []byte("TC3" + secret)
	for part := range strings.SplitSeq(scope, "/") { // date, service, "tc3_request"
		signingKey = hmacSHA256(signingKey, part)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(hmacSHA256(signingKey, toSign))), []byte(auth.signature)) {
		return "", failure
	}
	return keyID, nil
}

// tc3CanonicalRequest is the text whose hash is signed. A POST has neither path
// nor query in it. The page wants the values of the headers in lower case too.
func tc3CanonicalRequest(r *http.Request, signedHeaders []string, body []byte) (string, bool) {
	var b strings.Builder
	b.WriteString(r.Method + "\n/\n\n")
	for _, name := range signedHeaders {
		value, ok := headerValue(r, name)
		if !ok {
			return "", false
		}
		b.WriteString(name + ":" + strings.ToLower(value) + "\n")
	}
	b.WriteString("\n" + strings.Join(signedHeaders, ";") + "\n" + hexSHA256(body))
	return b.String(), true
}

// authorization is what every vendor puts into that header: an algorithm, then
// three named parts.
type authorization struct {
	credential    string
	signedHeaders []string
	signature     string
}

// parseAuthorization takes "ALGORITHM NAME=…, SignedHeaders=a;b, Signature=…"
// apart, where NAME is the vendor's word for the credential.
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

// headerValue returns a header of the request as it is signed: trimmed. The
// server side of net/http keeps Host apart from the others.
func headerValue(r *http.Request, name string) (string, bool) {
	if name == "host" {
		return r.Host, r.Host != ""
	}
	values := r.Header.Values(name)
	return strings.TrimSpace(strings.Join(values, ",")), len(values) > 0
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
