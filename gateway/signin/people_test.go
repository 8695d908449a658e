package signin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// settings changes who may register.
func (n *node) settings(body words) {
	n.t.Helper()
	withToken(n.t, operatorToken).must(200, n, "PATCH /api/v1/settings", body)
}

// TestRegister: closed, by invite, open; and an address that a user has links nobody.
func TestRegister(t *testing.T) {
	n := install(t).node()
	ann := n.setup()
	bob := words{"email": "Bob@acme.test", "name": "Bob", "password": good}
	b := newBrowser(t)
	b.refused("registration_closed", n, "POST /api/v1/register", bob)
	ann.refused("registration_closed", n, "POST /api/v1/invites", words{"tenant": "acme", "role": "member"})
	n.settings(words{"registration": "invite"})
	b.refused("invite_needed", n, "POST /api/v1/register", bob)
	n.settings(words{"registration": "open", "join": words{"tenant": "acme", "role": "viewer"}})
	w := b.must(201, n, "POST /api/v1/register", bob).who(t)
	if len(w.Memberships) != 1 || w.Acting.Role != "viewer" || w.Acting.Tenant != "acme" || w.Account.Role != "" || n.account("bob@acme.test").Verified {
		t.Errorf("%+v", w)
	}
	if a := newBrowser(t).refused("exists", n, "POST /api/v1/register", bob); a.status != http.StatusConflict {
		t.Errorf("status %d", a.status)
	}
	n.user("acme", "boss@acme.test", "owner")
	boss := words{"email": "boss@acme.test", "password": good}
	newBrowser(t).refused("exists", n, "POST /api/v1/register", boss)
	if n.plane.Live().Current().AccountByEmail("boss@acme.test") != nil {
		t.Error("whoever knows an address becomes its user")
	}
	for field, body := range map[string]words{
		"email":    {"email": "no address", "password": good},
		"password": {"email": "c@acme.test", "password": "short"},
		"name":     {"email": "c@acme.test", "name": "a\nb", "password": good},
	} {
		if a := newBrowser(t).refused(a400(field), n, "POST /api/v1/register", body); a.field != field {
			t.Errorf("%v: field %q", body, a.field)
		}
	}
	newBrowser(t).must(400, n, "POST /api/v1/register", words{"email": "c@acme.test", "password": good, "role": "admin"})
	newBrowser(t).must(400, n, "POST /api/v1/register", words{"email": []string{"c@acme.test"}, "password": good})
}

// a400 is the code of a field that is not well.
func a400(field string) string {
	if field == "password" {
		return "short_password"
	}
	return "invalid_request"
}

// invite makes an invite and gives its secret.
func (b *browser) invite(n *node, body words) string {
	b.t.Helper()
	var made client.InviteMade
	b.must(201, n, "POST /api/v1/invites", body).into(b.t, &made)
	if !strings.HasPrefix(made.Secret, control.InvitePrefix) || made.ID == "" {
		b.t.Fatalf("%+v", made)
	}
	return made.Secret
}

// TestInviteOnce: an invite makes one account, or one membership, until it expires or
// is taken back.
func TestInviteOnce(t *testing.T) {
	n := install(t).node()
	ann := n.setup()
	n.settings(words{"registration": "invite"})
	who := func(name, invite string) words {
		return words{"email": name + "@acme.test", "name": name, "password": good, "invite": invite}
	}
	secret := ann.invite(n, words{"tenant": "acme", "role": "member", "email": "bob@acme.test"})
	newBrowser(t).refused("invite_for_another", n, "POST /api/v1/register", who("eve", secret))
	bob := newBrowser(t)
	if w := bob.must(201, n, "POST /api/v1/register", who("bob", secret)).who(t); w.Acting.Role != "member" || !n.account("bob@acme.test").Verified {
		t.Errorf("%+v", w)
	}
	newBrowser(t).refused("no_such_invite", n, "POST /api/v1/register", who("eve", secret))

	ann.must(201, n, "POST /api/v1/tenants", words{"name": "other"})
	joins := ann.invite(n, words{"tenant": "other", "role": "viewer"})
	if w := bob.must(200, n, "POST /api/v1/session/join", words{"invite": joins}).who(t); len(w.Memberships) != 2 || w.Acting.Tenant != "acme" {
		t.Errorf("%+v", w)
	}
	ann.refused("no_such_invite", n, "POST /api/v1/session/join", words{"invite": joins})
	bob.refused("exists", n, "POST /api/v1/session/join", words{"invite": ann.invite(n, words{"tenant": "other", "role": "viewer"})})

	user := n.user("acme", "carla@acme.test", "operator")
	forCarla := ann.invite(n, words{"tenant": "acme", "user": user})
	if w := newBrowser(t).must(201, n, "POST /api/v1/register", who("carla", forCarla)).who(t); w.Acting.User != user || w.Acting.Role != "operator" {
		t.Errorf("%+v", w)
	}
	late := ann.invite(n, words{"tenant": "acme", "role": "member", "expires": n.clock.read().Add(time.Hour)})
	n.clock.pass(time.Hour)
	newBrowser(t).refused("no_such_invite", n, "POST /api/v1/register", who("dan", late))
	ann.must(200, n, "POST /api/v1/session/reauthenticate", words{"password": good})
	back := ann.invite(n, words{"tenant": "acme", "role": "member"})
	var list struct{ Items []client.Invite }
	ann.must(200, n, "GET /api/v1/invites?tenant=acme", nil).into(t, &list)
	for _, i := range list.Items {
		ann.must(204, n, "DELETE /api/v1/invites/acme/"+i.ID, nil)
	}
	if len(list.Items) != 2 {
		t.Errorf("invites %+v", list.Items)
	}
	newBrowser(t).refused("no_such_invite", n, "POST /api/v1/register", who("dan", back))
	for field, body := range map[string]words{
		"expires": {"tenant": "acme", "role": "member", "expires": n.clock.read().Add(31 * 24 * time.Hour)},
		"role":    {"tenant": "acme"},
		"email":   {"tenant": "acme", "role": "member", "email": "x"},
	} {
		if a := ann.refused("invalid_request", n, "POST /api/v1/invites", body); a.field != field {
			t.Errorf("%v: field %q", body, a.field)
		}
	}
}

// TestInviteIsBounded: nobody makes another greater than they are, neither when the
// invite is made nor when it is used, nor in another's tenant.
func TestInviteIsBounded(t *testing.T) {
	n := install(t).node()
	ann := n.setup()
	n.settings(words{"registration": "invite"})
	ann.must(201, n, "POST /api/v1/tenants", words{"name": "other"})
	owner, admin := n.user("acme", "own@acme.test", "owner"), n.user("acme", "adm@acme.test", "admin")
	viewer := n.user("acme", "view@acme.test", "viewer")
	adm := n.add("adm@acme.test", words{"memberships": memberships("acme", admin)})
	view := n.add("view@acme.test", words{"memberships": memberships("acme", viewer)})
	view.refused("role_not_allowed", n, "POST /api/v1/invites", words{"tenant": "acme", "role": "viewer"})
	adm.refused("role_above_yours", n, "POST /api/v1/invites", words{"tenant": "acme", "role": "owner"})
	adm.refused("role_above_yours", n, "POST /api/v1/invites", words{"tenant": "acme", "user": owner})
	adm.refused("no_such_object", n, "POST /api/v1/invites", words{"tenant": "other", "role": "viewer"})
	others := ann.invite(n, words{"tenant": "other", "role": "viewer"})
	var list struct{ Items []client.Invite }
	for _, path := range []string{"GET /api/v1/invites", "GET /api/v1/invites?tenant=other"} {
		if a := adm.ask(n, path, nil); a.status == 200 {
			if a.into(t, &list); len(list.Items) != 0 {
				t.Errorf("%s: %+v", path, list.Items)
			}
		}
	}
	ann.must(200, n, "GET /api/v1/invites?tenant=other", nil).into(t, &list)
	adm.must(404, n, "DELETE /api/v1/invites/other/"+list.Items[0].ID, nil)

	as := func(invite string) words { return words{"email": "new@acme.test", "password": good, "invite": invite} }
	early := adm.invite(n, words{"tenant": "acme", "role": "admin"})
	op := withToken(t, operatorToken)
	op.must(200, n, "PATCH /api/v1/users/acme/"+admin, words{"role": "viewer"})
	newBrowser(t).refused("no_such_invite", n, "POST /api/v1/register", as(early))
	op.must(200, n, "PATCH /api/v1/users/acme/"+admin, words{"role": "owner"})
	op.must(200, n, "PATCH /api/v1/accounts/"+n.account("adm@acme.test").ID, words{"state": "disabled"})
	newBrowser(t).refused("no_such_invite", n, "POST /api/v1/register", as(early))
	op.must(200, n, "PATCH /api/v1/accounts/"+n.account("adm@acme.test").ID, words{"state": "enabled"})
	newBrowser(t).must(201, n, "POST /api/v1/register", as(early))
	newBrowser(t).must(201, n, "POST /api/v1/register", words{"email": "new@other.test", "password": good, "invite": others})
}

// TestPersonalTokens: what acts as an account may no more than it, and goes at once.
func TestPersonalTokens(t *testing.T) {
	i := install(t)
	one, two := i.node(), i.node()
	ann := one.setup()
	grant := func(body words) *browser {
		var made client.PersonalTokenMade
		ann.must(201, one, "POST /api/v1/account/tokens", body).into(t, &made)
		two.live()
		return withToken(t, made.Token)
	}
	hub := grant(words{"name": "hub", "role": "viewer", "expires": i.clock.read().Add(time.Hour)})
	in := grant(words{"name": "in", "role": "admin", "tenant": "acme"})
	id := one.account(annsAddress).ID
	if w := hub.must(200, two, "GET /api/v1/session", nil).who(t); fmtWho(w) != "account/"+id+`/hub as viewer of ""` || w.Via != "token" || w.Account.ID != id {
		t.Errorf("%+v", w)
	}
	if w := in.must(200, two, "GET /api/v1/session", nil).who(t); fmtWho(w) != "account/"+id+`/in as admin of "acme"` || w.Acting.User == "" {
		t.Errorf("%+v", w)
	}
	hub.refused("role_not_allowed", two, "POST /api/v1/tenants", words{"name": "x"})
	hub.refused("session_needed", two, "POST /api/v1/account/tokens", words{"name": "more", "role": "viewer"})
	hub.refused("session_needed", two, "POST /api/v1/session/switch", words{"tenant": "acme"})
	ann.refused("exists", one, "POST /api/v1/account/tokens", words{"name": "in", "role": "viewer"})
	ann.refused("role_above_yours", one, "POST /api/v1/account/tokens", words{"name": "x", "role": "owner"})
	ann.refused("role_above_yours", one, "POST /api/v1/account/tokens", words{"name": "x", "role": "viewer", "tenant": "nobody"})
	ann.refused("invalid_request", one, "POST /api/v1/account/tokens", words{"name": "x", "role": "viewer", "expires": i.clock.read()})
	ann.refused("invalid_request", one, "POST /api/v1/account/tokens", words{"name": "No Name", "role": "viewer"})
	shown := ann.must(200, one, "GET /api/v1/account/tokens", nil).body
	if strings.Contains(shown, hub.token) || strings.Contains(shown, "sha256") || !strings.Contains(shown, `"hub"`) {
		t.Errorf("%s", shown)
	}
	withToken(t, operatorToken).refused("account_needed", one, "GET /api/v1/account/tokens", nil)
	ann.must(204, one, "DELETE /api/v1/account/tokens/in", nil)
	soon(t, "a removed token works", func() bool { return in.ask(two, "GET /api/v1/session", nil).status == 401 })
	i.clock.pass(time.Hour)
	hub.must(401, two, "GET /api/v1/session", nil)
}

// TestAccounts is what administrators do: versions, fields, and nothing beyond.
func TestAccounts(t *testing.T) {
	n := install(t).node()
	n.setup()
	op := withToken(t, operatorToken)
	var made client.AccountMade
	a := op.must(201, n, "POST /api/v1/accounts", words{"email": "bob@acme.test", "name": "Bob", "role": "viewer"})
	a.into(t, &made)
	path, tag := "/api/v1/accounts/"+made.ID, a.header.Get("ETag")
	if made.HasPassword || made.Role != "viewer" || !strings.HasPrefix(made.Reset.Token, control.ResetPrefix) || made.State != "enabled" || tag == "" {
		t.Errorf("%+v, %s", made, tag)
	}
	newBrowser(t).refused("wrong_credentials", n, "POST /api/v1/login", words{"email": "bob@acme.test", "password": ""})
	op.must(200, n, "PATCH "+path, words{"name": "Bobby"}, "If-Match", tag)
	if a := op.refused("changed_meanwhile", n, "PATCH "+path, words{"name": "Robert"}, "If-Match", tag); a.status != 412 {
		t.Errorf("status %d", a.status)
	}
	op.refused("changed_meanwhile", n, "DELETE "+path, nil, "If-Match", tag)
	for _, wrong := range []words{{"password": "x"}, {"epoch": 1}, {"tokens": []string{}}, {"id": "a_1"}, {"__proto__": words{}}, {"state": "gone"}, {"role": "owner"}, {"name": 1}} {
		op.must(400, n, "PATCH "+path, wrong)
	}
	op.refused("exists", n, "PATCH "+path, words{"email": "ANN@acme.test"})
	var page client.Accounts
	op.must(200, n, "GET /api/v1/accounts?limit=1", nil).into(t, &page)
	var last client.Accounts
	op.must(200, n, "GET /api/v1/accounts?limit=1&after="+page.Next, nil).into(t, &last)
	if page.Next == "" || len(last.Items) != 1 || last.Next != "" || last.Items[0].ID == page.Items[0].ID {
		t.Errorf("pages %+v, %+v", page, last)
	}
	for _, query := range []string{"limit=0", "limit=x", "sort=id", "limit=1&limit=2"} {
		op.must(400, n, "GET /api/v1/accounts?"+query, nil)
	}
	op.must(204, n, "DELETE "+path, nil)
	op.must(404, n, "GET "+path, nil)
	op.must(404, n, "PATCH "+path, words{"name": "x"})
	audit := op.must(200, n, "GET /api/v1/audit?sort=account", nil).body
	for _, part := range []string{"account.add", "account.patch", "account.remove", `"actor":"operator"`} {
		if !strings.Contains(audit, part) {
			t.Errorf("the audit lacks %s: %s", part, audit)
		}
	}
	if strings.Contains(audit, "argon2id") || strings.Contains(audit, made.Reset.Token) {
		t.Error("the audit shows a secret")
	}
}

// TestNothingOfAPassword: neither the log, the bucket, what is said, nor an export has one.
func TestNothingOfAPassword(t *testing.T) {
	i := install(t)
	n := i.node()
	ann := n.setup()
	ann.must(200, n, "POST /api/v1/account/password", words{"current": good, "password": other})
	newBrowser(t).must(401, n, "POST /api/v1/login", words{"email": good, "password": good})
	everything := n.logged.String() + ann.must(200, n, "GET /api/v1/config", nil).body + ann.must(200, n, "GET /api/v1/accounts", nil).body
	commands, err := i.log.Commands(t.Context(), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		everything += string(c.Data)
	}
	list, err := i.log.Sessions().List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		everything += e.Key + string(e.Value)
	}
	_, token, _ := strings.Cut(ann.cookie(n), "=")
	for _, s := range []string{good, other, "argon2id", token, annsAddress} {
		if at := strings.Index(everything, s); at >= 0 && (s != annsAddress || !strings.Contains(everything[max(0, at-20):at], "email")) {
			t.Errorf("%q is in %s", s, everything[max(0, at-100):min(len(everything), at+100)])
		}
	}
}

// permissions says of every route here who may use it.
const permissions = `
administer DELETE /api/v1/accounts/:id
administer GET /api/v1/accounts
administer GET /api/v1/accounts/:id
administer PATCH /api/v1/accounts/:id
administer POST /api/v1/accounts
administer POST /api/v1/accounts/:id/reset
people DELETE /api/v1/invites/:tenant/:id
people GET /api/v1/invites
people POST /api/v1/invites
public GET /api/v1/sign-in
public GET /api/v1/sso/callback
public GET /api/v1/sso/login
public POST /api/v1/login
public POST /api/v1/logout
public POST /api/v1/register
public POST /api/v1/reset
public POST /api/v1/setup
self DELETE /api/v1/account/sessions
self DELETE /api/v1/account/sessions/:id
self DELETE /api/v1/account/tokens/:name
self GET /api/v1/account/sessions
self GET /api/v1/account/tokens
self GET /api/v1/session
self PATCH /api/v1/account
self POST /api/v1/account/password
self POST /api/v1/account/tokens
self POST /api/v1/session/join
self POST /api/v1/session/reauthenticate
self POST /api/v1/session/switch
`

// TestRoutesAndRoles asks every route as everybody: nobody, somebody without any role,
// and each role of the installation and of a tenant.
func TestRoutesAndRoles(t *testing.T) {
	n := install(t).node()
	n.setup()
	var lines []string
	for _, r := range signin.NewAPI(n.service, nil).Routes() {
		lines = append(lines, string(r.Permission)+" "+r.Method+" "+r.Path)
	}
	slices.Sort(lines)
	if want := strings.Split(strings.TrimSpace(permissions), "\n"); !slices.Equal(want, lines) {
		t.Fatalf("the routes are\n%s", strings.Join(lines, "\n"))
	}
	cookies := map[string]string{"": ""}
	for _, role := range []string{"none", "viewer", "operator", "admin"} {
		cookies[role] = n.add(role+"@hub.test", words{"role": strings.TrimPrefix(role, "none")}).cookie(n)
	}
	for _, role := range []string{"viewer", "member", "operator", "admin", "owner"} {
		user := n.user("acme", role+"@acme.test", role)
		n.clock.pass(time.Minute) // else they would be too many from one address
		cookies["acme "+role] = n.add(role+"@of.acme.test", words{"memberships": memberships("acme", user)}).cookie(n)
	}
	for _, line := range lines {
		permission, rest, _ := strings.Cut(line, " ")
		for role, cookie := range cookies {
			method, path, _ := strings.Cut(rest, " ")
			r := httptest.NewRequest(method, strings.NewReplacer(":id", "x", ":tenant", "acme", ":name", "x").Replace(path), strings.NewReader("[]"))
			r.Host, r.RemoteAddr = "127.0.0.1:1", "127.0.0.1:2"
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			n.server.Config.Handler.ServeHTTP(w, r)
			want := map[bool]string{true: "let in", false: "refused"}[mayUse(role, web.Permission(permission))]
			if tenant := strings.HasPrefix(role, "acme "); permission == "administer" && tenant {
				want = "nothing"
			}
			got := map[int]string{http.StatusUnauthorized: "refused", http.StatusForbidden: "refused", http.StatusNotFound: "nothing"}[w.Code]
			if got == "" || got == "nothing" && want == "let in" { // of an object that is not there
				got = "let in"
			}
			if got != want {
				t.Errorf("%s as %q: %s, want %s: %d %s", line, role, got, want, w.Code, w.Body)
			}
		}
	}
}

// mayUse says who may use routes of a permission.
func mayUse(role string, p web.Permission) bool {
	switch p {
	case web.Public:
		return true
	case web.Self:
		return role != ""
	case web.Administer:
		return role == "admin"
	}
	return role == "admin" || role == "acme admin" || role == "acme owner"
}

// TestSessionsAreForPeople: applications are not asked for cookies, and people's API
// takes no virtual key.
func TestSessionsAreForPeople(t *testing.T) {
	n := install(t).node()
	ann := n.setup()
	key := control.GenerateKey().Reveal()
	withToken(t, operatorToken).must(201, n, "POST /api/v1/keys?tenant=acme", words{"name": "app", "key": key})
	if n.plane.Live().Current().KeyBySecret(key) == nil {
		t.Fatal("the key does not work")
	}
	withToken(t, key).refused("invalid_api_key", n, "GET /api/v1/session", nil)
	ann.refused("invalid_api_key", n, "GET /api/v1/session", nil, "Authorization", "Bearer "+key) // whatever cookie comes with it
	r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
	r.Header.Set("Cookie", ann.cookie(n))
	if key, err := auth.Key(r, n.plane.Live().Current()); err == nil || key != nil {
		t.Errorf("a cookie opens /v1 as %v", key)
	}
}
