package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

const phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"

// do gives a command that must succeed.
func (w *world) do(p *control.Plane, edit func(*control.Draft) error) control.Outcome {
	w.t.Helper()
	done, err := p.Do(w.t.Context(), w.by(control.OriginAPI), edit)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

// ann makes an account that is the owner of a new tenant.
func (w *world) ann(p *control.Plane) *control.Account {
	w.t.Helper()
	a := &control.Account{
		ID: control.NewAccountID(), Email: "Ann@people.test", Name: "Ann Ö", Role: "operator", Verified: true, Password: control.NewSecret(phc),
		Epoch: 3, Identities: []control.Identity{{Issuer: "https://id.people.test", Subject: "s-1"}},
		Reset: &control.Reset{Hash: strings.Repeat("ab", 32), Until: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	w.do(p, func(d *control.Draft) error {
		if err := d.AddTenant("people"); err != nil {
			return err
		}
		m, err := d.AddMember("people", a.Email, "owner")
		if err != nil {
			return err
		}
		a.Memberships = []control.Membership{m}
		return d.PutAccount(a)
	})
	return a
}

// TestAccountIsFolded: every node has the account as it was put, the log nothing in clear.
func TestAccountIsFolded(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	want := w.ann(p)
	want.Email = "ann@people.test"
	for name, p := range map[string]*control.Plane{"where it was made": p, "started later": w.node()} {
		c := p.Live().Current()
		got := c.Account(want.ID)
		secrets := cmp.Comparer(func(a, b control.Secret) bool { return a.Equal(b) })
		if diff := cmp.Diff(want, got, secrets); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if c.AccountByEmail("ann@people.test") != got || c.AccountByIdentity(want.Identities[0]) != got || len(c.Accounts()) != 1 {
			t.Errorf("%s: it is not found", name)
		}
		if c.RoleOf(got, "") != "operator" || c.RoleOf(got, "people") != "owner" || c.RoleOf(got, "other") != "" {
			t.Errorf("%s: its roles are %q, %q, %q", name, c.RoleOf(got, ""), c.RoleOf(got, "people"), c.RoleOf(got, "other"))
		}
	}
	for _, c := range w.commands() {
		for _, s := range []string{"nn@people.test", `"Ann"`, phc, "id.people.test", `"s-1"`} {
			if strings.Contains(string(c.Data), s) {
				t.Errorf("message %d shows %q", c.Seq, s)
			}
		}
	}
}

// TestAccountIsNotShown: no view, audit or export has the hash of a password.
func TestAccountIsNotShown(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	a := w.ann(p)
	done := w.do(p, func(d *control.Draft) error {
		a, err := d.Account(a.ID, nil)
		if err != nil {
			return err
		}
		a.Password = control.NewSecret(strings.Replace(phc, "c2Fs", "d2Fs", 1))
		return d.PutAccount(a)
	})
	views, err := p.Views(events.AccountSort, "")
	if err != nil || len(views) != 1 {
		t.Fatalf("%d views, %v", len(views), err)
	}
	entries, _, err := p.Audit(t.Context(), control.AuditFilter{Sort: events.AccountSort, Limit: 10})
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	export, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%s %s %s %s %s", views[0].Spec, done.Changes[0].After, entries[0].Before, entries[0].After, export)
	for _, part := range []string{"argon2id", "c2Fs", "d2Fs", "GhhcGg", phc[len(phc)-4:]} {
		if strings.Contains(shown, part) {
			t.Errorf("%q is shown: %s", part, shown)
		}
	}
	if !strings.Contains(string(views[0].Spec), "ann@people.test") || strings.Contains(string(export), "account") {
		t.Errorf("view %s\nexport %s", views[0].Spec, export)
	}
	if diff := entries[0].Diff(); len(diff) != 1 || diff[0].Field != "password" {
		t.Errorf("the audit tells of %+v", diff)
	}
}

// TestPruneKeepsPeople: a file says nothing of accounts, so it takes none away, but
// what refers to a user that a file took away goes with it.
func TestPruneKeepsPeople(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	a := w.ann(p)
	w.do(p, func(d *control.Draft) error {
		a, err := d.Account(a.ID, nil)
		if err != nil {
			return err
		}
		a.Tokens = []control.PersonalToken{
			{Name: "in", Hash: strings.Repeat("cd", 32), Tenant: "people", Role: "viewer"},
			{Name: "of-hub", Hash: strings.Repeat("ef", 32), Role: "viewer"},
		}
		return d.PutAccount(a)
	})
	w.do(p, func(d *control.Draft) error {
		return d.AddInvite(&control.Invite{ID: "i_1", Tenant: "people", Hash: strings.Repeat("12", 32), User: a.Memberships[0].User, Expires: time.Now().Add(time.Hour)})
	})
	export, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.apply(p, string(export), control.Everything()...)
	if got := p.Live().Current().Account(a.ID); got == nil || len(got.Memberships) != 1 || len(p.Live().Current().Invites("people")) != 1 {
		t.Fatalf("after its own export: %+v", got)
	}
	w.apply(p, "settings: {time_zone: UTC}", control.Everything()...)
	got := p.Live().Current().Account(a.ID)
	if got == nil || len(got.Memberships) != 0 || len(got.Tokens) != 1 || len(p.Live().Current().Invites("")) != 0 {
		t.Fatalf("after a file without the tenant: %+v", got)
	}
	w.do(p, func(d *control.Draft) error { // the same names again
		if err := d.AddTenant("people"); err != nil {
			return err
		}
		_, err := d.AddMember("people", a.Email, "owner")
		return err
	})
	if c := p.Live().Current(); c.RoleOf(c.Account(a.ID), "people") != "" {
		t.Error("who had left is back")
	}
}

// TestPersonalTokenIsBounded: a token may what it was given, and no more than its
// account may at the time.
func TestPersonalTokenIsBounded(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	a := w.ann(p)
	ofHub, hubHash := control.GenerateOnce(control.PersonalPrefix)
	inTenant, tenantHash := control.GenerateOnce(control.PersonalPrefix)
	change := func(edit func(*control.Account)) {
		w.do(p, func(d *control.Draft) error {
			a, err := d.Account(a.ID, nil)
			if err != nil {
				return err
			}
			edit(a)
			return d.PutAccount(a)
		})
	}
	roles := func() string {
		var out []string
		for _, s := range []control.Secret{ofHub, inTenant} {
			t := p.Live().Current().TokenBySecret(s.Reveal(), time.Now())
			if t == nil {
				out = append(out, "-")
				continue
			}
			out = append(out, t.Role+"@"+string(t.Tenant)+t.User)
		}
		return strings.Join(out, " ")
	}
	user := a.Memberships[0].User
	change(func(a *control.Account) {
		a.Tokens = []control.PersonalToken{{Name: "a", Hash: hubHash, Role: "admin"}, {Name: "b", Hash: tenantHash, Tenant: "people", Role: "operator"}}
	})
	if got := roles(); got != "operator@ operator@people"+user {
		t.Errorf("as an operator and owner: %s", got)
	}
	change(func(a *control.Account) { a.Role = "viewer" })
	w.do(p, func(d *control.Draft) error {
		if _, err := d.AddMember("people", "other@acme.test", control.RoleOwner); err != nil { // the last one stays
			return err
		}
		return d.Patch(control.Ref{Sort: events.UserSort, Tenant: "people", ID: user}, nil, []byte(`{"role": "viewer"}`))
	})
	if got := roles(); got != "viewer@ viewer@people"+user {
		t.Errorf("as a viewer: %s", got)
	}
	change(func(a *control.Account) { a.Role = "" })
	if got := roles(); got != "- viewer@people"+user {
		t.Errorf("without a role: %s", got)
	}
	change(func(a *control.Account) { a.Disabled = true })
	if got := roles(); got != "- -" {
		t.Errorf("disabled: %s", got)
	}
}

func TestAccountsThatDoNotFit(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	ann := w.ann(p)
	before := len(w.commands())
	for name, tt := range map[string]struct {
		edit  func(*control.Account)
		field string
		kind  gateway.Kind
	}{
		"an address that is taken": {func(a *control.Account) { a.Email = "ANN@people.test" }, "email", gateway.Conflict},
		"no address":               {func(a *control.Account) { a.Email = "bob" }, "email", gateway.Invalid},
		"a name with a newline":    {func(a *control.Account) { a.Name = "Bob\nX" }, "name", gateway.Invalid},
		"a long name":              {func(a *control.Account) { a.Name = strings.Repeat("ö", 101) }, "name", gateway.Invalid},
		"a role of tenants":        {func(a *control.Account) { a.Role = "owner" }, "role", gateway.Invalid},
		"nobody's user":            {func(a *control.Account) { a.Memberships[0].User = "u_1" }, "memberships[0]", gateway.Invalid},
		"twice the same user":      {func(a *control.Account) { a.Memberships = append(a.Memberships, a.Memberships[0]) }, "memberships[1]", gateway.Invalid},
		"a password":               {func(a *control.Account) { a.Password = control.NewSecret("correct horse") }, "password", gateway.Invalid},
		"something sealed":         {func(a *control.Account) { a.Name = "sealed:v1.a.b" }, "name", gateway.Invalid},
		"too many tokens":          {func(a *control.Account) { a.Tokens = make([]control.PersonalToken, 21) }, "tokens", gateway.Invalid},
	} {
		bob := &control.Account{ID: "a_bob", Email: "bob@people.test", Name: "Bob", Memberships: slices.Clone(ann.Memberships)}
		tt.edit(bob)
		_, err := p.Do(t.Context(), w.by(control.OriginAPI), func(d *control.Draft) error { return d.PutAccount(bob) })
		if e := gateway.AsError(err); err == nil || e.Kind != tt.kind || e.Param != tt.field {
			t.Errorf("%s: %v (field %q)", name, err, e.Param)
		}
	}
	if n := len(w.commands()); n != before {
		t.Errorf("%d messages more", n-before)
	}
}

// TestInvites: found by their secret until they expire or are taken back.
func TestInvites(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	ann := w.ann(p)
	secret, hash := control.GenerateOnce(control.InvitePrefix)
	invite := &control.Invite{ID: control.NewInviteID(), Tenant: "people", Hash: hash, Role: "member", Email: "bob@people.test", Expires: time.Now().Add(time.Hour), Issuer: ann.ID}
	w.do(p, func(d *control.Draft) error { return d.AddInvite(invite) })
	c := p.Live().Current()
	if got := c.InviteBySecret(secret, time.Now()); got == nil || got.ID != invite.ID || got.Email != invite.Email || got.Issuer != ann.ID {
		t.Errorf("%+v", got)
	}
	if c.InviteBySecret(secret, time.Now().Add(time.Hour)) != nil || c.InviteBySecret(control.NewSecret("x"), time.Now()) != nil {
		t.Error("it works when it should not")
	}
	w.do(p, func(d *control.Draft) error { return d.RemoveInvite("people", d.Invite(hash).ID) })
	if p.Live().Current().InviteBySecret(secret, time.Now()) != nil {
		t.Error("it works after it was taken back")
	}
	for name, wrong := range map[string]control.Invite{
		"no role":        {ID: "i", Tenant: "people", Hash: hash, Expires: time.Now()},
		"role and user":  {ID: "i", Tenant: "people", Hash: hash, Expires: time.Now(), Role: "member", User: ann.Memberships[0].User},
		"nobody's user":  {ID: "i", Tenant: "people", Hash: hash, Expires: time.Now(), User: "u_1"},
		"no such tenant": {ID: "i", Tenant: "other", Hash: hash, Expires: time.Now(), Role: "member"},
		"no such role":   {ID: "i", Tenant: "people", Hash: hash, Expires: time.Now(), Role: "king"},
		"no expiry":      {ID: "i", Tenant: "people", Hash: hash, Role: "member"},
	} {
		if _, err := p.Do(t.Context(), w.by(control.OriginAPI), func(d *control.Draft) error { return d.AddInvite(&wrong) }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAtMost(t *testing.T) {
	for _, tt := range []struct {
		tenant     events.TenantID
		a, b, want string
	}{
		{"", "admin", "viewer", "viewer"},
		{"", "operator", "admin", "operator"},
		{"", "owner", "admin", ""},
		{"acme", "owner", "admin", "admin"},
		{"acme", "member", "member", "member"},
		{"acme", "member", "", ""},
	} {
		if got := control.AtMost(tt.tenant, tt.a, tt.b); got != tt.want {
			t.Errorf("%q: %s, %s: %q, want %q", tt.tenant, tt.a, tt.b, got, tt.want)
		}
	}
}
