package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// The signature of AWS, Signature Version 4, checked as the pages "Create a
// signed AWS API request" and "Troubleshoot signed requests" of the IAM user
// guide describe it (read November 2026).

const (
	sigV4Algorithm = "AWS4-HMAC-SHA256"
	sigV4Date      = "20060102T150405Z"
	sigV4Skew      = 5 * time.Minute
)

// verifySigV4 returns the id of the key that signed a call to a service at a time,
// and the region of the signature.
func verifySigV4(r *http.Request, body []byte, service string, at time.Time, key keyring) (keyID, region string, refusal *awsError) {
	refuse := func(code, message string) (string, string, *awsError) {
		return "", "", &awsError{status: http.StatusBadRequest, code: code, message: message, inFront: true}
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return refuse("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	auth, ok := parseAuthorization(header, sigV4Algorithm, "Credential")
	scope := strings.Split(auth.credential, "/") // key id, date, region, service, "aws4_request"
	if !ok || len(scope) != 5 {
		return refuse("IncompleteSignatureException", "Authorization header is malformed.")
	}
	keyID, region = scope[0], scope[2]
	secret, token, known := key(keyID)
	given := r.Header.Get("X-Amz-Security-Token")
	switch {
	case keyID == TempKeyID && given == ExpiredToken:
		return refuse("ExpiredTokenException", "The security token included in the request is expired")
	case !known || given != token:
		return refuse("UnrecognizedClientException", "The security token included in the request is invalid.")
	}

	invalid := func(message string) (string, string, *awsError) { return refuse("InvalidSignatureException", message) }
	signedAt, err := time.Parse(sigV4Date, r.Header.Get("X-Amz-Date"))
	switch {
	case err != nil:
		return refuse("IncompleteSignatureException", "X-Amz-Date is missing or malformed.")
	case at.Sub(signedAt) > sigV4Skew:
		return invalid("Signature expired: " + signedAt.Format(sigV4Date) + " is now earlier than " + at.UTC().Add(-sigV4Skew).Format(sigV4Date))
	case signedAt.Sub(at) > sigV4Skew:
		return invalid("Signature not yet current: " + signedAt.Format(sigV4Date) + " is still later than " + at.UTC().Add(sigV4Skew).Format(sigV4Date))
	case scope[1] != signedAt.Format("20060102"):
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	case region == "":
		return invalid("Credential should be scoped to a valid region.")
	case scope[3] != service:
		return invalid("Credential should be scoped to correct service: '" + service + "'.")
	case scope[4] != "aws4_request":
		return invalid("Credential should be scoped with a valid terminator: 'aws4_request'.")
	}
	// The host must be signed, and every header that starts with x-amz-.
	required := []string{"host"}
	for name := range r.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	for _, name := range required {
		if !slices.Contains(auth.signedHeaders, name) {
			return invalid("'" + name + "' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	mismatch := "The request signature we calculated does not match the signature you provided."
	canonical, ok := sigV4CanonicalRequest(r, auth.signedHeaders, body)
	if !ok || !slices.IsSorted(auth.signedHeaders) {
		return invalid(mismatch)
	}
	if !auth.is(sigV4Signature(secret, scope[1:], signedAt, canonical)) {
		return invalid(mismatch)
	}
	return keyID, region, nil
}

// sigV4Signature signs with a scope of date, region, service and "aws4_request".
func sigV4Signature(secret string, scope []string, signedAt time.Time, canonical string) string {
	toSign := sigV4Algorithm + "\n" + signedAt.Format(sigV4Date) + "\n" + strings.Join(scope, "/") + "\n" + hexSHA256([]byte(canonical))
	return signature("AWS4"+secret, toSign, scope...)
}

// sigV4CanonicalRequest returns the text whose hash is signed. The path is "/" for
// every call of the AWS stores. Spaces inside a header's value count as one.
func sigV4CanonicalRequest(r *http.Request, signedHeaders []string, body []byte) (string, bool) {
	signed, ok := canonicalHeaders(r, signedHeaders, body, func(value string) string { return strings.Join(strings.Fields(value), " ") })
	return r.Method + "\n/\n" + canonicalQuery(r.URL.Query()) + "\n" + signed, ok
}
