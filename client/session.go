package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// SignIn tells how one can sign in.
func (c *Client) SignIn(ctx context.Context) (SignIn, error) {
	return get[SignIn](ctx, c, "sign-in", nil)
}

// Setup makes the first account, and signs in as it.
func (c *Client) Setup(ctx context.Context, s Setup) (Who, error) {
	return c.enter(ctx, "setup", s)
}

// Register makes an account for oneself, and signs in as it.
func (c *Client) Register(ctx context.Context, r Registration) (Who, error) {
	return c.enter(ctx, "register", r)
}

// Login signs in with a password.
func (c *Client) Login(ctx context.Context, l Login) (Who, error) {
	return c.enter(ctx, "login", l)
}

// enter begins a session, which a client with a token would never use.
func (c *Client) enter(ctx context.Context, path string, body any) (Who, error) {
	if c.token != "" {
		return Who{}, errors.New("client: a client with a token does not sign in: make one without")
	}
	return post[Who](ctx, c, path, nil, body)
}

// ResetPassword sets a password by what [Client.ResetAccount] gave. It does not sign in.
func (c *Client) ResetPassword(ctx context.Context, r ResetUse) error {
	return c.command(ctx, Request{Method: http.MethodPost, Path: base + "reset"}, r)
}

// Logout signs out.
func (c *Client) Logout(ctx context.Context, l Logout) error {
	return c.command(ctx, Request{Method: http.MethodPost, Path: base + "logout"}, l)
}

// Who tells who one is, by token or session, and what one may do.
func (c *Client) Who(ctx context.Context) (Who, error) { return get[Who](ctx, c, "session", nil) }

// Switch goes on with the session in another tenant, or for the whole installation.
func (c *Client) Switch(ctx context.Context, m Membership) (Who, error) {
	return post[Who](ctx, c, "session/switch", nil, m)
}

// Reauthenticate proves once more who one is. What is sensitive needs a proof of the last
// 15 minutes, else it is an [*Error] with the code reauthenticate.
func (c *Client) Reauthenticate(ctx context.Context, p Proof) (Who, error) {
	return post[Who](ctx, c, "session/reauthenticate", nil, p)
}

// Join makes one a member by an invite; [Client.Switch] acts as that.
func (c *Client) Join(ctx context.Context, i InviteUse) (Who, error) {
	return post[Who](ctx, c, "session/join", nil, i)
}

// Rename says what one is called.
func (c *Client) Rename(ctx context.Context, r Rename) (Who, error) {
	return call[Who](ctx, c, Request{Method: http.MethodPatch, Path: base + "account"}, r)
}

// ChangePassword replaces one's password; all other sessions of the account are over.
func (c *Client) ChangePassword(ctx context.Context, p PasswordChange) (Who, error) {
	return post[Who](ctx, c, "account/password", nil, p)
}

// PersonalTokens gives one's own.
func (c *Client) PersonalTokens(ctx context.Context) (PersonalTokens, error) {
	return get[PersonalTokens](ctx, c, "account/tokens", nil)
}

// CreatePersonalToken makes one; its secret is in the answer, and nowhere else.
func (c *Client) CreatePersonalToken(ctx context.Context, t PersonalToken) (PersonalTokenMade, error) {
	return post[PersonalTokenMade](ctx, c, "account/tokens", nil, t)
}

// DeletePersonalToken removes one, by its name.
func (c *Client) DeletePersonalToken(ctx context.Context, name string) error {
	return c.remove(ctx, "account/tokens/"+url.PathEscape(name))
}

// Sessions gives one's own that are not over, the last used first.
func (c *Client) Sessions(ctx context.Context) (OpenSessions, error) {
	return get[OpenSessions](ctx, c, "account/sessions", nil)
}

// EndSession ends one of them, by its id.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.remove(ctx, "account/sessions/"+url.PathEscape(id))
}

// EndOtherSessions ends all but the one that asks; by a token, all of them.
func (c *Client) EndOtherSessions(ctx context.Context) error {
	return c.remove(ctx, "account/sessions")
}
