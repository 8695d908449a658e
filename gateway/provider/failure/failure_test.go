package failure_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

func TestRead(t *testing.T) {
	tests := map[string]struct {
		body string
		want failure.Words
	}{
		"openai":           {`{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":null}}`, failure.Words{Message: "No.", Type: "invalid_request_error", Param: "n"}},
		"anthropic":        {`{"type":"error","error":{"type":"overloaded_error","message":"Busy"},"request_id":"r"}`, failure.Words{Message: "Busy", Type: "overloaded_error"}},
		"gemini":           {`[{"error":{"code":429,"message":"Wait.","status":"RESOURCE_EXHAUSTED"}}]`, failure.Words{Message: "Wait.", Type: "RESOURCE_EXHAUSTED", Code: "429"}},
		"mistral":          {`{"object":"error","message":{"detail":[{"loc":["body"],"msg":"Extra inputs"}]},"type":"invalid","code":1}`, failure.Words{Message: "Extra inputs", Type: "invalid", Code: "1"}},
		"fastapi":          {`{"detail":"Not Found"}`, failure.Words{Message: "Not Found"}},
		"fastapi list":     {`{"detail":[{"msg":"field required","type":"missing"}]}`, failure.Words{Message: "field required", Type: "missing"}},
		"ollama":           {`{"error":"model not found"}`, failure.Words{Message: "model not found"}},
		"text":             {"upstream connect error\r\n", failure.Words{Message: "upstream connect error"}},
		"html":             {"<!DOCTYPE html><title>502</title>", failure.Words{}},
		"nothing":          {"", failure.Words{}},
		"null":             {"null", failure.Words{}},
		"number":           {"42", failure.Words{}},
		"torn":             {`{"error":{"mess`, failure.Words{}},
		"bad UTF-8":        {"\xff\xfe oops", failure.Words{}},
		"bad UTF-8 within": {"{\"error\":\"a\xffb\"}", failure.Words{Message: "a\uFFFDb"}},
		"deep":             {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), failure.Words{}},
		"huge":             {`{"error":"` + strings.Repeat("x", 1<<20) + `"}`, failure.Words{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, failure.Read([]byte(tt.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestClean(t *testing.T) {
	tests := map[string]string{
		"Incorrect API key provided: sk-proj-ab12***9xyz. See the docs.": "Incorrect API key provided: [redacted] See the docs.",
		"key AIzaSyA1234567890abcdef is bad":                             "key [redacted] is bad",
		"Authorization: Bearer abcdef.123456 was wrong":                  "Authorization: Bearer [redacted] was wrong",
		`{"api_key": "hunter2secret"}`:                                   `{"api_key [redacted]"}`,
		"token=abcd1234&x=1":                                             "token [redacted]&x=1",
		"gsk_abcdefgh, xai-abcdefgh and hf_abcdefgh":                     "[redacted], [redacted] and [redacted]",
		"id 0123456789abcdef0123456789abcdef":                            "id [redacted]",
		"The model claude-sonnet-4-5-20250929 is busy":                   "The model claude-sonnet-4-5-20250929 is busy",
		"maximum context length is 128000 tokens":                        "maximum context length is 128000 tokens",
		"a\x00b\r\n\tc":                      "a b c",
		"donaudampfschifffahrtsgesellschaft": "donaudampfschifffahrtsgesellschaft",
	}
	for in, want := range tests {
		if got := failure.Clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	long := failure.Clean(strings.Repeat("ä ", 4000))
	if n := utf8.RuneCountInString(long); n != 500 || !utf8.ValidString(long) {
		t.Errorf("%d characters", n)
	}
}

func TestRetryAfter(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }
	tests := map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"none":             {nil, 0},
		"seconds":          {map[string]string{"Retry-After": "7"}, 7 * time.Second},
		"fraction":         {map[string]string{"Retry-After": "0.25"}, 250 * time.Millisecond},
		"milliseconds":     {map[string]string{"Retry-After-Ms": "1500", "Retry-After": "2"}, 1500 * time.Millisecond},
		"date":             {map[string]string{"Retry-After": "Sun, 01 Nov 2026 12:00:30 GMT"}, 30 * time.Second},
		"vendor's own now": {map[string]string{"Retry-After": "Sun, 01 Nov 2026 13:00:30 GMT", "Date": "Sun, 01 Nov 2026 13:00:00 GMT"}, 30 * time.Second},
		"past":             {map[string]string{"Retry-After": "Sun, 01 Nov 2026 11:00:00 GMT"}, 0},
		"negative":         {map[string]string{"Retry-After": "-5"}, 0},
		"no number":        {map[string]string{"Retry-After": "NaN"}, 0},
		"endless":          {map[string]string{"Retry-After": "Inf"}, 24 * time.Hour},
		"far":              {map[string]string{"Retry-After": "99999999999"}, 24 * time.Hour},
		"words":            {map[string]string{"Retry-After": "soon"}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			if got := failure.RetryAfter(h, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOfStatus(t *testing.T) {
	want := map[provider.FailureClass][]int{
		provider.RateLimited:   {402, 429},
		provider.BadCredential: {401, 403, 404},
		provider.ServerError:   {408, 409, 425, 499, 500, 501, 502, 503, 504, 520, 529, 599},
		provider.ClientError:   {400, 405, 413, 415, 418, 422, 451},
		provider.BadAnswer:     {0, 100, 301, 302, 307, 204, 600},
	}
	for class, statuses := range want {
		for _, status := range statuses {
			if got := failure.OfStatus(status); got != class {
				t.Errorf("%d is %s, want %s", status, got, class)
			}
		}
	}
}

func TestTold(t *testing.T) {
	tests := map[provider.FailureClass][]failure.Words{
		provider.RateLimited:   {{Code: "rate_limit_exceeded"}, {Type: "rate_limit_error"}, {Type: "RESOURCE_EXHAUSTED"}, {Code: "429"}, {Code: "insufficient_quota"}},
		provider.ServerError:   {{}, {Type: "overloaded_error"}, {Code: "503"}, {Code: "502", Message: "x"}, {Code: "12"}},
		provider.BadCredential: {{Type: "authentication_error"}, {Code: "401"}, {Type: "permission_error"}},
		provider.ClientError:   {{Type: "invalid_request_error"}, {Type: "INVALID_ARGUMENT"}, {Code: "400", Type: "INVALID_ARGUMENT"}},
		provider.TooLong:       {{Code: "context_length_exceeded"}, {Code: "400", Message: "prompt is too long: 3 tokens > 2 maximum"}},
		provider.Refused:       {{Code: "content_filter"}, {Message: "Output blocked by content filtering policy"}},
		provider.TimedOut:      {{Type: "timeout_error"}},
	}
	for class, all := range tests {
		for _, w := range all {
			if got := failure.Told(w); got.Class != class {
				t.Errorf("%+v is %s, want %s", w, got.Class, class)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"key sk-abcdefgh","code":1e3,"param":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := failure.Read(body)
		if !utf8.ValidString(w.Message) || utf8.RuneCountInString(w.Message) > 500 {
			t.Errorf("message %q", w.Message)
		}
		if again := failure.Clean(w.Message); len(again) > len(w.Message)+len("[redacted]") {
			t.Errorf("cleaning %q twice gave %q", w.Message, again)
		}
	})
}
