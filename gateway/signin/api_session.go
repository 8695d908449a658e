package signin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

func (a *API) ways(c echo.Context) error {
	if err := query(c); err != nil {
		return err
	}
	now := a.catalog()
	return c.JSON(http.StatusOK, client.SignIn{Setup: !now.HasAccounts(), Registration: now.Registration, SSO: a.SSO != nil && now.SSO != nil})
}

func (a *API) whoIs(p auth.Person, session Session) client.Who {
	out := client.Who{
		Name: p.Name, Via: p.Via, Acting: client.Acting{Tenant: string(p.Tenant), User: p.User, Role: p.Role},
		Permissions: []string{}, Memberships: []client.Member{},
	}
	for _, permission := range web.Permissions() {
		if p.May(permission) {
			out.Permissions = append(out.Permissions, string(permission))
		}
	}
	if p.Via == auth.ViaSession {
		out.ProvenAt, out.EndsAt = momentOf(session.Proven), momentOf(session.ends())
	}
	if account := a.catalog().Account(p.Account); account != nil {
		out.Account = &client.Self{ID: account.ID, Email: account.Email, Name: account.Name, Role: account.Role, HasPassword: !account.Password.Empty()}
		out.Memberships = a.memberships(account)
	}
	return out
}

func (a *API) memberships(account *control.Account) []client.Member {
	out := []client.Member{}
	for _, m := range account.Memberships {
		if u := a.catalog().User(m); u != nil {
			out = append(out, client.Member{Tenant: string(m.Tenant), User: m.User, Role: u.Role})
		}
	}
	return out
}

func (a *API) session(c echo.Context) error {
	if err := query(c); err != nil {
		return err
	}
	return a.answerWho(c)
}

func (a *API) answerWho(c echo.Context) error {
	p := auth.From(c.Request().Context())
	if p.Via != auth.ViaSession {
		return c.JSON(http.StatusOK, a.whoIs(p, Session{}))
	}
	p, session, err := a.service.Recognise(c.Request().Context(), tokenOf(c.Request()))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, a.whoIs(p, session))
}

func newcomer(n client.Newcomer) Newcomer {
	return Newcomer{Email: n.Email, Name: n.Name, Password: control.NewSecret(n.Password)}
}

func (a *API) setup(c echo.Context) error {
	var body client.Setup
	if err := read(c, &body); err != nil {
		return err
	}
	e, err := a.service.Setup(c.Request().Context(), caller(c), control.NewSecret(body.Token), newcomer(body.Newcomer), events.TenantID(body.Tenant))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusCreated, e)
}

func (a *API) register(c echo.Context) error {
	var body client.Registration
	if err := read(c, &body); err != nil {
		return err
	}
	e, err := a.service.Register(c.Request().Context(), caller(c), newcomer(body.Newcomer), control.NewSecret(body.Invite))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusCreated, e)
}

func (a *API) login(c echo.Context) error {
	var body client.Login
	if err := read(c, &body); err != nil {
		return err
	}
	e, err := a.service.Login(c.Request().Context(), caller(c), body.Email, control.NewSecret(body.Password))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusOK, e)
}

// logout also takes the cookie of a session that is over already.
func (a *API) logout(c echo.Context) error {
	var body client.Logout
	if err := read(c, &body); err != nil {
		return err
	}
	leave := a.service.Leave
	if body.Everywhere {
		leave = a.service.LeaveEverywhere
	}
	if err := leave(c.Request().Context(), caller(c)); err != nil {
		return err
	}
	setCookie(c, control.Secret{})
	return c.NoContent(http.StatusNoContent)
}

func (a *API) switchTo(c echo.Context) error {
	var body client.Membership
	if err := read(c, &body); err != nil {
		return err
	}
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	e, err := a.service.Switch(c.Request().Context(), who, events.TenantID(body.Tenant))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusOK, e)
}

func (a *API) reauthenticate(c echo.Context) error {
	var body client.Proof
	if err := read(c, &body); err != nil {
		return err
	}
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	e, err := a.service.Reauthenticate(c.Request().Context(), who, control.NewSecret(body.Password))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusOK, e)
}

func (a *API) join(c echo.Context) error {
	var body client.InviteUse
	if err := read(c, &body); err != nil {
		return err
	}
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	if err := a.service.JoinBy(c.Request().Context(), who, control.NewSecret(body.Invite)); err != nil {
		return err
	}
	return a.answerWho(c)
}

func (a *API) reset(c echo.Context) error {
	var body client.ResetUse
	if err := read(c, &body); err != nil {
		return err
	}
	if err := a.service.Reset(c.Request().Context(), caller(c), control.NewSecret(body.Token), control.NewSecret(body.Password)); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
