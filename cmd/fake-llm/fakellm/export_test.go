package fakellm

import (
	"encoding/hex"
	"net/http"
)

// ExpectedSignature is what a request's signature must be, whoever signed it.
func ExpectedSignature(r *http.Request, body []byte, secret string) (string, bool) {
	s, ok := parseSignature(r.Header.Get("Authorization"))
	return s.expected(r, hex.EncodeToString(sum256(body)), r.Header.Get("X-Amz-Date"), secret), ok
}
