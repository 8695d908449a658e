package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
)

// Rewrapped says how many data keys the master key wraps now.
type Rewrapped struct {
	DataKeys int `json:"data_keys"`
}

func (a *API) rewrap(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Rewrap == nil {
		return absent("The master key")
	}
	n, err := a.cfg.Rewrap(c.Request().Context())
	if err != nil {
		return &gateway.Error{Kind: gateway.Unavailable, Public: "Not every data key was wrapped anew; repeat it.", Cause: err}
	}
	return c.JSON(http.StatusOK, Rewrapped{DataKeys: n})
}
