package auth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

const (
	good  = "a-good-key-of-thirty-two-letters"
	other = "another-key-of-thirty-two-letter"
)

func catalog(t testing.TB) *control.Catalog {
	t.Helper()
	l := control.Loader{Prices: &accounting.Book{}}
	w, err := l.Parse([]byte("tenants: [{name: acme, keys: [{name: ci, key: "+good+"}, {name: no-secret}]}]"), "hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func request(h http.Header, query string) *http.Request {
	return &http.Request{Header: h, URL: &url.URL{Path: "/v1beta/models", RawQuery: query}}
}

func TestKey(t *testing.T) {
	generated := control.GenerateKey().Reveal()
	damaged := generated[:len(generated)-1] + "!"
	const (
		none    = "unauthenticated: No key was sent. Send one as `Authorization: Bearer <key>`."
		invalid = "unauthenticated: The key is not valid."
		scheme  = "unauthenticated: The Authorization header must be `Bearer` and a key."
		two     = "invalid_request: The request has two different keys; send one."
	)
	tests := []struct {
		name   string
		header http.Header
		query  string
		err    string
	}{
		{"bearer", header("Authorization", "Bearer "+good), "", ""},
		{"lower case", header("authorization", "bearer "+good), "", ""},
		{"more space", header("Authorization", "  Bearer   "+good+" "), "", ""},
		{"anthropic", header("x-api-key", good), "", ""},
		{"azure", header("api-key", good), "", ""},
		{"google", header("x-goog-api-key", good), "", ""},
		{"the same twice", header("Authorization", "Bearer "+good, "x-api-key", good), "", ""},
		{"the same header twice", header("x-api-key", good, "x-api-key", good), "", ""},
		{"an empty one beside it", header("Authorization", "", "x-api-key", good), "", ""},
		{"nothing", header(), "", none},
		{"empty", header("Authorization", " "), "", none},
		{"another header", header("x-litellm-api-key", good), "", none},
		{"basic", header("Authorization", "Basic "+good), "", scheme},
		{"basic beside a key", header("Authorization", "Basic "+good, "x-api-key", good), "", scheme},
		{"no token", header("Authorization", "Bearer"), "", scheme},
		{"no scheme", header("Authorization", good), "", scheme},
		{"unknown", header("Authorization", "Bearer "+other), "", invalid},
		{"too short", header("Authorization", "Bearer "+good[1:]), "", invalid},
		{"too long", header("x-api-key", strings.Repeat("x", 257)), "", invalid},
		{"space", header("x-api-key", good[:16]+" "+good[16:]), "", invalid},
		{"not ASCII", header("x-api-key", good+"é"), "", invalid},
		{"generated, unknown", header("x-api-key", generated), "", invalid},
		{"generated, damaged", header("x-api-key", damaged), "", invalid},
		{"two", header("Authorization", "Bearer "+good, "x-api-key", other), "", two},
		{"two, one malformed", header("Authorization", "Bearer "+good, "api-key", "short"), "", two},
		{"two in one header", header("x-api-key", good, "x-api-key", other), "", two},
		{"in the address", header(), "alt=sse&key=" + good, ""},
		{"in both", header("x-goog-api-key", good), "key=" + good, ""},
		{"another in the address", header("x-goog-api-key", good), "key=" + other, two},
		{"unknown in the address", header(), "key=" + other, invalid},
		{"none in the address", header(), "alt=sse&key=", none},
		{"a broken address", header(), "key=%zz;", none},
	}
	c := catalog(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := auth.Key(request(tt.header, tt.query), c)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.err, got); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if (key != nil) != (err == nil) || key != nil && (key.Name != "ci" || key.Tenant.ID != "acme") {
				t.Errorf("key %+v", key)
			}
		})
	}
}

// TestMalformedIsNotLookedUp: a credential that cannot be one is refused without a catalog.
func TestMalformedIsNotLookedUp(t *testing.T) {
	damaged := strings.Replace(control.GenerateKey().Reveal(), "_live_", "_liv3_", 1)
	for _, text := range []string{"short", strings.Repeat("x", 257), "lh_live_" + damaged[8:40]} {
		if _, err := auth.Key(request(header("x-api-key", text), ""), nil); gateway.AsError(err).Kind != gateway.Unauthenticated {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestKeysThatDoNotWork: whoever has a key's secret is told why it is refused.
func TestKeysThatDoNotWork(t *testing.T) {
	l := control.Loader{Prices: &accounting.Book{}}
	const text = `tenants: [{name: acme, keys: [{name: a, key: %q, %s}]}]`
	for _, tt := range []struct {
		spec, from, code string
		status           int
	}{
		{"state: active", "192.0.2.1:80", "", 0},
		{"state: paused", "192.0.2.1:80", "key_paused", 401},
		{"state: revoked", "192.0.2.1:80", "key_revoked", 401},
		{`expires: "2001-01-01T00:00:00Z"`, "192.0.2.1:80", "key_expired", 401},
		{`expires: "2999-01-01T00:00:00Z"`, "192.0.2.1:80", "", 0},
		{"addresses: [10.0.0.0/8, 192.0.2.1]", "192.0.2.1:80", "", 0},
		{"addresses: [10.0.0.0/8, 192.0.2.1]", "[::ffff:10.1.2.3]:80", "", 0},
		{"addresses: [10.0.0.0/8]", "192.0.2.1:80", "address_not_allowed", 403},
		{"addresses: [10.0.0.0/8]", "somewhere", "address_not_allowed", 403},
		{`addresses: ["2001:db8::/32"]`, "[2001:db8::7%eth0]:80", "", 0},
	} {
		w, err := l.Parse(fmt.Appendf(nil, text, good, tt.spec), "hub.yaml")
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		r := request(header("Authorization", "Bearer "+good), "")
		r.RemoteAddr = tt.from
		r.Header.Set("X-Forwarded-For", "10.0.0.1") // anybody may write that
		_, err = auth.Key(r, c)
		if e := gateway.AsError(err); err == nil && tt.code != "" || err != nil && (e.Code != tt.code || e.Kind.Status() != tt.status) {
			t.Errorf("%s from %s: %v", tt.spec, tt.from, err)
		}
	}
}

func noTokens(string, time.Time) *control.Token { return nil }

// TestTokens: a configured token is whose it is, and may what its role may.
func TestTokens(t *testing.T) {
	at := &clock{time.Unix(1_800_000_000, 0)}
	token := func(secret string, _ time.Time) *control.Token {
		if secret == other {
			return &control.Token{Name: "grafana", Role: "viewer", Tenant: "acme", User: "u_1"}
		}
		return nil
	}
	op, err := auth.NewOperator(control.NewSecret(good), token, slog.New(slog.DiscardHandler), at.read)
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]auth.Person{
		good:  {Name: "operator", Role: "admin", Via: auth.ViaToken, Since: at.now},
		other: {Name: "token/grafana", Role: "viewer", Tenant: "acme", User: "u_1", Via: auth.ViaToken, Since: at.now},
	} {
		if who, err := op.Identify(header("Authorization", "Bearer "+secret), "192.0.2.1"); err != nil || who != want {
			t.Errorf("%+v, %v, want %+v", who, err, want)
		}
	}
}

// TestRoles: what each role may, of the installation and in a tenant, and whom it sees.
func TestRoles(t *testing.T) {
	for _, tt := range []struct{ who, role, may, sees string }{
		{"", "admin", "look review inspect keys people tenant operate configure administer", "acme other"},
		{"", "operator", "look review inspect operate", "acme other"},
		{"", "viewer", "look review inspect", "acme other"},
		{"", "", "", ""},
		{"", "owner", "", ""},
		{"", "member", "", ""},
		{"acme", "owner", "look review keys people tenant", "acme"},
		{"acme", "admin", "look review keys people tenant", "acme"},
		{"acme", "operator", "look review keys", "acme"},
		{"acme", "member", "look keys", "acme"},
		{"acme", "viewer", "look review", "acme"},
		{"acme", "", "", ""},
	} {
		p := auth.Person{Role: tt.role, Tenant: events.TenantID(tt.who)}
		var may, sees []string
		for _, permission := range []web.Permission{
			web.Inference, web.Look, web.Review, web.Inspect, web.ManageKeys, web.ManagePeople, web.ManageTenant, web.Operate, web.Configure, web.Administer,
		} {
			if p.May(permission) {
				may = append(may, string(permission))
			}
		}
		for _, tenant := range []events.TenantID{"acme", "other"} {
			if p.Sees(tenant) {
				sees = append(sees, string(tenant))
			}
		}
		if strings.Join(may, " ") != tt.may || strings.Join(sees, " ") != tt.sees {
			t.Errorf("%s of %q may %v and sees %v", tt.role, tt.who, may, sees)
		}
	}
}

// TestFrom: a request nobody was recognised for is made by nobody.
func TestFrom(t *testing.T) {
	if p := auth.From(t.Context()); p != (auth.Person{}) || p.May(web.Look) || p.Sees("acme") {
		t.Errorf("%+v", p)
	}
	p := auth.Person{Name: "token/x", Role: "viewer", Tenant: "acme"}
	if got := auth.From(auth.With(t.Context(), p)); got != p {
		t.Errorf("%+v", got)
	}
}

type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func TestOperator(t *testing.T) {
	var out bytes.Buffer
	at := &clock{time.Unix(1_800_000_000, 0)}
	op, err := auth.NewOperator(control.NewSecret(good), noTokens, slog.New(slog.NewTextHandler(&out, nil)), at.read)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Identify(header("Authorization", "Bearer "+good), "192.0.2.1"); err != nil || out.Len() != 0 {
		t.Errorf("the token: %v, logged %q", err, &out)
	}
	for _, h := range []http.Header{header(), header("Authorization", "Bearer "+other), header("Authorization", "Bearer "+good, "api-key", other)} {
		if _, err := op.Identify(h, "192.0.2.1"); err == nil {
			t.Errorf("%v passes", h)
		}
	}
	if strings.Contains(out.String(), other) || !strings.Contains(out.String(), "192.0.2.1") {
		t.Errorf("logged %q", &out)
	}
}

func TestOperatorLogIsBounded(t *testing.T) {
	var out bytes.Buffer
	at := &clock{time.Unix(1_800_000_000, 0)}
	op, err := auth.NewOperator(control.NewSecret(good), noTokens, slog.New(slog.NewTextHandler(&out, nil)), at.read)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		_, _ = op.Identify(header(), "192.0.2.1")
	}
	if n := strings.Count(out.String(), "attempt to operate refused"); n != 10 {
		t.Errorf("%d lines, want 10", n)
	}
	at.now = at.now.Add(time.Minute)
	out.Reset()
	_, _ = op.Identify(header(), "192.0.2.1")
	if got := out.String(); !strings.Contains(got, "count=990") || strings.Count(got, "\n") != 2 {
		t.Errorf("a minute later: %q", got)
	}
}

func TestNewOperatorRefuses(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	for name, make := range map[string]func() (*auth.Operator, error){
		"short token": func() (*auth.Operator, error) {
			return auth.NewOperator(control.NewSecret("short"), noTokens, logger, time.Now)
		},
		"no logger": func() (*auth.Operator, error) {
			return auth.NewOperator(control.NewSecret(good), noTokens, nil, time.Now)
		},
		"no clock": func() (*auth.Operator, error) {
			return auth.NewOperator(control.NewSecret(good), noTokens, logger, nil)
		},
	} {
		if op, err := make(); err == nil || op != nil || strings.Contains(fmt.Sprint(err), "short-") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	c, h := catalog(b), request(header("Authorization", "Bearer "+good), "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := auth.Key(h, c); err != nil {
			b.Fatal(err)
		}
	}
}
