package fakellm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// TestSignatureVectors checks the checker by cases of the test suite that AWS has
// published for version 4.
func TestSignatureVectors(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	tests := map[string]struct {
		method, url, body string
		header            map[string]string
		signed, want      string
	}{
		"get-vanilla": {
			method: "GET", url: "https://example.amazonaws.com/", signed: "host;x-amz-date",
			want: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		},
		"get-vanilla-query-order-key-case": {
			method: "GET", url: "https://example.amazonaws.com/?Param2=value2&Param1=value1", signed: "host;x-amz-date",
			want: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		},
		"get-vanilla-utf8-query": {
			method: "GET", url: "https://example.amazonaws.com/?ሴ=bar", signed: "host;x-amz-date",
			want: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
		},
		"post-vanilla": {
			method: "POST", url: "https://example.amazonaws.com/", signed: "host;x-amz-date",
			want: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
		},
		"post-header-key-case": {
			method: "POST", url: "https://example.amazonaws.com/", signed: "host;my-header1;x-amz-date", header: map[string]string{"My-Header1": "VALUE1"},
			want: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
		},
		"post-x-www-form-urlencoded": {
			method: "POST", url: "https://example.amazonaws.com/", body: "Param1=value1", signed: "content-type;host;x-amz-date",
			header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			want:   "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="+tt.signed+", Signature="+tt.want)
			got, ok := fakellm.ExpectedSignature(r, []byte(tt.body), secret)
			if !ok || got != tt.want {
				t.Errorf("signature %s, want %s", got, tt.want)
			}
		})
	}
}
