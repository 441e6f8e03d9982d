package simulator

import (
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

// iamRefusal returns the error of a call that the gateway cannot attribute.
func iamRefusal(why string) *refusal {
	return &refusal{http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information: " + why}
}

// verifySDKHMAC returns the id of the key that signed a call, or AuthToken if the
// call has that instead of a signature.
func verifySDKHMAC(r *http.Request, body []byte, at time.Time, key keyring) (keyID string, refused *refusal) {
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

	// X-Sdk-Date is the one header that must be signed.
	canonical, ok := sdkCanonicalRequest(r, auth.signedHeaders, body)
	toSign := sdkAlgorithm + "\n" + signedAt.Format(sdkDate) + "\n" + hexSHA256([]byte(canonical))
	if !ok || !auth.covers("x-sdk-date") || !auth.is(signature(secret, toSign)) {
		return "", iamRefusal("verify aksk signature fail")
	}
	return auth.credential, nil
}

// sdkCanonicalRequest returns the text whose hash is signed: method, path with a
// slash at its end, sorted query, then canonicalHeaders.
func sdkCanonicalRequest(r *http.Request, signedHeaders []string, body []byte) (string, bool) {
	path := "/"
	for segment := range strings.SplitSeq(r.URL.Path, "/") {
		if segment != "" {
			path += escape(segment) + "/"
		}
	}
	signed, ok := canonicalHeaders(r, signedHeaders, body, func(value string) string { return value })
	return r.Method + "\n" + path + "\n" + canonicalQuery(r.URL.Query()) + "\n" + signed, ok
}

// canonicalQuery returns a query as Huawei Cloud and AWS sign it: sorted by name,
// then by value.
func canonicalQuery(query url.Values) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range slices.Sorted(slices.Values(query[name])) {
			parts = append(parts, escape(name)+"="+escape(value))
		}
	}
	return strings.Join(parts, "&")
}

// escape escapes everything but letters, digits and "-_.~", as in RFC 3986.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
