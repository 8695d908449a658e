package signin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Ways say how one can sign in, to whoever asks.
type Ways struct {
	Setup        bool   `json:"setup"`        // there is no account: the first-run token makes one
	Registration string `json:"registration"` // closed, invite, open
}

func (a *API) ways(c echo.Context) error {
	now := a.catalog()
	return c.JSON(http.StatusOK, Ways{Setup: len(now.Accounts()) == 0, Registration: now.Registration})
}

// Who is the answer to who one is.
type Who struct {
	Name        string            `json:"name"` // in the audit
	Via         string            `json:"via"`  // token, session
	Acting      Acting            `json:"acting"`
	Permissions []web.Permission  `json:"permissions"`
	Account     *Self             `json:"account,omitempty"`   // absent: an operator's token
	Proven      *time.Time        `json:"proven_at,omitempty"` // last proof of who it is, of a session
	Ends        *time.Time        `json:"ends_at,omitempty"`   // of the session, if nothing more is asked
	Memberships []MembershipShown `json:"memberships"`
}

// Acting is as whom somebody acts at present.
type Acting struct {
	Tenant events.TenantID `json:"tenant,omitempty"` // absent: the whole installation
	User   string          `json:"user,omitempty"`
	Role   string          `json:"role,omitempty"` // absent: none, any more
}

// Self is the account that somebody is signed in as.
type Self struct {
	ID          string `json:"id"`
	Email       string `json:"email"`
	Name        string `json:"name,omitempty"`
	Role        string `json:"role,omitempty"` // in the whole installation
	HasPassword bool   `json:"has_password"`
}

// MembershipShown is a user of a tenant that an account may act as.
type MembershipShown struct {
	Tenant events.TenantID `json:"tenant"`
	User   string          `json:"user"`
	Role   string          `json:"role"`
}

func (a *API) whoIs(p auth.Person, session Session) Who {
	out := Who{Name: p.Name, Via: p.Via, Acting: Acting{p.Tenant, p.User, p.Role}, Permissions: []web.Permission{}, Memberships: []MembershipShown{}}
	for _, permission := range web.Permissions() {
		if p.May(permission) {
			out.Permissions = append(out.Permissions, permission)
		}
	}
	if p.Via == auth.ViaSession {
		out.Proven, out.Ends = momentOf(session.Proven), momentOf(session.ends())
	}
	if account := a.catalog().Account(p.Account); account != nil {
		out.Account = &Self{account.ID, account.Email, account.Name, account.Role, !account.Password.Empty()}
		out.Memberships = a.memberships(account)
	}
	return out
}

func (a *API) memberships(account *control.Account) []MembershipShown {
	out := []MembershipShown{}
	for _, m := range account.Memberships {
		if u := a.catalog().User(m); u != nil {
			out = append(out, MembershipShown{m.Tenant, m.User, u.Role})
		}
	}
	return out
}

func (a *API) session(c echo.Context) error {
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

// newcomer is what the bodies of setup and register have in common.
type newcomer struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

func (n newcomer) newcomer() Newcomer {
	return Newcomer{Email: n.Email, Name: n.Name, Password: control.NewSecret(n.Password)}
}

func (a *API) setup(c echo.Context) error {
	var body struct {
		newcomer
		Token  string          `json:"token"`
		Tenant events.TenantID `json:"tenant"`
	}
	if err := read(c, &body); err != nil {
		return err
	}
	e, err := a.service.Setup(c.Request().Context(), caller(c), control.NewSecret(body.Token), body.newcomer.newcomer(), body.Tenant)
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusCreated, e)
}

func (a *API) register(c echo.Context) error {
	var body struct {
		newcomer
		Invite string `json:"invite"`
	}
	if err := read(c, &body); err != nil {
		return err
	}
	e, err := a.service.Register(c.Request().Context(), caller(c), body.newcomer.newcomer(), control.NewSecret(body.Invite))
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusCreated, e)
}

func (a *API) login(c echo.Context) error {
	var body struct{ Email, Password string }
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
	var body struct{ Everywhere bool }
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
	var body struct{ Tenant events.TenantID }
	if err := read(c, &body); err != nil {
		return err
	}
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	e, err := a.service.Switch(c.Request().Context(), who, body.Tenant)
	if err != nil {
		return err
	}
	return a.answerEntry(c, http.StatusOK, e)
}

func (a *API) reauthenticate(c echo.Context) error {
	var body struct{ Password string }
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
	var body struct{ Invite string }
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
	return a.session(c)
}

func (a *API) reset(c echo.Context) error {
	var body struct{ Token, Password string }
	if err := read(c, &body); err != nil {
		return err
	}
	if err := a.service.Reset(c.Request().Context(), caller(c), control.NewSecret(body.Token), control.NewSecret(body.Password)); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
