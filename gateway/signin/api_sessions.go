package signin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway/control"
)

func (a *API) listSessions(c echo.Context) error {
	id, err := own(c)
	if err != nil {
		return err
	}
	list, err := a.service.OpenSessions(c.Request().Context(), caller(c), id)
	if err != nil {
		return err
	}
	out := client.OpenSessions{Items: []client.OpenSession{}}
	for _, o := range list {
		out.Items = append(out.Items, client.OpenSession{
			ID: o.ID, Current: o.Current, Tenant: string(o.Tenant), From: o.From, Agent: o.Agent,
			Created: o.Made.UTC(), Seen: o.Seen.UTC(), Ends: o.ends().UTC(),
		})
	}
	return c.JSON(http.StatusOK, out)
}

// endSession also takes the cookie if the session is the caller's own.
func (a *API) endSession(c echo.Context) error {
	id, err := own(c)
	if err != nil {
		return err
	}
	who := caller(c)
	if err := a.service.EndSession(c.Request().Context(), who, id, c.Param("id")); err != nil {
		return err
	}
	if key, ok := keyOf(who.Token); ok && idOf(key) == c.Param("id") {
		setCookie(c, control.Secret{})
	}
	return c.NoContent(http.StatusNoContent)
}

func (a *API) endOtherSessions(c echo.Context) error {
	id, err := own(c)
	if err != nil {
		return err
	}
	if err := a.service.EndOthers(c.Request().Context(), caller(c), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
