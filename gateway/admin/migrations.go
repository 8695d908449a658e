package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// migrations tells where the schema of the tables stands, or brings it up to date.
func (a *API) migrations(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Migrate == nil {
		return absent("Analytics")
	}
	state, err := a.cfg.Migrate(c.Request().Context(), c.Request().Method == http.MethodPost)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, state)
}
