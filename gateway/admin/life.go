package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// lived is a sort whose objects have a history. Its id has a segment of the path for
// every part.
type lived struct {
	objects
	id         string // in echo's syntax, "" of the settings
	look, edit web.Permission
	changed    any // what a rollback answers
}

func (a *API) livedSorts() []lived {
	of := func(s events.Sort, path, holder string) objects { return objects{a, s, "/api/v1/" + path, holder} }
	return []lived{
		{of(events.SettingsSort, "settings", ""), "", web.Inspect, web.Configure, client.Changed[client.Settings]{}},
		{of(events.PriceSort, "prices", ""), "/:provider/:model", web.Inspect, web.Configure, client.Changed[client.Price]{}},
		{of(events.ProviderSort, "providers", ""), "/:id", web.Inspect, web.Configure, client.Changed[client.Provider]{}},
		{of(events.CredentialSort, "credentials", "provider"), "/:provider/:name", web.Inspect, web.Configure, client.Changed[client.Credential]{}},
		{of(events.ModelSort, "models", ""), "/:id", web.Inspect, web.Configure, client.Changed[client.Model]{}},
		{of(events.TenantSort, "tenants", ""), "/:tenant", web.Review, web.ManageTenant, client.Changed[client.Tenant]{}},
		{of(events.UserSort, "users", "tenant"), "/:tenant/:id", web.Review, web.ManagePeople, client.Changed[client.User]{}},
		{of(events.TeamSort, "teams", "tenant"), "/:tenant/:name", web.Review, web.ManagePeople, client.Changed[client.Team]{}},
		{of(events.KeySort, "keys", "tenant"), "/:tenant/:name", web.Review, web.ManageKeys, client.Changed[client.Key]{}},
		{of(events.TokenSort, "tokens", ""), "/:id", web.Inspect, web.Administer, client.Changed[client.Token]{}},
	}
}

// lifeRoutes are what can be done with the past and the state of what is configured.
func (a *API) lifeRoutes() []web.Route {
	var out []web.Route
	for _, l := range a.livedSorts() {
		out = append(out, web.Route{
			Method: http.MethodGet, Path: l.path + l.id + "/history", Permission: l.look, Handler: l.history,
			Doc: web.Doc{Summary: "Its versions, with who made them and what changed, the newest first.", Query: client.HistoryQuery{}, Answer: client.Entries{}},
		}, web.Route{
			Method: http.MethodPost, Path: l.path + l.id + "/rollback", Permission: l.edit, Handler: l.rollback,
			Doc: web.Doc{Summary: "Make it what it was at a version.", Body: client.RollbackOrder{}, Answer: l.changed, Command: true},
		})
	}
	const credential = "/api/v1/credentials/:provider/:name"
	cooled := client.Changed[client.Cooldown]{}
	return append(out, []web.Route{
		{
			Method: http.MethodPost, Path: "/api/v1/tokens/:id/roll", Permission: web.Administer, Handler: a.rollToken,
			Doc: web.Doc{Summary: "Give a token a new secret.", Query: client.RollQuery{}, Answer: client.Changed[client.Token]{}, Command: true},
		},
		{
			Method: http.MethodPost, Path: credential + "/cooldown", Permission: web.Operate, Handler: a.cool,
			Doc: web.Doc{Summary: "Make every node leave a credential alone for a while.", Body: client.CooldownOrder{}, Answer: cooled, Command: true},
		},
		{
			Method: http.MethodPost, Path: credential + "/release", Permission: web.Operate, Handler: a.release,
			Doc: web.Doc{Summary: "Make every node use a credential again, whatever was said before.", Body: client.ReleaseOrder{}, Answer: cooled, Command: true},
		},
		{
			Method: http.MethodGet, Path: "/api/v1/cooldowns", Permission: web.Inspect, Handler: a.cooldowns().list,
			Doc: web.Doc{Summary: "What operators have said of credentials: cooldowns and releases.", Query: client.ListQuery{}, Answer: client.Page[client.Cooldown]{}},
		},
	}...)
}

func (a *API) cooldowns() objects {
	return objects{api: a, sort: events.CooldownSort, path: "/api/v1/cooldowns"}
}

// named is the object that the parts of an address mean.
func named(c echo.Context, sort events.Sort) (control.Ref, error) {
	var parts []string
	for _, name := range c.ParamNames() {
		part, err := url.PathUnescape(c.Param(name))
		if err != nil || part == "" {
			return control.Ref{}, nothingHere()
		}
		parts = append(parts, part)
	}
	r := control.Ref{Sort: sort, Tenant: events.NoTenant, ID: strings.Join(parts, "/")}
	switch {
	case sort == events.SettingsSort:
		r.ID = "hub"
	case sort == events.TenantSort:
		r.Tenant = events.TenantID(r.ID)
	case c.ParamNames()[0] == "tenant":
		r.Tenant, r.ID = events.TenantID(parts[0]), parts[1]
	}
	return r, nil
}

func (l lived) history(c echo.Context) error {
	p := newParams(c)
	f := control.AuditFilter{Sort: l.sort, Limit: p.count("limit", defaultPage, maxPage), Before: p.position("before")}
	if err := p.done(); err != nil {
		return err
	}
	r, err := named(c, l.sort)
	if err != nil {
		return err
	}
	f.Tenant, f.ID = r.Tenant, r.ID
	return l.api.entries(c, f)
}

func (l lived) rollback(c echo.Context) error {
	who, m, err := l.command(c, "rollback")
	if err != nil {
		return err
	}
	r, err := named(c, l.sort)
	if err != nil {
		return err
	}
	order, err := readOrder[client.RollbackOrder](c)
	if err != nil {
		return err
	}
	made, err := l.api.cfg.Control.Rollback(c.Request().Context(), who, r, m, order.To)
	if err != nil {
		return err
	}
	return l.answer(c, http.StatusOK, made)
}

// readOrder reads what is to be done: JSON without anything unknown in it.
func readOrder[T any](c echo.Context) (T, error) {
	var order T
	body, err := web.ReadJSON(c)
	if err != nil {
		return order, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&order); err != nil {
		return order, &gateway.Error{Kind: gateway.Invalid, Public: "The body is not what is asked for: " + strings.TrimPrefix(err.Error(), "json: ") + ".", Cause: err}
	}
	return order, nil
}

func (a *API) rollToken(c echo.Context) error {
	o := objects{api: a, sort: events.TokenSort, path: "/api/v1/tokens"}
	r, err := named(c, o.sort)
	if err != nil {
		return err
	}
	return o.roll(c, r)
}

func (a *API) cool(c echo.Context) error {
	return a.cooling(c, "set", func(c echo.Context, order *control.Cooling) error {
		o, err := readOrder[client.CooldownOrder](c)
		order.Model, order.Reason = o.Model, o.Reason
		if err != nil {
			return err
		}
		if order.For, err = time.ParseDuration(o.For); err != nil || order.For <= 0 {
			return &gateway.Error{Kind: gateway.Invalid, Param: "for", Public: "for: is not a duration like 10m, more than 0."}
		}
		return nil
	})
}

func (a *API) release(c echo.Context) error {
	return a.cooling(c, "release", func(c echo.Context, order *control.Cooling) error {
		o, err := readOrder[client.ReleaseOrder](c)
		order.Model, order.Reason = o.Model, o.Reason
		return err
	})
}

// cooling gives a command about a credential.
func (a *API) cooling(c echo.Context, verb string, read func(echo.Context, *control.Cooling) error) error {
	o := a.cooldowns()
	who, _, err := o.command(c, verb)
	if err != nil {
		return err
	}
	r, err := named(c, events.CredentialSort)
	if err != nil {
		return err
	}
	order := control.Cooling{Credential: r.ID}
	if err := read(c, &order); err != nil {
		return err
	}
	made, err := a.cfg.Control.Cool(c.Request().Context(), who, order)
	if err != nil {
		return err
	}
	return o.answer(c, http.StatusOK, made)
}
