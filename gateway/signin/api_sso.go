package signin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/sso"
)

// SingleSignOn is what a browser is sent through, see package sso.
type SingleSignOn interface {
	Begin(ctx context.Context) (location, pending string, err error)
	Finish(ctx context.Context, pending string, brought url.Values) (sso.Identity, error)
}

// The cookie of a sign-in that is under way, named as those of sessions are.
const (
	hostPending  = "__Host-llmhub-sso"
	localPending = "llmhub-sso-local"
)

// beginSSO and finishSSO are visited by browsers, which cannot do otherwise than GET. What
// they change is only who the browser is, and the second does so only for a browser that
// the first has prepared.
func (a *API) beginSSO(c echo.Context) error {
	if err := query(c); err != nil {
		return err
	}
	if a.SSO == nil {
		return errNoSSO()
	}
	if err := a.service.addresses.try(c.Request().RemoteAddr); err != nil {
		return a.service.count(throttled, err)
	}
	location, pending, err := a.SSO.Begin(c.Request().Context())
	if err != nil {
		return err
	}
	setPending(c, pending)
	return c.Redirect(http.StatusSeeOther, location)
}

func errNoSSO() error {
	return &gateway.Error{Kind: gateway.NotFound, Code: "no_sso", Public: "Single sign-on is not configured."}
}

func (a *API) finishSSO(c echo.Context) error {
	if !c.QueryParams().Has("state") { // else it comes from a provider, who may add what it likes
		if err := query(c, "code", "error", "iss", "state"); err != nil {
			return err
		}
	}
	if a.SSO == nil {
		return errNoSSO()
	}
	if err := a.service.addresses.try(c.Request().RemoteAddr); err != nil {
		return a.service.count(throttled, err)
	}
	id, err := a.SSO.Finish(c.Request().Context(), pendingOf(c.Request()), c.QueryParams())
	setPending(c, "") // it is good for one try
	if err != nil {
		return a.service.count(refused, err)
	}
	e, err := a.service.EnterAs(c.Request().Context(), caller(c), id)
	if err != nil {
		return err
	}
	setCookie(c, e.Token)
	return c.Redirect(http.StatusSeeOther, "/")
}

// pendingOf is what the browser kept; empty: nothing, or more than one thing.
func pendingOf(r *http.Request) string {
	name := hostPending
	if ownMachine(r) {
		name = localPending
	}
	if kept := r.CookiesNamed(name); len(kept) == 1 {
		return kept[0].Value
	}
	return ""
}

// setPending lets the browser keep something until it comes back; empty: no more.
func setPending(c echo.Context, pending string) {
	cookie := &http.Cookie{
		Name: hostPending, Value: pending, Path: "/", MaxAge: int(sso.PendingTime.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, // it must come along from the provider's pages
	}
	if ownMachine(c.Request()) {
		cookie.Name, cookie.Secure = localPending, false
	}
	if pending == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Response(), cookie)
}
