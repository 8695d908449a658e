package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Applied is the answer to a configuration.
type Applied struct {
	control.Outcome
	Keys []MadeKey `json:"keys,omitempty"`
}

// MadeKey is a virtual key with the secret it was given, which is told only now.
type MadeKey struct {
	Tenant events.TenantID `json:"tenant"`
	Name   string          `json:"name"`
	Key    string          `json:"key"`
}

// by says who gives a command with this request.
func by(c echo.Context, cause, origin string) control.By {
	who := auth.From(c.Request().Context())
	return control.By{Actor: who.Name, Cause: cause, Origin: origin, Request: web.RequestID(c), Rights: who.Rights()}
}

// apply puts a whole configuration in force.
func (a *API) apply(c echo.Context) error {
	p := newParams(c)
	dry, prune := p.choice("dry_run", "false", "true") == "true", p.choice("prune", "false", "true") == "true"
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Control == nil {
		return absent("The configuration")
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return err
	}
	wanted, err := a.cfg.Control.Decode(body)
	if err != nil {
		return err
	}
	who, how := by(c, "apply", control.OriginFile), control.Application{}
	who.DryRun = dry
	if prune {
		how.Prune = control.Everything()
	}
	done, err := a.cfg.Control.Apply(c.Request().Context(), who, wanted, how)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, Applied{Outcome: done.Outcome, Keys: shownOnce(done.Keys)})
}

// export writes the configuration in force, or that of an instant.
func (a *API) export(c echo.Context) error {
	now, err := a.configuration(c, newParams(c))
	if err != nil {
		return err
	}
	text, err := now.Export(c.Request().Context())
	if err != nil {
		return &gateway.Error{Kind: gateway.Unavailable, Public: "The configuration cannot be written at present.", Cause: err}
	}
	return c.Blob(http.StatusOK, "application/yaml", text)
}
