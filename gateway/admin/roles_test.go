package admin_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Who is asked as, in the order of the statuses: the roles of the installation, then
// those of the tenant acme.
const (
	hubRoles    = "admin operator viewer"
	tenantRoles = "owner admin operator member viewer"

	everybody      = "200 200 200 | 200 200 200 200 200"
	everybodyLater = "202 202 202 | 202 202 202 202 202"
	notMembers     = "200 200 200 | 200 200 200 403 200" // as everything in the scope is shown
	hubLooks       = "200 200 200 | 404 404 404 404 404"
	hubOperates    = "200 200 403 | 404 404 404 404 404"
	hubAdmin       = "200 403 403 | 404 404 404 404 404"
	hubCreates     = "201 403 403 | 404 404 404 404 404"
)

// roleCase is one call as everybody. Where its address names acme it is made for
// zeta, too, which nobody of acme may know of.
type roleCase struct {
	route  string // permission, method and path
	target string // below /api/v1/; ROLE@TENANT is the id of the user called so
	body   string
	want   string // statuses by role
}

// routeTable is every route with who may what. A route that is not here fails the
// test: whoever adds one says here whom it is for.
func routeTable() []roleCase {
	return slices.Concat(factRoutes(), peopleRoutes(), keyRoutes(), hubRoutes(), lifeRoutes())
}

func factRoutes() []roleCase {
	return []roleCase{
		{"look GET /api/v1/usage", "usage?group_by=tenant", "", everybody},
		{"look GET /api/v1/usage", "usage?tenant=acme", "", everybody},
		{"look GET /api/v1/usage/movers", "usage/movers", "", everybody},
		{"look GET /api/v1/usage/repriced", "usage/repriced", "", everybody},
		{"look GET /api/v1/requests", "requests", "", everybody},
		{"look GET /api/v1/requests", "requests?tenant=acme", "", everybody},
		{"look GET /api/v1/requests/facets", "requests/facets", "", everybody},
		{"look GET /api/v1/requests/histogram", "requests/histogram", "", everybody},
		{"look GET /api/v1/requests/stream", "requests/stream", "", everybody},
		{"look GET /api/v1/requests/stream", "requests/stream?tenant=acme", "", everybody},
		{"look GET /api/v1/requests/:id", "requests/of-member-acme", "", everybody},
		{"look GET /api/v1/requests/:id", "requests/of-nobody-acme", "", "200 200 200 | 200 200 200 404 200"},
		{"look GET /api/v1/requests/:id/decision", "requests/of-member-acme/decision", "", everybody},
		{"look GET /api/v1/openapi.json", "openapi.json", "", everybody},
		{"look GET /api/v1/latency", "latency", "", everybody},
		{"look GET /api/v1/errors", "errors", "", everybody},
		{"look GET /api/v1/targets/health", "targets/health", "", everybody},
		{"look GET /api/v1/export/usage", "export/usage?group_by=tenant", "", everybody},
		{"look GET /api/v1/export/requests", "export/requests?tenant=acme", "", everybody},
		{"look GET /api/v1/export/focus", "export/focus", "", everybody},
		{"look POST /api/v1/exports/usage", "exports/usage?group_by=tenant", "", everybodyLater},
		{"look POST /api/v1/exports/requests", "exports/requests?tenant=acme", "", everybodyLater},
		{"look POST /api/v1/exports/focus", "exports/focus", "", everybodyLater},
		{"look POST /api/v1/exports/focus", "exports/focus?store=s3://b", "", "202 403 403 | 403 403 403 403 403"},
		{"look GET /api/v1/exports", "exports", "", everybody},
		{"look GET /api/v1/exports/:id", "exports/of-member-acme", "", everybody},
		{"look GET /api/v1/exports/:id", "exports/of-nobody-acme", "", "200 200 200 | 200 200 200 404 200"},
		{"look GET /api/v1/exports/:id/file", "exports/of-member-acme/file", "", everybody},
		{"look DELETE /api/v1/exports/:id", "exports/of-member-acme", "", "200 200 404 | 200 200 404 200 404"},
		{"look GET /api/v1/budgets", "budgets", "", everybody},
		{"look GET /api/v1/budgets", "budgets?tenant=acme", "", everybody},
		{"review GET /api/v1/events", "events", "", notMembers},
		{"review GET /api/v1/events", "events?tenant=acme", "", notMembers},
		{"review GET /api/v1/events", "events?dead_letters=true", "", "200 200 200 | 404 404 404 403 404"},
		{"review GET /api/v1/audit", "audit", "", notMembers},
		{"review GET /api/v1/audit/counts", "audit/counts?tenant=acme", "", notMembers},
		{"review GET /api/v1/audit", "audit?tenant=acme", "", notMembers},
	}
}

func peopleRoutes() []roleCase {
	return []roleCase{
		{"look GET /api/v1/tenants", "tenants", "", everybody},
		{"look GET /api/v1/tenants/*", "tenants/acme", "", everybody},
		{"configure POST /api/v1/tenants", "tenants", `{"name": "more"}`, hubCreates},
		{"configure DELETE /api/v1/tenants/*", "tenants/acme", "", hubAdmin},
		{"tenant PATCH /api/v1/tenants/*", "tenants/acme", `{"own_limits": [{"per": "day", "requests": 5}]}`, "200 403 403 | 200 200 403 403 403"},
		{"tenant PATCH /api/v1/tenants/*", "tenants/acme", `{"limits": []}`, "200 403 403 | 403 403 403 403 403"},
		{"tenant PATCH /api/v1/tenants/*", "tenants/acme", `{"on_disconnect": "cancel"}`, "200 403 403 | 403 403 403 403 403"},
		{"tenant PATCH /api/v1/tenants/*", "tenants/acme", `{"nonsense": 1}`, "400 403 403 | 400 400 403 403 403"},

		{"look GET /api/v1/users", "users", "", everybody},
		{"look GET /api/v1/users", "users?tenant=acme", "", everybody},
		{"look GET /api/v1/users/*", "users/acme/viewer@acme", "", "200 200 200 | 200 200 200 404 200"},
		{"look GET /api/v1/users/*", "users/acme/member@acme", "", everybody},
		{"people POST /api/v1/users", "users?tenant=acme", `{"email": "new@people.test", "role": "admin"}`, "201 403 403 | 201 201 403 403 403"},
		{"people POST /api/v1/users", "users?tenant=acme", `{"email": "new@people.test", "role": "owner"}`, "201 403 403 | 201 403 403 403 403"},
		{"people PATCH /api/v1/users/*", "users/acme/member@acme", `{"role": "operator"}`, "200 403 403 | 200 200 403 403 403"},
		{"people PATCH /api/v1/users/*", "users/acme/member@acme", `{"role": "owner"}`, "200 403 403 | 200 403 403 403 403"},
		{"people PATCH /api/v1/users/*", "users/acme/admin@acme", `{"limits": [{"per": "day", "requests": 1}]}`, "200 403 403 | 200 403 403 403 403"}, // the admin's own
		{"people PATCH /api/v1/users/*", "users/acme/owner@acme", `{"role": "viewer"}`, "409 403 403 | 409 403 403 403 403"},
		{"people DELETE /api/v1/users/*", "users/acme/owner@acme", "", "409 403 403 | 403 403 403 403 403"},
		{"people DELETE /api/v1/users/*", "users/acme/member@acme", "", "200 403 403 | 200 200 403 403 403"},
	}
}

func keyRoutes() []roleCase {
	return []roleCase{
		{"look GET /api/v1/teams", "teams", "", everybody},
		{"look GET /api/v1/teams", "teams?tenant=acme", "", everybody},
		{"look GET /api/v1/teams/*", "teams/acme/red", "", everybody},
		{"look GET /api/v1/teams/*", "teams/acme/blue", "", "200 200 200 | 200 200 200 404 200"},
		{"people POST /api/v1/teams", "teams?tenant=acme", `{"name": "new", "members": ["member@people.test"]}`, "201 403 403 | 201 201 403 403 403"},
		{"people PATCH /api/v1/teams/*", "teams/acme/red", `{"limits": [{"per": "day", "requests": 1}]}`, "200 403 403 | 200 200 403 403 403"},
		{"people DELETE /api/v1/teams/*", "teams/acme/blue", "", "200 403 403 | 200 200 403 403 403"},
		{"keys PATCH /api/v1/keys/*", "keys/acme/mine", `{"team": "red"}`, "200 403 403 | 200 200 200 200 403"},
		{"keys PATCH /api/v1/keys/*", "keys/acme/mine", `{"team": "blue"}`, "200 403 403 | 200 200 200 404 403"},
		{"look GET /api/v1/keys", "keys", "", everybody},
		{"look GET /api/v1/keys", "keys?tenant=acme", "", everybody},
		{"look GET /api/v1/keys/*", "keys/acme/ci", "", "200 200 200 | 200 200 200 404 200"},
		{"look GET /api/v1/keys/*", "keys/acme/mine", "", everybody},
		{"look GET /api/v1/keys/*", "keys/acme%2Fmine", "", everybody},
		{"keys POST /api/v1/keys", "keys?tenant=acme", `{"name": "new"}`, "201 403 403 | 201 201 201 201 403"},
		{"keys POST /api/v1/keys", "keys?tenant=acme", `{"name": "new", "user": "viewer@people.test"}`, "201 403 403 | 201 201 201 403 403"},
		{"keys POST /api/v1/keys", "keys?tenant=acme", `{"name": "new", "key": "a-secret-that-somebody-thought-up"}`, "201 403 403 | 403 403 403 403 403"},
		{"keys PATCH /api/v1/keys/*", "keys/acme/ci", `{"tags": ["x"]}`, "200 403 403 | 200 200 200 404 403"},
		{"keys PATCH /api/v1/keys/*", "keys/acme/mine", `{"state": "paused"}`, "200 403 403 | 200 200 200 200 403"},
		{"keys PATCH /api/v1/keys/*", "keys/acme/mine", `{"user": "viewer@people.test"}`, "200 403 403 | 200 200 200 403 403"},
		{"keys PATCH /api/v1/keys/*", "keys/acme/mine", `{"issuer": null, "id": "0aA9zZ5mQ7wE"}`, "403 403 403 | 403 403 403 403 403"},
		{"keys DELETE /api/v1/keys/*", "keys/acme/ci", "", "200 403 403 | 200 200 200 404 403"},
		{"keys DELETE /api/v1/keys/*", "keys/acme/mine", "", "200 403 403 | 200 200 200 200 403"},
		{"keys POST /api/v1/keys/*", "keys/acme/ci/roll", "", "200 403 403 | 200 200 200 404 403"},
		{"keys POST /api/v1/keys/*", "keys/acme/mine/roll", "", "200 403 403 | 200 200 200 200 403"},
	}
}

func hubRoutes() []roleCase {
	return []roleCase{
		{"look GET /api/v1/models", "models", "", everybody},
		{"look GET /api/v1/models/*", "models/smart", "", everybody},
		{"configure POST /api/v1/models", "models", `{"name": "more", "targets": [{"provider": "p", "model": "x"}]}`, hubCreates},
		{"configure PATCH /api/v1/models/*", "models/smart", `{"limits": []}`, hubAdmin},
		{"configure DELETE /api/v1/models/*", "models/smart", "", hubAdmin},
		{"inspect GET /api/v1/providers", "providers", "", hubLooks},
		{"inspect GET /api/v1/providers/*", "providers/p", "", hubLooks},
		{"configure POST /api/v1/providers", "providers", `{"name": "q", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-9"}]}`, hubCreates},
		{"configure PATCH /api/v1/providers/*", "providers/p", `{"state": "disabled"}`, hubAdmin},
		{"configure DELETE /api/v1/providers/*", "providers/spare", "", hubAdmin},
		{"inspect GET /api/v1/credentials", "credentials", "", hubLooks},
		{"inspect GET /api/v1/credentials/*", "credentials/p/c", "", hubLooks},
		{"configure POST /api/v1/credentials", "credentials?provider=p", `{"name": "d", "api_key": "sk-8"}`, hubCreates},
		{"configure PATCH /api/v1/credentials/*", "credentials/p/c", `{"weight": 2}`, hubAdmin},
		{"configure DELETE /api/v1/credentials/*", "credentials/p/c", "", hubAdmin},
		{"inspect GET /api/v1/prices", "prices", "", hubLooks},
		{"inspect GET /api/v1/prices/*", "prices/openai/m", "", hubLooks},
		{"configure POST /api/v1/prices", "prices", `{"model": "n", "input": "1", "output": "2"}`, hubCreates},
		{"configure PATCH /api/v1/prices/*", "prices/openai/m", `{"input": "3"}`, hubAdmin},
		{"configure DELETE /api/v1/prices/*", "prices/openai/m", "", hubAdmin},
		{"inspect GET /api/v1/settings", "settings", "", hubLooks},
		{"configure PATCH /api/v1/settings", "settings", `{"time_zone": "Europe/Berlin"}`, hubAdmin},
		{"inspect GET /api/v1/tokens", "tokens", "", hubLooks},
		{"inspect GET /api/v1/tokens/*", "tokens/of-acme", "", hubLooks},
		{"administer POST /api/v1/tokens", "tokens", `{"name": "t", "role": "viewer"}`, hubCreates},
		{"administer PATCH /api/v1/tokens/*", "tokens/of-acme", `{"role": "viewer"}`, hubAdmin},
		{"administer DELETE /api/v1/tokens/*", "tokens/of-acme", "", hubAdmin},
		{"inspect GET /api/v1/migrations", "migrations", "", hubLooks},
		{"administer POST /api/v1/migrations", "migrations", "", hubAdmin},
		{"look GET /api/v1/status", "status", "", everybody},
		{"inspect GET /api/v1/targets/summaries", "targets/summaries", "", hubLooks},
		{"inspect POST /api/v1/simulate", "simulate", `{}`, hubLooks},
		{"inspect POST /api/v1/usage/repriced", "usage/repriced", `{}`, hubLooks},
		{"operate POST /api/v1/corrections/unpriced", "corrections/unpriced", "", hubOperates},
		{"operate POST /api/v1/verify", "verify", "", hubOperates},
		{"operate POST /api/v1/rebuild", "rebuild", "", hubOperates},
		{"inspect GET /api/v1/archive", "archive", "", hubLooks},
		{"operate POST /api/v1/archive/run", "archive/run", "", hubOperates},
		{"operate POST /api/v1/archive/verify", "archive/verify", "", hubOperates},
		{"operate POST /api/v1/dead-letters/apply", "dead-letters/apply", "", hubOperates},
		{"operate POST /api/v1/corrections", "corrections", `{"tenant": "acme"}`, hubOperates},
		{"administer POST /api/v1/master-key/rewrap", "master-key/rewrap", "", hubAdmin},
		{"administer GET /api/v1/backup", "backup", "", hubAdmin},
		{"administer GET /api/v1/config", "config", "", hubAdmin},
		{"administer POST /api/v1/config", "config", `{}`, hubAdmin},
		{"administer GET /api/v1/audit/export", "audit/export", "", hubAdmin},
		{"inspect GET /api/v1/audit/key", "audit/key", "", hubLooks},
		{"operate GET /api/v1/audit/verify", "audit/verify", "", hubOperates},
	}
}

// lifeRoutes are those of the past and the state of what is configured. A version that
// there is not is 404 to whoever may go back to one.
func lifeRoutes() []roleCase {
	const back, hubBack = `{"to": 1}`, "404 403 403 | 404 404 404 404 404"
	return []roleCase{
		{"review GET /api/v1/tenants/:tenant/history", "tenants/acme/history", "", notMembers},
		{"review GET /api/v1/users/:tenant/:id/history", "users/acme/member@acme/history", "", notMembers},
		{"review GET /api/v1/teams/:tenant/:name/history", "teams/acme/red/history", "", notMembers},
		{"people POST /api/v1/teams/:tenant/:name/rollback", "teams/acme/red/rollback", back, "404 403 403 | 404 404 403 403 403"},
		{"review GET /api/v1/keys/:tenant/:name/history", "keys/acme/ci/history", "", notMembers},
		{"inspect GET /api/v1/models/:id/history", "models/smart/history", "", hubLooks},
		{"inspect GET /api/v1/providers/:id/history", "providers/p/history", "", hubLooks},
		{"inspect GET /api/v1/credentials/:provider/:name/history", "credentials/p/c/history", "", hubLooks},
		{"inspect GET /api/v1/prices/:provider/:model/history", "prices/openai/m/history", "", hubLooks},
		{"inspect GET /api/v1/settings/history", "settings/history", "", hubLooks},
		{"inspect GET /api/v1/tokens/:id/history", "tokens/of-acme/history", "", hubLooks},
		{"tenant POST /api/v1/tenants/:tenant/rollback", "tenants/acme/rollback", back, "404 403 403 | 404 404 403 403 403"},
		{"people POST /api/v1/users/:tenant/:id/rollback", "users/acme/member@acme/rollback", back, "404 403 403 | 404 404 403 403 403"},
		{"keys POST /api/v1/keys/:tenant/:name/rollback", "keys/acme/ci/rollback", back, "404 403 403 | 404 404 404 404 403"},
		{"configure POST /api/v1/models/:id/rollback", "models/smart/rollback", back, hubBack},
		{"configure POST /api/v1/providers/:id/rollback", "providers/p/rollback", back, hubBack},
		{"configure POST /api/v1/credentials/:provider/:name/rollback", "credentials/p/c/rollback", back, hubBack},
		{"configure POST /api/v1/prices/:provider/:model/rollback", "prices/openai/m/rollback", back, hubBack},
		{"configure POST /api/v1/settings/rollback", "settings/rollback", back, hubBack},
		{"administer POST /api/v1/tokens/:id/rollback", "tokens/of-acme/rollback", back, hubBack},
		{"administer POST /api/v1/tokens/:id/roll", "tokens/of-acme/roll", "", hubAdmin},
		{"operate POST /api/v1/credentials/:provider/:name/cooldown", "credentials/p/c/cooldown", `{"for": "1m"}`, hubOperates},
		{"operate POST /api/v1/credentials/:provider/:name/release", "credentials/p/c/release", "", hubOperates},
		{"inspect GET /api/v1/cooldowns", "cooldowns", "", hubLooks},
		{"operate POST /api/v1/providers/:id/test", "providers/p/test", "{}", hubOperates},
		{"operate GET /api/v1/providers/:id/models", "providers/p/models", "", hubOperates},
	}
}

// dry are the sorts whose commands are only tried here, so that no case changes another.
func dry(c roleCase) bool {
	word, _, _ := strings.Cut(strings.TrimPrefix(c.target, "/"), "/")
	word, _, _ = strings.Cut(word, "?")
	return !strings.Contains(c.route, " GET ") && !strings.HasSuffix(c.target, "/test") &&
		slices.Contains([]string{"tenants", "users", "teams", "keys", "models", "providers", "credentials", "prices", "settings", "tokens", "config"}, word)
}

// TestRoles asks every route as everybody, about what is theirs and what is another
// tenant's. Nothing that anybody of acme gets says anything of zeta.
func TestRoles(t *testing.T) {
	w := newRoleWorld(t)
	seen := map[string]bool{}
	for _, c := range routeTable() {
		seen[c.route] = true
		hub, tenant, _ := strings.Cut(c.want, " | ")
		w.asAll(c, "", hubRoles, hub)
		w.asAll(c, "acme/", tenantRoles, tenant)
		if foreign := strings.ReplaceAll(c.target, "acme", "zeta"); foreign != c.target {
			c.target = foreign
			w.asAll(c, "acme/", tenantRoles, "404 404 404 404 404")
		}
	}
	for _, r := range w.api.Routes() {
		if line := fmt.Sprintf("%s %s %s", r.Permission, r.Method, r.Path); !seen[line] {
			t.Errorf("the table lacks %s", line)
		}
		delete(seen, fmt.Sprintf("%s %s %s", r.Permission, r.Method, r.Path))
	}
	for line := range seen {
		t.Errorf("there is no route %s", line)
	}
	for _, stranger := range []string{"", "nobody", "member", "acme/", "acme/nobody", "zeta/root"} {
		for _, r := range w.api.Routes() {
			path := strings.NewReplacer(":id", "of-member-acme", "*", "acme/ci").Replace(r.Path)
			if got := w.send(stranger, r.Method, path, ""); got.Code != 401 && got.Code != 403 && got.Code != 404 {
				t.Errorf("%s %s as %q: status %d", r.Method, r.Path, stranger, got.Code)
			}
		}
	}
}

// TestStatusOfATenant: people of a tenant are told how far what they see is behind, and nothing of
// what the installation is made of.
func TestStatusOfATenant(t *testing.T) {
	w := newRoleWorld(t)
	for name, want := range map[string]string{"viewer": "fact of all", "acme/owner": "fresh", "acme/member": "fresh"} {
		if got := w.send(name, "GET", "/api/v1/status", ""); strings.TrimSpace(got.Body.String()) != strconv.Quote(want) {
			t.Errorf("%s: %d %s, want %s", name, got.Code, got.Body, want)
		}
	}
}

// TestMemberSeesTheirs: of lists a member gets what is theirs, and what they make is theirs.
func TestMemberSeesTheirs(t *testing.T) {
	w := newRoleWorld(t)
	ids := func(path string) (out []string) {
		for _, v := range decode[admin.Page](t, w.send("acme/member", "GET", "/api/v1/"+path, "")).Items {
			out = append(out, v.ID)
		}
		return out
	}
	me := control.UserID("acme", "member@people.test")
	if keys, users := ids("keys"), ids("users"); !slices.Equal(keys, []string{"mine"}) || !slices.Equal(users, []string{me}) {
		t.Errorf("keys %v, users %v", keys, users)
	}
	budgets := decode[struct{ Rows []admin.Budget }](t, w.send("acme/member", "GET", "/api/v1/budgets", ""))
	if len(budgets.Rows) != 2 || budgets.Rows[0].ID != "acme/red" || budgets.Rows[1].ID != "acme/mine" {
		t.Errorf("budgets %+v", budgets.Rows)
	}
	if made := w.send("acme/member", "POST", "/api/v1/keys?tenant=acme", `{"name": "another"}`); made.Code != 201 {
		t.Fatalf("%d: %s", made.Code, made.Body)
	}
	i := slices.IndexFunc(w.plane.Live().Current().Tenants["acme"].Keys, func(k *control.Key) bool { return k.Name == "another" && k.User.ID == me })
	if keys := ids("keys"); i < 0 || !slices.Equal(keys, []string{"another", "mine"}) {
		t.Errorf("keys %v", keys)
	}
}

// TestRightsThatEnd: a long answer ends within a minute of the rights it began with.
func TestRightsThatEnd(t *testing.T) {
	for _, path := range []string{"/api/v1/events", "/api/v1/export/requests", "/api/v1/requests/stream"} {
		synctest.Test(t, func(t *testing.T) {
			role := atomic.Value{}
			role.Store("acme/admin")
			cfg := facts()
			slow := func(ctx context.Context, emit func() error) error {
				for {
					select {
					case <-time.After(time.Second):
						if err := emit(); err != nil {
							return err
						}
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
			cfg.Events = func(ctx context.Context, _ admin.EventsQuery, emit func([]byte) error) error {
				return slow(ctx, func() error { return emit([]byte("{}")) })
			}
			cfg.Export = func(ctx context.Context, _ admin.ExportQuery, to admin.File) error {
				return slow(ctx, func() error { _, err := to.Write([]byte("x")); return err })
			}
			cfg.Tail = func(ctx context.Context, _ admin.TrafficFilter, _ admin.Place, emit func(admin.Place, any) error) error {
				return slow(ctx, func() error { return emit(admin.Place{Seq: 1}, 1) })
			}
			cfg.Operator = changing{&role}
			a, err := admin.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			_, done := watch(t.Context(), mount(t, a), path, http.Header{})
			<-time.After(3 * time.Minute)
			select {
			case <-done:
				t.Fatalf("%s ended", path)
			default:
			}
			role.Store("acme/viewer")
			<-time.After(time.Minute + time.Second)
			select {
			case <-done:
			default:
				t.Fatalf("%s goes on", path)
			}
		})
	}
}

// changing takes everybody for one whose role changes.
type changing struct{ role *atomic.Value }

func (c changing) Identify(*http.Request) (auth.Person, error) {
	tenant, role, _ := strings.Cut(c.role.Load().(string), "/")
	return personOf(events.TenantID(tenant), role), nil
}

// roleWorld is two tenants with people and keys, and facts of both.
type roleWorld struct {
	*configured
	api *admin.API
}

func newRoleWorld(t *testing.T) *roleWorld {
	t.Helper()
	c := configure(t)
	c.send(201, "POST", "providers", `{"name": "p", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-1"}]}`)
	c.send(201, "POST", "providers", `{"name": "spare", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-2"}]}`)
	c.send(201, "POST", "models", `{"name": "smart", "targets": [{"provider": "p", "model": "x"}], "limits": [{"per": "day", "requests": 987654}]}`)
	c.send(201, "POST", "prices", `{"model": "m", "provider": "openai", "input": "1", "output": "2"}`)
	c.send(200, "PATCH", "settings", `{"time_zone": "Europe/Paris"}`)
	for _, tenant := range []string{"acme", "zeta"} {
		c.send(201, "POST", "tenants", `{"name": "`+tenant+`", "limits": [{"per": "day", "requests": 10}]}`)
		for role := range strings.SplitSeq(tenantRoles, " ") {
			c.send(201, "POST", "users?tenant="+tenant, fmt.Sprintf(`{"email": "%s@people.test", "role": %q}`, role, role))
		}
		c.send(201, "POST", "teams?tenant="+tenant, `{"name": "red", "members": ["member@people.test"], "limits": [{"per": "day", "requests": 4}]}`)
		c.send(201, "POST", "teams?tenant="+tenant, `{"name": "blue", "members": ["operator@people.test"], "limits": [{"per": "day", "requests": 5}]}`)
		c.send(201, "POST", "keys?tenant="+tenant, `{"name": "ci", "limits": [{"per": "day", "requests": 3}], "tags": ["`+tenant+`"]}`)
		c.send(201, "POST", "keys?tenant="+tenant, `{"name": "mine", "user": "member@people.test", "limits": [{"per": "day", "requests": 2}]}`)
		c.send(201, "POST", "tokens", `{"name": "of-`+tenant+`", "role": "admin", "tenant": "`+tenant+`"}`)
	}
	cfg := facts()
	cfg.Control, cfg.Operator = c.plane, operator{}
	a, err := admin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.Handler = mount(t, a) // whose facts are made up
	return &roleWorld{c, a}
}

// facts are ports that tell one fact of each tenant that the asker may see.
func facts() admin.Config {
	visible := func(s admin.Scope) []string {
		out := []string{}
		for _, tenant := range []events.TenantID{"acme", "zeta"} {
			if s.Sees(tenant, control.UserID(tenant, "member@people.test")) {
				out = append(out, "fact of "+string(tenant))
			}
		}
		return out
	}
	long := func(context.Context, func(any) error) (any, error) { return "done", nil }
	return admin.Config{
		Prober: prober{},
		Usage: func(_ context.Context, q admin.UsageQuery) (admin.UsageTable, error) {
			t := admin.UsageTable{}
			for _, fact := range visible(q.Scope) {
				t.Rows = append(t.Rows, admin.UsageRow{Group: slices.Repeat([]string{fact}, len(q.GroupBy))})
			}
			return t, nil
		},
		Ask: func(_ context.Context, q admin.Question) (any, error) { return visible(q.Scope), nil },
		Story: func(_ context.Context, s admin.Scope, id events.RequestID) (admin.RequestStory, error) {
			_, who, _ := strings.Cut(string(id), "-")
			role, tenant, _ := strings.Cut(who, "-")
			if !s.Sees(events.TenantID(tenant), control.UserID(events.TenantID(tenant), role+"@people.test")) {
				return admin.RequestStory{}, &gateway.Error{Kind: gateway.NotFound, Public: "The log knows no request of this id."}
			}
			return admin.RequestStory{Story: "fact of " + tenant, Admitted: &events.RequestAdmitted{Principal: events.Principal{Model: "none"}}}, nil
		},
		Tail: func(_ context.Context, f admin.TrafficFilter, _ admin.Place, emit func(admin.Place, any) error) error {
			for i, fact := range visible(f.Scope) {
				if err := emit(admin.Place{Seq: uint64(i + 1)}, fact); err != nil {
					return err
				}
			}
			return nil
		},
		Export: func(_ context.Context, q admin.ExportQuery, to admin.File) error {
			_, err := fmt.Fprintln(to, visible(q.Scope))
			return err
		},
		Exports: factExports(visible),
		Events: func(_ context.Context, q admin.EventsQuery, emit func([]byte) error) error {
			for _, tenant := range []events.TenantID{"acme", "zeta"} {
				if q.Tenant == "" || q.Tenant == tenant {
					if err := emit([]byte(`"fact of ` + tenant + `"`)); err != nil {
						return err
					}
				}
			}
			return nil
		},
		Counters: func(context.Context, accounting.Scope) ([]accounting.Counter, error) { return nil, nil },
		Migrate:  func(context.Context, bool) (any, error) { return "done", nil },
		Verify:   long,
		Archive: admin.Archives{
			Status: func(context.Context) (any, error) { return map[string]int{}, nil },
			Run:    func(_ context.Context, _ string, r func(any) error) (any, error) { return 1, r(1) },
			Verify: func(_ context.Context, _ string, r func(any) error) (any, error) { return 1, r(1) },
		},
		Rebuild: func(ctx context.Context, _ admin.RebuildQuery, r func(any) error) (any, error) {
			return long(ctx, r)
		},
		PriceUnpriced: func(ctx context.Context, _ admin.Question, _ bool, r func(any) error) (any, error) {
			return long(ctx, r)
		},
		Simulate:  func(ctx context.Context, _ admin.SimulateQuery, r func(any) error) (any, error) { return long(ctx, r) },
		Summaries: func(context.Context) (events.Summaries, error) { return events.Summaries{}, nil },
		ApplyDead: func(ctx context.Context, _ admin.DeadQuery, r func(any) error) (any, error) { return long(ctx, r) },
		Correct:   func(context.Context, admin.CorrectionOrder) (admin.Correction, error) { return admin.Correction{}, nil },
		Rewrap:    func(context.Context) (int, error) { return 1, nil },
		Backup:    func(context.Context, io.Writer) error { return nil },
		Signer:    signer{},
		Status:    func(context.Context) (any, error) { return "fact of all", nil },
		Freshness: func(context.Context) (any, error) { return "fresh", nil },
	}
}

// factExports are exports called of-ROLE-TENANT, ordered by whoever has the role there.
func factExports(visible func(admin.Scope) []string) *admin.Exports {
	get := func(s admin.Scope, by, id string) (client.Export, error) {
		_, who, _ := strings.Cut(id, "-")
		role, tenant, _ := strings.Cut(who, "-")
		t := events.TenantID(tenant)
		if !s.Sees(t, control.UserID(t, role+"@people.test")) || by != "" && by != personOf(t, role).Name {
			return client.Export{}, &gateway.Error{Kind: gateway.NotFound, Public: "There is no such export."}
		}
		return client.Export{ID: id}, nil
	}
	return &admin.Exports{
		Start: func(o admin.ExportOrder) (string, any, error) {
			return "of-member-acme", client.Export{Name: fmt.Sprint(visible(o.Scope))}, nil
		},
		List: func(s admin.Scope) any { return []client.Export{{Name: fmt.Sprint(visible(s))}} },
		Get:  func(s admin.Scope, id string) (any, error) { return get(s, "", id) },
		Open: func(s admin.Scope, id string) (admin.ExportFile, error) {
			_, err := get(s, "", id)
			return admin.ExportFile{ReadSeekCloser: content{strings.NewReader(fmt.Sprint(visible(s)))}, ID: id, Format: "csv"}, err
		},
		Delete: func(s admin.Scope, by, id string) (any, error) { return get(s, by, id) },
	}
}

func (w *roleWorld) send(who, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+who)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// asAll makes one call as some roles.
func (w *roleWorld) asAll(c roleCase, prefix, roles, want string) {
	w.t.Helper()
	_, rest, _ := strings.Cut(c.route, " ")
	method, _, _ := strings.Cut(rest, " ")
	target := "/api/v1/" + c.target
	for _, tenant := range []events.TenantID{"acme", "zeta"} {
		for role := range strings.SplitSeq(tenantRoles, " ") {
			target = strings.ReplaceAll(target, role+"@"+string(tenant), control.UserID(tenant, role+"@people.test"))
		}
	}
	if dry(c) {
		sign := "?"
		if strings.Contains(target, sign) {
			sign = "&"
		}
		target += sign + "dry_run=true"
	}
	statuses := strings.Fields(want)
	for i, role := range strings.Fields(roles) {
		got := w.send(prefix+role, method, target, c.body)
		if fmt.Sprint(got.Code) != statuses[i] {
			w.t.Errorf("%s %s %s as %s%s: status %d, want %s: %s", method, target, c.body, prefix, role, got.Code, statuses[i], got.Body)
		}
		text := got.Body.String()
		if prefix == "" || strings.Contains(target, "zeta") {
			continue
		}
		if strings.Contains(text, "zeta") || strings.Contains(text, control.UserID("zeta", "member@people.test")) || strings.Contains(text, "987654") {
			w.t.Errorf("%s %s as %s%s tells of others: %s", method, target, prefix, role, text)
		}
		if got.Code == http.StatusOK && strings.HasPrefix(c.route, "look GET /api/v1/requests ") && !strings.Contains(text, "fact of acme") {
			w.t.Errorf("%s as %s%s tells nothing: %s", target, prefix, role, text)
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

// signer signs nothing.
type signer struct{}

func (signer) PublicKey(context.Context) (ed25519.PublicKey, error) {
	return make(ed25519.PublicKey, ed25519.PublicKeySize), nil
}

func (signer) Sign(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("never asked for")
}
