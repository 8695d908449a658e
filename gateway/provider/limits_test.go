package provider_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

func TestReadRateLimits(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	tests := map[string]struct {
		header map[string]string
		want   provider.RateLimits
	}{
		"none": {nil, provider.RateLimits{}},
		"openai": {map[string]string{
			"X-Ratelimit-Limit-Requests": "60", "X-Ratelimit-Remaining-Requests": "59", "X-Ratelimit-Reset-Requests": "1s",
			"X-Ratelimit-Limit-Tokens": "150000", "X-Ratelimit-Remaining-Tokens": "149984", "X-Ratelimit-Reset-Tokens": "6m0s",
		}, provider.RateLimits{
			Requests: provider.Room{Remaining: 59, ResetAt: in(time.Second)}, Tokens: provider.Room{Remaining: 149984, ResetAt: in(6 * time.Minute)},
		}},
		"milliseconds and plain seconds": {map[string]string{
			"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "120ms",
			"X-Ratelimit-Remaining-Tokens": "-3", "X-Ratelimit-Reset-Tokens": "7.5",
		}, provider.RateLimits{
			Requests: provider.Room{ResetAt: in(120 * time.Millisecond)}, Tokens: provider.Room{ResetAt: in(7500 * time.Millisecond)},
		}},
		"anthropic, whose clock is behind": {map[string]string{
			"Date":                                   now.Add(-time.Hour).Format(http.TimeFormat),
			"Anthropic-Ratelimit-Requests-Remaining": "3", "Anthropic-Ratelimit-Requests-Reset": now.Add(-59 * time.Minute).Format(time.RFC3339),
			"Anthropic-Ratelimit-Input-Tokens-Remaining": "1000", "Anthropic-Ratelimit-Input-Tokens-Reset": now.Add(-time.Hour).Format(time.RFC3339),
			"Anthropic-Ratelimit-Output-Tokens-Remaining": "0", "Anthropic-Ratelimit-Output-Tokens-Reset": now.Add(-2 * time.Hour).Format(time.RFC3339),
		}, provider.RateLimits{
			Requests: provider.Room{Remaining: 3, ResetAt: in(time.Minute)}, Input: provider.Room{Remaining: 1000, ResetAt: now}, Output: provider.Room{ResetAt: now},
		}},
		"without a reset":   {map[string]string{"X-Ratelimit-Remaining-Requests": "0", "Anthropic-Ratelimit-Requests-Remaining": "0"}, provider.RateLimits{}},
		"no numbers":        {map[string]string{"X-Ratelimit-Remaining-Requests": "many", "X-Ratelimit-Reset-Requests": "1s"}, provider.RateLimits{}},
		"no such time":      {map[string]string{"X-Ratelimit-Remaining-Requests": "1", "X-Ratelimit-Reset-Requests": "soon"}, provider.RateLimits{}},
		"believed for long": {map[string]string{"X-Ratelimit-Remaining-Requests": "1", "X-Ratelimit-Reset-Requests": "9999h"}, provider.RateLimits{Requests: provider.Room{Remaining: 1, ResetAt: in(24 * time.Hour)}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range test.header {
				h.Set(k, v)
			}
			if diff := cmp.Diff(test.want, provider.ReadRateLimits(h, now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUntilReset(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l := provider.RateLimits{
		Requests: provider.Room{Remaining: 1, ResetAt: now.Add(time.Hour)}, Tokens: provider.Room{ResetAt: now.Add(time.Second)},
		Input: provider.Room{ResetAt: now.Add(time.Minute)}, Output: provider.Room{ResetAt: now.Add(-time.Minute)},
	}
	if got := l.UntilReset(now); got != time.Minute {
		t.Errorf("it takes %s", got)
	}
}

func FuzzReadRateLimits(f *testing.F) {
	f.Add("5", "1m0s", "2026-11-23T12:00:00Z")
	f.Fuzz(func(t *testing.T, left, wait, at string) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		for _, h := range []http.Header{
			{"X-Ratelimit-Remaining-Tokens": {left}, "X-Ratelimit-Reset-Tokens": {wait}},
			{"Anthropic-Ratelimit-Tokens-Remaining": {left}, "Anthropic-Ratelimit-Tokens-Reset": {at}},
		} {
			got := provider.ReadRateLimits(h, now).Tokens
			if got.Remaining < 0 || !got.ResetAt.IsZero() && (got.ResetAt.Before(now) || got.ResetAt.Sub(now) > 24*time.Hour) {
				t.Errorf("%v is %+v", h, got)
			}
		}
	})
}
