package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

type masterKeyCmd struct {
	New    masterNewCmd    `cmd:"" help:"Print a new master key."`
	Rotate masterRotateCmd `cmd:"" help:"Replace the master key in its file, while the hub runs."`
	Rewrap masterRewrapCmd `cmd:"" help:"Wrap the data keys by the first master key that the hub has now."`
}

type (
	masterNewCmd    struct{}
	masterRotateCmd struct{ remote }
	masterRewrapCmd struct{ remote }
)

// Run prints a new key.
func (masterNewCmd) Run(w world) error {
	_, err := fmt.Fprintln(w.out, vault.NewKey())
	return err
}

// Run puts a new key before the old one, has the data keys wrapped by it, and drops
// the old one. Whatever it stops at, it may be repeated.
func (c *masterRotateCmd) Run(ctx context.Context, w world) error {
	if _, set := w.env(masterKeyVariable); set {
		return usageError{errors.New(masterKeyVariable + " holds the master key: put a new one before it there, restart, then `llm-hub master-key rewrap`")}
	}
	file := cmp.Or(c.MasterKeyFile, filepath.Join(c.Data, masterFile))
	if err := vault.AddKey(file); err != nil {
		return usageError{fmt.Errorf("--master-key-file: %w", err)}
	}
	if err := c.rewrap(ctx, w); err != nil {
		return err
	}
	return vault.KeepFirst(file)
}

// Run wraps anew.
func (c *masterRewrapCmd) Run(ctx context.Context, w world) error { return c.rewrap(ctx, w) }

func (r *remote) rewrap(ctx context.Context, w world) error {
	return r.exchange(ctx, w, message{method: http.MethodPost, path: apiBase + "master-key/rewrap", logOnly: true}, func(body io.Reader) error {
		var done admin.Rewrapped
		if err := json.NewDecoder(body).Decode(&done); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w.out, "ok: %d data keys\n", done.DataKeys)
		return err
	})
}
