package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/route"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Prober calls vendors for their own sake. [*call.Engine] does.
type Prober interface {
	// Probe makes the smallest call there is.
	Probe(ctx context.Context, step route.Step) (call.Probed, error)
	// Models asks which models there are; the model of step has no meaning.
	Models(ctx context.Context, step route.Step) ([]string, call.Probed, error)
}

// probeRoutes are those that call vendors.
func (a *API) probeRoutes() []web.Route {
	return []web.Route{
		{
			Method: http.MethodPost, Path: "/api/v1/providers/:id/test", Permission: web.Operate, Handler: a.test,
			Doc: web.Doc{
				Summary: "Make the smallest call there is of a vendor, which bills it; it is on nobody's books and counts for no limit, and its cost is told.",
				Body:    client.ProbeOrder{}, Answer: client.Probe{},
			},
		},
		{
			Method: http.MethodGet, Path: "/api/v1/providers/:id/models", Permission: web.Operate, Handler: a.discover,
			Doc: web.Doc{Summary: "Ask a vendor which models an account can use.", Query: client.ModelsQuery{}, Answer: client.Probe{}, Refusals: []int{http.StatusConflict}},
		},
	}
}

func (a *API) test(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	order, err := readOrder[client.ProbeOrder](c)
	if err != nil {
		return err
	}
	catalog, step, err := a.step(c, order.Credential)
	if err != nil {
		return err
	}
	if step.Model = order.Model; step.Model == "" {
		if step.Model = modelOf(catalog, step.Provider); step.Model == "" {
			return &gateway.Error{Kind: gateway.Invalid, Param: "model", Public: "No logical model uses this provider: name one of the vendor's models."}
		}
	}
	probed, err := a.cfg.Prober.Probe(c.Request().Context(), step)
	if err != nil {
		return err
	}
	out := outcome(probed)
	if out.Usage = probed.Usage; out.Usage != nil {
		item := accounting.Item{Kind: step.Provider.Kind, Model: step.Model, At: time.Now()}
		out.CostNanoUSD = catalog.Prices.Price(item, *out.Usage).CostNanoUSD
	}
	return c.JSON(http.StatusOK, out)
}

func (a *API) discover(c echo.Context) error {
	p := newParams(c)
	name := p.text("credential")
	if err := p.done(); err != nil {
		return err
	}
	_, step, err := a.step(c, name)
	if err != nil {
		return err
	}
	names, probed, err := a.cfg.Prober.Models(c.Request().Context(), step)
	if err != nil {
		return err
	}
	out := outcome(probed)
	out.Models = names
	return c.JSON(http.StatusOK, out)
}

func outcome(p call.Probed) client.Probe {
	return client.Probe{
		Provider: p.Target.Provider, Credential: p.Target.Credential, Model: p.Target.Model, OK: p.Failure.Class == "",
		Status: p.Status, LatencyMS: p.Took.Milliseconds(), Class: string(p.Failure.Class), Message: p.Failure.Message,
	}
}

// step is a call of the provider that the address names, by a credential of it; empty:
// the first that is enabled.
func (a *API) step(c echo.Context, credential string) (*control.Catalog, route.Step, error) {
	if a.cfg.Prober == nil || a.cfg.Control == nil {
		return nil, route.Step{}, absent("Calling vendors")
	}
	r, err := named(c, events.ProviderSort)
	if err != nil {
		return nil, route.Step{}, err
	}
	catalog := a.cfg.Control.Live().Current()
	p := catalog.Providers[r.ID]
	if p == nil {
		return nil, route.Step{}, &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "There is no provider " + r.ID + "."}
	}
	i := slices.IndexFunc(p.Credentials, func(c *control.Credential) bool { return credential == "" || c.Name == credential })
	if i < 0 {
		return nil, route.Step{}, &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Param: "credential", Public: "The provider has no such credential that is enabled and has its key."}
	}
	return catalog, route.Step{Provider: p, Credential: p.Credentials[i], Timeouts: p.Timeouts}, nil
}

// modelOf is a model of a provider that a logical one uses, empty if none does.
func modelOf(c *control.Catalog, p *control.Provider) string {
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		for _, t := range c.Models[name].Targets {
			if t.Provider == p {
				return t.Model
			}
		}
	}
	return ""
}
