package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

func home() control.Place {
	return control.Place{Tenant: "acme", Object: "credential openai/main", Host: "https://api.openai.com", Field: "api_key"}
}

func keys(t *testing.T, path string) *vault.Keys {
	t.Helper()
	k, err := vault.KeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, v *vault.Vault, at control.Place, text string) string {
	t.Helper()
	sealed, err := v.Seal(t.Context(), at, control.NewSecret(text))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, text) {
		t.Errorf("%q shows %q", sealed, text)
	}
	return sealed
}

func opens(t *testing.T, v *vault.Vault, at control.Place, sealed, want string) {
	t.Helper()
	s, err := v.Open(t.Context(), at, sealed)
	if err != nil || s.Reveal() != want {
		t.Errorf("opened as %q, %v, want %q", s.Reveal(), err, want)
	}
}

// TestPlace: what is sealed opens where it belongs, and neither elsewhere nor changed.
func TestPlace(t *testing.T) {
	v := vault.New(keys(t, filepath.Join(t.TempDir(), "master.key")), memlog.New().Keyring())
	sealed := seal(t, v, home(), "sk-secret")
	opens(t, v, home(), sealed, "sk-secret")
	if again := seal(t, v, home(), "sk-secret"); again == sealed {
		t.Error("the same text is sealed the same way twice")
	}
	for name, change := range map[string]func(*control.Place){
		"object": func(p *control.Place) { p.Object = "credential openai/spare" },
		"host":   func(p *control.Place) { p.Host = "https://evil.example" },
		"field":  func(p *control.Place) { p.Field = "limits[0].model" },
		"tenant": func(p *control.Place) { p.Tenant = "other" },
		"shift":  func(p *control.Place) { p.Object, p.Host = p.Object+`" "`+p.Host, "" },
	} {
		at := home()
		change(&at)
		if s, err := v.Open(t.Context(), at, sealed); err == nil {
			t.Errorf("another %s: opened as %q", name, s.Reveal())
		}
	}
	for _, text := range []string{"", "v1", "v2" + sealed[2:], sealed + "A", sealed + ".", sealed + "\n", strings.Replace(sealed, ".", "..", 1), "v1.0000.AAAA"} {
		if s, err := v.Open(t.Context(), home(), text); err == nil {
			t.Errorf("%q: opened as %q", text, s.Reveal())
		}
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range sealed {
		for _, c := range alphabet {
			text := sealed[:i] + string(c) + sealed[i+1:]
			if s, err := v.Open(t.Context(), home(), text); err == nil && text != sealed {
				t.Errorf("%q instead of %q: opened as %q", text, sealed, s.Reveal())
			}
		}
	}
}

// TestRotate: with a new master key everything opens at every step, and the old one
// is not needed any more.
func TestRotate(t *testing.T) {
	ctx, log, path := t.Context(), memlog.New(), filepath.Join(t.TempDir(), "master.key")
	running := vault.New(keys(t, path), log.Keyring())
	var sealed []string
	place := func(i int) control.Place {
		at := home()
		at.Tenant = at.Tenant + "-" + home().Tenant[:i%3+1]
		return at
	}
	for i := range 6 {
		sealed = append(sealed, seal(t, running, place(i), fmt.Sprint("secret ", i)))
	}
	all := func(step string) {
		t.Helper()
		for name, v := range map[string]*vault.Vault{"running": running, "started now": vault.New(keys(t, path), log.Keyring())} {
			for i, text := range sealed {
				if s, err := v.Open(ctx, place(i), text); err != nil || s.Reveal() != fmt.Sprint("secret ", i) {
					t.Errorf("%s, %s: %q, %v", step, name, s.Reveal(), err)
				}
			}
		}
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := vault.AddKey(path); err != nil {
		t.Fatal(err)
	}
	all("with both")
	if n, err := running.Rotate(ctx); err != nil || n != 3 {
		t.Fatalf("%d data keys, %v", n, err)
	}
	all("wrapped anew")
	if err := vault.KeepFirst(path); err != nil {
		t.Fatal(err)
	}
	all("without the old one")
	only, err := vault.KeyText("old", string(old))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := vault.New(only, log.Keyring()).Open(ctx, place(0), sealed[0]); !errors.Is(err, vault.ErrMaster) {
		t.Errorf("with the old master key: %q, %v", s.Reveal(), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestDestroy: without its data key nothing opens, and the tenant's next key is another.
func TestDestroy(t *testing.T) {
	ctx, log, path := t.Context(), memlog.New(), filepath.Join(t.TempDir(), "master.key")
	v := vault.New(keys(t, path), log.Keyring())
	gone := seal(t, v, home(), "gone")
	at := home()
	at.Tenant = "acme2"
	other := seal(t, v, at, "kept")
	ids, err := v.DataKeys(ctx, home().Tenant)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%v, %v", ids, err)
	}
	for range 2 {
		if err := v.Destroy(ctx, home().Tenant, ids); err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range map[string]*vault.Vault{"running": v, "started now": vault.New(keys(t, path), log.Keyring())} {
		if s, err := v.Open(ctx, home(), gone); err == nil {
			t.Errorf("%s: opened as %q", name, s.Reveal())
		}
		opens(t, v, at, other, "kept")
		opens(t, v, home(), seal(t, v, home(), "new"), "new")
	}
}

// TestRivals: nodes that seal for a tenant for the first time at once all open it.
func TestRivals(t *testing.T) {
	log, path := memlog.New(), filepath.Join(t.TempDir(), "master.key")
	const nodes = 8
	sealed := make([]string, nodes)
	vaults := make([]*vault.Vault, nodes)
	for i := range nodes {
		vaults[i] = vault.New(keys(t, path), log.Keyring())
	}
	var wg sync.WaitGroup
	for i := range nodes {
		wg.Go(func() {
			var err error
			if sealed[i], err = vaults[i].Seal(context.Background(), home(), control.NewSecret("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, v := range vaults {
		for _, text := range sealed {
			opens(t, v, home(), text, "x")
		}
	}
}

func TestMasterKeyRefuses(t *testing.T) {
	good := vault.NewKey()
	for name, text := range map[string]string{"empty": " \n", "short": "c2hvcnQ=", "not base64": strings.Repeat("!", 44), "second": good + "\nx"} {
		if k, err := vault.KeyText("LLMHUB_MASTER_KEY", text); err == nil || k != nil || strings.Contains(err.Error(), good) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := vault.KeyFile(filepath.Join(t.TempDir(), "no", "such")); err == nil {
		t.Error("a file that cannot be made: no error")
	}
}
