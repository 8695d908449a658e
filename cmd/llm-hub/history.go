package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway/admin"
)

// past are the commands about what objects of a sort were.
type past[N noun] struct {
	History  historyCmd[N]  `cmd:"" help:"Its versions: who made them, and what changed."`
	Rollback rollbackCmd[N] `cmd:"" help:"Make one what it was at a version."`
}

type historyCmd[N noun] struct {
	remote
	output
	ID    string `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
	Limit int    `help:"At most so many versions." default:"20"`
}

type rollbackCmd[N noun] struct {
	edit
	ID string `arg:"" help:"Its id: NAME, or HOLDER/NAME of what a tenant or provider holds."`
	To uint64 `required:"" help:"A version, as history lists them." placeholder:"VERSION"`
}

// Run prints the versions of one, the newest first.
func (c *historyCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	q := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	return c.look(ctx, w, objectPath(n, c.ID, "history"), q, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		var page admin.AuditPage
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		for _, e := range page.Items {
			printEntry(w.out, e)
		}
		return nil
	})
}

// Run goes back to a version.
func (c *rollbackCmd[N]) Run(ctx context.Context, w world) error {
	var n N
	return c.order(ctx, w, objectPath(n, c.ID, "rollback"), client.RollbackOrder{To: c.To})
}

// order gives a command with what it says.
func (e *edit) order(ctx context.Context, w world, path string, order any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return e.send(ctx, w, message{method: http.MethodPost, path: path, body: body})
}

// credentialsCmd is everything that can be done with vendor keys.
type credentialsCmd struct {
	switchedCmd[credentials]
	Cooldown cooldownCmd `cmd:"" help:"Let every node leave it alone for a while."`
	Release  releaseCmd  `cmd:"" help:"Let every node use it again, whatever vendors said before."`
}

type cooldownCmd struct {
	edit
	ID     string        `arg:"" help:"PROVIDER/NAME."`
	For    time.Duration `required:"" help:"How long, up to 720h." placeholder:"DURATION"`
	Model  string        `help:"Only for this one, by the vendor's name." placeholder:"MODEL"`
	Reason string        `help:"Why; it is sealed on the log." placeholder:"TEXT"`
}

type releaseCmd struct {
	edit
	ID     string `arg:"" help:"PROVIDER/NAME."`
	Model  string `help:"Only for this one, by the vendor's name." placeholder:"MODEL"`
	Reason string `help:"Why; it is sealed on the log." placeholder:"TEXT"`
}

// Run cools a credential down.
func (c *cooldownCmd) Run(ctx context.Context, w world) error {
	return c.order(ctx, w, objectPath(credentials{}, c.ID, "cooldown"), client.CooldownOrder{For: c.For.String(), Model: c.Model, Reason: c.Reason})
}

// Run releases a credential.
func (c *releaseCmd) Run(ctx context.Context, w world) error {
	return c.order(ctx, w, objectPath(credentials{}, c.ID, "release"), client.ReleaseOrder{Model: c.Model, Reason: c.Reason})
}

type tokenRollCmd struct {
	edit
	ID      string        `arg:"" help:"NAME."`
	Overlap time.Duration `help:"How long the old secret goes on working." default:"0s"`
}

// Run rolls a token.
func (c *tokenRollCmd) Run(ctx context.Context, w world) error {
	return c.send(ctx, w, message{method: http.MethodPost, path: objectPath(tokens{}, c.ID, "roll"), query: url.Values{"overlap": {c.Overlap.String()}}})
}
