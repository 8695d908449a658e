package signin_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
)

// TestFirstRun: the token is shown once, kept as a hash, and makes one account within
// an hour; before that there is none.
func TestFirstRun(t *testing.T) {
	i := install(t)
	n := i.node()
	b := newBrowser(t)
	var ways client.SignIn
	b.must(200, n, "GET /api/v1/sign-in", nil).into(t, &ways)
	if !ways.Setup || ways.Registration != "closed" {
		t.Errorf("%+v", ways)
	}
	first, err := n.service.FirstRun(t.Context())
	if err != nil || first.Token.Empty() || !first.Until.Equal(i.clock.read().Add(time.Hour)) {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := i.node().service.FirstRun(t.Context()) // another start, or another node
	if err != nil || !again.Token.Empty() || !again.Until.Equal(first.Until) {
		t.Errorf("again: %+v, %v", again, err)
	}
	list, err := i.log.Sessions().List(t.Context(), "")
	if err != nil || len(list) != 1 || strings.Contains(string(list[0].Value), first.Token.Reveal()) {
		t.Errorf("kept: %v, %v", list, err)
	}
	body := func(token string) words {
		return words{"token": token, "email": annsAddress, "name": "Ann", "password": good, "tenant": "acme"}
	}
	other, _ := control.GenerateOnce(control.FirstRunPrefix)
	b.refused("not_valid", n, "POST /api/v1/setup", body(other.Reveal()))
	b.refused("not_valid", n, "POST /api/v1/setup", body(""))
	weak := body(first.Token.Reveal())
	weak["password"] = "password1234"
	b.refused("common_password", n, "POST /api/v1/setup", weak)
	wrong := body(first.Token.Reveal())
	wrong["tenant"] = "No Tenant"
	if a := b.refused("invalid_request", n, "POST /api/v1/setup", wrong); a.field != "tenant" {
		t.Errorf("field %q", a.field)
	}
	i.clock.pass(time.Hour)
	b.refused("not_valid", n, "POST /api/v1/setup", body(first.Token.Reveal()))
	next, err := n.service.FirstRun(t.Context())
	if err != nil || next.Token.Empty() {
		t.Fatalf("after an hour: %+v, %v", next, err)
	}
	w := b.must(201, n, "POST /api/v1/setup", body(next.Token.Reveal())).who(t)
	if w.Acting.Role != "admin" || w.Acting.Tenant != "" || len(w.Memberships) != 1 || w.Memberships[0].Role != "owner" || w.Account.Email != annsAddress {
		t.Errorf("%+v", w)
	}
	b.refused("not_valid", n, "POST /api/v1/setup", body(next.Token.Reveal()))
	if none, err := n.service.FirstRun(t.Context()); err != nil || !none.Until.IsZero() {
		t.Errorf("with an account: %+v, %v", none, err)
	}
}

// TestLogin: in on one node, known on the other, out on it, and out on both.
func TestLogin(t *testing.T) {
	i := install(t)
	one, two := i.node(), i.node()
	one.setup()
	two.live()
	b := newBrowser(t)
	b.refused("invalid_api_key", one, "GET /api/v1/session", nil)
	a := b.must(200, one, "POST /api/v1/login", words{"email": " Ann@ACME.test ", "password": good})
	set := a.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"} {
		if !strings.Contains(set, part) {
			t.Errorf("cookie %s", set)
		}
	}
	w := b.must(200, two, "GET /api/v1/session", nil).who(t)
	if w.Via != "session" || w.Name != "account/"+w.Account.ID || fmtWho(w) != w.Name+` as admin of ""` || len(w.Permissions) < 4 {
		t.Errorf("%+v", w)
	}
	b.must(200, two, "GET /api/v1/tenants", nil)
	if w := b.must(200, two, "POST /api/v1/session/switch", words{"tenant": "acme"}).who(t); w.Acting.Role != "owner" || w.Acting.User == "" {
		t.Errorf("%+v", w)
	}
	soon(t, "it does not act for the tenant", func() bool { return b.ask(one, "GET /api/v1/accounts", nil).status == http.StatusNotFound })
	b.refused("no_such_membership", one, "POST /api/v1/session/switch", words{"tenant": "other"})
	b.must(204, two, "POST /api/v1/logout", words{})
	b.refused("invalid_api_key", one, "GET /api/v1/session", nil) // the cookie is gone
	b.must(204, one, "POST /api/v1/logout", words{})
	if one.count("entered") != 2 || two.count("left") != 1 || !strings.Contains(one.logged.String(), "signed in") {
		t.Errorf("counts %v, %v; logged %s", one.counts, two.counts, one.logged)
	}
	if said := one.logged.String() + two.logged.String(); strings.Contains(said, annsAddress) || strings.Contains(said, good) {
		t.Errorf("logged %s", said)
	}
}

// TestSessionFixation: a token from before is never good for what comes after.
func TestSessionFixation(t *testing.T) {
	n := install(t).node()
	b := n.setup()
	old := newBrowser(t)
	was := b.cookie(n)
	for _, step := range []struct {
		call string
		body words
	}{
		{"POST /api/v1/login", words{"email": annsAddress, "password": good}},
		{"POST /api/v1/session/switch", words{"tenant": "acme"}},
		{"POST /api/v1/session/reauthenticate", words{"password": good}},
		{"POST /api/v1/account/password", words{"current": good, "password": other}},
	} {
		b.must(200, n, step.call, step.body)
		is := b.cookie(n)
		if is == was || is == "" {
			t.Errorf("%s: the token stays", step.call)
		}
		old.refused("no_session", n, "GET /api/v1/session", nil, "Cookie", was)
		was = is
	}
	forged := "llmhub-local=" + strings.Repeat("A", 43)
	old.must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": other}, "Cookie", forged)
	if strings.Contains(old.cookie(n), forged) {
		t.Error("a token that somebody chose was taken")
	}
	newBrowser(t).refused("no_session", n, "GET /api/v1/session", nil, "Cookie", forged)
}

// TestWhatEndsSessions: each of these ends a session that is open on another node.
func TestWhatEndsSessions(t *testing.T) {
	for name, end := range map[string]func(*node, *browser){
		"password changed": func(n *node, b *browser) {
			b.must(200, n, "POST /api/v1/account/password", words{"current": good, "password": other})
		},
		"left everywhere": func(n *node, b *browser) { b.must(204, n, "POST /api/v1/logout", words{"everywhere": true}) },
		"reset": func(n *node, b *browser) {
			var made client.Reset
			withToken(n.t, operatorToken).must(201, n, "POST /api/v1/accounts/"+n.account("bob@acme.test").ID+"/reset", nil).into(n.t, &made)
			newBrowser(n.t).must(204, n, "POST /api/v1/reset", words{"token": made.Token, "password": other})
		},
		"disabled": func(n *node, _ *browser) {
			withToken(n.t, operatorToken).must(200, n, "PATCH /api/v1/accounts/"+n.account("bob@acme.test").ID, words{"state": "disabled"})
		},
		"removed": func(n *node, _ *browser) {
			withToken(n.t, operatorToken).must(204, n, "DELETE /api/v1/accounts/"+n.account("bob@acme.test").ID, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := install(t)
			one, two := i.node(), i.node()
			b := one.add("bob@acme.test", words{"role": "viewer"})
			open := newBrowser(t)
			two.live()
			open.must(200, two, "POST /api/v1/login", words{"email": "bob@acme.test", "password": good})
			end(one, b)
			soon(t, "the session goes on", func() bool { return open.ask(two, "GET /api/v1/session", nil).code == "no_session" })
		})
	}
}

// TestRoleChangeIsLive: what somebody may changes at the next request, on every node.
func TestRoleChangeIsLive(t *testing.T) {
	i := install(t)
	one, two := i.node(), i.node()
	b := one.add("bob@acme.test", words{"role": "viewer"})
	two.live()
	b.refused("role_not_allowed", two, "POST /api/v1/tenants", words{"name": "acme"})
	op := withToken(t, operatorToken)
	op.must(200, one, "PATCH /api/v1/accounts/"+one.account("bob@acme.test").ID, words{"role": "admin"})
	soon(t, "the greater role is not live", func() bool { return b.ask(two, "POST /api/v1/tenants", words{"name": "acme"}).status == 201 })
	op.must(200, one, "PATCH /api/v1/accounts/"+one.account("bob@acme.test").ID, words{"role": ""})
	soon(t, "the lesser role is not live", func() bool { return b.ask(two, "GET /api/v1/tenants", nil).status == http.StatusForbidden })
	if w := b.must(200, two, "GET /api/v1/session", nil).who(t); w.Acting.Role != "" || len(w.Permissions) != 0 {
		t.Errorf("%+v", w)
	}
}

// TestUnknownAccount: one run of the hash, the same words and the same bound, whether
// there is an account or not.
func TestUnknownAccount(t *testing.T) {
	n := install(t).node()
	n.setup()
	op := withToken(t, operatorToken)
	op.must(201, n, "POST /api/v1/accounts", words{"email": "no-password@acme.test"})
	n.add("disabled@acme.test", nil)
	op.must(200, n, "PATCH /api/v1/accounts/"+n.account("disabled@acme.test").ID, words{"state": "disabled"})
	n.clock.pass(time.Hour)
	bodies := map[string]int{}
	for _, address := range []string{annsAddress, "nobody@acme.test", "no-password@acme.test", "disabled@acme.test", "", "not an address"} {
		n.clock.pass(time.Minute)
		b := newBrowser(t)
		for range 5 {
			before := n.hasher.Runs()
			a := b.refused("wrong_credentials", n, "POST /api/v1/login", words{"email": address, "password": "not " + good})
			if runs := n.hasher.Runs() - before; runs != 1 {
				t.Errorf("%q: %d runs", address, runs)
			}
			bodies[a.body]++
		}
		before := n.hasher.Runs()
		a := b.refused("too_many_tries", n, "POST /api/v1/login", words{"email": address, "password": good})
		if a.status != 429 || a.header.Get("Retry-After") != "30" || n.hasher.Runs() != before {
			t.Errorf("%q: %d, %s, %d runs", address, a.status, a.header.Get("Retry-After"), n.hasher.Runs()-before)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("the answers differ: %v", bodies)
	}
	if n.count("refused") != 30 || n.count("throttled") != 6 {
		t.Errorf("counts %v", n.counts)
	}
	n.clock.pass(30 * time.Second)
	newBrowser(t).must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": good})
}

// TestAddressIsBounded: twenty tries of anything, whomever they are about.
func TestAddressIsBounded(t *testing.T) {
	n := install(t).node()
	n.setup()
	n.clock.pass(time.Hour)
	b := newBrowser(t)
	for i := range 20 {
		call, body := "POST /api/v1/reset", words{"token": "x", "password": good}
		if i%2 == 0 {
			call, body = "POST /api/v1/login", words{"email": strings.Repeat("x", i) + "@x.test", "password": good}
		}
		b.must(401, n, call, body)
	}
	for call, body := range map[string]words{
		"POST /api/v1/login":    {"email": annsAddress, "password": good},
		"POST /api/v1/setup":    {"token": "x"},
		"POST /api/v1/register": {"email": "x@x.test"},
		"POST /api/v1/reset":    {"token": "x"},
	} {
		b.refused("too_many_tries", n, call, body)
	}
	n.clock.pass(3 * time.Second)
	b.must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": good})
}

// TestRehash: a hash that was cheaper to make is made anew, once.
func TestRehash(t *testing.T) {
	i := install(t)
	n := i.node()
	weak, err := signin.NewHasher(signin.Cost{Memory: 8, Time: 1, Threads: 1}).Hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	b := n.setup()
	*n.hasher = *signin.NewHasher(signin.Cost{Memory: 16, Time: 1, Threads: 1})
	was := n.account(annsAddress)
	if was.Password.Reveal()[:26] != weak.Reveal()[:26] {
		t.Fatalf("%s", was.Password.Reveal())
	}
	for range 2 {
		newBrowser(t).must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": good})
	}
	is := n.account(annsAddress)
	if !strings.Contains(is.Password.Reveal(), "$m=16,") || is.Epoch != was.Epoch || n.hasher.Runs() != 3 {
		t.Errorf("%s, epoch %d, %d runs", is.Password.Reveal(), is.Epoch, n.hasher.Runs())
	}
	b.must(200, n, "GET /api/v1/session", nil)
}

// TestResetOnce: within an hour, once, and only the latest.
func TestResetOnce(t *testing.T) {
	n := install(t).node()
	n.setup()
	id, op := n.account(annsAddress).ID, withToken(t, operatorToken)
	reset := func() string {
		var made client.Reset
		op.must(201, n, "POST /api/v1/accounts/"+id+"/reset", nil).into(t, &made)
		return made.Token
	}
	b := newBrowser(t)
	first, second := reset(), reset()
	b.refused("not_valid", n, "POST /api/v1/reset", words{"token": first, "password": other})
	b.refused("short_password", n, "POST /api/v1/reset", words{"token": second, "password": "short"})
	b.must(204, n, "POST /api/v1/reset", words{"token": second, "password": other})
	b.refused("not_valid", n, "POST /api/v1/reset", words{"token": second, "password": good})
	b.must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": other})
	late := reset()
	n.clock.pass(time.Hour)
	b.refused("not_valid", n, "POST /api/v1/reset", words{"token": late, "password": good})
	op.must(404, n, "POST /api/v1/accounts/a_none/reset", nil)
}

// TestChangePassword needs the one that is there.
func TestChangePassword(t *testing.T) {
	n := install(t).node()
	b := n.setup()
	b.refused("wrong_credentials", n, "POST /api/v1/account/password", words{"current": other, "password": other})
	b.refused("common_password", n, "POST /api/v1/account/password", words{"current": good, "password": "qwertyuiop12"})
	b.must(200, n, "POST /api/v1/account/password", words{"current": good, "password": other})
	newBrowser(t).must(200, n, "POST /api/v1/login", words{"email": annsAddress, "password": other})
	newBrowser(t).refused("wrong_credentials", n, "POST /api/v1/login", words{"email": annsAddress, "password": good})
	withToken(t, operatorToken).refused("session_needed", n, "POST /api/v1/account/password", words{"current": other, "password": good})
}

// TestCrossOrigin: no page of another origin changes anything, and a session changes
// nothing without saying that it sends JSON.
func TestCrossOrigin(t *testing.T) {
	n := install(t).node()
	b := n.setup()
	for name, tt := range map[string]struct {
		code  string
		pairs []string
	}{
		"another site":               {"cross_origin", []string{"Sec-Fetch-Site", "cross-site"}},
		"another origin of the site": {"cross_origin", []string{"Sec-Fetch-Site", "same-site"}},
		"an older browser":           {"cross_origin", []string{"Origin", "https://evil.test"}},
		"no origin":                  {"cross_origin", []string{"Origin", "null"}},
		"a form":                     {"unsupported_content_type", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		"a text":                     {"unsupported_content_type", []string{"Content-Type", "text/plain"}},
		"nothing":                    {"unsupported_content_type", []string{"Content-Type", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range []string{
				"POST /api/v1/tenants", "DELETE /api/v1/tenants/acme", "POST /api/v1/session/switch", "POST /api/v1/login", "POST /api/v1/logout", "POST /api/v1/setup",
			} {
				b.refused(tt.code, n, call, words{"name": "x"}, tt.pairs...)
			}
		})
	}
	b.must(200, n, "POST /api/v1/session/switch", words{"tenant": "acme"}, "Sec-Fetch-Site", "same-origin", "Origin", n.server.URL)
	b.must(200, n, "GET /api/v1/session", nil, "Sec-Fetch-Site", "cross-site") // which only a person's click on a link makes
}

// TestFreshProof: rights and secrets need a proof that is at most 15 minutes old; a
// token is proof each time.
func TestFreshProof(t *testing.T) {
	n := install(t).node()
	b := n.setup()
	n.clock.pass(15 * time.Minute)
	b.must(201, n, "POST /api/v1/keys?tenant=acme", words{"name": "k1"})
	n.clock.pass(time.Second)
	sensitive := map[string]words{
		"POST /api/v1/keys?tenant=acme":       {"name": "k2"},
		"POST /api/v1/keys/acme/k1/roll":      {},
		"DELETE /api/v1/tenants/acme":         nil,
		"PATCH /api/v1/users/acme/u_1":        {"role": "viewer"},
		"POST /api/v1/tokens":                 {"name": "t", "role": "viewer"},
		"POST /api/v1/accounts":               {"email": "x@acme.test"},
		"PATCH /api/v1/accounts/a_1":          {"role": "viewer"},
		"POST /api/v1/accounts/a_1/reset":     nil,
		"POST /api/v1/account/tokens":         {"name": "t", "role": "viewer"},
		"POST /api/v1/invites":                {"tenant": "acme", "role": "member"},
		"POST /api/v1/config":                 {},
		"POST /api/v1/master-key/rewrap":      nil,
		"POST /api/v1/credentials?provider=p": {"name": "c"},
		"PATCH /api/v1/credentials/p/c":       {"api_key": "x"},
		"PATCH /api/v1/settings":              {"registration": "invite"},
		"PATCH /api/v1/providers/p":           {"base_url": "https://evil.test"},
		"DELETE /api/v1/tokens/t":             nil,
		"DELETE /api/v1/accounts/a_1":         nil,
	}
	for call, body := range sensitive {
		b.refused("reauthenticate", n, call, body)
	}
	b.must(201, n, "POST /api/v1/tenants", words{"name": "other"})
	b.must(200, n, "GET /api/v1/keys", nil)
	withToken(t, operatorToken).must(201, n, "POST /api/v1/keys?tenant=acme", words{"name": "k3"})
	b.refused("wrong_credentials", n, "POST /api/v1/session/reauthenticate", words{"password": other})
	b.must(200, n, "POST /api/v1/session/reauthenticate", words{"password": good})
	for call, body := range sensitive {
		if a := b.ask(n, call, body); a.code == "reauthenticate" {
			t.Errorf("%s: %s", call, a.body)
		}
	}
}

// TestCookie: over TLS, or from elsewhere, only by its strict name.
func TestCookie(t *testing.T) {
	n := install(t).node()
	n.setup()
	for name, tt := range map[string]struct {
		host  string
		pairs []string
		local bool
	}{
		"this machine":          {"127.0.0.1:4000", nil, true},
		"by name":               {"localhost:4000", nil, true},
		"by IPv6":               {"[::1]:4000", nil, true},
		"behind a proxy":        {"hub.example", nil, false},
		"a proxy that says so":  {"localhost", []string{"X-Forwarded-For", "192.0.2.1"}, false},
		"a name that was bound": {"127.0.0.1.evil.test", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(method, path, body, cookie string) *http.Response {
				r := httptest.NewRequest(method, path, strings.NewReader(body))
				r.Host, r.RemoteAddr = tt.host, "127.0.0.1:50000"
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Cookie", cookie)
				for i := 0; i < len(tt.pairs); i += 2 {
					r.Header.Set(tt.pairs[i], tt.pairs[i+1])
				}
				w := httptest.NewRecorder()
				n.server.Config.Handler.ServeHTTP(w, r)
				return w.Result()
			}
			resp := ask("POST", "/api/v1/login", `{"email": "`+annsAddress+`", "password": "`+good+`"}`, "")
			cookies := resp.Cookies()
			if resp.StatusCode != 200 || len(cookies) != 1 {
				t.Fatalf("status %d, %d cookies", resp.StatusCode, len(cookies))
			}
			c := cookies[0]
			if !c.HttpOnly || c.Path != "/" || c.Domain != "" || (c.Name == "__Host-llmhub") == tt.local || c.Secure == tt.local {
				t.Errorf("%s", c.Raw)
			}
			for cookie, status := range map[string]int{
				"__Host-llmhub=" + c.Value:                       200,
				"llmhub-local=" + c.Value:                        map[bool]int{true: 200, false: 401}[tt.local],
				"llmhub=" + c.Value:                              401,
				"__Host-llmhub=" + c.Value + "; __Host-llmhub=x": 401,
			} {
				if got := ask("GET", "/api/v1/session", "", cookie).StatusCode; got != status {
					t.Errorf("%s: status %d, want %d", cookie[:14], got, status)
				}
			}
		})
	}
}

// meeting is a bucket whose first readers wait for each other.
type meeting struct {
	signin.Bucket
	coming atomic.Int32
	all    chan struct{}
}

func (m *meeting) Get(ctx context.Context, key string) (events.Entry, error) {
	e, err := m.Bucket.Get(ctx, key)
	if left := m.coming.Add(-1); left == 0 {
		close(m.all)
	}
	<-m.all
	return e, err
}

// TestFirstRunAtOnce: of many who have the token at once, one makes the first account.
func TestFirstRunAtOnce(t *testing.T) {
	n := install(t).node()
	first, err := n.service.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const rivals = 6
	bucket := &meeting{Bucket: n.log.Sessions(), all: make(chan struct{})}
	bucket.coming.Store(rivals)
	logger := slog.New(slog.DiscardHandler)
	service, err := signin.New(signin.Config{
		Plane: n.plane, Bucket: bucket, Sessions: signin.NewSessions(n.log.Sessions(), n.clock.read, logger), Hasher: n.hasher, Now: n.clock.read, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	made := make(chan error, rivals)
	for i := range rivals {
		go func() {
			_, err := service.Setup(t.Context(), signin.Caller{From: "192.0.2.1:1", Request: events.RequestID(fmt.Sprintf("setup-%d", i))}, first.Token,
				signin.Newcomer{Email: fmt.Sprintf("p%d@acme.test", i), Password: control.NewSecret(good)}, "")
			made <- err
		}()
	}
	let := 0
	for range rivals {
		if err := <-made; err == nil {
			let++
		} else if e := gateway.AsError(err); e.Code != "already_set_up" {
			t.Error(err)
		}
	}
	if accounts := n.plane.Live().Current().Accounts(); let != 1 || len(accounts) != 1 {
		t.Errorf("%d were let in, %d accounts", let, len(accounts))
	}
}
