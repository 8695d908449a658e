package sso_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/sso"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// world is an issuer and a flow that trusts it.
type world struct {
	*issuer
	flow     *sso.Flow
	settings *control.SSO
	now      time.Time
	log      bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{issuer: newIssuer(t), now: now}
	w.settings = &control.SSO{
		Issuer: w.URL, ClientID: clientID, ClientSecret: control.NewSecret(clientSecret), RedirectURL: "https://hub.test/api/v1/sso/callback",
		Scopes: []string{"openid", "email"}, Rules: []control.SSORule{{Claim: "groups", Value: "eng", Tenant: "acme", Role: "member"}},
	}
	var err error
	w.flow, err = sso.New(sso.Config{
		Transport: http.DefaultTransport, Settings: func() *control.SSO { return w.settings }, Now: func() time.Time { return w.now },
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// begin is a browser that goes to the provider and comes back.
func (w *world) begin(t *testing.T) (pending string, brought url.Values) {
	t.Helper()
	location, pending, err := w.flow.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return pending, w.authorize(t, location)
}

// quiet checks that an error and the log hold nothing secret.
func (w *world) quiet(t *testing.T, err error) {
	t.Helper()
	for _, text := range []string{w.log.String(), gateway.AsError(err).Public} {
		if strings.Contains(text, "canary") || strings.Contains(text, "eyJ") {
			t.Errorf("shown: %s", text)
		}
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	want := sso.Identity{Issuer: w.URL, Subject: "248289761001", Email: "jane@acme.test", Name: "Jane Doe", Grants: []sso.Grant{{Tenant: "acme", Role: "member"}}}
	for range 2 { // the second time nobody asks where the endpoints are
		pending, brought := w.begin(t)
		got, err := w.flow.Finish(t.Context(), pending, brought)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	if w.asked != 5 { // once its endpoints, and each time a token and keys
		t.Errorf("the provider was asked %d times", w.asked)
	}
	w.userInfo = map[string]any{"sub": "248289761001", "department": "ops", "groups": []string{"root"}}
	w.now = w.now.Add(2 * time.Hour)
	w.answer = func(rw http.ResponseWriter, nonce string) {
		w.give(rw, w.sign(w.claims(nonce, map[string]any{"exp": w.now.Unix() + 60})))
	}
	w.settings.Rules = []control.SSORule{{Claim: "department", Value: "ops", Role: "operator"}, {Claim: "groups", Value: "root", Role: "admin"}}
	pending, brought := w.begin(t)
	got, err := w.flow.Finish(t.Context(), pending, brought)
	if diff := cmp.Diff([]sso.Grant{{Role: "operator"}}, got.Grants); err != nil || diff != "" {
		t.Errorf("with user info: %v\n%s", err, diff)
	}
}

// TestAttacks: a token endpoint's answer that is wrong in one thing lets nobody in.
func TestAttacks(t *testing.T) {
	mallory, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	change := func(name string, v any) func(*world, string) string {
		return func(w *world, nonce string) string { return w.sign(w.claims(nonce, map[string]any{name: v})) }
	}
	none := func(alg string) func(*world, string) string {
		return func(w *world, nonce string) string {
			return segment(map[string]string{"alg": alg}) + "." + segment(w.claims(nonce, nil)) + "."
		}
	}
	for name, token := range map[string]func(w *world, nonce string) string{
		"another nonce":       change("nonce", "guessed"),
		"no nonce":            change("nonce", nil),
		"another audience":    change("aud", "other"),
		"no audience":         change("aud", nil),
		"audience of others":  change("aud", []string{"other", "third"}),
		"two audiences":       change("aud", []string{clientID, "other"}),
		"another's party":     change("azp", "other"),
		"party that is none":  change("azp", 7),
		"another issuer":      change("iss", "https://evil.test"),
		"issuer with a slash": func(w *world, nonce string) string { return change("iss", w.URL+"/")(w, nonce) },
		"no issuer":           change("iss", nil),
		"expired":             change("exp", now.Unix()-1),
		"no expiry":           change("exp", nil),
		"not yet":             change("nbf", now.Unix()+3600),
		"no subject":          change("sub", nil),
		"empty subject":       change("sub", ""),
		"subject not text":    change("sub", 1),
		"alg none":            none("none"),
		"alg None":            none("None"),
		"no alg":              none(""),
		"HS256 by the client's secret": func(w *world, nonce string) string {
			return mac([]byte(clientSecret), w.claims(nonce, nil))
		},
		"HS256 by the public key": func(w *world, nonce string) string {
			point, _ := w.key.PublicKey.Bytes()
			return mac(point, w.claims(nonce, nil))
		},
		"another key":    func(w *world, nonce string) string { return signBy(mallory, "k1", w.claims(nonce, nil)) },
		"an unknown key": func(w *world, nonce string) string { return signBy(mallory, "k2", w.claims(nonce, nil)) },
		"another payload": func(w *world, nonce string) string {
			parts := strings.Split(w.sign(w.claims(nonce, nil)), ".")
			return parts[0] + "." + segment(w.claims(nonce, map[string]any{"sub": "root"})) + "." + parts[2]
		},
		"no signature": func(w *world, nonce string) string {
			signed := w.sign(w.claims(nonce, nil))
			return signed[:strings.LastIndex(signed, ".")+1]
		},
		"no token":  func(*world, string) string { return "" },
		"no JWT":    func(*world, string) string { return "a.b.c" },
		"encrypted": func(*world, string) string { return "a.b.c.d.e" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(rw http.ResponseWriter, nonce string) { w.give(rw, token(w, nonce)) }
			pending, brought := w.begin(t)
			id, err := w.flow.Finish(t.Context(), pending, brought)
			if e := gateway.AsError(err); err == nil || e.Kind != gateway.Unauthenticated || id.Subject != "" {
				t.Errorf("%+v, %v", id, err)
			}
			w.quiet(t, err)
		})
	}
}

// TestCodes: a code is worth nothing a second time, nor to another browser.
func TestCodes(t *testing.T) {
	w := newWorld(t)
	pending, brought := w.begin(t)
	if _, err := w.flow.Finish(t.Context(), pending, brought); err != nil {
		t.Fatal(err)
	}
	mine, my := w.begin(t)
	_, theirs := w.begin(t)
	stolen := url.Values{"code": theirs["code"], "state": my["state"]}
	for name, try := range map[string]struct {
		pending string
		brought url.Values
	}{"replayed": {pending, brought}, "of another browser": {mine, stolen}} {
		_, err := w.flow.Finish(t.Context(), try.pending, try.brought)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.Unauthenticated || e.Code != "sso_failed" {
			t.Errorf("%s: %v", name, err)
		}
		w.quiet(t, err)
	}
	if !strings.Contains(w.log.String(), "invalid_grant") {
		t.Errorf("the log does not say why: %s", &w.log)
	}
}

// TestState: whoever comes back without having begun in this browser, too late, or from
// elsewhere, is refused, and nobody is asked.
func TestState(t *testing.T) {
	w := newWorld(t)
	pending, brought := w.begin(t)
	attackers, theirs := w.begin(t)
	with := func(name, value string) url.Values {
		q := url.Values{"code": brought["code"], "state": brought["state"]}
		q.Set(name, value)
		return q
	}
	before := w.asked
	for _, tt := range []struct {
		name, pending string
		brought       url.Values
		later         time.Duration
		issuer, code  string
	}{
		{"no cookie, as in forged sign-ins", "", theirs, 0, "", "sso_state"},
		{"the attacker's answer in my browser", pending, theirs, 0, "", "sso_state"},
		{"my answer in another browser", attackers, brought, 0, "", "sso_state"},
		{"no state", pending, with("state", ""), 0, "", "sso_state"},
		{"a guessed state", pending, with("state", "guessed"), 0, "", "sso_state"},
		{"garbage", "{}", brought, 0, "", "sso_state"},
		{"an empty one", b64([]byte("{}")), url.Values{"code": {"x"}, "state": {""}}, 0, "", "sso_state"},
		{"a long one", strings.Repeat("a", 5000), brought, 0, "", "sso_state"},
		{"too late", pending, brought, sso.PendingTime + time.Second, "", "sso_state"},
		{"another issuer says so", pending, with("iss", "https://evil.test"), 0, "", "sso_issuer"},
		{"another issuer is configured", pending, brought, 0, "https://other.test", "sso_issuer"},
		{"an error", pending, with("error", "access_denied"), 0, "", "sso_refused"},
		{"no code", pending, with("code", ""), 0, "", "sso_code"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.now = now.Add(tt.later)
			w.settings.Issuer = w.URL
			if tt.issuer != "" {
				w.settings.Issuer = tt.issuer
			}
			_, err := w.flow.Finish(t.Context(), tt.pending, tt.brought)
			if e := gateway.AsError(err); err == nil || e.Kind != gateway.Unauthenticated || e.Code != tt.code {
				t.Errorf("%v", err)
			}
		})
	}
	if w.asked != before {
		t.Errorf("the provider was asked %d times", w.asked-before)
	}
}

// TestBoundedAnswers: a provider that answers too much, elsewhere, or not at all is an
// error, and one that fails is left in peace for a while.
func TestBoundedAnswers(t *testing.T) {
	for name, discovery := range map[string]func(http.ResponseWriter){
		"too long":       func(w http.ResponseWriter) { _, _ = w.Write(bytes.Repeat([]byte(" "), 2<<20)) },
		"redirect":       func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(302) },
		"another issuer": func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"issuer":"https://evil.test"}`)) },
		"no endpoints":   func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{}`)) },
		"not JSON":       func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) },
		"an error":       func(w http.ResponseWriter) { w.WriteHeader(503) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.discovery = func(rw http.ResponseWriter) bool { discovery(rw); return true }
			for range 3 {
				if _, _, err := w.flow.Begin(t.Context()); err == nil {
					t.Error("it was believed")
				}
			}
			if w.asked != 1 {
				t.Errorf("asked %d times", w.asked)
			}
			w.discovery, w.now = nil, now.Add(time.Minute)
			if _, _, err := w.flow.Begin(t.Context()); err != nil {
				t.Errorf("it is right again: %v", err)
			}
		})
	}
}

func TestWithoutSettings(t *testing.T) {
	w := newWorld(t)
	w.settings = nil
	_, _, err := w.flow.Begin(t.Context())
	_, finish := w.flow.Finish(t.Context(), "", url.Values{})
	for _, err := range []error{err, finish} {
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.NotFound || e.Code != "no_sso" {
			t.Errorf("%v", err)
		}
	}
	if _, err := sso.New(sso.Config{}); err == nil {
		t.Error("made of nothing")
	}
}
