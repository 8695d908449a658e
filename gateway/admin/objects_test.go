package admin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

// configured is an API over a control plane of its own.
type configured struct {
	http.Handler
	t     *testing.T
	log   *memlog.Log
	plane *control.Plane
}

func configure(t *testing.T) *configured {
	t.Helper()
	log := memlog.New()
	master, err := vault.KeyText("test", vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	v := vault.New(master, log.Keyring())
	kinds := []control.Kind{{Name: "openai", BaseURL: "https://api.openai.test/v1"}}
	plane, err := control.NewPlane(control.PlaneConfig{
		Stream: log, Vault: v, Shredder: v, Loader: &control.Loader{Kinds: kinds, Prices: &accounting.Book{}}, Node: "n1", Now: time.Now,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = plane.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return &configured{Handler: newHandler(t, admin.Config{Control: plane}), t: t, log: log, plane: plane}
}

// send makes a call; pairs are headers. It fails unless the status is as wanted.
func (c *configured) send(status int, method, target, body string, pairs ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequest(method, "/api/v1/"+target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token")
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if w.Code != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, target, w.Code, status, w.Body)
	}
	return w
}

func (c *configured) messages() int {
	c.t.Helper()
	cs, err := c.log.Commands(c.t.Context(), 1, 1000)
	if err != nil {
		c.t.Fatal(err)
	}
	return len(cs)
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

// TestEverySort goes through the life of an object of every sort.
func TestEverySort(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`)
	c.send(201, "POST", "providers", `{"name": "p", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-1"}]}`)
	user := control.UserID("acme", "a@acme.test")
	for _, tt := range []struct{ list, create, item, spec, patch string }{
		{"tenants", "tenants", "tenants/other", `{"name": "other"}`, `{"on_disconnect": "cancel"}`},
		{"users", "users?tenant=acme", "users/acme/" + user, `{"email": "a@acme.test"}`, `{"role": "admin"}`},
		{"keys", "keys?tenant=acme", "keys/acme/ci", `{"name": "ci"}`, `{"tags": ["x"]}`},
		{"providers", "providers", "providers/q", `{"name": "q", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-2"}]}`, `{"timeouts": {"idle": "30s"}}`},
		{"credentials", "credentials?provider=p", "credentials/p/d", `{"name": "d", "api_key": "sk-3"}`, `{"weight": 7}`},
		{"models", "models", "models/smart-1.5", `{"name": "smart-1.5", "targets": [{"provider": "p", "model": "gpt"}]}`, `{"limits": [{"concurrency": 1}]}`},
		{"prices", "prices", "prices/openai/gpt%2Fx", `{"model": "gpt/x", "provider": "openai", "input": "1", "output": "2"}`, `{"output": "3"}`},
	} {
		t.Run(tt.list, func(t *testing.T) {
			before := len(decode[admin.Page](t, c.send(200, "GET", tt.list, "")).Items)
			made := c.send(201, "POST", tt.create, tt.spec)
			c.send(409, "POST", tt.create, tt.spec)
			etag := made.Header().Get("ETag")
			if shown := c.send(200, "GET", tt.item, ""); shown.Header().Get("ETag") != etag || etag == "" {
				t.Errorf("ETag %s, then %s", etag, shown.Header().Get("ETag"))
			}
			if n := len(decode[admin.Page](t, c.send(200, "GET", tt.list, "")).Items); n != before+1 {
				t.Errorf("%d in the list, there were %d", n, before)
			}
			messages := c.messages()
			if dry := decode[admin.ObjectAnswer](t, c.send(200, "PATCH", tt.item+"?dry_run=true", tt.patch)); len(dry.Changes) != 1 || c.messages() != messages {
				t.Errorf("dry run: %+v", dry)
			}
			patched := c.send(200, "PATCH", tt.item, tt.patch, "If-Match", etag)
			if next := patched.Header().Get("ETag"); next == etag {
				t.Errorf("ETag %s after a change", next)
			}
			if p := problem(t, c.send(412, "PATCH", tt.item, tt.patch, "If-Match", etag)); p.Code != "changed_meanwhile" {
				t.Errorf("%+v", p)
			}
			c.send(412, "DELETE", tt.item, "", "If-Match", etag)
			c.send(400, "PATCH", tt.item, `{"nonsense": 1}`)
			c.send(400, "PATCH", tt.item, `[]`)
			c.send(400, "DELETE", tt.item+"?force=1", "")
			c.send(200, "DELETE", tt.item, "", "If-Match", patched.Header().Get("ETag"))
			c.send(404, "GET", tt.item, "")
			c.send(404, "PATCH", tt.item, tt.patch)
			c.send(404, "DELETE", tt.item, "")
		})
	}
	if zone := decode[control.View](t, c.send(200, "PATCH", "settings", `{"time_zone": "Europe/Berlin"}`)); !strings.Contains(string(zone.Spec), "Berlin") {
		t.Errorf("settings %s", zone.Spec)
	}
	if c.plane.Live().Current().Location.String() != "Europe/Berlin" {
		t.Error("the settings are not in force")
	}
}

// TestSecretsAreNeverAnswered: what was given is not given back, but for a new
// virtual key, once.
func TestSecretsAreNeverAnswered(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`)
	const secret = "sk-very-secret-0123456789"
	made := c.send(201, "POST", "providers", `{"name": "p", "kind": "openai", "credentials": [{"name": "c", "api_key": "`+secret+`"}]}`)
	keys := decode[admin.ObjectAnswer](t, c.send(201, "POST", "keys?tenant=acme", `{"name": "k"}`)).Keys
	if len(keys) != 1 || c.plane.Live().Current().KeyBySecret(keys[0].Key) == nil {
		t.Fatalf("keys %v", keys)
	}
	seen := made.Body.String()
	for _, path := range []string{"keys", "keys/acme/k", "credentials", "credentials/p/c", "providers", "config"} {
		seen += c.send(200, "GET", path, "").Body.String()
	}
	seen += c.send(200, "PATCH", "credentials/p/c", `{"weight": 2}`).Body.String()
	seen += c.send(400, "PATCH", "credentials/p/c", `{"api_key": ["`+secret+`"]}`).Body.String()
	seen += c.send(400, "PATCH", "credentials/p/c", `{"api_key": "`+secret+` "}`).Body.String()
	if strings.Contains(seen, secret) || strings.Contains(seen, keys[0].Key) {
		t.Errorf("a secret is shown: %s", seen)
	}
	if !strings.Contains(seen, "...6789]") {
		t.Error("a key cannot be recognised")
	}
	p := problem(t, c.send(400, "PATCH", "credentials/p/c", `{"api_key": "env:HOME"}`))
	if p.Field != "api_key" || !strings.Contains(p.Detail, "files only") {
		t.Errorf("%+v", p)
	}
	for target, body := range map[string]string{
		"credentials/p/c": `{"api_key": "sealed:v1.aa.bb"}`, "settings": `{"webhooks": [{"url": "sealed:x", "secret": "0123456789abcdef0123456789abcdef"}]}`,
	} {
		if p := problem(t, c.send(400, "PATCH", target, body)); !strings.Contains(p.Detail, "sealed values") {
			t.Errorf("%s: %+v", target, p)
		}
	}
	if key := c.plane.Live().Current().Providers["p"].Credentials[0]; key.APIKey.Reveal() != secret || key.Weight != 2 {
		t.Error("a change of something else changes the secret")
	}
}

// TestIdempotencyKey: a command that is sent twice is done once.
func TestIdempotencyKey(t *testing.T) {
	c := configure(t)
	first := c.send(201, "POST", "tenants", `{"name": "acme"}`, "Idempotency-Key", "once")
	again := decode[admin.ObjectAnswer](t, c.send(201, "POST", "tenants", `{"name": "acme"}`, "Idempotency-Key", "once"))
	if done := decode[admin.ObjectAnswer](t, first); !again.Replayed || again.Seq != done.Seq || done.Replayed || c.messages() != 2 {
		t.Errorf("%+v, then %+v, %d messages", done, again, c.messages())
	}
	c.send(409, "POST", "tenants", `{"name": "acme"}`, "Idempotency-Key", "another")
	c.send(400, "POST", "tenants", `{"name": "acme"}`, "Idempotency-Key", strings.Repeat("x", 256))
}

func TestPages(t *testing.T) {
	c := configure(t)
	for i := range 7 {
		c.send(201, "POST", "tenants", fmt.Sprintf(`{"name": "t%d", "keys": [{"name": "a"}, {"name": "b"}]}`, 6-i))
	}
	var got []string
	target := "keys?limit=4"
	for pages := 1; ; pages++ {
		page := decode[admin.Page](t, c.send(200, "GET", target, ""))
		for _, v := range page.Items {
			got = append(got, string(v.Tenant)+"/"+v.ID)
		}
		if page.Next == "" {
			if pages != 4 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		target = "keys?limit=4&after=" + strings.ReplaceAll(page.Next, " ", "%20")
	}
	want := "t0/a t0/b t1/a t1/b t2/a t2/b t3/a t3/b t4/a t4/b t5/a t5/b t6/a t6/b"
	if strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
	if only := decode[admin.Page](t, c.send(200, "GET", "keys?tenant=t3", "")); len(only.Items) != 2 {
		t.Errorf("%d keys of one tenant", len(only.Items))
	}
	for _, wrong := range []string{"limit=0", "limit=1001", "limit=x", "sort=id"} {
		c.send(400, "GET", "keys?"+wrong, "")
	}
}

// TestKeyLife: rolled with an overlap, paused, resumed, revoked for good.
func TestKeyLife(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`)
	secret := func(w *httptest.ResponseRecorder) string {
		return decode[admin.ObjectAnswer](t, w).Keys[0].Key
	}
	works := func(key string) string {
		k := c.plane.Live().Current().KeyBySecret(key)
		if k == nil {
			return "unknown"
		}
		return k.Usable(time.Now())
	}
	first := secret(c.send(201, "POST", "keys?tenant=acme", `{"name": "k", "expires": "2999-01-01T00:00:00Z"}`))
	second := secret(c.send(200, "POST", "keys/acme/k/roll?overlap=1h", ""))
	if works(first) != "" || works(second) != "" {
		t.Errorf("in the overlap: %q, %q", works(first), works(second))
	}
	third := secret(c.send(200, "POST", "keys/acme/k/roll", ""))
	if works(first) != "unknown" || works(second) != "unknown" || works(third) != "" {
		t.Errorf("without an overlap: %q, %q, %q", works(first), works(second), works(third))
	}
	c.send(200, "PATCH", "keys/acme/k", `{"state": "paused"}`)
	if works(third) != "paused" {
		t.Errorf("paused: %q", works(third))
	}
	c.send(200, "PATCH", "keys/acme/k", `{"state": "active", "expires": "2001-01-01T00:00:00Z"}`)
	if works(third) != "expired" {
		t.Errorf("expired: %q", works(third))
	}
	c.send(200, "PATCH", "keys/acme/k", `{"state": "revoked"}`)
	c.send(409, "PATCH", "keys/acme/k", `{"state": "active"}`)
	c.send(409, "PATCH", "keys/acme/k", `{"state": null}`)
	c.send(409, "POST", "keys/acme/k/roll", "")
	if works(third) != "revoked" {
		t.Errorf("revoked: %q", works(third))
	}
	c.send(400, "POST", "keys/acme/k/roll?overlap=1000h", "")
	c.send(400, "POST", "keys/acme/k/roll?overlap=soon", "")
	c.send(404, "POST", "keys/acme/none/roll", "")
	c.send(404, "POST", "keys/acme/k", "")
	c.send(400, "POST", "keys", `{"name": "x"}`)
	c.send(404, "POST", "keys?tenant=nobody", `{"name": "x"}`)
}
