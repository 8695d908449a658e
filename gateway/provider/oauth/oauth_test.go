package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/oauth"
)

// endpoint answers in turn; the last answer stays.
type endpoint struct {
	mu      sync.Mutex
	asked   int
	wait    time.Duration
	answers []string // a body, "status body" or an error behind "!"
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	text := e.answers[min(e.asked, len(e.answers)-1)]
	e.asked++
	e.mu.Unlock()
	form, err := io.ReadAll(r.Body)
	if err != nil || string(form) != "grant_type=test" || r.URL.String() != "https://tokens.test/" {
		return nil, fmt.Errorf("asked %s with %s: %w", r.URL, form, err)
	}
	select {
	case <-time.After(e.wait):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if rest, broken := strings.CutPrefix(text, "!"); broken {
		return nil, errors.New(rest)
	}
	status := http.StatusOK
	if !strings.HasPrefix(text, "{") {
		_, err = fmt.Sscanf(text, "%d", &status)
		_, text, _ = strings.Cut(text, " ")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text))}, err
}

func tokens() *oauth.Tokens {
	return oauth.New("https://tokens.test/", func(time.Time) (url.Values, error) { return url.Values{"grant_type": {"test"}}, nil })
}

func bear(ctx context.Context, t *oauth.Tokens, e *endpoint) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://vendor.test/", nil)
	if err != nil {
		return "", err
	}
	err = t.Authorize(e, r, nil)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), err
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answers: []string{`{"access_token":"a","expires_in":3600}`, `{"access_token":"b","expires_in":"3600"}`}}
		source := tokens()
		want := func(token string, asked int) {
			t.Helper()
			got, err := bear(t.Context(), source, e)
			synctest.Wait()
			if err != nil || got != token || e.asked != asked {
				t.Errorf("token %q after %d questions, want %q after %d: %v", got, e.asked, token, asked, err)
			}
		}
		want("a", 1)
		<-time.After(54 * time.Minute)
		want("a", 1)
		<-time.After(2 * time.Minute) // less than five minutes are left: renewed behind the caller's back
		want("a", 2)
		want("b", 2)
	})
}

func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{wait: time.Second, answers: []string{`{"access_token":"a"}`}}
		source := tokens()
		impatient, giveUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := bear(impatient, source, e); !errors.Is(err, context.Canceled) {
				t.Errorf("whoever gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			group.Go(func() {
				if got, err := bear(t.Context(), source, e); got != "a" || err != nil {
					t.Errorf("token %q: %v", got, err)
				}
			})
		}
		giveUp()
		group.Wait()
		if e.asked != 1 {
			t.Errorf("asked %d times", e.asked)
		}
	})
}

// TestOldTokenServesWhileRenewalFails also holds that the endpoint is then left
// alone for a while, and that an expired token is not used.
func TestOldTokenServesWhileRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answers: []string{`{"access_token":"a","expires_in":3600}`, "503 busy"}}
		source := tokens()
		for range 2 {
			if _, err := bear(t.Context(), source, e); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(56 * time.Minute)
		for range 10 {
			if got, err := bear(t.Context(), source, e); got != "a" || err != nil {
				t.Errorf("token %q: %v", got, err)
			}
			synctest.Wait()
		}
		if e.asked != 2 {
			t.Errorf("asked %d times", e.asked)
		}
		<-time.After(4 * time.Minute)
		_, err := bear(t.Context(), source, e)
		if f, ok := errors.AsType[*provider.Failure](err); !ok || f.Class != provider.ServerError {
			t.Errorf("got %v", err)
		}
	})
}

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		answer string
		wait   time.Duration
		want   provider.FailureClass
	}{
		"refused":     {answer: `400 {"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, want: provider.BadCredential},
		"forbidden":   {answer: "403 <html>", want: provider.BadCredential},
		"not there":   {answer: "404 ", want: provider.BadCredential},
		"redirect":    {answer: "302 ", want: provider.BadCredential},
		"broken":      {answer: "!connection refused", want: provider.Connection},
		"limited":     {answer: "429 ", want: provider.ServerError},
		"down":        {answer: "503 ", want: provider.ServerError},
		"empty":       {answer: "{}", want: provider.BadAnswer},
		"no JSON":     {answer: "200 <html>", want: provider.BadAnswer},
		"line breaks": {answer: `{"access_token":"a\r\nX-Other: b"}`, want: provider.BadAnswer},
		"too slow":    {answer: "{}", wait: time.Minute, want: provider.TimedOut},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := bear(t.Context(), tokens(), &endpoint{answers: []string{tt.answer}, wait: tt.wait})
				f, ok := errors.AsType[*provider.Failure](err)
				if !ok || f.Class != tt.want || f.Status != 0 {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}
