package signin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
)

// forAll are the routes that are for everybody or for whoever is signed in, about
// themselves: what they do of whom is held by the other tests of this package.
const forAll = `
public GET /api/v1/sign-in
public POST /api/v1/setup
public POST /api/v1/login
public POST /api/v1/register
public POST /api/v1/reset
public POST /api/v1/logout
public GET /api/v1/sso/login
public GET /api/v1/sso/callback
self GET /api/v1/session
self POST /api/v1/session/switch
self POST /api/v1/session/reauthenticate
self POST /api/v1/session/join
self PATCH /api/v1/account
self POST /api/v1/account/password
self GET /api/v1/account/tokens
self POST /api/v1/account/tokens
self DELETE /api/v1/account/tokens/:name
self GET /api/v1/account/sessions
self DELETE /api/v1/account/sessions
self DELETE /api/v1/account/sessions/:id
`

// TestRoles asks what is about other people as every role, of the installation and in
// a tenant. A route that is neither here nor in forAll fails the test.
func TestRoles(t *testing.T) {
	n := install(t).node()
	op := withToken(t, operatorToken)
	who := map[string]*browser{}
	for _, tenant := range []string{"acme", "zeta"} {
		op.must(201, n, "POST /api/v1/tenants", words{"name": tenant})
	}
	token := func(name string, more words) {
		more["name"] = strings.ReplaceAll(name, "/", "-")
		var made struct{ Keys []struct{ Key string } }
		op.must(201, n, "POST /api/v1/tokens", more).into(t, &made)
		who[name] = withToken(t, made.Keys[0].Key)
	}
	for _, role := range control.HubRoles() {
		token(role, words{"role": role})
	}
	for _, role := range control.Roles() {
		token("acme/"+role, words{"role": role, "tenant": "acme", "user": n.user("acme", role+"@acme.test", role)})
	}
	n.settings(words{"registration": "invite"})
	const hubAdmin = "2 403 403 | 404 404 404 404 404"
	seen := map[string]bool{}
	for _, tt := range []struct {
		route, target string
		body          words
		want          string // statuses as hub's admin, operator and viewer, then by the roles of acme; 2 is any success
	}{
		{"administer GET /api/v1/accounts", "accounts", nil, hubAdmin},
		{"administer POST /api/v1/accounts", "accounts", words{"email": "WHO@people.test"}, hubAdmin},
		{"administer GET /api/v1/accounts/:id", "accounts/a_0123456789abcdef", nil, "404 403 403 | 404 404 404 404 404"},
		{"administer PATCH /api/v1/accounts/:id", "accounts/a_0123456789abcdef", words{"name": "x"}, "404 403 403 | 404 404 404 404 404"},
		{"administer DELETE /api/v1/accounts/:id", "accounts/a_0123456789abcdef", nil, "404 403 403 | 404 404 404 404 404"},
		{"administer POST /api/v1/accounts/:id/reset", "accounts/a_0123456789abcdef/reset", nil, "404 403 403 | 404 404 404 404 404"},
		{"people GET /api/v1/invites", "invites", nil, "2 403 403 | 2 2 403 403 403"},
		{"people GET /api/v1/invites", "invites?tenant=zeta", nil, "2 403 403 | 404 404 404 404 404"},
		{"people POST /api/v1/invites", "invites", words{"tenant": "acme", "role": "member"}, "2 403 403 | 2 2 403 403 403"},
		{"people POST /api/v1/invites", "invites", words{"tenant": "acme", "role": "owner"}, "2 403 403 | 2 403 403 403 403"},
		{"people POST /api/v1/invites", "invites", words{"tenant": "zeta", "role": "member"}, "2 403 403 | 404 404 403 403 403"},
		{"people DELETE /api/v1/invites/:tenant/:id", "invites/acme/i_0123456789ab", nil, "404 403 403 | 404 404 403 403 403"},
		{"people DELETE /api/v1/invites/:tenant/:id", "invites/zeta/i_0123456789ab", nil, "404 403 403 | 404 404 404 404 404"},
	} {
		seen[tt.route] = true
		want := strings.Fields(strings.ReplaceAll(tt.want, "|", ""))
		names := slices.Clone(control.HubRoles())
		for _, role := range control.Roles() {
			names = append(names, "acme/"+role)
		}
		for i, name := range names {
			body := words{}
			for k, v := range tt.body {
				if s, ok := v.(string); ok {
					v = strings.ReplaceAll(s, "WHO", strings.ReplaceAll(name, "/", "-"))
				}
				body[k] = v
			}
			method := strings.Fields(tt.route)[1]
			var sent any
			if tt.body != nil {
				sent = body
			}
			got := who[name].ask(n, method+" /api/v1/"+tt.target, sent)
			if status := fmt.Sprint(got.status); status != want[i] && (want[i] != "2" || status[0] != '2') {
				t.Errorf("%s %s %v as %s: %d, want %s: %s", method, tt.target, tt.body, name, got.status, want[i], got.body)
			}
			if strings.HasPrefix(name, "acme/") && !strings.Contains(tt.target, "zeta") && tt.body["tenant"] != "zeta" && strings.Contains(got.body, "zeta") {
				t.Errorf("%s as %s tells of zeta: %s", tt.target, name, got.body)
			}
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(forAll), "\n") {
		seen[line] = true
	}
	for _, r := range signin.NewAPI(n.service, nil).Routes() {
		if line := fmt.Sprintf("%s %s %s", r.Permission, r.Method, r.Path); !seen[line] {
			t.Errorf("no case asks %s", line)
		}
	}
}
