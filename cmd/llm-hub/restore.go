package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/events/backup"
	"github.com/llm-hub/llm-hub/events/natslog"
	natsembedded "github.com/llm-hub/llm-hub/events/natslog/embedded"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

type restoreCmd struct {
	From     string `help:"The backup." required:"" type:"path" placeholder:"FILE"`
	Data     string `help:"The data directory to make; nothing may be in it." required:"" type:"path" placeholder:"DIR"`
	Identity string `help:"Key file of age. Else the variable LLMHUB_BACKUP_PASSPHRASE is the passphrase." type:"path" placeholder:"FILE"`
	keyFlags
}

// Run makes a data directory: whole and checked, or none.
func (c *restoreCmd) Run(ctx context.Context, w world) (err error) {
	if list, err := os.ReadDir(c.Data); len(list) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usageError{errors.Join(fmt.Errorf("--data: %s is not empty", c.Data), err)}
	}
	master, err := c.master(w)
	if err != nil {
		return err
	}
	key := backup.Key{}
	key.Passphrase, _ = w.env(passphraseVariable)
	if c.Identity != "" {
		text, err := os.ReadFile(c.Identity)
		if err != nil {
			return usageError{fmt.Errorf("--identity: %w", err)}
		}
		key.Identities = string(text)
	}
	beside := filepath.Clean(c.Data) + ".restoring"
	if err := os.Mkdir(beside, 0o700); err != nil {
		return usageError{fmt.Errorf("--data: %w; remove what an earlier try left", err)}
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	m, err := c.restore(ctx, w, beside, key)
	if err != nil {
		return err
	}
	if err := master.opens(m.MasterKeys); err != nil {
		return usageError{fmt.Errorf("--master-key-file: %w", err)}
	}
	if err := errors.Join(master.put(beside), writePrivate(filepath.Join(beside, "node"), []byte(m.Node+"\n"))); err != nil {
		return err
	}
	if err := os.Remove(c.Data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(beside, c.Data); err != nil {
		return err
	}
	if err := printManifest(w.out, m); err != nil {
		return err
	}
	if master.text == "" {
		_, err = fmt.Fprintf(w.out, "Put the master key to %s, then `llm-hub rebuild --data %s`, or serve, which folds by itself.\n", filepath.Join(c.Data, masterFile), c.Data)
		return err
	}
	return (&rebuildCmd{remote: remote{Data: c.Data, keyFlags: c.keyFlags}}).Run(ctx, w)
}

// restore fills a directory from the backup, and checks what is in it.
func (c *restoreCmd) restore(ctx context.Context, w world, dir string, key backup.Key) (m backup.Manifest, err error) {
	f, err := os.Open(c.From)
	if err != nil {
		return m, usageError{fmt.Errorf("--from: %w", err)}
	}
	defer f.Close()
	plain, err := backup.Open(bufio.NewReaderSize(f, 1<<20), key)
	if errors.Is(err, backup.ErrSealed) {
		return m, usageError{fmt.Errorf("--identity or %s: %w", passphraseVariable, err)}
	}
	if err != nil {
		return m, fmt.Errorf("--from: %w", err)
	}
	log := w.logger(slog.LevelError)
	server, err := natsembedded.Start(natsembedded.Config{Dir: dir, Class: natslog.Dev, Logger: log})
	if err != nil {
		return m, err
	}
	defer server.Close()
	cfg := natslog.Config{Server: server, Class: natslog.Dev, MaxBytes: server.TrafficBytes(), Node: "restore", Version: version, Logger: log}
	restorer, err := natslog.NewRestorer(cfg)
	if err != nil {
		return m, err
	}
	defer restorer.Close()
	if m, err = backup.Read(plain, &streamSink{ctx: ctx, r: restorer}); err != nil {
		return m, fmt.Errorf("--from: %w", err)
	}
	restored, err := natslog.Open(ctx, cfg)
	if err != nil {
		return m, err
	}
	defer restored.Close()
	return m, audited(ctx, restored, m.Control)
}

// streamSink restores parts as streams.
type streamSink struct {
	ctx context.Context // of the command
	r   *natslog.Restorer
	now *natslog.StreamRestore
}

// Begin implements [backup.Sink].
func (s *streamSink) Begin(name string, head json.RawMessage) error {
	var h natslog.SnapshotHead
	if err := json.Unmarshal(head, &h); err != nil || h.Stream != name || !slices.Contains(natslog.Kept(), name) {
		return errors.New("is no stream of a hub")
	}
	var err error
	s.now, err = s.r.Stream(s.ctx, h)
	return err
}

// Chunk implements [backup.Sink].
func (s *streamSink) Chunk(data []byte) error { return s.now.Chunk(s.ctx, data) }

// End implements [backup.Sink].
func (s *streamSink) End() error { return s.now.Finish(s.ctx) }

// givenMaster is the master key that a restore was given; without text none was.
type givenMaster struct {
	text string
	ids  []string
	keep bool // in the directory
}

// master reads the master key before anything is done.
func (c *restoreCmd) master(w world) (g givenMaster, err error) {
	if text, set := w.env(masterKeyVariable); set {
		g.text = text
	} else if c.MasterKeyFile != "" {
		data, err := os.ReadFile(c.MasterKeyFile)
		if err != nil {
			return g, usageError{fmt.Errorf("--master-key-file: %w", err)}
		}
		g.text, g.keep = string(data), true
	} else {
		return g, nil
	}
	keys, err := vault.KeyText("--master-key-file", g.text)
	if err == nil {
		g.ids, err = keys.IDs()
	}
	if err != nil {
		return g, usageError{err}
	}
	return g, nil
}

// opens tells whether what is sealed by the keys can be opened.
func (g givenMaster) opens(needed []string) error {
	if g.text == "" {
		return nil
	}
	for _, id := range needed {
		if !slices.Contains(g.ids, id) {
			return fmt.Errorf("the backup is sealed by master key %s; given is %s: %w", id, strings.Join(g.ids, ", "), vault.ErrMaster)
		}
	}
	return nil
}

// put keeps a key that came from a file in the directory.
func (g givenMaster) put(dir string) error {
	if !g.keep {
		return nil
	}
	return writePrivate(filepath.Join(dir, masterFile), []byte(strings.TrimSpace(g.text)+"\n"))
}
