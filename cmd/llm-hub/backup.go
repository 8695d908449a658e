package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/backup"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// passphraseVariable holds a passphrase; a flag would show it to everybody on the machine.
const passphraseVariable = "LLMHUB_BACKUP_PASSPHRASE"

type backupCmd struct {
	remote
	To        string   `help:"File to write, not there yet." required:"" type:"path" placeholder:"FILE"`
	Recipient []string `help:"Encrypt for this recipient of age, age1...; may be given again. Else the variable LLMHUB_BACKUP_PASSPHRASE is the passphrase." placeholder:"KEY"`
	Plaintext bool     `help:"Do not encrypt."`
}

// Run writes a backup: complete and checked, or none.
func (c *backupCmd) Run(ctx context.Context, w world) (err error) {
	lock := backup.Lock{Recipients: c.Recipient}
	lock.Passphrase, _ = w.env(passphraseVariable)
	if !c.Plaintext && len(c.Recipient) == 0 && lock.Passphrase == "" {
		return usageError{fmt.Errorf("--recipient, %s or --plaintext: a backup has personal data and what opens sealed secrets; say how it is encrypted, or that it is not", passphraseVariable)}
	}
	f, err := os.OpenFile(c.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usageError{fmt.Errorf("--to: %w", err)}
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(c.To))
		}
	}()
	sealed := io.WriteCloser(nopCloser{f})
	if !c.Plaintext {
		if sealed, err = lock.Seal(f); err != nil {
			return usageError{fmt.Errorf("--recipient, %s: %w", passphraseVariable, err)}
		}
	}
	var m backup.Manifest
	err = c.exchange(ctx, w, message{method: "GET", path: apiBase + "backup", logOnly: true}, func(body io.Reader) error {
		copied := io.TeeReader(body, sealed)
		if m, err = backup.Read(copied, discard{}); err == nil {
			_, err = io.Copy(io.Discard, copied) // the end of the tar
		}
		return err
	})
	if err = errors.Join(err, sealed.Close()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return printManifest(w.out, m)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// discard only has a backup checked.
type discard struct{}

func (discard) Begin(string, json.RawMessage) error { return nil }
func (discard) Chunk([]byte) error                  { return nil }
func (discard) End() error                          { return nil }

func printManifest(w io.Writer, m backup.Manifest) error {
	size := int64(0)
	for _, p := range m.Parts {
		size += p.Bytes
	}
	_, err := fmt.Fprintf(w, "ok: %d parts, %d bytes, made %s; the control stream ends at %s\n", len(m.Parts), size, m.Made.Format(time.RFC3339), m.Control)
	if err == nil && len(m.MasterKeys) > 0 {
		_, err = fmt.Fprintf(w, "the master key is not in it: %s\n", strings.Join(m.MasterKeys, ", "))
	}
	return err
}

// settingTries bounds how often keyring and configuration are read for one moment.
const settingTries = 20

// backup writes all that no fold can make anew: the traffic as it is, the
// configuration and the keyring of one moment.
func (h *localHub) backup(ctx context.Context, to io.Writer) error {
	w := backup.NewWriter(to, time.Now())
	m := backup.Manifest{Version: version, Node: string(h.node)}
	settings, err := h.settingsOfOneMoment(ctx, &m)
	if err != nil {
		return err
	}
	for _, one := range settings {
		if err := one.replay(w); err != nil {
			return err
		}
	}
	for _, stream := range natslog.Kept() {
		if isSettings(stream) {
			continue
		}
		if err := h.stores.log.Snapshot(ctx, stream, tarSnapshot{w}); err != nil {
			return err
		}
		if err := w.End(); err != nil {
			return err
		}
	}
	return w.Close(m)
}

func isSettings(stream string) bool {
	return stream == events.ControlStream || strings.HasSuffix(stream, events.KeyringBucket)
}

// settingsOfOneMoment reads keyring and control stream until nothing was changed
// between the two.
func (h *localHub) settingsOfOneMoment(ctx context.Context, m *backup.Manifest) ([]*memorySnapshot, error) {
	for range settingTries {
		before, err := h.stores.log.ControlInfo(ctx)
		if err != nil {
			return nil, err
		}
		var out []*memorySnapshot
		for _, stream := range natslog.Kept() {
			if !isSettings(stream) {
				continue
			}
			one := &memorySnapshot{}
			if err := h.stores.log.Snapshot(ctx, stream, one); err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		if m.MasterKeys, err = h.keyring.MasterKeys(ctx); err != nil {
			return nil, err
		}
		last, err := h.stores.log.Commands(ctx, before.Last, 1)
		if err != nil || len(last) != 1 {
			return nil, errors.Join(fmt.Errorf("control message %d is not there", before.Last), err)
		}
		after, err := h.stores.log.ControlInfo(ctx)
		if err != nil {
			return nil, err
		}
		if m.Control = fmt.Sprintf("%d:%s", before.Last, last[0].Hash()); after.Last == before.Last {
			return out, nil
		}
	}
	return nil, errors.New("the configuration changes all the time: try again")
}

// tarSnapshot writes a snapshot as a part.
type tarSnapshot struct{ *backup.Writer }

// Begin implements [natslog.SnapshotWriter].
func (t tarSnapshot) Begin(h natslog.SnapshotHead) error {
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return t.Writer.Begin(h.Stream, head)
}

// memorySnapshot keeps a small snapshot.
type memorySnapshot struct {
	head   natslog.SnapshotHead
	chunks [][]byte
}

// Begin implements [natslog.SnapshotWriter].
func (s *memorySnapshot) Begin(h natslog.SnapshotHead) error { s.head = h; return nil }

// Chunk implements [natslog.SnapshotWriter].
func (s *memorySnapshot) Chunk(data []byte) error {
	s.chunks = append(s.chunks, bytes.Clone(data))
	return nil
}

func (s *memorySnapshot) replay(w *backup.Writer) error {
	if err := (tarSnapshot{w}).Begin(s.head); err != nil {
		return err
	}
	for _, c := range s.chunks {
		if err := w.Chunk(c); err != nil {
			return err
		}
	}
	return w.End()
}

// audited folds a control stream that was restored.
func audited(ctx context.Context, log *natslog.Log, known string) error {
	k, err := control.ParseKnown(known)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	const page = 256
	report, err := control.VerifyAudit(func(from uint64) ([]events.Command, error) { return log.Commands(ctx, from, page) },
		control.Trust{Known: []control.Known{k}})
	if err == nil && !report.OK {
		err = errors.New("audit: " + report.Broken)
	}
	return err
}
