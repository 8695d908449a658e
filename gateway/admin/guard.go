package admin

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// guard lets a request pass if whoever makes it has a permission and sees the tenants
// it is about, and leaves who it is in the request's context, see [auth.From].
//
// For a person of a tenant nothing else exists: another tenant, and what only the
// installation has, is answered as what is not there.
func (a *API) guard(c echo.Context, p web.Permission) error {
	r := c.Request()
	who, err := a.identify(r)
	if err != nil {
		return err
	}
	if !who.Knows(p) {
		return nothingHere()
	}
	for _, t := range tenantsOf(c) {
		if !who.Sees(t) && who.Tenant != "" {
			return &gateway.Error{Kind: gateway.NotFound, Code: "no_such_object", Public: "There is no tenant " + string(t) + "."}
		}
	}
	if !who.May(p) {
		return &gateway.Error{
			Kind: gateway.Forbidden, Code: "role_not_allowed", Public: "The role " + who.Role + " may not do this: it lacks the permission " + string(p) + ".",
		}
	}
	c.SetRequest(r.WithContext(auth.With(r.Context(), who)))
	return nil
}

func (a *API) identify(r *http.Request) (auth.Person, error) {
	return a.cfg.Operator.Identify(r)
}

// again is how long a long answer goes on before whoever gets it must still have the
// rights that it began with.
const again = time.Minute

// watch asks for that.
type watch struct {
	still func() error
	asked time.Time
}

// watch watches over the answer to a request. The rights of everybody are as they
// are when they ask; those of long answers are looked at again.
func (a *API) watch(c echo.Context) *watch {
	r, who := c.Request(), auth.From(c.Request().Context())
	return &watch{asked: time.Now(), still: func() error {
		now, err := a.identify(r)
		if err == nil && now.Rights() != who.Rights() {
			err = &gateway.Error{Kind: gateway.Forbidden, Code: "rights_changed", Public: "What you may see has changed since this began: ask anew."}
		}
		return err
	}}
}

// check asks if it is time to; nil never does.
func (w *watch) check() error {
	if w == nil || time.Since(w.asked) < again {
		return nil
	}
	w.asked = time.Now()
	return w.still()
}

func nothingHere() error {
	return &gateway.Error{Kind: gateway.NotFound, Code: "unknown_url", Public: "There is nothing at this address."}
}

// tenantsOf are the tenants that a request names, in its path or as a parameter; what
// names one in its body is of the installation only.
func tenantsOf(c echo.Context) []events.TenantID {
	var out []events.TenantID
	for _, list := range c.QueryParams()["tenant"] {
		for name := range strings.SplitSeq(list, ",") {
			out = append(out, events.TenantID(name))
		}
	}
	if tenant, err := url.PathUnescape(c.Param("tenant")); err == nil && tenant != "" {
		out = append(out, events.TenantID(tenant))
	}
	for _, held := range []string{"tenants", "users", "teams", "keys"} {
		if id, found := strings.CutPrefix(c.Path(), "/api/v1/"+held+"/"); found && strings.HasPrefix(id, "*") {
			tenant, _, _ := strings.Cut(pathID(c), "/")
			out = append(out, events.TenantID(tenant))
		}
	}
	return out
}

// pathID is the end of a request's path, which names an object; empty if it cannot be read.
func pathID(c echo.Context) string {
	id, _ := url.PathUnescape(c.Param("*"))
	return id
}

// rightsOf is what whoever makes a request may see and change of what is configured.
func rightsOf(c echo.Context) control.Rights { return auth.From(c.Request().Context()).Rights() }

// scopeOf is whose facts whoever makes a request may see.
func scopeOf(c echo.Context) Scope {
	who := auth.From(c.Request().Context())
	switch {
	case !who.May(web.Look), !who.Everything() && who.User == "":
		return Scope{}
	case who.Tenant == "":
		return Scope{Everyone: true}
	}
	s := Scope{Tenants: []events.TenantID{who.Tenant}}
	if !who.Everything() {
		s.User = who.User
	}
	return s
}
