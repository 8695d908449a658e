package signin_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/sso"
)

const issuer = "https://login.test"

// ssoRules let the rules speak of acme and of the installation.
func (n *node) ssoRules() {
	n.t.Helper()
	n.settings(words{"sso": words{
		"issuer": issuer, "client_id": "hub", "redirect_url": "https://hub.test/api/v1/sso/callback",
		"roles": []words{{"claim": "groups", "value": "eng", "tenant": "acme", "role": "member"}, {"claim": "groups", "value": "ops", "role": "operator"}},
	}})
}

// come signs in whom the provider calls subject.
func (n *node) come(subject, address string, grants ...sso.Grant) error {
	n.t.Helper()
	who := signin.Caller{From: "192.0.2.1:1", Request: events.RequestID(uuid.NewString())}
	e, err := n.service.EnterAs(n.t.Context(), who, sso.Identity{Issuer: issuer, Subject: subject, Email: address, Name: "J\n D", Grants: grants})
	if err == nil && e.Token.Empty() {
		n.t.Errorf("%s: no session", subject)
	}
	return err
}

var (
	asMember   = sso.Grant{Tenant: "acme", Role: "member"}
	asAdmin    = sso.Grant{Tenant: "acme", Role: "admin"}
	asOperator = sso.Grant{Role: "operator"}
)

// standing is what an account is, for comparison.
func (n *node) standing(address string) string {
	a := n.account(address)
	out := []string{"hub:" + a.Role}
	for _, m := range a.Memberships {
		out = append(out, string(m.Tenant)+":"+n.plane.Live().Current().RoleOf(a, m.Tenant))
	}
	return strings.Join(out, " ")
}

// TestEnterAs: an account is made when the mapping first gives something, is found by
// issuer and subject, and is each time what the mapping says, where it says anything.
func TestEnterAs(t *testing.T) {
	n := install(t).node()
	n.setup()
	n.ssoRules()
	if err := n.come("s1", "jane@acme.test", asMember); err != nil {
		t.Fatal(err)
	}
	jane := n.account("jane@acme.test")
	if !slices.Equal(jane.Identities, []control.Identity{{Issuer: issuer, Subject: "s1"}}) || !jane.Verified || jane.Name != "J D" || !jane.Password.Empty() {
		t.Errorf("%+v", jane)
	}
	withToken(t, operatorToken).must(201, n, "POST /api/v1/tenants", words{"name": "other"})
	n.user("other", "jane@acme.test", "viewer")
	withToken(t, operatorToken).must(200, n, "PATCH /api/v1/accounts/"+jane.ID, words{"memberships": memberships(
		"acme", control.UserID("acme", "jane@acme.test"), "other", control.UserID("other", "jane@acme.test"))})
	for _, step := range []struct {
		address string
		grants  []sso.Grant
		want    string
	}{
		{"jane@acme.test", []sso.Grant{asMember}, "hub: acme:member other:viewer"},
		{"", []sso.Grant{asAdmin}, "hub: acme:admin other:viewer"},
		{"new@acme.test", []sso.Grant{asOperator, asMember}, "hub:operator acme:member other:viewer"},
		{"jane@acme.test", []sso.Grant{asOperator}, "hub:operator other:viewer"},
		{"jane@acme.test", []sso.Grant{asMember}, "hub: other:viewer acme:member"},
	} {
		if err := n.come("s1", step.address, step.grants...); err != nil {
			t.Fatal(err)
		}
		if got := n.standing("jane@acme.test"); got != step.want {
			t.Errorf("%v: %q, want %q", step.grants, got, step.want)
		}
	}
	before := n.plane.State().Seq
	if err := n.come("s1", "jane@acme.test", asMember); err != nil || n.plane.State().Seq != before {
		t.Errorf("the same again: %v, %d more on the log", err, n.plane.State().Seq-before)
	}
}

// TestEnterAsRefuses: an address alone makes nobody somebody else.
func TestEnterAsRefuses(t *testing.T) {
	n := install(t).node()
	n.setup()
	n.ssoRules()
	n.settings(words{"registration": "open", "join": words{"tenant": "acme", "role": "viewer"}})
	newBrowser(t).must(201, n, "POST /api/v1/register", words{"email": "squat@acme.test", "password": good})
	n.user("acme", "waits@acme.test", "viewer")
	n.add("vouched@acme.test", words{"role": "viewer"})
	n.add("gone@acme.test", words{"role": "viewer"})
	withToken(t, operatorToken).must(200, n, "PATCH /api/v1/accounts/"+n.account("gone@acme.test").ID, words{"state": "disabled"})
	n.add("holder@acme.test", words{"memberships": memberships("acme", n.user("acme", "taken@acme.test", "owner"))})
	for _, tt := range []struct{ subject, address, code string }{
		{"s0", "", "sso_unverified"},
		{"s1", "squat@acme.test", "sso_account_exists"}, // made by whoever came, maybe to wait for its owner
		{"s2", "taken@acme.test", "sso_user_taken"},
		{"s3", "gone@acme.test", "not_valid"},
	} {
		err := n.come(tt.subject, tt.address, asMember)
		if e := gateway.AsError(err); err == nil || e.Code != tt.code {
			t.Errorf("%s: %v", tt.address, err)
		}
	}
	for address, want := range map[string]string{"waits@acme.test": "hub: acme:member", "vouched@acme.test": "hub: acme:member"} {
		if err := n.come("s-"+address, address, asMember); err != nil || n.standing(address) != want {
			t.Errorf("%s: %v, %s", address, err, n.standing(address))
		}
	}
	if err := n.come("another", "vouched@acme.test", asMember); err != nil {
		t.Errorf("a second identity of a vouched address: %v", err)
	}
	if strings.Contains(n.logged.String(), "@acme.test") {
		t.Error("the log tells addresses")
	}
}

// way is a provider that believes everything.
type way struct{ brought url.Values }

func (w *way) Begin(context.Context) (location, pending string, err error) {
	return issuer + "/authorize", "kept", nil
}

func (w *way) Finish(_ context.Context, pending string, brought url.Values) (sso.Identity, error) {
	w.brought = brought
	if pending != "kept" {
		return sso.Identity{}, &gateway.Error{Kind: gateway.Unauthenticated, Code: "sso_state", Public: "No."}
	}
	return sso.Identity{Issuer: issuer, Subject: "s1", Email: "jane@acme.test", Grants: []sso.Grant{asMember}}, nil
}

// TestSSORoutes: a browser that began comes back to a session, once; another does not.
func TestSSORoutes(t *testing.T) {
	n := install(t).node()
	n.setup()
	b := newBrowser(t)
	b.refused("no_sso", n, "GET /api/v1/sso/login", nil)
	b.refused("no_sso", n, "GET /api/v1/sso/callback?code=c&state=s", nil)
	n.people.SSO = &way{}
	n.ssoRules()
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.client.CheckRedirect = stay
	newBrowser(t).refused("sso_state", n, "GET /api/v1/sso/callback?code=c&state=s", nil)
	if a := b.must(http.StatusSeeOther, n, "GET /api/v1/sso/login", nil); a.header.Get("Location") != issuer+"/authorize" {
		t.Errorf("sent to %s", a.header.Get("Location"))
	}
	a := b.must(http.StatusSeeOther, n, "GET /api/v1/sso/callback?code=c&state=s&session_state=x", nil)
	if a.header.Get("Location") != "/" {
		t.Errorf("sent to %s", a.header.Get("Location"))
	}
	if w := b.must(200, n, "GET /api/v1/session", nil).who(t); w.Acting.Role != "member" || w.Account.Email != "jane@acme.test" {
		t.Errorf("%+v", w)
	}
	b.refused("sso_state", n, "GET /api/v1/sso/callback?code=c&state=s", nil)
	for range 30 {
		b.ask(n, "GET /api/v1/sso/callback?code=c&state=s", nil)
	}
	if a := b.ask(n, "GET /api/v1/sso/login", nil); a.status != http.StatusTooManyRequests {
		t.Errorf("status %d", a.status)
	}
}
