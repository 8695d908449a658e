package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// objects are the addresses of one sort: the list at path, one at path/<id>, or
// path/<holder>/<id> of those that somebody holds.
type objects struct {
	api    *API
	sort   events.Sort
	path   string
	holder string // parameter that names the holder: tenant, provider, or empty
}

// objectRoutes are the addresses of everything that is configured.
func (a *API) objectRoutes() []web.Route {
	var out []web.Route
	add := func(permission web.Permission, method, path string, h echo.HandlerFunc) {
		out = append(out, web.Route{Method: method, Path: path, Permission: permission, Handler: h})
	}
	for _, s := range []struct {
		objects
		look, make, patch web.Permission
	}{
		{objects{a, events.PriceSort, "/api/v1/prices", ""}, web.Inspect, web.Configure, web.Configure},
		{objects{a, events.ProviderSort, "/api/v1/providers", ""}, web.Inspect, web.Configure, web.Configure},
		{objects{a, events.CredentialSort, "/api/v1/credentials", "provider"}, web.Inspect, web.Configure, web.Configure},
		{objects{a, events.ModelSort, "/api/v1/models", ""}, web.Look, web.Configure, web.Configure},
		{objects{a, events.TenantSort, "/api/v1/tenants", ""}, web.Look, web.Configure, web.ManageTenant},
		{objects{a, events.UserSort, "/api/v1/users", "tenant"}, web.Look, web.ManagePeople, web.ManagePeople},
		{objects{a, events.TeamSort, "/api/v1/teams", "tenant"}, web.Look, web.ManagePeople, web.ManagePeople},
		{objects{a, events.KeySort, "/api/v1/keys", "tenant"}, web.Look, web.ManageKeys, web.ManageKeys},
		// Who may change tokens could give themselves a greater one.
		{objects{a, events.TokenSort, "/api/v1/tokens", ""}, web.Inspect, web.Administer, web.Administer},
	} {
		add(s.look, http.MethodGet, s.path, s.list)
		add(s.make, http.MethodPost, s.path, s.create)
		add(s.look, http.MethodGet, s.path+"/*", s.show)
		add(s.patch, http.MethodPatch, s.path+"/*", s.objects.patch)
		add(s.make, http.MethodDelete, s.path+"/*", s.remove)
	}
	settings := objects{a, events.SettingsSort, "/api/v1/settings", ""}
	add(web.Inspect, http.MethodGet, settings.path, settings.show)
	add(web.Configure, http.MethodPatch, settings.path, settings.patch)
	add(web.ManageKeys, http.MethodPost, "/api/v1/keys/*", a.rollKey)
	return out
}

// ObjectAnswer is the answer to a change of one object.
type ObjectAnswer struct {
	*control.View                      // absent: it was removed, or only tried
	Seq           uint64               `json:"seq"` // of the control stream, with the change in it
	Changes       []control.Difference `json:"changes"`
	Keys          []MadeKey            `json:"keys,omitempty"`
	Replayed      bool                 `json:"replayed,omitempty"`
}

// Page is a part of a list.
type Page struct {
	Items []control.View `json:"items"`
	Next  string         `json:"next,omitempty"` // value of after for the next page; empty: this is the last
}

const (
	defaultPage = 100
	maxPage     = 1000
)

func (o objects) list(c echo.Context) error {
	p := newParams(c)
	limit, after := p.count("limit", defaultPage, maxPage), p.text("after")
	tenant, filter := events.TenantID(""), o.filter(p)
	if o.holder == "tenant" {
		tenant = events.TenantID(p.text("tenant"))
	}
	now, err := o.api.configuration(c, p)
	if err != nil {
		return err
	}
	all, err := now.Views(o.sort, tenant)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(v control.View) bool { return after != "" && position(v.Ref) <= after || !filter.wants(v) })
	page := Page{Items: all[:min(limit, len(all))]}
	if len(all) > limit {
		page.Next = position(page.Items[limit-1].Ref)
	}
	o.api.tellUse(c, page.Items)
	return c.JSON(http.StatusOK, page)
}

// position is where an object stands in a list: in the order of tenant and id. A
// space comes before every character of a name.
func position(r control.Ref) string { return string(r.Tenant) + " " + r.ID }

// ref reads which object an address means.
func (o objects) ref(c echo.Context) (control.Ref, error) {
	r := control.Ref{Sort: o.sort, Tenant: events.NoTenant, ID: "hub"}
	if o.sort == events.SettingsSort {
		return r, nil
	}
	id := pathID(c)
	if id == "" {
		return r, nothingHere()
	}
	r.ID = id
	switch {
	case o.holder == "tenant":
		tenant, rest, _ := strings.Cut(id, "/")
		r.Tenant, r.ID = events.TenantID(tenant), rest
	case o.sort == events.TenantSort:
		r.Tenant = events.TenantID(id)
	}
	return r, nil
}

func (o objects) show(c echo.Context) error {
	now, err := o.api.configuration(c, newParams(c))
	if err != nil {
		return err
	}
	r, err := o.ref(c)
	if err != nil {
		return err
	}
	v, err := now.View(r)
	if err != nil {
		return err
	}
	tag(c, v)
	one := []control.View{v}
	o.api.tellUse(c, one)
	return c.JSON(http.StatusOK, one[0])
}

// tag tells the version of an object, for If-Match.
func tag(c echo.Context, v control.View) {
	c.Response().Header().Set("ETag", strconv.Quote(strconv.FormatUint(v.Version, 10)))
}

// match reads the version that a change is made for.
func match(c echo.Context) (control.Match, error) {
	given := c.Request().Header.Get("If-Match")
	if given == "" || given == "*" {
		return nil, nil
	}
	version, err := strconv.ParseUint(strings.Trim(given, `"`), 10, 64)
	if err != nil {
		return nil, &gateway.Error{Kind: gateway.Invalid, Param: "If-Match", Public: "The header If-Match is not an ETag of this API."}
	}
	return &version, nil
}

// command reads what every change has.
func (o objects) command(c echo.Context, verb string) (control.By, control.Match, error) {
	p := newParams(c)
	dry := p.choice("dry_run", "false", "true") == "true"
	if o.holder != "" && verb == "create" {
		p.text(o.holder)
	}
	if verb == "roll" {
		p.text("overlap")
	}
	if err := p.done(); err != nil {
		return control.By{}, nil, err
	}
	if o.api.cfg.Control == nil {
		return control.By{}, nil, absent("The configuration")
	}
	who := by(c, string(o.sort)+"."+verb, control.OriginAPI)
	who.DryRun = dry
	if key := c.Request().Header.Get("Idempotency-Key"); key != "" {
		if len(key) > maxIdempotencyKey {
			return who, nil, &gateway.Error{Kind: gateway.Invalid, Param: "Idempotency-Key", Public: "The header Idempotency-Key has more than 255 bytes."}
		}
		sum := sha256.Sum256([]byte(who.Actor + "\n" + c.Request().Method + " " + c.Request().URL.RequestURI() + "\n" + key))
		who.Idempotency = hex.EncodeToString(sum[:16])
	}
	m, err := match(c)
	return who, m, err
}

const maxIdempotencyKey = 255

func (o objects) create(c echo.Context) error {
	who, _, err := o.command(c, "create")
	if err != nil {
		return err
	}
	holder := ""
	if o.holder != "" {
		if holder = c.QueryParam(o.holder); holder == "" {
			return &gateway.Error{Kind: gateway.Invalid, Param: o.holder, Public: "Parameter " + o.holder + ": is missing."}
		}
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return err
	}
	made, err := o.api.cfg.Control.Create(c.Request().Context(), who, o.sort, holder, body)
	if err != nil {
		return err
	}
	return o.answer(c, http.StatusCreated, made)
}

func (o objects) patch(c echo.Context) error {
	who, m, err := o.command(c, "patch")
	if err != nil {
		return err
	}
	r, err := o.ref(c)
	if err != nil {
		return err
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return err
	}
	done, err := o.api.cfg.Control.Do(c.Request().Context(), who, func(d *control.Draft) error { return d.Patch(r, m, body) })
	if err != nil {
		return err
	}
	return o.answer(c, http.StatusOK, control.Created{Outcome: done, Ref: r})
}

func (o objects) remove(c echo.Context) error {
	who, m, err := o.command(c, "remove")
	if err != nil {
		return err
	}
	r, err := o.ref(c)
	if err != nil {
		return err
	}
	done, err := o.api.cfg.Control.Do(c.Request().Context(), who, func(d *control.Draft) error { return d.Remove(r, m) })
	if err != nil {
		return err
	}
	return o.answer(c, http.StatusOK, control.Created{Outcome: done, Ref: r})
}

// rollKey is POST /api/v1/keys/<tenant>/<name>/roll.
func (a *API) rollKey(c echo.Context) error {
	o := objects{a, events.KeySort, "/api/v1/keys", "tenant"}
	r, err := o.ref(c)
	name, rolled := strings.CutSuffix(r.ID, "/roll")
	if err != nil || !rolled {
		return nothingHere()
	}
	r.ID = name
	return o.roll(c, r)
}

// roll gives a key or token a new secret.
func (o objects) roll(c echo.Context, r control.Ref) error {
	who, m, err := o.command(c, "roll")
	if err != nil {
		return err
	}
	var overlap time.Duration
	if text := c.QueryParam("overlap"); text != "" {
		if overlap, err = time.ParseDuration(text); err != nil {
			return &gateway.Error{Kind: gateway.Invalid, Param: "overlap", Public: "Parameter overlap: is not a duration like 24h."}
		}
	}
	made, err := o.api.cfg.Control.Roll(c.Request().Context(), who, r, m, overlap)
	if err != nil {
		return err
	}
	return o.answer(c, http.StatusOK, made)
}

// answer tells what became of a command, and the object as it is now.
func (o objects) answer(c echo.Context, status int, made control.Created) error {
	out := ObjectAnswer{Seq: made.Seq, Changes: made.Changes, Keys: shownOnce(made.Keys), Replayed: made.Replayed}
	if v, err := o.api.cfg.Control.Now().As(rightsOf(c)).View(made.Ref); err == nil {
		out.View = &v
		tag(c, v)
	}
	return c.JSON(status, out)
}

// shownOnce is where secrets of new keys leave the hub, and nowhere else.
func shownOnce(keys []control.NewKey) []MadeKey {
	var out []MadeKey
	for _, k := range keys {
		out = append(out, MadeKey{Tenant: k.Tenant, Name: k.Name, Key: k.Secret.Reveal()})
	}
	return out
}
