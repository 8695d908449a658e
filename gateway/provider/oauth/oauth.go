// Package oauth holds access tokens: fetched when the first call needs one, kept,
// and renewed before they expire. However many calls wait for a token, it is
// fetched once, and a call that gives up does not end the fetch for the others.
// While the old token still holds nobody waits for its renewal.
package oauth

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

const (
	fetchTimeout = 10 * time.Second
	// A token is renewed renewBefore its end, and not used in the last spareTime, so that
	// it holds until the vendor has read the request.
	renewBefore = 5 * time.Minute
	spareTime   = 30 * time.Second
	// renewAgain is how long a renewal that failed is not tried again while the old token
	// holds.
	renewAgain = 15 * time.Second
)

// Tokens is a [provider.Authorizer] that bears tokens of one account.
type Tokens struct {
	endpoint string
	grant    func(now time.Time) (url.Values, error)

	mu      sync.Mutex
	current token
	running *fetch    // nil: none
	after   time.Time // no renewal begins before
}

type token struct {
	value string
	renew time.Time // better renewed from then on
	until time.Time // not to be used from then on
}

// fetch is one that is running; token and err are set when done is closed.
type fetch struct {
	done  chan struct{}
	token token
	err   error
}

// New asks endpoint for tokens with the form that grant makes at every fetch.
func New(endpoint string, grant func(now time.Time) (url.Values, error)) *Tokens {
	return &Tokens{endpoint: endpoint, grant: grant}
}

// String hides what grant knows from whoever prints it.
func (*Tokens) String() string { return "[secret]" }

// Authorize implements [provider.Authorizer]. The vendor is not called when it
// fails: a refusal is a failure of the credential, anything else one on the way.
func (t *Tokens) Authorize(way http.RoundTripper, r *http.Request, _ []byte) error {
	value, err := t.get(r.Context(), way)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+value)
	return nil
}

func (t *Tokens) get(ctx context.Context, way http.RoundTripper) (string, error) {
	t.mu.Lock()
	now := time.Now()
	held := t.current
	holds := now.Before(held.until)
	if holds && (now.Before(held.renew) || now.Before(t.after)) {
		t.mu.Unlock()
		return held.value, nil
	}
	f := t.running
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		t.running = f
		go t.run(context.WithoutCancel(ctx), way, f)
	}
	t.mu.Unlock()
	if holds {
		return held.value, nil
	}
	select {
	case <-f.done:
		return f.token.value, f.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (t *Tokens) run(ctx context.Context, way http.RoundTripper, f *fetch) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f.token, f.err = t.fetch(ctx, way)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running = nil; f.err == nil {
		t.current = f.token
	} else {
		t.after = time.Now().Add(renewAgain)
	}
	close(f.done)
}

var _ provider.Authorizer = (*Tokens)(nil)
