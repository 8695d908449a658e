package sso

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// PendingTime is how long somebody may take to sign in at the provider.
const PendingTime = 10 * time.Minute

// Config is what a flow stands on.
type Config struct {
	Transport http.RoundTripper   // guards addresses
	Settings  func() *control.SSO // in force; nil: there is no single sign-on
	Now       func() time.Time
	Logger    *slog.Logger
}

// Flow signs people in. Its methods may be called at once.
type Flow struct {
	cfg       Config
	providers *providers
}

// New makes a flow.
func New(c Config) (*Flow, error) {
	if c.Transport == nil || c.Settings == nil || c.Now == nil || c.Logger == nil {
		return nil, errors.New("sso: Transport, Settings, Now and Logger must be set")
	}
	return &Flow{cfg: c, providers: newProviders(c.Transport, c.Now)}, nil
}

// Begin starts a sign-in: the browser is to keep pending and to go to location. Its
// error is a *gateway.Error.
func (f *Flow) Begin(ctx context.Context) (location, pending string, err error) {
	s, p, err := f.provider(ctx)
	if err != nil {
		return "", "", err
	}
	begun := newPending(s, f.cfg.Now())
	location = client(s, p).AuthCodeURL(begun.State, oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier))
	return location, begun.encode(), nil
}

// Finish ends it with what the browser kept and what the provider made it bring. Its
// error is a *gateway.Error.
func (f *Flow) Finish(ctx context.Context, pending string, brought url.Values) (Identity, error) {
	s := f.cfg.Settings()
	if s == nil {
		return Identity{}, errNone()
	}
	begun, err := f.match(s, pending, brought)
	if err != nil {
		return Identity{}, err
	}
	s, p, err := f.provider(ctx)
	if err != nil {
		return Identity{}, err
	}
	claims, err := f.exchange(ctx, s, p, begun, brought.Get("code"))
	if err != nil {
		f.cfg.Logger.Warn("single sign-on failed", "issuer", s.Issuer, "error", told(err))
		return Identity{}, failed(err)
	}
	return identify(s, claims)
}

// match finds the pending sign-in of the browser, without calling anybody.
func (f *Flow) match(s *control.SSO, kept string, brought url.Values) (pending, error) {
	begun, err := decodePending(kept)
	switch {
	case err != nil || !begun.is(brought.Get("state")):
		return begun, refused("sso_state", "This browser has not begun to sign in, or took too long: begin again.")
	case f.cfg.Now().Sub(begun.Begun) > PendingTime:
		return begun, refused("sso_state", "Signing in took too long: begin again.")
	case begun.Issuer != s.Issuer || begun.Client != s.ClientID, brought.Has("iss") && brought.Get("iss") != s.Issuer:
		return begun, refused("sso_issuer", "The answer is not of the provider that was asked: begin again.")
	case brought.Has("error"):
		return begun, refused("sso_refused", "The provider did not let you in.")
	case brought.Get("code") == "":
		return begun, refused("sso_code", "The provider sent no code.")
	}
	return begun, nil
}

// exchange gets the claims for a code.
func (f *Flow) exchange(ctx context.Context, s *control.SSO, p *oidc.Provider, begun pending, code string) (claims, error) {
	ctx = f.providers.with(ctx)
	tokens, err := client(s, p).Exchange(ctx, code, oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := p.VerifierContext(ctx, &oidc.Config{ClientID: s.ClientID, SupportedSigningAlgs: algorithms(), Now: f.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	out := claims{}
	if err := token.Claims(&out); err != nil {
		return nil, err
	}
	azp, named := out["azp"]
	switch {
	case !begun.asked(token.Nonce):
		return nil, errors.New("the nonce is not the one that was sent")
	case named && azp != s.ClientID, !named && len(token.Audience) > 1:
		return nil, errors.New("the token was made for another client")
	case token.Subject == "":
		return nil, errors.New("the token has no subject")
	}
	if p.UserInfoEndpoint() == "" {
		return out, nil
	}
	return out, addUserInfo(ctx, p, tokens, out)
}

// addUserInfo adds what only the endpoint of that name tells; the token has the last word.
func addUserInfo(ctx context.Context, p *oidc.Provider, tokens *oauth2.Token, known claims) error {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return err
	}
	if info.Subject != known["sub"] {
		return errors.New("the user info is about somebody else")
	}
	more := claims{}
	if err := info.Claims(&more); err != nil {
		return err
	}
	_, addressed := known["email"]
	another := addressed && more["email"] != known["email"]
	for name, value := range more {
		if _, there := known[name]; there || another && name == "email_verified" { // what is verified is the address beside it
			continue
		}
		known[name] = value
	}
	return nil
}

// algorithms are those that a token may be signed by: none where whoever checks could sign.
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
}

// provider is the one in force.
func (f *Flow) provider(ctx context.Context) (*control.SSO, *oidc.Provider, error) {
	s := f.cfg.Settings()
	if s == nil {
		return nil, nil, errNone()
	}
	p, err := f.providers.find(ctx, s.Issuer)
	if err != nil {
		f.cfg.Logger.Warn("the provider of single sign-on cannot be asked", "issuer", s.Issuer, "error", told(err))
		return nil, nil, failed(err)
	}
	return s, p, nil
}

func client(s *control.SSO, p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: s.RedirectURL, Scopes: s.Scopes}
}

func errNone() error {
	return &gateway.Error{Kind: gateway.NotFound, Code: "no_sso", Public: "Single sign-on is not configured."}
}

func refused(code, public string) error {
	return &gateway.Error{Kind: gateway.Unauthenticated, Code: code, Public: public}
}

// failed says no more to the browser than whose fault it is.
func failed(err error) error {
	kind, code, public := gateway.Unauthenticated, "sso_failed", "The provider's answer proves nothing: begin again."
	if _, ok := errors.AsType[*url.Error](err); ok {
		kind, public = gateway.Unavailable, "The provider of single sign-on cannot be asked at present."
	}
	return &gateway.Error{Kind: kind, Code: code, Public: public, Cause: err}
}

// told is what the log may say of an error: an answer to a code may quote it.
func told(err error) string {
	const longest = 300
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return "the token endpoint refused: " + e.ErrorCode
	}
	text := err.Error()
	return text[:min(len(text), longest)]
}
