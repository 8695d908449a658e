package control

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Signer signs for the hub, with one key on all of its nodes.
type Signer interface {
	// PublicKey is the key that signatures are checked by.
	PublicKey(ctx context.Context) (ed25519.PublicKey, error)
	// Sign signs a text.
	Sign(ctx context.Context, text []byte) ([]byte, error)
}

// ParseKey reads a public key as it is shown: 32 bytes in base64.
func ParseKey(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, errors.New("not an Ed25519 key: 32 bytes in base64")
	}
	return raw, nil
}

// checkpoint folds a signature over all that was before.
func (s *State) checkpoint(before State, e events.Event) error {
	c, err := events.As[events.AuditSigned](e)
	if err != nil {
		return err
	}
	since := "since the stream began"
	if before.Signed > 0 {
		since = fmt.Sprintf("since message %d", before.Signed)
	}
	switch {
	case c.Seq != before.Seq || c.Hash != before.Hash || c.Events != before.count:
		return fmt.Errorf("is a signature of another history: something was changed %s", since)
	case len(c.Key) != ed25519.PublicKeySize || !ed25519.Verify(c.Key, c.Signed(), c.Signature):
		return errors.New("is a signature that is not one of its key")
	}
	s.Signed = before.Seq
	if key := base64.StdEncoding.EncodeToString(c.Key); !slices.Contains(s.Signers, key) {
		s.Signers = append(slices.Clone(s.Signers), key)
	}
	return nil
}

// Sign appends a checkpoint of what is folded, unless the last message is one. It is
// under the expected last sequence as every command, so of several nodes one signs;
// the others find the signature when they look again.
func (p *Plane) Sign(ctx context.Context, by Signer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.guarded(); err != nil {
		return err
	}
	if _, err := p.catchUp(ctx, ""); err != nil {
		return err
	}
	s := p.State()
	if s.Seq == 0 || s.Signed == s.Seq-1 && s.Signed > 0 {
		return nil
	}
	c := events.AuditSigned{Seq: s.Seq, Hash: s.Hash, Events: s.count, At: p.cfg.Now().UTC().Format(time.RFC3339)}
	var err error
	if c.Key, err = by.PublicKey(ctx); err == nil {
		c.Signature, err = by.Sign(ctx, c.Signed())
	}
	if err != nil {
		return fmt.Errorf("sign the audit: %w", err)
	}
	e, err := events.New(events.Head{At: p.cfg.Now(), Node: p.cfg.Node, Tenant: events.NoTenant, N: int(s.Seq)}, c)
	if err != nil {
		return err
	}
	command, err := events.NewCommand(e)
	if err != nil {
		return err
	}
	if _, err = p.cfg.Stream.AppendControl(ctx, s.Seq, command); errors.Is(err, events.ErrConflict) {
		return nil // somebody was faster; what came is signed the next time
	}
	if err == nil {
		_, err = p.catchUp(ctx, "")
	}
	return err
}

// RunSigning signs what has changed, every now and then, until ctx ends.
func (p *Plane) RunSigning(ctx context.Context, by Signer, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := p.Sign(ctx, by); err != nil && ctx.Err() == nil {
			p.cfg.Logger.Warn("the audit is not signed at present", "error", err)
		}
	}
}
