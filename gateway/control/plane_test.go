package control_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

// world is a log that any number of nodes stand on.
type world struct {
	t      *testing.T
	log    *memlog.Log
	master string // key
	last   int    // command given
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, log: memlog.New(), master: vault.NewKey()}
}

// node starts a plane; change may alter what it stands on.
func (w *world) node(change ...func(*control.PlaneConfig)) *control.Plane {
	w.t.Helper()
	p, err := w.start(change...)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) start(change ...func(*control.PlaneConfig)) (*control.Plane, error) {
	w.t.Helper()
	master, err := vault.KeyText("test", w.master)
	if err != nil {
		w.t.Fatal(err)
	}
	v := vault.New(master, w.log.Keyring())
	cfg := control.PlaneConfig{
		Stream: w.log, Vault: v, Shredder: v, Loader: loader(), Node: "n1", Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&cfg)
	}
	p, err := control.NewPlane(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, p.Start(w.t.Context())
}

func (w *world) by(origin string) control.By {
	w.last++
	return control.By{Actor: "operator", Cause: "test", Origin: origin, Request: events.RequestID(fmt.Sprintf("request-%d", w.last))}
}

func (w *world) read(text string) *control.Wanted {
	w.t.Helper()
	wanted, err := loader().Parse([]byte(text), "testdata/x.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	return wanted
}

func (w *world) apply(p *control.Plane, text string, prune ...string) control.Applied {
	w.t.Helper()
	done, err := p.Apply(w.t.Context(), w.by(control.OriginFile), w.read(text), control.Application{Prune: prune})
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func (w *world) full() string {
	w.t.Helper()
	return readFile(w.t, "testdata/full.yaml")
}

// commands are everything on the control stream.
func (w *world) commands() []events.Command {
	w.t.Helper()
	cs, err := w.log.Commands(w.t.Context(), 1, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return cs
}

// same compares catalogs but for their versions.
func same(t *testing.T, want, got *control.Catalog) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(control.Catalog{}), cmpopts.IgnoreFields(control.Catalog{}, "Version", "Location", "Prices"),
		cmp.Comparer(func(a, b control.Secret) bool { return a.Equal(b) }), cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.IgnoreFields(control.Key{}, "ID"),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Tenant" }, cmp.Ignore())); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}

// TestFold: what is applied is in force as if it had been read from the file, on
// the node that applied it, on one that follows, and on one that starts later.
func TestFold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := w.node(), w.node()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { second.Run(ctx) })
		synctest.Wait()
		done := w.apply(first, w.full())
		synctest.Wait() // the clock stands still: it is live at once
		for name, p := range map[string]*control.Plane{"applied": first, "followed": second, "started later": w.node()} {
			t.Log(name)
			same(t, full(t), p.Live().Current())
			if p.Live().Current().Location.String() != "Europe/Berlin" || p.State().Seq != done.Seq || p.Err() != nil {
				t.Errorf("at %d, %v", p.State().Seq, p.Err())
			}
			for _, key := range append(secretsOf(done), ciKey) {
				if p.Live().Current().KeyBySecret(key) == nil {
					t.Errorf("key %q is unknown", key)
				}
			}
		}
		stop()
		running.Wait()
	})
}

func secretsOf(done control.Applied) []string {
	var out []string
	for _, k := range done.Keys {
		out = append(out, k.Secret.Reveal())
	}
	return out
}

// TestApplyAgain: no difference, no event; and a key that was generated stays.
func TestApplyAgain(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	first := w.apply(p, w.full())
	if len(first.Keys) != 1 || first.Keys[0].Name != "generated" || len(first.Changes) != len(p.State().Objects()) {
		t.Errorf("%d changes, keys %v", len(first.Changes), first.Keys)
	}
	again := w.apply(w.node(), w.full(), control.Everything()...)
	if again.Seq != first.Seq || len(again.Changes) != 0 || len(again.Keys) != 0 || len(w.commands()) != 2 {
		t.Errorf("again: %+v, %d messages", again, len(w.commands()))
	}
	key := first.Keys[0].Secret.Reveal()
	w.apply(p, strings.Replace(w.full(), "{name: generated}", "{name: generated, models: [smart]}", 1))
	if k := p.Live().Current().KeyBySecret(key); k == nil || k.MayUse("fast-1.5") {
		t.Errorf("after a change of the key: %+v", k)
	}
}

// TestNoSecretOnTheLog looks for everything that must not be there, and in what is shown.
func TestNoSecretOnTheLog(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	done := w.apply(p, w.full())
	changed := strings.NewReplacer("literal-key", "literal-key-2-longer-than-before", "role: operator", "role: viewer", "to=ops", "to=dev").Replace(w.full())
	second := w.apply(p, changed)
	secrets := append(secretsOf(done), ciKey, "sk-from-the-environment", "sk-from-a-file", "literal-key", "a-signing-secret-of-32-characters", "0123456789abcdef0123456789abcdef", "hooks.example.com")
	for _, c := range w.commands() {
		for _, s := range append(secrets, "acme.test") {
			if strings.Contains(string(c.Data), s) {
				t.Errorf("message %d shows %q", c.Seq, s)
			}
		}
	}
	shown := text(t, second) + fmt.Sprintf("%+v", done)
	for _, d := range append(done.Changes, second.Changes...) {
		shown += string(d.Before) + string(d.After)
	}
	text, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if strings.Contains(shown+string(text), s) {
			t.Errorf("%q is shown", s)
		}
	}
	if !strings.Contains(shown, "a@acme.test") {
		t.Error("an operator does not see whom a change is about")
	}
}

// TestExportRoundTrip: what is exported makes no difference where it comes from.
func TestExportRoundTrip(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, w.full())
	text, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := w.apply(w.node(), string(text), control.Everything()...)
	if len(done.Changes) != 0 {
		t.Errorf("differences %s in\n%s", done.Changes, text)
	}
	raw, err := w.read(w.full()).Encode()
	if err != nil {
		t.Fatal(err)
	}
	sent, err := p.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := p.Apply(t.Context(), w.by(control.OriginFile), sent, control.Application{Prune: control.Everything()}); err != nil || len(done.Changes) != 0 {
		t.Errorf("sent: %+v, %v", done, err)
	}
	other := newWorld(t)
	_, err = other.node().Apply(t.Context(), other.by(control.OriginFile), other.read(string(text)), control.Application{})
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("on another hub: %v", err)
	}
}

// TestPrune: without pruning nothing goes, with it what the file has not, in the
// order that leaves nothing without what it refers to.
func TestPrune(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, w.full())
	small := "providers: [{name: local, kind: ollama}]\nmodels: [{name: fast-1.5, targets: [{provider: local, model: \"llama3:8b\"}]}]\n"
	if done := w.apply(p, small); len(done.Changes) != 0 {
		t.Errorf("without pruning: %s", done.Changes)
	}
	if done := w.apply(p, small, control.OriginDemo, control.OriginEnvironment); len(done.Changes) != 0 {
		t.Errorf("of other origins: %s", done.Changes)
	}
	w.apply(p, small, control.OriginFile)
	same(t, catalogOf(t, w.read(small), nil), p.Live().Current())
	same(t, p.Live().Current(), w.node().Live().Current())
	_, err := p.Apply(t.Context(), w.by(control.OriginFile), w.read("tenants: [{name: acme}]"), control.Application{Prune: control.Everything()})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Live().Current(); len(c.Providers)+len(c.Models) != 0 || len(c.Tenants) != 1 {
		t.Errorf("%+v", c)
	}
}

// TestDoesNotFit: what does not fit to what is in force changes nothing, and says why.
func TestDoesNotFit(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, w.full())
	secret := "tenants: [{name: more, keys: [{name: k, key: " + ciKey + "}]}]"
	_, err := p.Apply(t.Context(), w.by(control.OriginFile), w.read(secret), control.Application{})
	if err == nil || !strings.Contains(err.Error(), "the same secret as tenants[0].keys[0].key") || strings.Contains(err.Error(), ciKey) {
		t.Errorf("%v", err)
	}
	if len(w.commands()) != 2 {
		t.Errorf("%d messages", len(w.commands()))
	}
}

// TestDryRun tells the same as the command and changes nothing.
func TestDryRun(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	by := w.by(control.OriginFile)
	by.DryRun = true
	dry, err := p.Apply(t.Context(), by, w.read(w.full()), control.Application{})
	if err != nil || len(w.commands()) != 1 || len(dry.Keys) != 0 {
		t.Fatalf("%d messages, keys %v, %v", len(w.commands()), dry.Keys, err)
	}
	if done := w.apply(p, w.full()); len(done.Changes) != len(dry.Changes) {
		t.Errorf("%d changes, %d were told", len(done.Changes), len(dry.Changes))
	}
}

// TestRivals: commands of many nodes at once are all there, each made of what the
// one before it has left.
func TestRivals(t *testing.T) {
	w := newWorld(t)
	const nodes = 6
	w.apply(w.node(), "tenants: [{name: shared}]")
	shared := control.Ref{Sort: events.TenantSort, Tenant: "shared", ID: "shared"}
	var wg sync.WaitGroup
	for i := range nodes {
		p, by, wanted := w.node(), w.by(control.OriginFile), w.read(fmt.Sprintf("tenants: [{name: t%d, keys: [{name: k}]}]", i))
		wg.Go(func() {
			if _, err := p.Apply(context.Background(), by, wanted, control.Application{}); err != nil {
				t.Error(err)
			}
			by.Request += "-again"
			patch := fmt.Appendf(nil, `{"limits": [{"per": "day", "requests": %d}]}`, i+1)
			if _, err := p.Do(context.Background(), by, func(d *control.Draft) error { return d.Patch(shared, nil, patch) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	p := w.node()
	if n := len(p.Live().Current().Tenants); n != nodes+1 || len(w.commands()) != 2*nodes+2 {
		t.Errorf("%d tenants, %d messages", n, len(w.commands()))
	}
}

// overtaken is a stream on which somebody else is faster, once.
type overtaken struct {
	*memlog.Log
	rival func()
}

func (o *overtaken) AppendControl(ctx context.Context, after uint64, c events.Command) (uint64, error) {
	if rival := o.rival; rival != nil {
		o.rival = nil
		rival()
	}
	return o.Log.AppendControl(ctx, after, c)
}

// TestOvertaken: a command that a rival was faster than is made anew of what the
// rival has left.
func TestOvertaken(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	w.apply(other, "tenants: [{name: acme}]")
	acme := control.Ref{Sort: events.TenantSort, Tenant: "acme", ID: "acme"}
	patch := func(p *control.Plane, text string) error {
		_, err := p.Do(t.Context(), w.by(control.OriginAPI), func(d *control.Draft) error { return d.Patch(acme, nil, []byte(text)) })
		return err
	}
	stream := &overtaken{w.log, func() {
		if err := patch(other, `{"on_disconnect": "cancel", "limits": [{"concurrency": 1}]}`); err != nil {
			t.Error(err)
		}
	}}
	p := w.node(func(c *control.PlaneConfig) { c.Stream = stream })
	if err := patch(p, `{"limits": [{"concurrency": 2}]}`); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*control.Plane{"overtaken": p, "started later": w.node()} {
		got := p.Live().Current().Tenants["acme"]
		if got.OnDisconnect != "cancel" || len(got.Limits) != 1 || got.Limits[0].Max != 2 || len(w.commands()) != 4 {
			t.Errorf("%s: %+v, %d messages", name, got, len(w.commands()))
		}
	}
}

// TestNoLeaderYet: a stream that takes nothing for some seconds, as one of a new cluster
// does that has no leader yet, is given the time.
func TestNoLeaderYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.node()
		w.apply(first, "tenants: [{name: acme}]")
		p := w.node(func(c *control.PlaneConfig) { c.Stream = &flaky{Log: w.log, fail: 9} })
		began := time.Now()
		w.apply(p, "tenants: [{name: acme, on_disconnect: cancel}]")
		if took := time.Since(began); took < 2*time.Second || took > 5*time.Second {
			t.Errorf("it was given %s", took)
		}
	})
}

// flaky is a stream whose appends are told to have failed; applied ones were kept.
type flaky struct {
	*memlog.Log
	fail    int
	applied bool
}

func (f *flaky) AppendControl(ctx context.Context, after uint64, c events.Command) (uint64, error) {
	if f.fail == 0 {
		return f.Log.AppendControl(ctx, after, c)
	}
	f.fail--
	if f.applied {
		if _, err := f.Log.AppendControl(ctx, after, c); err != nil {
			return 0, err
		}
	}
	return 0, events.ErrUnavailable
}

// TestUnknownAppend: an append without an answer leaves the command on the log
// once, and a key that was made is told.
func TestUnknownAppend(t *testing.T) {
	for _, applied := range []bool{false, true} {
		w := newWorld(t)
		p := w.node(func(c *control.PlaneConfig) { c.Stream = &flaky{w.log, 2, applied} })
		done := w.apply(p, w.full())
		if len(done.Keys) != 1 || len(done.Changes) != len(p.State().Objects()) || len(w.commands()) != 2 || done.Seq != 2 {
			t.Errorf("applied %t: %d keys, %d changes, %d messages", applied, len(done.Keys), len(done.Changes), len(w.commands()))
		}
		if k := done.Keys; len(k) > 0 && w.node().Live().Current().KeyBySecret(k[0].Secret.Reveal()) == nil {
			t.Errorf("applied %t: the key is another", applied)
		}
	}
}

// TestManyObjects: a configuration of more than one message comes whole.
func TestManyObjects(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	var text strings.Builder
	text.WriteString("tenants:\n  - name: acme\n    keys:\n")
	const n = 600
	for i := range n {
		fmt.Fprintf(&text, "      - {name: k%d}\n", i)
	}
	done := w.apply(p, text.String())
	if len(done.Keys) != n || len(w.commands()) != 4 || len(w.node().Live().Current().Tenants["acme"].Keys) != n {
		t.Errorf("%d keys, %d messages", len(done.Keys), len(w.commands()))
	}
	if done := w.apply(p, "settings: {time_zone: UTC}", control.Everything()...); len(done.Changes) != n+2 || len(p.Live().Current().Tenants) != 0 {
		t.Errorf("removed: %d changes", len(done.Changes))
	}
}

// TestMovedProviderLosesItsKeys: whoever changes the address without the key gets none.
func TestMovedProviderLosesItsKeys(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	w.apply(p, "providers: [{name: p, kind: openai, credentials: [{name: a, api_key: sk-a}, {name: b, api_key: sk-b}]}]")
	done := w.apply(p, "providers: [{name: p, kind: openai, base_url: \"https://evil.example/v1\", credentials: [{name: a, api_key: sk-new}]}]")
	if len(done.Changes) != 3 {
		t.Errorf("changes %s", done.Changes)
	}
	for name, p := range map[string]*control.Plane{"changed": p, "started later": w.node()} {
		cs := p.Live().Current().Providers["p"].Credentials
		if len(cs) != 1 || cs[0].Name != "a" || cs[0].APIKey.Reveal() != "sk-new" {
			t.Errorf("%s: %d credentials", name, len(cs))
		}
	}
}

// TestMovedIssuerLosesItsSecret: the secret of single sign-on is sealed for its issuer,
// and goes to no other unless it is given again.
func TestMovedIssuerLosesItsSecret(t *testing.T) {
	w := newWorld(t)
	p := w.node()
	const rest = `client_id: hub, redirect_url: "https://hub.test/api/v1/sso/callback", roles: [{claim: a, value: b, role: admin}]`
	w.apply(p, `settings: {sso: {issuer: "https://one.test/a", client_secret: first, `+rest+`}}`)
	settings := control.Ref{Sort: events.SettingsSort, Tenant: events.NoTenant, ID: "hub"}
	for i, step := range []struct{ patch, want string }{
		{`{"sso":{"issuer":"https://one.test/b"}}`, "first"},
		{`{"sso":{"issuer":"https://ONE.test/b"},"time_zone":"Europe/Berlin"}`, "first"},
		{`{"sso":{"issuer":"https://two.test/b"}}`, ""},
		{`{"sso":{"client_secret":"second"}}`, "second"},
		{`{"sso":{"issuer":"https://one.test/b","client_secret":"third"}}`, "third"},
		{`{"sso":{"issuer":"http://one.test/b"}}`, ""},
	} {
		_, err := p.Do(t.Context(), control.By{Actor: "operator", Origin: control.OriginAPI, Request: events.RequestID(fmt.Sprint("r", i))}, func(d *control.Draft) error {
			return d.Patch(settings, nil, []byte(step.patch))
		})
		if err != nil {
			t.Fatalf("%s: %v", step.patch, err)
		}
		for name, p := range map[string]*control.Plane{"changed": p, "started later": w.node()} {
			if got := p.Live().Current().SSO.ClientSecret.Reveal(); got != step.want {
				t.Errorf("%s: %s: secret %q, want %q", step.patch, name, got, step.want)
			}
		}
	}
}

// TestRemovedTenantIsShredded: with a tenant goes what opens what it had on the log.
func TestRemovedTenantIsShredded(t *testing.T) {
	w := newWorld(t)
	p, other := w.node(), w.node()
	w.apply(p, "tenants: [{name: acme, users: [{email: a@acme.test}]}, {name: kept, users: [{email: b@kept.test}]}]")
	keys, err := w.log.Keyring().List(t.Context(), "")
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d data keys, %v", len(keys), err)
	}
	w.apply(p, "tenants: [{name: kept}]", control.OriginFile)
	if keys, err := w.log.Keyring().List(t.Context(), ""); err != nil || len(keys) != 1 || !strings.HasPrefix(keys[0].Key, "k.kept.") {
		t.Errorf("data keys %v, %v", keys, err)
	}
	if err := other.Sync(t.Context()); err != nil {
		t.Error(err)
	}
	w.apply(other, "tenants: [{name: acme, users: [{email: a@acme.test}]}]") // the name may come again
	same(t, other.Live().Current(), w.node().Live().Current())
}

// TestGuard: a stream that is not the one that was folded is noticed while a node
// runs and when it starts, and nothing is taken from it.
func TestGuard(t *testing.T) {
	for name, other := range map[string]func(w *world) *memlog.Log{
		"recreated": func(*world) *memlog.Log { return memlog.New() },
		"shorter":   func(w *world) *memlog.Log { return w.log },
		"changed":   func(w *world) *memlog.Log { return w.log },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { guard(t, name, other) })
		})
	}
}

func guard(t *testing.T, trouble string, other func(w *world) *memlog.Log) {
	w := newWorld(t)
	anchor := control.AnchorFile(filepath.Join(t.TempDir(), "control.json"))
	shown := &swapped{Log: w.log}
	on := func(c *control.PlaneConfig) { c.Stream, c.Anchor = shown, anchor }
	running := w.node(on)
	w.apply(running, w.full())
	<-time.After(time.Second) // so that another stream has another time of creation
	*shown = swapped{Log: other(w), trouble: trouble}
	_, err := w.start(on)
	if _, ok := errors.AsType[*control.GuardError](err); !ok {
		t.Errorf("at the start: %v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	running.Run(ctx) // ends by itself
	if _, ok := errors.AsType[*control.GuardError](running.Err()); !ok || ctx.Err() != nil {
		t.Errorf("while it runs: %v", running.Err())
	}
	same(t, full(t), running.Live().Current())
	if _, err := running.Apply(t.Context(), w.by(control.OriginFile), w.read("tenants: [{name: x}]"), control.Application{}); err == nil {
		t.Error("it takes commands")
	}
}

// swapped is a stream that something has happened to.
type swapped struct {
	*memlog.Log
	trouble string
}

func (s *swapped) ControlInfo(ctx context.Context) (events.Info, error) {
	info, err := s.Log.ControlInfo(ctx)
	if s.trouble == "shorter" {
		info.Last = 1
	}
	return info, err
}

func (s *swapped) Commands(ctx context.Context, from uint64, limit int) ([]events.Command, error) {
	cs, err := s.Log.Commands(ctx, from, limit)
	for i := range cs {
		if s.trouble == "changed" && cs[i].Seq == 2 {
			cs[i].Data = []byte(strings.Replace(string(cs[i].Data), `"openai"`, `"openal"`, 1))
		}
	}
	return cs, err
}

// TestBrokenChain: a message that does not follow the one before it is not folded.
func TestBrokenChain(t *testing.T) {
	w := newWorld(t)
	w.apply(w.node(), w.full())
	for name, change := range map[string]func(*events.Command){
		"gap":   func(c *events.Command) { c.Seq++ },
		"chain": func(c *events.Command) { c.Prev = strings.Repeat("0", 64) },
		"kind":  func(c *events.Command) { c.Data = []byte(strings.Replace(string(c.Data), ".set", ".sat", 2)) },
		"before": func(c *events.Command) {
			c.Data = []byte(strings.Replace(string(c.Data), `"after":`, `"before":{},"after":`, 1))
		},
		"empty": func(c *events.Command) { c.Data = nil },
	} {
		cs := w.commands()
		change(&cs[1])
		if _, err := control.NewState().Next(cs...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestOldGeneratedKeys: keys that an older version generated stay as they are.
func TestOldGeneratedKeys(t *testing.T) {
	w := newWorld(t)
	old := control.KeyFile(filepath.Join(t.TempDir(), "keys.json"))
	secret, err := old.Keep("acme", "generated")
	if err != nil {
		t.Fatal(err)
	}
	p := w.node()
	done, err := p.Apply(t.Context(), w.by(control.OriginFile), w.read(w.full()), control.Application{Keys: old})
	if err != nil || len(done.Keys) != 0 {
		t.Errorf("keys %v, %v", done.Keys, err)
	}
	if k := p.Live().Current().KeyBySecret(secret.Reveal()); k == nil || k.Name != "generated" {
		t.Errorf("key %v", k)
	}
}

// TestWithoutTheMasterKey: a node that cannot open the secrets says so at its start.
func TestWithoutTheMasterKey(t *testing.T) {
	w := newWorld(t)
	w.apply(w.node(), w.full())
	w.master = vault.NewKey()
	if _, err := w.start(); !errors.Is(err, vault.ErrMaster) {
		t.Errorf("%v", err)
	}
}
