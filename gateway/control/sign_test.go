package control_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// signer is a key in memory.
type signer struct{ key ed25519.PrivateKey }

func newSigner(seed byte) signer {
	return signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (s signer) public() ed25519.PublicKey {
	public, _ := s.key.Public().(ed25519.PublicKey)
	return public
}

func (s signer) text() string { return base64.StdEncoding.EncodeToString(s.public()) }

func (s signer) PublicKey(context.Context) (ed25519.PublicKey, error) { return s.public(), nil }

func (s signer) Sign(_ context.Context, text []byte) ([]byte, error) {
	return ed25519.Sign(s.key, text), nil
}

// signed is a hub whose configuration was changed twice, and signed after each.
func signed(t *testing.T) (*world, *control.Plane) {
	t.Helper()
	w := newWorld(t)
	p := w.node()
	for _, zone := range []string{"Europe/Berlin", "Europe/Paris"} {
		w.apply(p, "settings: {time_zone: "+zone+"}")
		for range 2 { // the second finds nothing to sign
			if err := p.Sign(t.Context(), newSigner(1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.apply(p, "settings: {time_zone: UTC}")
	return w, p
}

// rechained is the stream as somebody writes it who can hash but has no key.
func rechained(cs []events.Command) []events.Command {
	for i := 1; i < len(cs); i++ {
		cs[i].Prev = cs[i-1].Hash()
	}
	return cs
}

// resigned is the stream as somebody writes it who has a key of their own.
func resigned(t *testing.T, cs []events.Command, by signer) []events.Command {
	t.Helper()
	count := uint64(0)
	for i := range cs {
		if i > 0 {
			cs[i].Prev = cs[i-1].Hash()
		}
		es, err := cs[i].Events()
		if err != nil {
			t.Fatal(err)
		}
		if es[0].Kind == events.AuditSignedKind {
			c, err := events.As[events.AuditSigned](es[0])
			if err != nil {
				t.Fatal(err)
			}
			c.Hash, c.Events, c.Key = cs[i-1].Hash(), count, by.public()
			c.Signature = ed25519.Sign(by.key, c.Signed())
			e, err := events.New(events.Head{At: es[0].At, Node: es[0].Node, Tenant: es[0].Tenant, N: int(c.Seq)}, c)
			if err != nil {
				t.Fatal(err)
			}
			again, err := events.NewCommand(e)
			if err != nil {
				t.Fatal(err)
			}
			cs[i].Data = again.Data
		}
		count += uint64(len(es))
	}
	return cs
}

// TestSignedAudit: whatever is done to a signed stream, by whom ever has not the key,
// is found, and its place is named.
func TestSignedAudit(t *testing.T) {
	w, p := signed(t)
	report, err := p.VerifyAudit(t.Context(), control.Trust{Keys: []ed25519.PublicKey{newSigner(1).public()}})
	if err != nil || !report.OK || report.Messages != 6 || report.Signed != 4 || !slices.Equal(report.Keys, []string{newSigner(1).text()}) {
		t.Fatalf("%+v, %v", report, err)
	}
	edit := func(c *events.Command, old, now string) {
		data := strings.Replace(string(c.Data), old, now, 1)
		if data == string(c.Data) {
			t.Fatalf("%q is not in %s", old, c.Data)
		}
		c.Data = []byte(data)
	}
	actor := func(c *events.Command) { edit(c, `"operator"`, `"somebody"`) }
	for name, tt := range map[string]struct {
		change  func(cs []events.Command) []events.Command
		trusted bool // the key is known from elsewhere
		known   bool // the last message is
		broken  string
		whole   uint64
	}{
		"nothing":                   {func(cs []events.Command) []events.Command { return cs }, true, true, "", 6},
		"body":                      {func(cs []events.Command) []events.Command { actor(&cs[1]); return cs }, false, false, "control message 3: is not chained", 2},
		"body, chained again":       {func(cs []events.Command) []events.Command { actor(&cs[1]); return rechained(cs) }, false, false, "control message 3: is a signature of another history: something was changed since the stream began", 2},
		"later body, chained again": {func(cs []events.Command) []events.Command { actor(&cs[3]); return rechained(cs) }, false, false, "control message 5: is a signature of another history: something was changed since message 2", 4},
		"first message, chained again": {func(cs []events.Command) []events.Command {
			edit(&cs[0], `"version":"memlog"`, `"version":"x"`)
			return rechained(cs)
		}, false, false, "control message 3: is a signature of another history", 2},
		"signed by another, key known": {func(cs []events.Command) []events.Command { actor(&cs[1]); return resigned(t, cs, newSigner(2)) }, true, false, "control message 3 is signed by another key, " + newSigner(2).text(), 2},
		"half signed by another": {func(cs []events.Command) []events.Command {
			return append(cs[:4:4], resigned(t, slices.Clone(cs), newSigner(2))[4:]...)
		}, false, false, "control message 5", 4},
		"order":                         {func(cs []events.Command) []events.Command { cs[1], cs[3] = cs[3], cs[1]; return cs }, false, false, "control message 4: comes after 1", 1},
		"middle removed":                {func(cs []events.Command) []events.Command { return slices.Delete(cs, 3, 4) }, false, false, "control message 5: comes after 3", 3},
		"middle removed, chained again": {func(cs []events.Command) []events.Command { return renumbered(slices.Delete(cs, 3, 5)) }, false, false, "control message 4: event", 3},
		"checkpoint removed":            {func(cs []events.Command) []events.Command { return renumbered(slices.Delete(cs, 2, 3)) }, false, false, "control message 4: is a signature of another history", 3},
		"all checkpoints removed": {func(cs []events.Command) []events.Command {
			return renumbered([]events.Command{cs[0], cs[1], cs[3], cs[5]})
		}, true, false, "signed nowhere, though a key is known", 4},
		"tail removed":                {func(cs []events.Command) []events.Command { return cs[:5] }, true, true, "ends at message 5, known is 6", 5},
		"tail changed, chained again": {func(cs []events.Command) []events.Command { actor(&cs[5]); return rechained(cs) }, true, true, "control message 6 is not the one that is known", 5},
		"signature": {func(cs []events.Command) []events.Command {
			edit(&cs[2], `"events":2`, `"events":1`)
			return rechained(cs)
		}, false, false, "control message 3: is a signature of another history", 2},
		"time of a signature": {func(cs []events.Command) []events.Command {
			edit(&cs[2], `"events":2,"at":"20`, `"events":2,"at":"19`)
			return rechained(cs)
		}, false, false, "control message 3: is a signature that is not one of its key", 2},
	} {
		t.Run(name, func(t *testing.T) {
			var trust control.Trust
			if tt.trusted {
				trust.Keys = append(trust.Keys, newSigner(1).public())
			}
			if tt.known {
				trust.Known = append(trust.Known, control.Known{Seq: report.Messages, Hash: report.Hash})
			}
			got, err := control.VerifyAudit(read(tt.change(w.commands())), trust)
			if err != nil || got.OK != (tt.broken == "") || !strings.Contains(got.Broken, tt.broken) || got.Messages != tt.whole {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// renumbered is the stream as somebody writes it who takes messages away without a gap.
func renumbered(cs []events.Command) []events.Command {
	for i := range cs {
		cs[i].Seq = uint64(i + 1)
	}
	return rechained(cs)
}

// TestSigningDoesNotFork: nodes that sign at once leave one signature, and a chain.
func TestSigningDoesNotFork(t *testing.T) {
	w := newWorld(t)
	nodes := []*control.Plane{w.node(), w.node(), w.node()}
	for round := range 3 {
		w.apply(nodes[round], "settings: {time_zone: "+[]string{"UTC", "Europe/Paris", "Europe/Berlin"}[round]+"}")
		var all sync.WaitGroup
		for _, p := range nodes {
			all.Go(func() {
				if err := p.Sign(t.Context(), newSigner(1)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	report, err := nodes[0].VerifyAudit(t.Context(), control.Trust{})
	if err != nil || !report.OK || report.Messages != 7 || report.Signed != 6 {
		t.Errorf("%+v, %v", report, err)
	}
	entries, _, err := nodes[1].Audit(t.Context(), control.AuditFilter{Limit: 100})
	if err != nil || len(entries) != 3 {
		t.Errorf("%d changes, %v: a signature is none", len(entries), err)
	}
}

func TestParseKey(t *testing.T) {
	if k, err := control.ParseKey(newSigner(1).text()); err != nil || !k.Equal(newSigner(1).public()) {
		t.Errorf("%v, %v", k, err)
	}
	for _, text := range []string{"", "AAAA", "not base64", newSigner(1).text() + "A"} {
		if _, err := control.ParseKey(text); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
}
