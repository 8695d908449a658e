package fakellm_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

// limitHeaders are those of the answer that describe limits.
func limitHeaders(h http.Header, names ...string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		if v := h.Get(n); v != "" {
			out[n] = v
		}
	}
	return out
}

func TestRequestsAMinute(t *testing.T) {
	const limit, left, reset = "X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"
	inWorld(t, fakellm.Config{}, func(w *world) {
		ask := chat(fakellm.OpenAI, "gpt-fake+rpm=2", "Hi", false)
		steps := []struct {
			wait        time.Duration
			status      int
			left, left2 string // remaining, reset
			after       string
		}{
			{0, 200, "1", "1m0s", ""},
			{20 * time.Second, 200, "0", "40s", ""},
			{500 * time.Millisecond, 429, "0", "39.5s", "40"},
			{39500 * time.Millisecond, 200, "1", "1m0s", ""},
		}
		for i, s := range steps {
			<-time.After(s.wait)
			got := w.do(ask)
			want := map[string]string{limit: "2", left: s.left, reset: s.left2}
			if diff := cmp.Diff(want, limitHeaders(got.header, limit, left, reset)); diff != "" {
				t.Errorf("request %d: %s", i, diff)
			}
			if got.status != s.status || got.header.Get("Retry-After") != s.after {
				t.Errorf("request %d: status %d, Retry-After %q", i, got.status, got.header.Get("Retry-After"))
			}
		}
		ask.header["Authorization"] = "Bearer another-key"
		if got := w.do(ask); got.status != 200 || got.header.Get(left) != "1" {
			t.Errorf("another key: status %d, %v", got.status, got.header)
		}
	})
}

func TestTokensAMinute(t *testing.T) {
	tests := map[fakellm.Vendor]map[string]string{
		fakellm.OpenAI:    {"X-Ratelimit-Limit-Tokens": "10", "X-Ratelimit-Remaining-Tokens": "4"},
		fakellm.Anthropic: {"Anthropic-Ratelimit-Input-Tokens-Limit": "10", "Anthropic-Ratelimit-Input-Tokens-Remaining": "4"},
		fakellm.Gemini:    {},
	}
	for v, want := range tests {
		t.Run(string(v), func(t *testing.T) {
			inWorld(t, fakellm.Config{}, func(w *world) {
				ask := chat(v, "m+in=6+tpm=10", "Hi", true)
				got := w.do(ask)
				names := []string{
					"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens",
					"Anthropic-Ratelimit-Input-Tokens-Limit", "Anthropic-Ratelimit-Input-Tokens-Remaining",
				}
				if diff := cmp.Diff(want, limitHeaders(got.header, names...)); got.status != 200 || diff != "" {
					t.Errorf("status %d: %s", got.status, diff)
				}
				reset := got.header.Get("Anthropic-Ratelimit-Input-Tokens-Reset")
				if end := time.Now().Add(time.Minute).UTC().Format(time.RFC3339); v == fakellm.Anthropic && reset != end {
					t.Errorf("reset at %s, want %s", reset, end)
				}
				if got := w.do(ask); got.status != 429 {
					t.Errorf("beyond the limit: status %d", got.status)
				}
			})
		})
	}
}
