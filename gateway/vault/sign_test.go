package vault_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

// TestOneSigner: all nodes of a hub sign with one key, whichever of them made it, and it
// outlives the master key.
func TestOneSigner(t *testing.T) {
	ctx, log, path := t.Context(), memlog.New(), filepath.Join(t.TempDir(), "master.key")
	master := keys(t, path)
	public := make([]ed25519.PublicKey, 8)
	var all sync.WaitGroup
	for i := range public {
		all.Go(func() {
			var err error
			if public[i], err = vault.New(master, log.Keyring()).PublicKey(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range public {
		if !k.Equal(public[0]) {
			t.Errorf("%x and %x", k, public[0])
		}
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := vault.AddKey(path); err != nil {
		t.Fatal(err)
	}
	if n, err := vault.New(master, log.Keyring()).Rotate(ctx); err != nil || n != 0 {
		t.Fatalf("%d keys, %v", n, err)
	}
	if err := vault.KeepFirst(path); err != nil {
		t.Fatal(err)
	}
	sig, err := vault.New(keys(t, path), log.Keyring()).Sign(ctx, []byte("text"))
	if err != nil || !ed25519.Verify(public[0], []byte("text"), sig) {
		t.Errorf("signed by another key: %v", err)
	}
	only, err := vault.KeyText("old", string(old))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.New(only, log.Keyring()).Sign(ctx, nil); !errors.Is(err, vault.ErrMaster) {
		t.Errorf("with the old master key: %v", err)
	}
}
