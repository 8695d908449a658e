package vault

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
)

// signingKey is where the keyring has the seed that the audit is signed by. It is
// wrapped by the master key as the data keys are, and rotated with them.
const signingKey = "s.audit"

// PublicKey implements [control.Signer].
func (v *Vault) PublicKey(ctx context.Context) (ed25519.PublicKey, error) {
	key, err := v.signing(ctx)
	if err != nil {
		return nil, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	return public, nil
}

// Sign implements [control.Signer].
func (v *Vault) Sign(ctx context.Context, text []byte) ([]byte, error) {
	key, err := v.signing(ctx)
	if err != nil {
		return nil, err
	}
	return ed25519.Sign(key, text), nil
}

// signing is the hub's signing key, made if there is none. Of nodes that make one at
// once, the one that is first in the keyring counts.
func (v *Vault) signing(ctx context.Context) (ed25519.PrivateKey, error) {
	v.mu.Lock()
	key := v.signer
	v.mu.Unlock()
	if key != nil {
		return key, nil
	}
	e, err := v.ring.Get(ctx, signingKey)
	if err == nil && e.Value == nil {
		if err = v.makeSigning(ctx); err == nil {
			e, err = v.ring.Get(ctx, signingKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	seed, err := v.unwrap(ctx, e)
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("keyring: what signs the audit is no key")
	}
	key = ed25519.NewKeyFromSeed(seed)
	v.mu.Lock()
	v.signer = key
	v.mu.Unlock()
	return key, nil
}

func (v *Vault) makeSigning(ctx context.Context) error {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	put, err := v.wrap(ctx, signingKey, seed, 0)
	if err != nil {
		return err
	}
	if _, err := v.ring.Commit(ctx, []events.Put{put}); err != nil && !errors.Is(err, events.ErrConflict) {
		return err
	}
	return nil
}
