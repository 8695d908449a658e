package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/vault"
	"github.com/llm-hub/llm-hub/gateway/web"

	"context"
)

type operator struct{}

// Identify knows one token.
func (operator) Identify(r *http.Request) (auth.Person, error) {
	return auth.Person{Name: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), Role: "admin"}, nil
}

// hub is a client of the API's own handlers, whose answers are held to the description.
func hub(t *testing.T) *client.Client {
	t.Helper()
	plane := newPlane(t, memlog.New(), time.Now)
	a, err := admin.New(admin.Config{Operator: operator{}, Control: plane, Status: func(context.Context) (any, error) { return nil, errors.New("not here") }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := web.New(web.Config{Logger: slog.New(slog.DiscardHandler), Guards: a.Guards()})
	if err == nil {
		err = s.Mount(a.Routes()...)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(openapi.Hold(t, s))
	t.Cleanup(server.Close)
	return connect(t, server.URL, server.Client())
}

func newPlane(t *testing.T, log *memlog.Log, now func() time.Time) *control.Plane {
	t.Helper()
	master, err := vault.KeyText("test", vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	v := vault.New(master, log.Keyring())
	plane, err := control.NewPlane(control.PlaneConfig{
		Stream: log, Vault: v, Shredder: v, Node: "n1", Now: now, Logger: slog.New(slog.DiscardHandler),
		Loader: &control.Loader{Kinds: []control.Kind{{Name: "openai", BaseURL: "https://api.openai.test/v1"}}, Prices: &accounting.Book{}},
	})
	if err == nil {
		err = plane.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return plane
}

func connect(t *testing.T, url string, doer *http.Client) *client.Client {
	t.Helper()
	return connectAs(t, "someone", url, doer)
}

func connectAs(t *testing.T, token, url string, doer *http.Client) *client.Client {
	t.Helper()
	c, err := client.New(url, token, doer)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestObjects goes through the life of objects with types.
func TestObjects(t *testing.T) {
	c, ctx := hub(t), t.Context()
	must[client.Changed[client.Provider]](t)(c.Providers().Create(ctx, "", client.Provider{
		Name: "p", Kind: "openai", Credentials: []client.Credential{{Name: "c", APIKey: "sk-1"}},
	}))
	model := must[client.Changed[client.Model]](t)(c.Models().Create(ctx, "", client.Model{Name: "smart", Targets: []client.Target{{Provider: "p", Model: "gpt"}}}))
	must[client.Changed[client.Tenant]](t)(c.Tenants().Create(ctx, "", client.Tenant{Name: "acme"}))
	key := must[client.Changed[client.Key]](t)(c.Keys().Create(ctx, "acme", client.Key{Name: "ci", Models: []string{"smart"}}, client.Once("a")))
	again := must[client.Changed[client.Key]](t)(c.Keys().Create(ctx, "acme", client.Key{Name: "ci", Models: []string{"smart"}}, client.Once("a")))
	if len(key.Keys) != 1 || !again.Replayed || again.Seq != key.Seq {
		t.Errorf("%+v, then %+v", key, again)
	}
	if _, err := c.Keys().Create(ctx, "", client.Key{Name: "x"}); err == nil {
		t.Error("a key that nobody holds")
	}
	requests := int64(5)
	dry := must[client.Changed[client.Model]](t)(c.Models().Update(ctx, "smart", client.Patch{"limits": []client.Limit{{Per: "day", Requests: &requests}}}, client.DryRun()))
	if len(dry.Changes) != 1 || dry.Spec != nil && len(dry.Spec.Limits) != 0 {
		t.Errorf("dry run %+v", dry)
	}
	must[client.Changed[client.Model]](t)(c.Models().Update(ctx, "smart", client.Patch{"limits": []client.Limit{{Per: "day", Requests: &requests}}}, client.IfVersion(model.Version)))
	_, err := c.Models().Update(ctx, "smart", client.Patch{"limits": nil}, client.IfVersion(model.Version))
	stale, ok := errors.AsType[*client.Error](err)
	var now client.Model
	if !ok || client.StatusOf(err) != http.StatusPreconditionFailed {
		t.Fatalf("%v", err)
	}
	if version, ok := stale.Current(&now); !ok || version <= model.Version || len(now.Limits) != 1 {
		t.Errorf("version %d, %t, %+v", version, ok, now)
	}
	var causes []string
	for v, err := range c.Models().History(ctx, "smart") {
		if err != nil {
			t.Fatal(err)
		}
		causes = append(causes, v.Cause)
	}
	if !slices.Equal(causes, []string{"model.patch", "model.create"}) {
		t.Errorf("history %v", causes)
	}
	back := must[client.Changed[client.Model]](t)(c.Models().Rollback(ctx, "smart", model.Version))
	if len(back.Spec.Limits) != 0 {
		t.Errorf("%+v", back.Spec)
	}
	rolled := must[client.Changed[client.Key]](t)(c.RollKey(ctx, "acme/ci", client.RollQuery{Overlap: "1h"}))
	if len(rolled.Keys) != 1 || rolled.Keys[0].Key == key.Keys[0].Key || rolled.Spec.Previous == nil {
		t.Errorf("%+v", rolled)
	}
	must[client.Changed[client.Cooldown]](t)(c.Cooldown(ctx, "p/c", client.CooldownOrder{For: "5m", Model: "org/gpt"}))
	must[client.Changed[client.Cooldown]](t)(c.Release(ctx, "p/c", client.ReleaseOrder{}))
	must[client.Changed[client.Price]](t)(c.Prices().Create(ctx, "", client.Price{Provider: "openai", Model: "org/gpt", Input: "1", Output: "2"}))
	if p := must[client.Object[client.Price]](t)(c.Prices().Get(ctx, "openai/org/gpt")); p.Spec.Output != "2" {
		t.Errorf("%+v", p)
	}
	must[client.Changed[client.Key]](t)(c.Keys().Delete(ctx, "acme/ci"))
	if _, err := c.Keys().Get(ctx, "acme/ci"); client.StatusOf(err) != http.StatusNotFound {
		t.Errorf("removed: %v", err)
	}
}

// TestPages: an iterator goes through all pages, stops where it is told to, and ends with
// an error.
func TestPages(t *testing.T) {
	c, ctx := hub(t), t.Context()
	for i := range 7 {
		must[client.Changed[client.Tenant]](t)(c.Tenants().Create(ctx, "", client.Tenant{Name: fmt.Sprint("t", i), Keys: []client.Key{{Name: "k"}}}))
	}
	var got []string
	for k, err := range c.Keys().All(ctx, client.KeyList{ListQuery: client.ListQuery{Limit: 3}}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, k.Tenant); len(got) == 5 {
			break
		}
	}
	if want := []string{"t0", "t1", "t2", "t3", "t4"}; !slices.Equal(want, got) {
		t.Errorf("%v", got)
	}
	n := 0
	for _, err := range c.Audit(ctx, client.AuditQuery{Sort: "key", Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 7 {
		t.Errorf("%d entries", n)
	}
	for _, err := range c.Keys().All(ctx, client.KeyList{State: "odd", ListQuery: client.ListQuery{Limit: 5000}}) {
		if client.StatusOf(err) != http.StatusBadRequest {
			t.Errorf("%v", err)
		}
	}
}

// TestErrors: every mistake with its field.
func TestErrors(t *testing.T) {
	c := hub(t)
	_, err := c.Providers().Create(t.Context(), "", client.Provider{Name: "A B", Kind: "openai", Timeouts: &client.Timeouts{Idle: "soon"}})
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusBadRequest || len(e.Fields()) != 2 {
		t.Fatalf("%v: %+v", err, e)
	}
	for _, field := range []string{"name", "timeouts.idle"} {
		if !slices.ContainsFunc(e.Fields(), func(f client.FieldError) bool { return f.Field == field }) || !strings.Contains(e.Error(), field) {
			t.Errorf("%s is not told: %v", field, e)
		}
	}
	if _, err := client.New("hub.example", "", nil); err == nil {
		t.Error("an address without a scheme")
	}
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "a proxy's words", http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	if _, err := connect(t, broken.URL, nil).Settings(t.Context()); client.StatusOf(err) != http.StatusBadGateway || !strings.Contains(err.Error(), "a proxy's words") {
		t.Errorf("%v", err)
	}
}

// TestLines: what goes wrong in the middle of a long answer is its error.
func TestLines(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"progress":{"done":1}}` + "\n" + `{"error":{"code":"internal","detail":"It broke."}}` + "\n"))
	}))
	t.Cleanup(s.Close)
	var progress []json.RawMessage
	var failed error
	for line, err := range connect(t, s.URL, nil).Verify(t.Context()) {
		if failed = err; err == nil {
			progress = append(progress, line.Progress)
		}
	}
	if len(progress) != 1 || failed == nil || failed.Error() != "It broke." {
		t.Errorf("%s, %v", progress, failed)
	}
}
