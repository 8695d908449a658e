package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/web"
)

const (
	annsPassword = "a password that nobody tries"
	newPassword  = "another one, as good as that"
)

// people is a hub that one signs in to, with a clock that passes when it is told to.
type people struct {
	t        *testing.T
	server   *httptest.Server
	firstRun string
	passed   atomic.Int64 // ns
}

func (p *people) now() time.Time { return time.Now().Add(time.Duration(p.passed.Load())) }

func newPeople(t *testing.T, serve func(http.Handler) *httptest.Server) *people {
	t.Helper()
	p, log, logger := &people{t: t}, memlog.New(), slog.New(slog.DiscardHandler)
	plane := newPlane(t, log, p.now)
	service, err := signin.New(signin.Config{
		Plane: plane, Bucket: log.Sessions(), Sessions: signin.NewSessions(log.Sessions(), p.now, logger), Now: p.now, Logger: logger,
		Hasher: signin.NewHasher(signin.Cost{Memory: 8, Time: 1, Threads: 1}),
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := service.FirstRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.firstRun = first.Token.Reveal()
	tokens, err := auth.NewOperator(control.NewSecret("operator-token-of-thirty-two-letters"), func(secret string, now time.Time) *control.Token {
		return plane.Live().Current().TokenBySecret(secret, now)
	}, logger, p.now)
	if err != nil {
		t.Fatal(err)
	}
	who := signin.NewIdentifier(tokens, service)
	operators, err := admin.New(admin.Config{Operator: who, Control: plane, Status: func(context.Context) (any, error) { return nil, errors.New("not here") }})
	if err != nil {
		t.Fatal(err)
	}
	api := signin.NewAPI(service, who)
	guards := operators.Guards()
	maps.Copy(guards, api.Guards())
	s, err := web.New(web.Config{Logger: logger, Guards: guards})
	if err == nil {
		err = s.Mount(signin.Fresh(append(operators.Routes(), api.Routes()...), p.now)...)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.server = serve(openapi.Hold(t, s))
	t.Cleanup(p.server.Close)
	return p
}

// client is somebody with a token, or who has not signed in.
func (p *people) client(token string) *client.Client {
	p.t.Helper()
	c, err := client.New(p.server.URL, token, p.server.Client())
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// ann is the first account.
func (p *people) ann() *client.Client {
	p.t.Helper()
	c := p.client("")
	must[client.Who](p.t)(c.Setup(p.t.Context(), client.Setup{
		Newcomer: client.Newcomer{Email: "ann@acme.test", Name: "Ann", Password: annsPassword}, Token: p.firstRun, Tenant: "acme",
	}))
	return c
}

func refused(t *testing.T, status int, code string, err error) {
	t.Helper()
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != status || code != "" && e.Code != code {
		t.Errorf("%v: want %d %s", err, status, code)
	}
}

// TestSession: what needs a session works with the one that the client keeps, over TLS
// and on one's own machine, and ends with it.
func TestSession(t *testing.T) {
	for name, serve := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			p, ctx := newPeople(t, serve), t.Context()
			if in := must[client.SignIn](t)(p.client("").SignIn(ctx)); !in.Setup {
				t.Errorf("before the first account: %+v", in)
			}
			_, err := p.client("").Who(ctx)
			refused(t, 401, "", err)
			ann := p.ann()
			if w := must[client.Who](t)(ann.Who(ctx)); w.Via != "session" || w.Account == nil || w.Account.Email != "ann@acme.test" {
				t.Errorf("Ann is %+v", w)
			}
			commands(t, ann)
			if w := must[client.Who](t)(ann.Switch(ctx, client.Membership{Tenant: "acme"})); w.Acting.Tenant != "acme" || w.Acting.Role != "owner" {
				t.Errorf("in acme %+v", w.Acting)
			}
			if w := must[client.Who](t)(ann.Who(ctx)); w.Acting.Tenant != "acme" {
				t.Errorf("after that %+v", w.Acting)
			}
			p.passed.Add(int64(16 * time.Minute))
			_, err = ann.Keys().Create(ctx, "acme", client.Key{Name: "late"})
			refused(t, 403, "reauthenticate", err)
			must[client.Who](t)(ann.Reauthenticate(ctx, client.Proof{Password: annsPassword}))
			must[client.Changed[client.Key]](t)(ann.Keys().Create(ctx, "acme", client.Key{Name: "late"}))
			if err := ann.Logout(ctx, client.Logout{}); err != nil {
				t.Error(err)
			}
			_, err = ann.Who(ctx)
			refused(t, 401, "", err)
			_, err = ann.Login(ctx, client.Login{Email: "ann@acme.test", Password: newPassword})
			refused(t, 401, "", err)
			if w := must[client.Who](t)(ann.Login(ctx, client.Login{Email: "ann@acme.test", Password: annsPassword})); w.Name == "" {
				t.Errorf("back as %+v", w)
			}
		})
	}
}

// commands gives commands of all shapes: with a body, with a patch, and without.
func commands(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := t.Context()
	must[client.Changed[client.Tenant]](t)(c.Tenants().Create(ctx, "", client.Tenant{Name: "other"}))
	must[client.Changed[client.Key]](t)(c.Keys().Create(ctx, "other", client.Key{Name: "ci"}))
	must[client.Changed[client.Key]](t)(c.Keys().Update(ctx, "other/ci", client.Patch{"tags": []string{"x"}}))
	must[client.Changed[client.Key]](t)(c.RollKey(ctx, "other/ci", client.RollQuery{}))
	must[client.Changed[client.Key]](t)(c.Keys().Delete(ctx, "other/ci"))
	first := must[client.Changed[client.Settings]](t)(c.UpdateSettings(ctx, client.Patch{"registration": "invite"}))
	must[client.Changed[client.Settings]](t)(c.UpdateSettings(ctx, client.Patch{"registration": "closed"}))
	back := must[client.Changed[client.Settings]](t)(c.RollbackSettings(ctx, first.Version))
	if n := versions(t, c); n != 3 || back.Spec == nil || back.Spec.Registration != "invite" {
		t.Errorf("%d versions, and now %+v", n, back.Spec)
	}
}

// versions is how many there are of the settings.
func versions(t *testing.T, c *client.Client) int {
	t.Helper()
	n := 0
	for _, err := range c.SettingsHistory(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestAccount: what people do with their own account.
func TestAccount(t *testing.T) {
	p, ctx := newPeople(t, httptest.NewServer), t.Context()
	ann, elsewhere := p.ann(), p.client("")
	must[client.Who](t)(elsewhere.Login(ctx, client.Login{Email: "ann@acme.test", Password: annsPassword}))
	if w := must[client.Who](t)(ann.Rename(ctx, client.Rename{Name: "Ann A."})); w.Account == nil || w.Account.Name != "Ann A." {
		t.Errorf("renamed to %+v", w.Account)
	}
	third := p.client("")
	for range 2 { // the second time after the first one was ended
		must[client.Who](t)(third.Login(ctx, client.Login{Email: "ann@acme.test", Password: annsPassword}))
		list := must[client.OpenSessions](t)(third.Sessions(ctx))
		for _, s := range list.Items {
			if s.Current {
				if err := ann.EndSession(ctx, s.ID); err != nil || len(list.Items) != 3 {
					t.Errorf("%+v, %v", list, err)
				}
			}
		}
		_, err := third.Who(ctx)
		refused(t, 401, "no_session", err)
	}
	must[client.Who](t)(third.Login(ctx, client.Login{Email: "ann@acme.test", Password: annsPassword}))
	if err := third.EndOtherSessions(ctx); err != nil {
		t.Error(err)
	}
	_, err := elsewhere.Who(ctx)
	refused(t, 401, "no_session", err)
	for _, again := range []*client.Client{ann, elsewhere} {
		must[client.Who](t)(again.Login(ctx, client.Login{Email: "ann@acme.test", Password: annsPassword}))
	}
	made := must[client.PersonalTokenMade](t)(ann.CreatePersonalToken(ctx, client.PersonalToken{Name: "ci", Tenant: "acme", Role: "viewer"}))
	program := p.client(made.Token)
	if w := must[client.Who](t)(program.Who(ctx)); w.Via != "token" || w.Acting.Tenant != "acme" || w.Acting.Role != "viewer" {
		t.Errorf("the token is %+v", w)
	}
	if all := must[client.PersonalTokens](t)(program.PersonalTokens(ctx)); len(all.Items) != 1 || all.Items[0].Name != "ci" {
		t.Errorf("tokens %+v", all)
	}
	_, err = program.Switch(ctx, client.Membership{})
	refused(t, 403, "session_needed", err)
	if _, err := program.Login(ctx, client.Login{}); err == nil || client.StatusOf(err) != 0 {
		t.Errorf("a client with a token signs in: %v", err)
	}
	if err := ann.DeletePersonalToken(ctx, "ci"); err != nil {
		t.Error(err)
	}
	_, err = program.Who(ctx)
	refused(t, 401, "", err)
	must[client.Who](t)(ann.ChangePassword(ctx, client.PasswordChange{Current: annsPassword, Password: newPassword}))
	must[client.Who](t)(ann.Who(ctx))
	_, err = elsewhere.Who(ctx)
	refused(t, 401, "", err)
	must[client.Who](t)(elsewhere.Login(ctx, client.Login{Email: "ann@acme.test", Password: newPassword}))
	if err := ann.Logout(ctx, client.Logout{Everywhere: true}); err != nil {
		t.Error(err)
	}
	_, err = elsewhere.Who(ctx)
	refused(t, 401, "", err)
}

// TestPeople: others come by a reset, by registering and by an invite.
func TestPeople(t *testing.T) {
	p, ctx := newPeople(t, httptest.NewServer), t.Context()
	ann, bob, cy := p.ann(), p.client(""), p.client("")
	must[client.Changed[client.Settings]](t)(ann.UpdateSettings(ctx, client.Patch{"registration": "invite"}))
	made := must[client.AccountMade](t)(ann.CreateAccount(ctx, client.AccountSpec{Email: "bob@acme.test"}))
	if err := bob.ResetPassword(ctx, client.ResetUse{Token: made.Reset.Token, Password: annsPassword}); err != nil {
		t.Fatal(err)
	}
	_, err := bob.Who(ctx)
	refused(t, 401, "", err)
	again := must[client.Reset](t)(ann.ResetAccount(ctx, made.ID))
	if err := bob.ResetPassword(ctx, client.ResetUse{Token: again.Token, Password: newPassword}); err != nil {
		t.Fatal(err)
	}
	must[client.Who](t)(bob.Login(ctx, client.Login{Email: "bob@acme.test", Password: newPassword}))
	invite := must[client.InviteMade](t)(ann.Invite(ctx, client.InviteOrder{Tenant: "acme", Role: "member"}))
	if w := must[client.Who](t)(bob.Join(ctx, client.InviteUse{Invite: invite.Secret})); len(w.Memberships) != 1 || w.Memberships[0].Tenant != "acme" {
		t.Errorf("Bob has joined as %+v", w)
	}
	if w := must[client.Who](t)(bob.Switch(ctx, client.Membership{Tenant: "acme"})); w.Acting.Role != "member" {
		t.Errorf("Bob acts as %+v", w.Acting)
	}
	invite = must[client.InviteMade](t)(ann.Invite(ctx, client.InviteOrder{Tenant: "acme", Role: "viewer"}))
	newcomer := client.Newcomer{Email: "cy@acme.test", Password: annsPassword}
	_, err = cy.Register(ctx, client.Registration{Newcomer: newcomer})
	refused(t, 403, "", err)
	must[client.Who](t)(cy.Register(ctx, client.Registration{Newcomer: newcomer, Invite: invite.Secret}))
	if w := must[client.Who](t)(cy.Who(ctx)); w.Acting.Tenant != "acme" || w.Acting.Role != "viewer" {
		t.Errorf("Cy is %+v", w)
	}
}

// TestCookie: the session is in the jar that is given, under the name that is described.
func TestCookie(t *testing.T) {
	p := newPeople(t, httptest.NewTLSServer)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.server.Client().Jar = jar
	ann := p.ann()
	must[client.Who](t)(p.client("").Who(t.Context())) // another client with that jar
	at, err := url.Parse(p.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Components struct {
			SecuritySchemes struct {
				Session struct{ Name, In, Type string }
			}
		}
	}
	if err := json.Unmarshal(docs.OpenAPI, &described); err != nil {
		t.Fatal(err)
	}
	kept, scheme := jar.Cookies(at), described.Components.SecuritySchemes.Session
	if len(kept) != 1 || kept[0].Name != scheme.Name || scheme.In != "cookie" || scheme.Type != "apiKey" {
		t.Errorf("kept are %v, described is %+v", kept, scheme)
	}
	if err := ann.Logout(t.Context(), client.Logout{}); err != nil || len(jar.Cookies(at)) != 0 {
		t.Errorf("%v, still there are %v", err, jar.Cookies(at))
	}
}
