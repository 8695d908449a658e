package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Run puts a file in force. It is read here, with this process's environment and
// files, and sent to the hub as a whole.
func (c *applyCmd) Run(ctx context.Context, w world) error {
	loader, err := newLoader(w.env)
	if err != nil {
		return err
	}
	wanted, err := loader.Load(c.File)
	if mistakes := control.Mistakes(err); len(mistakes) > 0 {
		for _, m := range mistakes {
			fmt.Fprintln(w.err, m)
		}
		return exitError(exitUsage)
	}
	if err != nil {
		return usageError{err}
	}
	if c.DryRun && !c.reaches() {
		catalog, err := wanted.Catalog()
		if err != nil {
			return err
		}
		fmt.Fprintf(w.out, "ok: %d providers, %d models, %d tenants; there is no hub to compare it with\n",
			len(catalog.Providers), len(catalog.Models), len(catalog.Tenants))
		return nil
	}
	body, err := wanted.Encode()
	if err != nil {
		return err
	}
	return c.send(ctx, w, body)
}

// reaches tells whether there is a hub to ask.
func (c *applyCmd) reaches() bool {
	if c.Address != "" {
		return true
	}
	_, err := os.Stat(c.Data)
	return !errors.Is(err, os.ErrNotExist)
}

func (c *applyCmd) send(ctx context.Context, w world, body []byte) error {
	q := url.Values{}
	look := c.DryRun || c.Check
	if look {
		q.Set("dry_run", "true")
	}
	if c.Prune {
		q.Set("prune", "true")
	}
	var raw json.RawMessage
	err := c.exchange(ctx, w, message{method: http.MethodPost, path: "/api/v1/config", query: q, body: body, logOnly: true}, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&raw)
	})
	if err != nil {
		return err
	}
	var done admin.Applied
	if err := json.Unmarshal(raw, &done); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	if c.Output == "json" {
		err = printJSON(w.out, raw)
	} else {
		err = printApplied(w.out, done, look)
	}
	if err == nil && c.Check && len(done.Changes) > 0 {
		return exitError(exitFailed)
	}
	return err
}

// printApplied tells people what changed, or would.
func printApplied(w io.Writer, done admin.Applied, look bool) error {
	var b bytes.Buffer
	for _, d := range done.Changes {
		printDifference(&b, d)
	}
	for _, k := range done.Keys {
		whose := "key " + k.Name + " of tenant " + string(k.Tenant)
		if k.Tenant == events.NoTenant {
			whose = "token " + k.Name
		}
		fmt.Fprintf(&b, "%s (shown once): %s\n", whose, k.Key)
	}
	switch n := len(done.Changes); {
	case n == 0:
		fmt.Fprintf(&b, "ok: no difference, control message %d\n", done.Seq)
	case look:
		fmt.Fprintf(&b, "%d differences; nothing was changed\n", n)
	default:
		fmt.Fprintf(&b, "ok: %d changes, control message %d\n", n, done.Seq)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// printDifference writes an object and its lines that differ.
func printDifference(w io.Writer, d control.Difference) {
	mark := "~"
	switch {
	case d.Before == nil:
		mark = "+"
	case d.After == nil:
		mark = "-"
	}
	fmt.Fprintf(w, "%s %s\n", mark, d.Ref)
	if d.Before != nil && !bytes.Equal(d.Before, d.After) {
		fmt.Fprintf(w, "    - %s\n", d.Before)
	}
	if d.After != nil && !bytes.Equal(d.Before, d.After) {
		fmt.Fprintf(w, "    + %s\n", d.After)
	}
}

// Run prints the configuration in force, or that of an instant.
func (c *configExportCmd) Run(ctx context.Context, w world) error {
	q := url.Values{}
	set(q, "at", c.At)
	return c.look(ctx, w, "/api/v1/config", q, func(body io.Reader) error {
		_, err := io.Copy(w.out, body)
		return err
	})
}
