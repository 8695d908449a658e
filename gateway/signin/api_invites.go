package signin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

func shownInvite(i *control.Invite) client.Invite {
	return client.Invite{
		ID: i.ID, Tenant: string(i.Tenant), Role: i.Role, User: i.User, Email: i.Email, Expires: i.Expires.UTC().Truncate(time.Second), Issuer: i.Issuer,
	}
}

func (a *API) listInvites(c echo.Context) error {
	if err := query(c, "tenant"); err != nil {
		return err
	}
	p, items := auth.From(c.Request().Context()), []client.Invite{}
	for _, i := range a.catalog().Invites(events.TenantID(c.QueryParam("tenant"))) {
		if p.Sees(i.Tenant) {
			items = append(items, shownInvite(i))
		}
	}
	return c.JSON(http.StatusOK, client.Invites{Items: items})
}

func (a *API) addInvite(c echo.Context) error {
	var body client.InviteOrder
	if err := read(c, &body); err != nil {
		return err
	}
	want := control.Invite{Tenant: events.TenantID(body.Tenant), Role: body.Role, User: body.User, Email: normal(body.Email), Expires: timeOf(body.Expires)}
	made, secret, err := a.service.Invite(c.Request().Context(), auth.From(c.Request().Context()), by(c, "invite.create"), want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, client.InviteMade{Invite: shownInvite(&made), Secret: secret.Reveal()})
}

func (a *API) removeInvite(c echo.Context) error {
	if err := query(c); err != nil {
		return err
	}
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
