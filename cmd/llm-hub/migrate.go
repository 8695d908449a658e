package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/projector/clickhouse"
	"github.com/llm-hub/llm-hub/projector/tables"
)

type migrateCmd struct {
	Status migrateStatusCmd `cmd:"" help:"Tell where the schema of the analytics tables stands."`
	Up     migrateUpCmd     `cmd:"" help:"Bring it up to date. A server does so by itself at its start."`
}

type (
	migrateStatusCmd struct{ migration }
	migrateUpCmd     struct{ migration }
)

// migration is what the commands about migrations share.
type migration struct {
	remote
	Output string `short:"o" help:"text or json." default:"text" enum:"text,json"`
}

// Run tells what there is and what is missing.
func (c *migrateStatusCmd) Run(ctx context.Context, w world) error {
	return c.run(ctx, w, http.MethodGet)
}

// Run runs what is missing.
func (c *migrateUpCmd) Run(ctx context.Context, w world) error { return c.run(ctx, w, http.MethodPost) }

func (c *migration) run(ctx context.Context, w world, method string) error {
	return c.call(ctx, w, method, "/api/v1/migrations", nil, func(body io.Reader) error {
		var s clickhouse.Schema
		raw, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.out, raw)
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
		fmt.Fprintf(w.out, "%s: version %d of %d\n", s.Database, s.Version, s.Newest)
		for i, m := range s.Pending {
			state := "pending"
			if i == 0 && s.Stopped {
				state = "stopped"
			}
			fmt.Fprintf(w.out, "%s: %d %s\n", state, m.Version, m.Title)
		}
		return nil
	})
}

// migrate tells where the live tables stand, after bringing them up to date if
// that is wanted; nil where there are none.
func (h *localHub) migrate() func(context.Context, bool) (any, error) {
	store := h.stores.tables
	if store == nil {
		return nil
	}
	return func(ctx context.Context, up bool) (any, error) {
		checkpoint, _, err := tables.Load(ctx, h.stores.log, events.TablesKey)
		if err != nil {
			return nil, toOperator(err)
		}
		database := store.Database()
		if checkpoint.Generation > 0 {
			database = checkpoint.Database
		}
		if up {
			if err := store.Prepare(ctx, database); err != nil {
				return nil, &gateway.Error{Kind: gateway.Unavailable, Public: err.Error(), Cause: err}
			}
		}
		s, err := store.Schema(ctx, database)
		if err != nil {
			return nil, &gateway.Error{Kind: gateway.Unavailable, Public: "The tables do not answer.", Cause: err}
		}
		return s, nil
	}
}
