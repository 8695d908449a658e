package signin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// InviteShown is an invite, without its secret.
type InviteShown struct {
	ID      string          `json:"id"`
	Tenant  events.TenantID `json:"tenant"`
	Role    string          `json:"role,omitempty"`  // of the user that it makes
	User    string          `json:"user,omitempty"`  // that is there already and whom it is for
	Email   string          `json:"email,omitempty"` // whom it is for; absent: whoever has it
	Expires time.Time       `json:"expires"`
	Issuer  string          `json:"issuer,omitempty"` // account
}

// InviteMade is an invite that has just been made.
type InviteMade struct {
	InviteShown
	Invite string `json:"invite"` // shown only now; POST /api/v1/register and session/join take it
}

func shownInvite(i *control.Invite) InviteShown {
	return InviteShown{i.ID, i.Tenant, i.Role, i.User, i.Email, i.Expires.UTC().Truncate(time.Second), i.Issuer}
}

func (a *API) listInvites(c echo.Context) error {
	for name := range c.QueryParams() {
		if name != "tenant" {
			return &gateway.Error{Kind: gateway.Invalid, Param: name, Public: "Parameter " + name + ": is not known here."}
		}
	}
	p, items := auth.From(c.Request().Context()), []InviteShown{}
	for _, i := range a.catalog().Invites(events.TenantID(c.QueryParam("tenant"))) {
		if p.Sees(i.Tenant) {
			items = append(items, shownInvite(i))
		}
	}
	return c.JSON(http.StatusOK, map[string]any{"items": items})
}

func (a *API) addInvite(c echo.Context) error {
	var body struct {
		Tenant  events.TenantID
		Role    string
		User    string
		Email   string
		Expires time.Time
	}
	if err := read(c, &body); err != nil {
		return err
	}
	want := control.Invite{Tenant: body.Tenant, Role: body.Role, User: body.User, Email: normal(body.Email), Expires: body.Expires}
	made, secret, err := a.service.Invite(c.Request().Context(), auth.From(c.Request().Context()), by(c, "invite.create"), want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, InviteMade{shownInvite(&made), secret.Reveal()})
}

func (a *API) removeInvite(c echo.Context) error {
	tenant, id := events.TenantID(c.Param("tenant")), c.Param("id")
	if !auth.From(c.Request().Context()).Sees(tenant) {
		return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "There is no invite " + id + "."}
	}
	_, err := a.service.cfg.Plane.Do(c.Request().Context(), by(c, "invite.remove"), func(d *control.Draft) error { return d.RemoveInvite(tenant, id) })
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
