package control_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// acme is a tenant with a person of every role and two models.
const acme = `
providers: [{name: openai, kind: openai, credentials: [{name: main, api_key: sk-x}]}]
models:
  - {name: smart, targets: [{provider: openai, model: a}]}
  - {name: fast, targets: [{provider: openai, model: b}]}
  - {name: cheap, targets: [{provider: openai, model: c}]}
tenants:
  - name: acme
    models: [smart, fast]
    limits: [{per: day, requests: 100}]
    users:
      - {email: owner@acme.test, role: owner}
      - {email: admin@acme.test, role: admin, models: [fast]}
      - {email: operator@acme.test, role: operator}
      - {email: member@acme.test, models: [smart], endpoints: [messages], addresses: [10.0.0.0/8], expires: "2999-01-01T00:00:00Z", limits: [{per: day, requests: 10}]}
  - {name: other}
`

// person gives commands to a node as somebody.
type person struct {
	w      *world
	p      *control.Plane
	rights control.Rights
}

func as(w *world, p *control.Plane, role string) person {
	return person{w, p, control.Rights{Tenant: "acme", Role: role, User: control.UserID("acme", role+"@acme.test")}}
}

func (x person) do(edit func(*control.Draft) error) error {
	by := x.w.by(control.OriginAPI)
	by.Rights = x.rights
	_, err := x.p.Do(x.w.t.Context(), by, edit)
	return err
}

// create adds a key and returns its secret.
func (x person) create(spec string) (string, error) {
	by := x.w.by(control.OriginAPI)
	by.Rights = x.rights
	made, err := x.p.Create(x.w.t.Context(), by, events.KeySort, "acme", []byte(spec))
	if err != nil {
		return "", err
	}
	return made.Keys[0].Secret.Reveal(), nil
}

func (x person) patch(r control.Ref, patch string) error {
	return x.do(func(d *control.Draft) error { return d.Patch(r, nil, []byte(patch)) })
}

func (x person) remove(r control.Ref) error {
	return x.do(func(d *control.Draft) error { return d.Remove(r, nil) })
}

func user(role string) control.Ref {
	return control.Ref{Sort: events.UserSort, Tenant: "acme", ID: control.UserID("acme", role+"@acme.test")}
}

func key(name string) control.Ref {
	return control.Ref{Sort: events.KeySort, Tenant: "acme", ID: name}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return gateway.AsError(err).Code
}

// TestKeyDoesNotExceedAtIssue: whoever issues a key cannot let it do more than its
// tenant, its user and themselves may.
func TestKeyDoesNotExceedAtIssue(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	for _, tt := range []struct{ role, spec, field string }{
		{"member", `{"name": "k", "models": ["fast"]}`, "models"},
		{"member", `{"name": "k", "endpoints": ["messages", "embeddings"]}`, "endpoints"},
		{"member", `{"name": "k", "addresses": ["0.0.0.0/0"]}`, "addresses"},
		{"member", `{"name": "k", "addresses": ["::/0"]}`, "addresses"},
		{"member", `{"name": "k", "expires": "2999-01-02T00:00:00Z"}`, "expires"},
		{"member", `{"name": "k", "limits": [{"per": "day", "requests": 11}]}`, "limits"},
		{"operator", `{"name": "k", "user": "member@acme.test", "models": ["fast"]}`, "models"},
		{"operator", `{"name": "k", "models": ["cheap"]}`, "models"},
		{"admin", `{"name": "k", "models": ["smart"]}`, "models"},
		{"member", `{"name": "mine", "models": ["smart"], "endpoints": ["messages"], "addresses": ["10.1.0.0/16"], "expires": "2998-01-01T00:00:00Z", "limits": [{"per": "day", "requests": 10}]}`, ""},
		{"operator", `{"name": "all"}`, ""},
	} {
		_, err := as(w, p, tt.role).create(tt.spec)
		if e := gateway.AsError(err); tt.field == "" && err != nil || tt.field != "" && (err == nil || e.Code != "exceeds_issuer" || e.Param != tt.field) {
			t.Errorf("%s: %s: %v", tt.role, tt.spec, err)
		}
	}
	if err := as(w, p, "member").patch(key("mine"), `{"models": ["smart", "fast"]}`); code(err) != "exceeds_issuer" {
		t.Errorf("widened later: %v", err)
	}
	if err := as(w, p, "admin").patch(key("all"), `{"models": ["smart"]}`); code(err) != "exceeds_issuer" {
		t.Errorf("widened by somebody who may less: %v", err)
	}
	if err := as(w, p, "admin").patch(key("all"), `{"tags": ["x"]}`); err != nil {
		t.Errorf("something else is changed: %v", err)
	}
}

// TestKeyDoesNotExceedAtUse: a key that says nothing may what its tenant, its user and
// its issuer may, as that is when it is used.
func TestKeyDoesNotExceedAtUse(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	owner := as(w, p, "owner")
	may := func(secret string) string {
		k := p.Live().Current().KeyBySecret(secret)
		if k == nil {
			return "unknown"
		}
		var out []string
		for _, m := range []string{"smart", "fast", "cheap"} {
			if k.MayUse(m) {
				out = append(out, m)
			}
		}
		if k.Usable(time.Now()) != "" {
			out = append(out, k.Usable(time.Now()))
		}
		return strings.Join(out, " ")
	}
	secret := map[string]string{}
	for _, role := range []string{"owner", "admin", "member"} {
		var err error
		if secret[role], err = as(w, p, role).create(`{"name": "of-` + role + `"}`); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want ...string) {
		t.Helper()
		if got := []string{may(secret["owner"]), may(secret["admin"]), may(secret["member"])}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("issued", "smart fast", "fast", "smart")
	if k := p.Live().Current().KeyBySecret(secret["member"]); !k.MayCall("messages") || k.MayCall("embeddings") || len(k.Addresses) != 1 || k.Expires.IsZero() {
		t.Errorf("the member's key %+v", k)
	}
	for _, step := range []struct {
		when, patch string
		ref         control.Ref
		want        []string
	}{
		{"the member's models change", `{"models": ["fast"]}`, user("member"), []string{"smart fast", "fast", "fast"}},
		{"the admin's models change", `{"models": ["smart"]}`, user("admin"), []string{"smart fast", "smart", "fast"}},
		{"the member expires", `{"expires": "2001-01-01T00:00:00Z"}`, user("member"), []string{"smart fast", "smart", "fast expired"}},
	} {
		if err := owner.patch(step.ref, step.patch); err != nil {
			t.Fatal(err)
		}
		check(step.when, step.want...)
	}
	hub := person{w, p, control.Rights{}}
	if err := hub.patch(control.Ref{Sort: events.TenantSort, Tenant: "acme", ID: "acme"}, `{"models": ["fast"]}`); err != nil {
		t.Fatal(err)
	}
	check("the tenant's models change", "fast", "", "fast expired")
	// Who removes a person takes over what they had issued for others; what was theirs goes.
	if err := as(w, p, "admin").remove(user("member")); err != nil {
		t.Fatal(err)
	}
	check("the member is removed", "fast", "", "unknown")
	if err := owner.remove(user("admin")); err != nil {
		t.Fatal(err)
	}
	check("the admin is removed", "fast", "fast", "unknown")
	if made, err := p.Roll(t.Context(), w.by(control.OriginAPI), key("of-admin"), nil, 0); err != nil || may(made.Keys[0].Secret.Reveal()) != "fast" {
		t.Errorf("rolled: %v", err)
	}
}

// TestOwnLimits: what a tenant allows itself never lets more through than it is allowed.
func TestOwnLimits(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	for _, tt := range []struct {
		own  string
		want int64
	}{{`[{"per": "day", "requests": 1000}]`, 100}, {`[{"per": "day", "requests": 7}]`, 7}, {`[]`, 100}} {
		if err := as(w, p, "admin").patch(control.Ref{Sort: events.TenantSort, Tenant: "acme", ID: "acme"}, `{"own_limits": `+tt.own+`}`); err != nil {
			t.Fatal(err)
		}
		if limits := p.Live().Current().Tenants["acme"].Limits; len(limits) != 1 || limits[0].Max != tt.want {
			t.Errorf("%s: %+v", tt.own, limits)
		}
	}
}

// TestLastOwner: a tenant that has an owner keeps one, whoever asks, unless it goes itself.
func TestLastOwner(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	hub, owner := person{w, p, control.Rights{}}, as(w, p, "owner")
	refused := func(what, want string, err error) {
		t.Helper()
		if code(err) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("demoted by the hub", "last_owner", hub.patch(user("owner"), `{"role": "admin"}`))
	refused("removed by the hub", "last_owner", hub.remove(user("owner")))
	refused("demoted by themself", "last_owner", owner.patch(user("owner"), `{"role": "admin"}`))
	admin := as(w, p, "admin")
	refused("an admin makes an owner", "owners_only", admin.patch(user("operator"), `{"role": "owner"}`))
	refused("an admin changes an owner", "owners_only", admin.patch(user("owner"), `{"limits": [{"per": "day", "requests": 1}]}`))
	refused("an admin adds an owner", "owners_only", admin.do(func(d *control.Draft) error {
		_, err := d.AddMember("acme", "x@acme.test", control.RoleOwner)
		return err
	}))
	if err := owner.patch(user("admin"), `{"role": "owner"}`); err != nil {
		t.Fatal(err)
	}
	if err := owner.patch(user("owner"), `{"role": "viewer"}`); err != nil {
		t.Errorf("with another owner: %v", err)
	}
	if err := hub.remove(control.Ref{Sort: events.TenantSort, Tenant: "acme", ID: "acme"}); err != nil {
		t.Errorf("with the tenant: %v", err)
	}
}

// TestOwnRights: nobody widens or ends their own rights.
func TestOwnRights(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	admin := as(w, p, "admin")
	for _, tt := range []struct{ patch, want string }{
		{`{"models": null}`, "own_rights"},
		{`{"role": "owner"}`, "owners_only"},
		{`{"role": "operator", "models": ["smart"]}`, "own_rights"},
	} {
		if err := admin.patch(user("admin"), tt.patch); code(err) != tt.want {
			t.Errorf("%s: %v", tt.patch, err)
		}
	}
	if err := admin.remove(user("admin")); code(err) != "own_rights" {
		t.Errorf("removed: %v", err)
	}
	if err := admin.patch(user("admin"), `{"role": "operator"}`); err != nil {
		t.Errorf("a lesser role: %v", err)
	}
}

// TestTokensOfTenants: a token of a tenant may what its role there may, and no more
// than whom it stands for; it goes with them.
func TestTokensOfTenants(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	hub, by := person{w, p, control.Rights{}}, w.by(control.OriginAPI)
	for _, tt := range []struct{ spec, field string }{
		{`{"name": "a", "role": "owner"}`, "tokens[0].role"},
		{`{"name": "a", "role": "viewer", "tenant": "acem"}`, "tokens[0].tenant"},
		{`{"name": "a", "role": "viewer", "user": "admin@acme.test"}`, "tokens[0].user"},
		{`{"name": "a", "role": "viewer", "tenant": "acme", "user": "x@acme.test"}`, "tokens[0].user"},
		{`{"name": "a", "role": "member", "tenant": "acme"}`, "tokens[0]"},
	} {
		if _, err := p.Create(t.Context(), w.by(control.OriginAPI), events.TokenSort, "", []byte(tt.spec)); err == nil || gateway.AsError(err).Param != tt.field {
			t.Errorf("%s: %v", tt.spec, err)
		}
	}
	made, err := p.Create(t.Context(), by, events.TokenSort, "", []byte(`{"name": "a", "role": "admin", "tenant": "acme", "user": "Operator@acme.test"}`))
	if err != nil {
		t.Fatal(err)
	}
	find := func() string {
		if t := p.Live().Current().TokenBySecret(made.Keys[0].Secret.Reveal(), time.Now()); t != nil {
			return t.Role + "@" + string(t.Tenant) + "/" + t.User
		}
		return ""
	}
	if got := find(); got != "operator@acme/"+user("operator").ID {
		t.Errorf("it is %s", got)
	}
	if err := hub.patch(user("operator"), `{"role": "viewer"}`); err != nil || find() != "viewer@acme/"+user("operator").ID {
		t.Errorf("then %s, %v", find(), err)
	}
	if err := as(w, p, "owner").remove(user("operator")); err != nil || find() != "" {
		t.Errorf("at last %s, %v", find(), err)
	}
}

// TestTeams: a key of a team may what the team may; whoever is removed leaves their
// teams, and a team that has keys stays.
func TestTeams(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, acme)
	admin, team := as(w, p, "admin"), control.Ref{Sort: events.TeamSort, Tenant: "acme", ID: "red"}
	err := admin.do(func(d *control.Draft) error {
		_, err := d.Create(events.TeamSort, "acme", []byte(`{"name": "red", "members": ["Operator@acme.test", "member@acme.test"], "models": ["fast"]}`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := as(w, p, "operator").create(`{"name": "k", "team": "red", "models": ["smart"]}`); code(err) != "exceeds_issuer" {
		t.Errorf("beyond the team: %v", err)
	}
	secret, err := as(w, p, "operator").create(`{"name": "k", "team": "red"}`)
	if err != nil {
		t.Fatal(err)
	}
	k := p.Live().Current().KeyBySecret(secret)
	if k.Team == nil || k.Team.Name != "red" || !k.MayUse("fast") || k.MayUse("smart") {
		t.Errorf("key %+v", k)
	}
	if err := admin.remove(team); gateway.AsError(err).Kind != gateway.Invalid {
		t.Errorf("a team with a key is removed: %v", err)
	}
	if err := as(w, p, "owner").remove(user("operator")); err != nil {
		t.Fatal(err)
	}
	k = p.Live().Current().KeyBySecret(secret)
	if !slices.Equal(k.Team.Members, []string{user("member").ID}) {
		t.Errorf("members %v", k.Team.Members)
	}
	if err := admin.remove(key("k")); err != nil {
		t.Fatal(err)
	}
	if err := admin.remove(team); err != nil || len(p.Live().Current().Tenants["acme"].Teams) != 0 {
		t.Errorf("without keys: %v", err)
	}
}
