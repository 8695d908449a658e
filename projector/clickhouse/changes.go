package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/projector/tables"
)

const changesTable = "changes"

// InsertChanges implements [tables.ChangeStore].
func (c *Client) InsertChanges(ctx context.Context, database string, list []tables.Change) error {
	if len(list) == 0 {
		return nil
	}
	token := fmt.Sprintf("%d-%d", list[0].Seq, list[len(list)-1].Seq)
	return insert(ctx, c, target{database, changesTable, token}, changeColumns(), list)
}

// LastChange implements [tables.ChangeStore].
func (c *Client) LastChange(ctx context.Context, database string) (seq uint64, err error) {
	err = c.Query(ctx, "SELECT max(seq) FROM {db:Identifier}.changes", map[string]any{"db": database},
		func(scan func(...any) error) error { return scan(&seq) })
	return seq, err
}

func changeColumns() []column[tables.Change] {
	type row = tables.Change
	return []column[row]{
		col("seq", "UInt64", func(r *row) uint64 { return r.Seq }),
		col("idx", "UInt16", func(r *row) uint16 { return small(r.Index) }),
		col("at", timeKind, func(r *row) time.Time { return tables.Instant(r.Event.At) }),
		col("logged", timeKind, func(r *row) time.Time { return tables.Instant(r.Logged) }),
		col("node", labelKind, func(r *row) string { return string(r.Event.Node) }),
		col("tenant", labelKind, func(r *row) string { return string(r.Event.Tenant) }),
		col("request", textKind, func(r *row) string { return string(r.Event.Request) }),
		col("sort", labelKind, func(r *row) string { return string(r.Body.Sort) }),
		col("object", textKind, func(r *row) string { return r.Body.Object }),
		col("verb", labelKind, func(r *row) string { return r.Verb() }),
		col("actor", labelKind, func(r *row) string { return r.Body.Actor }),
		col("cause", labelKind, func(r *row) string { return r.Body.Cause }),
		col("origin", labelKind, func(r *row) string { return r.Body.Origin }),
		col("before", textKind, func(r *row) string { return string(r.Body.Before) }),
		col("after", textKind, func(r *row) string { return string(r.Body.After) }),
	}
}
