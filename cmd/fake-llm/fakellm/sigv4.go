package fakellm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature Version 4 of AWS, as a server checks it.

const (
	signatureAlgorithm = "AWS4-HMAC-SHA256"
	signatureTime      = "20060102T150405Z"
	signatureSkew      = 5 * time.Minute
)

// AWSSecret is the secret of an access key: every id has one.
func AWSSecret(accessKey string) string { return "secret-of-" + accessKey }

// A signature is what a request's Authorization says.
type signature struct {
	accessKey, date, region, service string
	headers                          []string
	value                            string
}

// parseSignature reads "AWS4-HMAC-SHA256 Credential=.../.../.../.../aws4_request,
// SignedHeaders=a;b, Signature=...".
func parseSignature(authorization string) (signature, bool) {
	rest, ok := strings.CutPrefix(authorization, signatureAlgorithm+" ")
	if !ok {
		return signature{}, false
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	const parts = 5
	if len(scope) != parts || scope[parts-1] != "aws4_request" || fields["Signature"] == "" {
		return signature{}, false
	}
	return signature{
		accessKey: scope[0], date: scope[1], region: scope[2], service: scope[3],
		headers: strings.Split(fields["SignedHeaders"], ";"), value: fields["Signature"],
	}, true
}

// checkSignature says what is wrong with a request's signature, "" for nothing.
func checkSignature(r *http.Request, body []byte, service string, now time.Time) string {
	s, ok := parseSignature(r.Header.Get("Authorization"))
	if !ok {
		return "Authorization header is not a signature of version 4."
	}
	stamp := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(signatureTime, stamp)
	hash := hex.EncodeToString(sum256(body))
	switch {
	case err != nil || !strings.HasPrefix(stamp, s.date):
		return "Date in Credential scope does not match X-Amz-Date."
	case now.Sub(at).Abs() > signatureSkew:
		return "Signature expired: " + stamp + "."
	case s.service != service || s.region == "":
		return "Credential should be scoped to correct service: '" + service + "'."
	case !slices.Contains(s.headers, "host") || !slices.Contains(s.headers, "x-amz-date"):
		return "host and x-amz-date must be signed."
	case r.Header.Get("X-Amz-Security-Token") != "" && !slices.Contains(s.headers, "x-amz-security-token"):
		return "x-amz-security-token must be signed."
	case r.Header.Get("X-Amz-Content-Sha256") != "" && r.Header.Get("X-Amz-Content-Sha256") != hash:
		return "The provided 'x-amz-content-sha256' header does not match what was computed."
	case !hmac.Equal([]byte(s.value), []byte(s.expected(r, hash, stamp, AWSSecret(s.accessKey)))):
		return "The request signature we calculated does not match the signature you provided."
	}
	return ""
}

// expected is the signature that the request must have.
func (s signature) expected(r *http.Request, payloadHash, stamp, secret string) string {
	canonical := strings.Join([]string{
		r.Method, awsEscape(r.URL.EscapedPath(), "/"), canonicalQuery(r.URL.Query()), canonicalHeaders(r, s.headers),
		strings.Join(s.headers, ";"), payloadHash,
	}, "\n")
	scope := strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
	toSign := strings.Join([]string{signatureAlgorithm, stamp, scope, hex.EncodeToString(sum256([]byte(canonical)))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		key = mac256(key, part)
	}
	return hex.EncodeToString(mac256(key, toSign))
}

func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{r.Header.Get("Content-Length")}
			if values[0] == "" {
				values[0] = strconv.FormatInt(r.ContentLength, 10)
			}
		}
		b.WriteString(name + ":")
		for i, v := range values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.Join(strings.Fields(v), " "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			pairs = append(pairs, awsEscape(name, "")+"="+awsEscape(v, ""))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// awsEscape escapes all but letters, digits, "-._~" and what is kept.
func awsEscape(s, keep string) string {
	if s == "" && keep == "/" {
		return "/"
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; strings.IndexByte(alphanumeric+"-._~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

func sum256(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

func mac256(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data)) // never fails, says its interface
	return h.Sum(nil)
}
