package signin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
	"github.com/llm-hub/llm-hub/gateway/vault"
	"github.com/llm-hub/llm-hub/gateway/web"
)

const (
	operatorToken = "operator-token-of-thirty-two-letters"
	good          = "a password that nobody tries"
	other         = "another one, as good as that"
	annsAddress   = "ann@acme.test"
)

// installation is a log that nodes stand on.
type installation struct {
	t      *testing.T
	log    *memlog.Log
	master string
	clock  *clock

	contract *openapi.Contract
}

func install(t *testing.T) *installation {
	t.Helper()
	contract, err := openapi.Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return &installation{t: t, log: memlog.New(), master: vault.NewKey(), clock: newClock(), contract: contract}
}

// node is one running hub.
type node struct {
	*installation
	plane   *control.Plane
	service *signin.Service
	people  *signin.API
	hasher  *signin.Hasher
	server  *httptest.Server
	logged  *logged
	mu      sync.Mutex
	counts  map[string]int
}

// logged is what a node says.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (i *installation) node() *node {
	t := i.t
	t.Helper()
	master, err := vault.KeyText("test", i.master)
	if err != nil {
		t.Fatal(err)
	}
	v := vault.New(master, i.log.Keyring())
	n := &node{installation: i, hasher: signin.NewHasher(cheap()), logged: &logged{}, counts: map[string]int{}}
	logger := slog.New(slog.NewTextHandler(n.logged, nil))
	n.plane, err = control.NewPlane(control.PlaneConfig{
		Stream: i.log, Vault: v, Shredder: v, Loader: &control.Loader{Prices: &accounting.Book{}}, Node: "n1", Now: i.clock.read, Logger: logger,
	})
	if err == nil {
		err = n.plane.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	n.service, err = signin.New(signin.Config{
		Plane: n.plane, Bucket: i.log.Sessions(), Sessions: following(t, i.log.Sessions(), i.clock), Hasher: n.hasher, Now: i.clock.read, Logger: logger,
		Count: func(outcome string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.counts[outcome]++
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.plane.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	n.serve(logger)
	return n
}

func (n *node) serve(logger *slog.Logger) {
	token := func(secret string, now time.Time) *control.Token {
		return n.plane.Live().Current().TokenBySecret(secret, now)
	}
	operator, err := auth.NewOperator(control.NewSecret(operatorToken), token, logger, n.clock.read)
	if err != nil {
		n.t.Fatal(err)
	}
	who := signin.NewIdentifier(operator, n.service)
	operators, err := admin.New(admin.Config{Operator: who, Control: n.plane, Status: func(context.Context) (any, error) { return "well", nil }})
	if err != nil {
		n.t.Fatal(err)
	}
	people := signin.NewAPI(n.service, who)
	n.people = people
	guards := operators.Guards()
	for p, g := range people.Guards() {
		guards[p] = g
	}
	s, err := web.New(web.Config{Logger: logger, Guards: guards})
	if err == nil {
		err = s.Mount(signin.Fresh(append(operators.Routes(), people.Routes()...), n.clock.read)...)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	n.server = httptest.NewServer(s)
	n.t.Cleanup(n.server.Close)
}

// browser is somebody who keeps cookies, or has a token.
type browser struct {
	t      *testing.T
	client *http.Client
	token  string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{Jar: jar}}
}

func withToken(t *testing.T, token string) *browser {
	return &browser{t: t, client: http.DefaultClient, token: token}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	code   string // of an error
	field  string
}

// ask makes a call with JSON; pairs are headers, and an empty one takes a header away.
func (b *browser) ask(n *node, call string, body any, pairs ...string) answer {
	b.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, n.server.URL+path, reader)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	for i := 0; i < len(pairs); i += 2 {
		if r.Header.Del(pairs[i]); pairs[i+1] != "" {
			r.Header.Set(pairs[i], pairs[i+1])
		}
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.held(n, r, resp, raw)
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(raw)}
	var p web.Problem
	if resp.StatusCode >= 400 && json.Unmarshal(raw, &p) == nil {
		a.code, a.field = p.Code, p.Field
	}
	return a
}

// held fails unless an answer is what the API's description says.
func (b *browser) held(n *node, r *http.Request, resp *http.Response, raw []byte) {
	b.t.Helper()
	if err := n.contract.Answer(r.Method, r.URL.EscapedPath(), resp.StatusCode, resp.Header, raw); err != nil {
		b.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
}

// must fails unless the call is answered with a status.
func (b *browser) must(status int, n *node, call string, body any, pairs ...string) answer {
	b.t.Helper()
	a := b.ask(n, call, body, pairs...)
	if a.status != status {
		b.t.Fatalf("%s: status %d, want %d: %s", call, a.status, status, a.body)
	}
	return a
}

// refused fails unless the call is refused with a code.
func (b *browser) refused(code string, n *node, call string, body any, pairs ...string) answer {
	b.t.Helper()
	a := b.ask(n, call, body, pairs...)
	if a.code != code {
		b.t.Errorf("%s: %d %s, want %s", call, a.status, a.body, code)
	}
	return a
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

func (a answer) who(t *testing.T) client.Who {
	t.Helper()
	var w client.Who
	a.into(t, &w)
	return w
}

// cookie is the session's, as the browser was given it last.
func (b *browser) cookie(n *node) string {
	b.t.Helper()
	u, err := url.Parse(n.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, c := range b.client.Jar.Cookies(u) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

type words = map[string]any

// setup makes the first account: Ann, who administers and owns acme.
func (n *node) setup() *browser {
	n.t.Helper()
	first, err := n.service.FirstRun(n.t.Context())
	if err != nil || first.Token.Empty() {
		n.t.Fatalf("%+v, %v", first, err)
	}
	b := newBrowser(n.t)
	b.must(201, n, "POST /api/v1/setup", words{"token": first.Token.Reveal(), "email": annsAddress, "name": "Ann", "password": good, "tenant": "acme"})
	return b
}

// live makes a node fold what another one has, as its follower would soon.
func (n *node) live() {
	n.t.Helper()
	if err := n.plane.Sync(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// account finds an account by its address.
func (n *node) account(address string) *control.Account {
	n.t.Helper()
	a := n.plane.Live().Current().AccountByEmail(address)
	if a == nil {
		n.t.Fatalf("nobody is %s", address)
	}
	return a
}

// add makes an account with a password by an administrator and a reset.
func (n *node) add(address string, more words) *browser {
	n.t.Helper()
	body := words{"email": address}
	for k, v := range more {
		body[k] = v
	}
	var made client.AccountMade
	withToken(n.t, operatorToken).must(201, n, "POST /api/v1/accounts", body).into(n.t, &made)
	b := newBrowser(n.t)
	b.must(204, n, "POST /api/v1/reset", words{"token": made.Reset.Token, "password": good})
	b.must(200, n, "POST /api/v1/login", words{"email": address, "password": good})
	return b
}

func (n *node) count(outcome string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts[outcome]
}

func memberships(pairs ...string) []words {
	var out []words
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, words{"tenant": pairs[i], "user": pairs[i+1]})
	}
	return out
}

// user adds a user to a tenant and tells its id.
func (n *node) user(tenant, address, role string) string {
	n.t.Helper()
	op := withToken(n.t, operatorToken)
	op.must(201, n, "POST /api/v1/users?tenant="+tenant, words{"email": address, "role": role})
	return control.UserID(events.TenantID(tenant), address)
}

func fmtWho(w client.Who) string {
	return fmt.Sprintf("%s as %s of %q", w.Name, w.Acting.Role, w.Acting.Tenant)
}
