package sso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	askTimeout = 10 * time.Second
	maxAnswer  = 1 << 20 // bytes
	// knownTime is how long what a provider says of its endpoints is believed; its keys
	// are asked for whenever a token is signed by an unknown one.
	knownTime = time.Hour
	// restTime is how long a provider that could not be asked is not asked again.
	restTime = 5 * time.Second
)

// providers knows what the configured provider says of itself.
type providers struct {
	http *http.Client
	now  func() time.Time

	mu     sync.Mutex
	issuer string
	known  *oidc.Provider
	err    error // of the last question; known is nil then
	until  time.Time
}

func newProviders(way http.RoundTripper, now func() time.Time) *providers {
	return &providers{now: now, http: &http.Client{
		Transport: bounded{way}, Timeout: askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// with lets the libraries ask by the guarded client.
func (p *providers) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.http)
}

// find asks a provider for its endpoints, or remembers them. Whoever comes while
// somebody asks waits for the same answer.
func (p *providers) find(ctx context.Context, issuer string) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.issuer == issuer && p.now().Before(p.until) {
		return p.known, p.err
	}
	p.issuer = issuer
	p.known, p.err = oidc.NewProvider(p.with(context.WithoutCancel(ctx)), issuer) // a browser that leaves does not end it for others
	if p.err == nil && p.known.Endpoint().TokenURL == "" {
		p.known, p.err = nil, errors.New("the provider names no token endpoint")
	}
	if p.until = p.now().Add(knownTime); p.err != nil {
		p.until = p.now().Add(restTime)
	}
	return p.known, p.err
}

// bounded ends answers that are too long.
type bounded struct{ way http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.way.RoundTrip(r)
	if err == nil {
		res.Body = &boundedBody{ReadCloser: res.Body, left: maxAnswer}
	}
	return res, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements [io.Reader].
func (b *boundedBody) Read(to []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	n, err := b.ReadCloser.Read(to[:min(len(to), b.left)])
	b.left -= n
	return n, err
}
