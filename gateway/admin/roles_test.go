package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
)

// permissions says of every route who may use it. A route that is not here fails
// the test: whoever adds one says here whom it is for.
const permissions = `
administer DELETE /api/v1/tokens/*
administer GET /api/v1/audit/export
administer GET /api/v1/config
administer PATCH /api/v1/tokens/*
administer POST /api/v1/config
administer POST /api/v1/master-key/rewrap
administer POST /api/v1/migrations
administer POST /api/v1/tokens
configure DELETE /api/v1/credentials/*
configure DELETE /api/v1/models/*
configure DELETE /api/v1/prices/*
configure DELETE /api/v1/providers/*
configure DELETE /api/v1/tenants/*
configure PATCH /api/v1/credentials/*
configure PATCH /api/v1/models/*
configure PATCH /api/v1/prices/*
configure PATCH /api/v1/providers/*
configure PATCH /api/v1/settings
configure POST /api/v1/credentials
configure POST /api/v1/models
configure POST /api/v1/prices
configure POST /api/v1/providers
configure POST /api/v1/tenants
inspect GET /api/v1/credentials
inspect GET /api/v1/credentials/*
inspect GET /api/v1/migrations
inspect GET /api/v1/prices
inspect GET /api/v1/prices/*
inspect GET /api/v1/providers
inspect GET /api/v1/providers/*
inspect GET /api/v1/settings
inspect GET /api/v1/status
inspect GET /api/v1/tokens
inspect GET /api/v1/tokens/*
keys DELETE /api/v1/keys/*
keys PATCH /api/v1/keys/*
keys POST /api/v1/keys
keys POST /api/v1/keys/*
look GET /api/v1/budgets
look GET /api/v1/errors
look GET /api/v1/export/focus
look GET /api/v1/export/requests
look GET /api/v1/export/usage
look GET /api/v1/keys
look GET /api/v1/keys/*
look GET /api/v1/latency
look GET /api/v1/models
look GET /api/v1/models/*
look GET /api/v1/openapi.json
look GET /api/v1/requests
look GET /api/v1/requests/:id
look GET /api/v1/requests/:id/decision
look GET /api/v1/requests/facets
look GET /api/v1/requests/histogram
look GET /api/v1/requests/stream
look GET /api/v1/targets/health
look GET /api/v1/tenants
look GET /api/v1/tenants/*
look GET /api/v1/usage
look GET /api/v1/usage/movers
look GET /api/v1/usage/repriced
look GET /api/v1/users
look GET /api/v1/users/*
operate GET /api/v1/audit/verify
operate POST /api/v1/corrections
operate POST /api/v1/dead-letters/apply
operate POST /api/v1/rebuild
operate POST /api/v1/verify
people DELETE /api/v1/users/*
people PATCH /api/v1/users/*
people POST /api/v1/users
review GET /api/v1/audit
review GET /api/v1/events
tenant PATCH /api/v1/tenants/*
`

// TestRolesAndRoutes asks every route as everybody.
func TestRolesAndRoutes(t *testing.T) {
	a, err := admin.New(admin.Config{Operator: operator{}, Status: func(context.Context) (any, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range a.Routes() {
		lines = append(lines, fmt.Sprintf("%s %s %s", r.Permission, r.Method, r.Path))
	}
	slices.Sort(lines)
	if want := strings.Split(strings.TrimSpace(permissions), "\n"); !slices.Equal(want, lines) {
		t.Fatalf("the routes are\n%s", strings.Join(lines, "\n"))
	}
	may := map[string][]string{
		"": nil, "nobody": nil, "viewer": {"look", "review", "inspect"}, "operator": {"look", "review", "inspect", "operate"},
		"admin": {"look", "review", "inspect", "keys", "people", "tenant", "operate", "configure", "administer"},
	}
	h := newHandler(t, admin.Config{})
	for _, line := range lines {
		permission, rest, _ := strings.Cut(line, " ")
		method, path, _ := strings.Cut(rest, " ")
		for role, has := range may {
			r := httptest.NewRequest(method, strings.NewReplacer(":id", "x", "*", "x/y").Replace(path), nil)
			r.Header.Set("Authorization", "Bearer "+role)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			denied := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
			if denied == slices.Contains(has, permission) || (w.Code == http.StatusUnauthorized) != (has == nil) {
				t.Errorf("%s as %q: status %d", line, role, w.Code)
			}
		}
	}
}

// TestActorIsWhoeverAsks: the audit tells one operator from another, and nobody
// gives away a greater role than their own.
func TestActorIsWhoeverAsks(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`, "Authorization", "Bearer admin")
	c.send(403, "POST", "tenants", `{"name": "other"}`, "Authorization", "Bearer operator")
	c.send(403, "POST", "tokens", `{"name": "mine", "role": "admin"}`, "Authorization", "Bearer operator")
	made := decode[admin.ObjectAnswer](t, c.send(201, "POST", "tokens", `{"name": "mine", "role": "viewer"}`))
	if len(made.Keys) != 1 || !strings.HasPrefix(made.Keys[0].Key, "lh_oper_") {
		t.Fatalf("%+v", made)
	}
	if token := c.plane.Live().Current().TokenBySecret(made.Keys[0].Key, time.Now()); token == nil || token.Role != "viewer" {
		t.Errorf("token %+v", token)
	}
	page := decode[admin.AuditPage](t, c.send(200, "GET", "audit?sort="+string(events.TenantSort), ""))
	if len(page.Items) != 1 || page.Items[0].Actor != "token/admin" {
		t.Errorf("audit %+v", page.Items)
	}
	c.send(200, "DELETE", "tokens/mine", "")
	if c.plane.Live().Current().TokenBySecret(made.Keys[0].Key, time.Now()) != nil {
		t.Error("a removed token works")
	}
}
