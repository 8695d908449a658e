package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

const (
	maxAnswer = 64 << 10 // bytes
	// usualLife is how long a token holds whose endpoint does not say.
	usualLife = time.Hour
	maxLife   = 24 * time.Hour
)

// answer is what an endpoint says, of RFC 6749, sections 5.1 and 5.2.
type answer struct {
	Token       string  `json:"access_token"`
	ExpiresIn   seconds `json:"expires_in"`
	Error       string  `json:"error"`
	Description string  `json:"error_description"`
}

// seconds is a number, which some endpoints put into quotes.
type seconds int64

// UnmarshalJSON implements [json.Unmarshaler]. What is no number is none.
func (s *seconds) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	if err != nil || n < 0 {
		n = 0
	}
	*s = seconds(min(n, maxLife.Seconds()))
	return nil
}

func (t *Tokens) fetch(ctx context.Context, way http.RoundTripper) (token, error) {
	now := time.Now()
	form, err := t.grant(now)
	if err != nil {
		return token{}, failed(provider.BadCredential, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, failed(provider.BadCredential, errors.New("its address is none"))
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	res, err := way.RoundTrip(r)
	if err != nil {
		return token{}, failed(classOf(ctx), err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return token{}, failed(classOf(ctx), err)
	}
	var a answer
	malformed := json.Unmarshal(body, &a)
	switch status := res.StatusCode; {
	case status/100 == 5, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return token{}, failed(provider.ServerError, fmt.Errorf("status %d", status))
	case status/100 != 2:
		return token{}, failed(provider.BadCredential, fmt.Errorf("status %d: %s: %s", status, failure.Clean(a.Error), failure.Clean(a.Description)))
	case malformed != nil || a.Token == "" || strings.ContainsAny(a.Token, "\r\n"):
		return token{}, failed(provider.BadAnswer, errors.New("the answer holds none"))
	}
	return a.token(now), nil
}

// token counts from when it was asked for.
func (a answer) token(now time.Time) token {
	life := time.Duration(a.ExpiresIn) * time.Second
	if life == 0 {
		life = usualLife
	}
	until := now.Add(max(life-spareTime, life/2))
	return token{value: a.Token, until: until, renew: now.Add(max(life-renewBefore, life/2))}
}

func classOf(ctx context.Context) provider.FailureClass {
	if ctx.Err() != nil {
		return provider.TimedOut
	}
	return provider.Connection
}

func failed(class provider.FailureClass, cause error) error {
	return fmt.Errorf("%w: fetch an access token: %w", &provider.Failure{Class: class}, cause)
}
