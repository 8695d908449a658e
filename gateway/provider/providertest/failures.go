package providertest

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Failure is an answer of a vendor that is none, and what must be understood of it.
type Failure struct {
	Status int
	Header map[string]string
	Body   string

	Class      provider.FailureClass
	RetryAfter time.Duration
	Message    string // must be in the message
	Code       string
}

// noCode wants that there is no code; the empty one wants nothing.
const noCode = "none"

// everyVendors are the failures that all vendors have in common.
func everyVendors() map[string]Failure {
	html := "<html><body>nginx " + Key + "</body></html>"
	return map[string]Failure{
		"401":               {Status: 401, Body: `{"error":{"message":"bad key ` + Key + `"}}`, Class: provider.BadCredential, Message: "bad key [redacted]"},
		"403":               {Status: 403, Class: provider.BadCredential},
		"404":               {Status: 404, Class: provider.BadCredential},
		"408":               {Status: 408, Class: provider.ServerError},
		"409":               {Status: 409, Class: provider.ServerError},
		"413":               {Status: 413, Class: provider.ClientError},
		"422":               {Status: 422, Body: `{"detail":[{"msg":"no"}]}`, Class: provider.ClientError, Message: "no"},
		"429":               {Status: 429, Class: provider.RateLimited},
		"429 seconds":       {Status: 429, Header: map[string]string{"Retry-After": "9"}, Class: provider.RateLimited, RetryAfter: 9 * time.Second},
		"429 milliseconds":  {Status: 429, Header: map[string]string{"Retry-After-Ms": "90"}, Class: provider.RateLimited, RetryAfter: 90 * time.Millisecond},
		"429 date":          {Status: 429, Header: map[string]string{"Retry-After": "Sun, 01 Nov 2026 12:00:05 GMT", "Date": "Sun, 01 Nov 2026 12:00:00 GMT"}, Class: provider.RateLimited, RetryAfter: 5 * time.Second},
		"402":               {Status: 402, Class: provider.RateLimited, RetryAfter: 10 * time.Minute},
		"500":               {Status: 500, Class: provider.ServerError},
		"502 html":          {Status: 502, Body: html, Class: provider.ServerError},
		"503":               {Status: 503, Header: map[string]string{"Retry-After": "3"}, Class: provider.ServerError, RetryAfter: 3 * time.Second},
		"504":               {Status: 504, Class: provider.ServerError},
		"529":               {Status: 529, Class: provider.ServerError},
		"redirect":          {Status: 302, Body: html, Class: provider.BadAnswer},
		"400 empty":         {Status: 400, Class: provider.ClientError},
		"400 bad UTF-8":     {Status: 400, Body: "\xff\xfe\xfd", Class: provider.ClientError},
		"400 huge":          {Status: 400, Body: strings.Repeat("[", 4<<20), Class: provider.ClientError},
		"400 long":          {Status: 400, Body: `{"error":{"message":"` + strings.Repeat("why ", 5000) + `"}}`, Class: provider.ClientError, Message: "why"},
		"400 coded":         {Status: 400, Body: `{"error":{"message":"no","code":400}}`, Class: provider.ClientError, Message: "no", Code: noCode},
		"400 torn":          {Status: 400, Body: `{"error":{"message":"`, Class: provider.ClientError},
		"400 of a proxy":    {Status: 400, Body: "client sent an invalid request", Class: provider.ClientError, Message: "invalid request"},
		"unknown client's":  {Status: 418, Class: provider.ClientError},
		"unknown server's":  {Status: 599, Class: provider.ServerError},
		"200 that is wrong": {Status: 204, Class: provider.BadAnswer},
	}
}

// Failures plays what all vendors have in common and what is the vendor's own.
func Failures(t *testing.T, v provider.Vendor, own map[string]Failure) {
	for _, table := range []map[string]Failure{everyVendors(), own} {
		for name, tt := range table {
			t.Run(name, func(t *testing.T) {
				h := http.Header{}
				for k, value := range tt.Header {
					h.Set(k, value)
				}
				f := v.Failure(tt.Status, h, []byte(tt.Body))
				got := Failure{Class: f.Class, RetryAfter: f.RetryAfter, Code: tt.Code}
				want := Failure{Class: tt.Class, RetryAfter: tt.RetryAfter, Code: tt.Code}
				if tt.Code != "" {
					got.Code = cmp.Or(f.Code, noCode)
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				checkMessage(t, f, tt)
			})
		}
	}
}

func checkMessage(t *testing.T, f *provider.Failure, tt Failure) {
	t.Helper()
	if f.Status != tt.Status {
		t.Errorf("status %d, want %d", f.Status, tt.Status)
	}
	if !strings.Contains(f.Message, tt.Message) || tt.Message == "" && strings.Contains(f.Message, "<") {
		t.Errorf("message %q, want %q in it", f.Message, tt.Message)
	}
	public := f.Public()
	for _, text := range []string{f.Message, public.Public, public.Error()} {
		if strings.Contains(text, Key) {
			t.Errorf("the vendor's secret is in %q", text)
		}
	}
	if public.Public == "" {
		t.Error("nothing to tell the client")
	}
}
