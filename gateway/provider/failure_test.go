package provider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

func TestFailurePublic(t *testing.T) {
	tests := map[provider.FailureClass]gateway.Kind{
		provider.RateLimited: gateway.UpstreamLimited, provider.TimedOut: gateway.UpstreamTimeout,
		provider.ClientError: gateway.Invalid, provider.TooLong: gateway.ContextLength, provider.Refused: gateway.ContentPolicy,
		provider.ServerError: gateway.UpstreamFailed, provider.Connection: gateway.UpstreamFailed,
		provider.BadAnswer: gateway.UpstreamFailed, provider.BadCredential: gateway.UpstreamFailed, provider.Cut: gateway.UpstreamFailed,
	}
	for class, want := range tests {
		f := &provider.Failure{Class: class, Status: 418, Message: "Teapot.", Param: "p", Code: "c", RetryAfter: time.Second}
		e := f.Public()
		if e.Kind != want || e.Public != "Teapot." || e.RetryAfter != time.Second {
			t.Errorf("%s became %+v", class, e)
		}
		if ours := want == gateway.Invalid || want == gateway.ContextLength || want == gateway.ContentPolicy; ours != (e.Param == "p" && e.Code == "c") {
			t.Errorf("%s tells param %q, code %q", class, e.Param, e.Code)
		}
		if back, ok := errors.AsType[*provider.Failure](error(e)); !ok || back != f {
			t.Errorf("%s is not in the chain of %v", class, e)
		}
		for _, status := range []int{0, 500} {
			if e := (&provider.Failure{Class: class, Status: status}).Public(); e.Public == "" {
				t.Errorf("%s says nothing", class)
			}
		}
	}
}

func TestReadError(t *testing.T) {
	tests := map[string]struct {
		err  error
		want gateway.Kind
	}{
		"reset":     {io.ErrUnexpectedEOF, gateway.UpstreamFailed},
		"cancelled": {fmt.Errorf("read: %w", context.Canceled), gateway.Cancelled},
		"deadline":  {context.DeadlineExceeded, gateway.UpstreamTimeout},
		"timeout":   {os.ErrDeadlineExceeded, gateway.UpstreamTimeout},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := provider.ReadError(tt.err)
			if e.Kind != tt.want || !errors.Is(e, tt.err) {
				t.Errorf("got %v", e)
			}
			if f, ok := errors.AsType[*provider.Failure](error(e)); !ok || f.Class != provider.Cut {
				t.Errorf("failure %v", f)
			}
		})
	}
}

// TestComments: a comment in a stream is an error to Google's clients, and no JSON.
func TestComments(t *testing.T) {
	for dialect, want := range map[provider.Dialect]bool{provider.OpenAI: true, provider.Anthropic: true, provider.Gemini: false} {
		if got := (&provider.Inbound{Dialect: dialect}).Comments(); got != want {
			t.Errorf("%s: %t", dialect, got)
		}
		if (&provider.Inbound{Dialect: dialect, Array: true}).Comments() {
			t.Errorf("%s: comments in an array", dialect)
		}
	}
}
