package simulator

import (
	"crypto/hmac"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The signature of Huawei Cloud's gateway, SDK-HMAC-SHA256, checked as the "API
// Request Signing Guide" describes it (read November 2026).

const (
	sdkAlgorithm = "SDK-HMAC-SHA256"
	sdkDate      = "20060102T150405Z"
	sdkSkew      = 15 * time.Minute
)

// iamRefusal is what the gateway says to a call it cannot attribute.
func iamRefusal(why string) *huaweiError {
	return &huaweiError{http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information: " + why}
}

// verifySDKHMAC returns the id of the key that signed the call, or of the
// account whose X-Auth-Token came instead of a signature.
func verifySDKHMAC(r *http.Request, body []byte, at time.Time, key keyring) (keyID string, refusal *huaweiError) {
	header := r.Header.Get("Authorization")
	if token := r.Header.Get("X-Auth-Token"); header == "" && token != "" {
		if token != AuthToken {
			return "", iamRefusal("decrypt token fail")
		}
		return AuthToken, nil
	}
	auth, ok := parseAuthorization(header, sdkAlgorithm, "Access")
	if !ok {
		return "", iamRefusal("authorization header is missing or malformed")
	}
	signedAt, err := time.Parse(sdkDate, r.Header.Get("X-Sdk-Date"))
	if err != nil {
		return "", iamRefusal("X-Sdk-Date is missing or malformed")
	}
	if at.Sub(signedAt).Abs() > sdkSkew {
		return "", iamRefusal("calc ak sk signature fail:signature expired")
	}
	secret, token, known := key(auth.credential)
	if !known {
		return "", iamRefusal("Get secretKey failed,ak:" + auth.credential + ",err:ak not exist")
	}
	if r.Header.Get("X-Security-Token") != token {
		return "", iamRefusal("verify security token fail")
	}

	failure := iamRefusal("verify aksk signature fail")
	// Of the headers only X-Sdk-Date has to be signed, says the guide.
	if !slices.Contains(auth.signedHeaders, "x-sdk-date") || !slices.IsSorted(auth.signedHeaders) {
		return "", failure
	}
	canonical, ok := sdkCanonicalRequest(r, auth.signedHeaders, body)
	if !ok {
		return "", failure
	}
	toSign := sdkAlgorithm + "\n" + signedAt.Format(sdkDate) + "\n" + hexSHA256([]byte(canonical))
	if !hmac.Equal([]byte(hex.EncodeToString(hmacSHA256([]byte(secret), toSign))), []byte(auth.signature)) {
		return "", failure
	}
	return auth.credential, nil
}

// sdkCanonicalRequest is the text whose hash is signed: method, path with a
// slash at its end, sorted query, signed headers, their names, hash of the body.
func sdkCanonicalRequest(r *http.Request, signedHeaders []string, body []byte) (string, bool) {
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	for segment := range strings.SplitSeq(strings.Trim(r.URL.Path, "/"), "/") {
		if segment != "" {
			b.WriteString("/" + escape(segment))
		}
	}
	b.WriteString("/\n" + canonicalQuery(r.URL.Query()) + "\n")

	for _, name := range signedHeaders {
		value, ok := headerValue(r, name)
		if !ok {
			return "", false
		}
		b.WriteString(name + ":" + value + "\n")
	}
	b.WriteString("\n" + strings.Join(signedHeaders, ";") + "\n" + hexSHA256(body))
	return b.String(), true
}

// canonicalQuery is a query as Huawei Cloud and AWS sign it: by name, then by
// value.
func canonicalQuery(query url.Values) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range slices.Sorted(slices.Values(query[name])) {
			parts = append(parts, escape(name)+"="+escape(value))
		}
	}
	return strings.Join(parts, "&")
}

// escape is RFC 3986's: everything but letters, digits and "-_.~".
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
