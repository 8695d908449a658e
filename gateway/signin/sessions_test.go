package signin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
)

// sessions are those that a browser is shown.
func (b *browser) sessions(n *node) []client.OpenSession {
	b.t.Helper()
	var list client.OpenSessions
	b.must(200, n, "GET /api/v1/account/sessions", nil).into(b.t, &list)
	return list.Items
}

// TestOwnSessions: somebody sees their own sessions on every node, which one asks, and
// from where and by what they were begun; and ends one of them or all others. Nobody
// sees or ends those of others.
func TestOwnSessions(t *testing.T) {
	i := install(t)
	one, two := i.node(), i.node()
	ann := one.setup()
	bob := one.add("bob@acme.test", words{"role": "viewer"})
	two.live()
	phone, office := newBrowser(t), newBrowser(t)
	login := words{"email": annsAddress, "password": good}
	phone.must(200, two, "POST /api/v1/login", login, "User-Agent", "Phone/1 \x80"+strings.Repeat("x", 300))
	i.clock.pass(time.Minute)
	office.must(200, one, "POST /api/v1/login", login)
	shown := ann.sessions(two)
	if len(shown) != 3 {
		t.Fatalf("%+v", shown)
	}
	current, ids := 0, map[string]bool{}
	var phones client.OpenSession
	for _, s := range shown {
		ids[s.ID] = true
		if s.Current {
			current++
		}
		if strings.HasPrefix(s.Agent, "Phone/1") {
			phones = s
		}
		if s.From != "127.0.0.1" || s.Created.IsZero() || s.Seen.Before(s.Created) || !s.Ends.After(s.Seen) || s.Tenant != "" {
			t.Errorf("%+v", s)
		}
	}
	if current != 1 || len(ids) != 3 || shown[0].Created.Before(shown[2].Created) || len(phones.Agent) != 160 {
		t.Errorf("%+v", shown)
	}
	for id := range ids {
		if strings.Contains(ann.cookie(one)+phone.cookie(two)+office.cookie(one), id) {
			t.Errorf("session %s is named by what a browser holds", id)
		}
		bob.refused("no_such_object", one, "DELETE /api/v1/account/sessions/"+id, nil)
	}
	if of := bob.sessions(one); len(of) != 1 || !of[0].Current {
		t.Errorf("of somebody else: %+v", of)
	}
	ann.must(204, one, "DELETE /api/v1/account/sessions/"+phones.ID, nil)
	soon(t, "the session goes on", func() bool { return phone.ask(two, "GET /api/v1/session", nil).code == "no_session" })
	ann.refused("no_such_object", one, "DELETE /api/v1/account/sessions/"+phones.ID, nil)
	office.must(200, one, "GET /api/v1/session", nil)
	ann.must(204, two, "DELETE /api/v1/account/sessions", nil)
	soon(t, "another session goes on", func() bool { return office.ask(one, "GET /api/v1/session", nil).code == "no_session" })
	left := ann.sessions(one)
	if len(left) != 1 || !left[0].Current {
		t.Fatalf("%+v", left)
	}
	bob.must(200, one, "GET /api/v1/session", nil)
	token := ann.personal(one)
	two.live()
	if of := token.sessions(two); len(of) != 1 || of[0].Current {
		t.Errorf("by a token: %+v", of)
	}
	ann.must(204, one, "DELETE /api/v1/account/sessions/"+left[0].ID, nil)
	if ann.cookie(one) != "" {
		t.Error("the browser keeps the cookie of what it has ended")
	}
	phone.must(200, one, "POST /api/v1/login", login)
	token.must(204, one, "DELETE /api/v1/account/sessions", nil)
	phone.refused("no_session", one, "GET /api/v1/session", nil)
	withToken(t, operatorToken).refused("account_needed", one, "GET /api/v1/account/sessions", nil)
}

// personal makes a token that acts as the browser's account.
func (b *browser) personal(n *node) *browser {
	b.t.Helper()
	var made client.PersonalTokenMade
	b.must(201, n, "POST /api/v1/account/tokens", words{"name": "mine", "role": "viewer"}).into(b.t, &made)
	return withToken(b.t, made.Token)
}

// TestSessionsOfAnOldPassword: what a changed password has ended is not shown.
func TestSessionsOfAnOldPassword(t *testing.T) {
	n := install(t).node()
	ann, old := n.setup(), newBrowser(t)
	old.must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": good})
	ann.must(200, n, "POST /api/v1/account/password", words{"current": good, "password": other})
	if of := ann.sessions(n); len(of) != 1 || !of[0].Current {
		t.Errorf("%+v", of)
	}
}
