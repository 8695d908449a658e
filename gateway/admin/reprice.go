package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// repriced answers what other prices would have billed: those in force, those of an
// instant, or those of a configuration that was sent.
func (a *API) repriced(c echo.Context) error {
	p := newParams(c)
	now := time.Now()
	q := Question{About: AboutRepriced, TrafficFilter: readFilter(p, now, names())}
	pricesAt := p.pastMoment("prices_at", now)
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Ask == nil {
		return absent("Analytics")
	}
	var err error
	switch other := c.Request().Method == http.MethodPost; {
	case a.cfg.Control == nil && (other || !pricesAt.IsZero()):
		return absent("The configuration")
	case other:
		q.Prices, err = a.draft(c)
	case !pricesAt.IsZero():
		q.Prices, err = a.catalogAt(c.Request().Context(), pricesAt)
	}
	if err != nil {
		return err
	}
	q.Scope = scopeOf(c)
	answer, err := a.cfg.Ask(c.Request().Context(), q)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

func (a *API) catalogAt(ctx context.Context, at time.Time) (*control.Catalog, error) {
	then, err := a.cfg.Control.At(ctx, at)
	if err != nil {
		return nil, err
	}
	return then.Catalog(ctx)
}

// draft reads a configuration from the body of a request that is not put in force.
func (a *API) draft(c echo.Context) (*control.Catalog, error) {
	body, err := web.ReadJSON(c)
	if err != nil {
		return nil, err
	}
	wanted, err := a.cfg.Control.Decode(body)
	if err != nil {
		return nil, err
	}
	catalog, err := wanted.Catalog()
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "The configuration does not fit together: " + err.Error() + ".", Cause: err}
	}
	return catalog, nil
}

// priceUnpriced books the prices in force for what was recorded without one.
func (a *API) priceUnpriced(c echo.Context) error {
	p := newParams(c)
	q := Question{About: AboutRepriced, TrafficFilter: readFilter(p, time.Now(), names())}
	dry := p.choice("dry_run", "false", "true") == "true"
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.PriceUnpriced == nil {
		return absent("Correcting usage")
	}
	q.Scope = scopeOf(c)
	return run(c, func(ctx context.Context, report func(any) error) (any, error) {
		return a.cfg.PriceUnpriced(ctx, q, dry, report)
	})
}
