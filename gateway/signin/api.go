package signin

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// API is what people sign in by, and what they and administrators do with accounts,
// under /api/v1. What changes something takes JSON and must say so, because no page of
// another origin can send that without asking.
type API struct {
	service *Service
	who     *Identifier
	// SSO is the way in by a provider; nil: there is none.
	SSO SingleSignOn
}

// NewAPI makes the handlers.
func NewAPI(s *Service, who *Identifier) *API { return &API{service: s, who: who} }

// Guards hold the permissions that only this API has.
func (a *API) Guards() map[web.Permission]web.Guard {
	return map[web.Permission]web.Guard{
		web.Public: func(echo.Context) error { return nil },
		web.Self: func(c echo.Context) error {
			p, err := a.who.Identify(c.Request())
			if err == nil {
				c.SetRequest(c.Request().WithContext(auth.With(c.Request().Context(), p)))
			}
			return err
		},
	}
}

// Routes are the addresses. Those with other permissions are guarded by package admin.
func (a *API) Routes() []web.Route {
	return described([]web.Route{
		{Method: http.MethodGet, Path: "/api/v1/sign-in", Permission: web.Public, Handler: a.ways},
		{Method: http.MethodPost, Path: "/api/v1/setup", Permission: web.Public, Handler: a.setup},
		{Method: http.MethodPost, Path: "/api/v1/login", Permission: web.Public, Handler: a.login},
		{Method: http.MethodGet, Path: "/api/v1/sso/login", Permission: web.Public, Handler: a.beginSSO},
		{Method: http.MethodGet, Path: "/api/v1/sso/callback", Permission: web.Public, Handler: a.finishSSO},
		{Method: http.MethodPost, Path: "/api/v1/register", Permission: web.Public, Handler: a.register},
		{Method: http.MethodPost, Path: "/api/v1/reset", Permission: web.Public, Handler: a.reset},
		{Method: http.MethodPost, Path: "/api/v1/logout", Permission: web.Public, Handler: a.logout},
		{Method: http.MethodGet, Path: "/api/v1/session", Permission: web.Self, Handler: a.session},
		{Method: http.MethodPost, Path: "/api/v1/session/switch", Permission: web.Self, Handler: a.switchTo},
		{Method: http.MethodPost, Path: "/api/v1/session/reauthenticate", Permission: web.Self, Handler: a.reauthenticate},
		{Method: http.MethodPost, Path: "/api/v1/session/join", Permission: web.Self, Handler: a.join},
		{Method: http.MethodPatch, Path: "/api/v1/account", Permission: web.Self, Handler: a.rename},
		{Method: http.MethodPost, Path: "/api/v1/account/password", Permission: web.Self, Handler: a.changePassword},
		{Method: http.MethodGet, Path: "/api/v1/account/tokens", Permission: web.Self, Handler: a.listTokens},
		{Method: http.MethodPost, Path: "/api/v1/account/tokens", Permission: web.Self, Handler: a.addToken},
		{Method: http.MethodDelete, Path: "/api/v1/account/tokens/:name", Permission: web.Self, Handler: a.removeToken},
		{Method: http.MethodGet, Path: "/api/v1/account/sessions", Permission: web.Self, Handler: a.listSessions},
		{Method: http.MethodDelete, Path: "/api/v1/account/sessions", Permission: web.Self, Handler: a.endOtherSessions},
		{Method: http.MethodDelete, Path: "/api/v1/account/sessions/:id", Permission: web.Self, Handler: a.endSession},
		{Method: http.MethodGet, Path: "/api/v1/accounts", Permission: web.Administer, Handler: a.listAccounts},
		{Method: http.MethodPost, Path: "/api/v1/accounts", Permission: web.Administer, Handler: a.addAccount},
		{Method: http.MethodGet, Path: "/api/v1/accounts/:id", Permission: web.Administer, Handler: a.showAccount},
		{Method: http.MethodPatch, Path: "/api/v1/accounts/:id", Permission: web.Administer, Handler: a.patchAccount},
		{Method: http.MethodDelete, Path: "/api/v1/accounts/:id", Permission: web.Administer, Handler: a.removeAccount},
		{Method: http.MethodPost, Path: "/api/v1/accounts/:id/reset", Permission: web.Administer, Handler: a.allowReset},
		{Method: http.MethodGet, Path: "/api/v1/invites", Permission: web.ManagePeople, Handler: a.listInvites},
		{Method: http.MethodPost, Path: "/api/v1/invites", Permission: web.ManagePeople, Handler: a.addInvite},
		{Method: http.MethodDelete, Path: "/api/v1/invites/:tenant/:id", Permission: web.ManagePeople, Handler: a.removeInvite},
	})
}

// catalog is the configuration in force.
func (a *API) catalog() *control.Catalog { return a.service.cfg.Plane.Live().Current() }

// caller is where a request comes from.
func caller(c echo.Context) Caller {
	return Caller{From: c.Request().RemoteAddr, Request: web.RequestID(c), Token: tokenOf(c.Request()), Agent: c.Request().UserAgent()}
}

// signedIn is the caller of a request that needs a session: a token proves a program,
// not a person.
func signedIn(c echo.Context) (Caller, error) {
	if auth.From(c.Request().Context()).Via != auth.ViaSession {
		return Caller{}, &gateway.Error{Kind: gateway.Forbidden, Code: "session_needed", Public: "A token cannot do this: sign in."}
	}
	return caller(c), nil
}

// by says whose command a request is.
func by(c echo.Context, cause string) control.By {
	return caller(c).by(auth.From(c.Request().Context()).Name, cause)
}

// maxBody is more than anything that is said here has.
const maxBody = 16 << 10

// query refuses parameters that are none of known, and those given twice.
func query(c echo.Context, known ...string) error {
	given := c.QueryParams()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		text := ""
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			text = "is not known here; there are none"
		case !slices.Contains(known, name):
			text = "is not known here; known are " + strings.Join(known, ", ")
		case len(given[name]) > 1:
			text = "is given more than once"
		default:
			continue
		}
		return &gateway.Error{Kind: gateway.Invalid, Param: name, Public: "Parameter " + name + ": " + text + "."}
	}
	return nil
}

// read decodes the body of a request without parameters, strictly.
func read(c echo.Context, into any) error {
	if err := query(c); err != nil {
		return err
	}
	if c.Request().Header.Get("Content-Type") == "" {
		return &gateway.Error{Kind: gateway.Invalid, Code: "unsupported_content_type", Public: "The Content-Type must be application/json."}
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return err
	}
	if len(body) > maxBody {
		return &gateway.Error{Kind: gateway.TooLarge, Public: "The request body has more than 16384 bytes."}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return unreadable(err)
	}
	if d.More() {
		return &gateway.Error{Kind: gateway.Invalid, Public: "The body is more than one JSON value."}
	}
	return nil
}

// unreadable tells what is wrong with a body, but nothing that it says.
func unreadable(err error) error {
	e := &gateway.Error{Kind: gateway.Invalid, Public: "The body is not the JSON that is expected here.", Cause: err}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		e.Param, e.Public = wrong.Field, "The value is not a "+wrong.Type.String()+"."
	}
	return e
}

// answerEntry hands a new session to the browser.
func (a *API) answerEntry(c echo.Context, status int, e Entry) error {
	setCookie(c, e.Token)
	p, session, err := a.service.Recognise(c.Request().Context(), e.Token)
	if err != nil {
		return err
	}
	return c.JSON(status, a.whoIs(p, session))
}

// timeOf is the zero time for nil.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// momentOf is nil for the zero time.
func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
