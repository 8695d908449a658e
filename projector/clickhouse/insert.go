package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// The tables that batches go to.
const (
	usageTable    = "usage"
	requestsTable = "requests"
	attemptsTable = "attempts"
)

// The tables that views fill from them.
const (
	usageRollUp    = "usage_15m"
	requestsRollUp = "requests_15m"
)

// Insert implements [tables.Inserter]: one insert for each table, in one block,
// with a token of its own. A block is whole or absent, but for the part of each
// month being a block of its own; and a view's rows come after its table's. The
// same insert again adds what is missing and nothing else.
func (c *Client) Insert(ctx context.Context, database string, b tables.Batch) error {
	if err := insert(ctx, c, target{database, usageTable, b.Token}, usageColumns(), b.Rows.Usage); err != nil {
		return err
	}
	if err := insert(ctx, c, target{database, requestsTable, b.Token}, requestColumns(), b.Rows.Requests); err != nil {
		return err
	}
	return insert(ctx, c, target{database, attemptsTable, b.Token}, attemptColumns(), b.Rows.Attempts)
}

type target struct{ database, table, token string }

func (c *Client) insertSettings(t target) clickhouse.Settings {
	s := clickhouse.Settings{
		"insert_deduplication_token":                         t.token + ":" + t.table,
		"insert_deduplicate":                                 1,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"async_insert":                                       0,
		"max_partitions_per_insert_block":                    0,
	}
	if c.cluster != "" {
		s["insert_quorum"] = "auto" // what is done has survived any minority of the servers
	}
	return s
}

// insert sends rows as one block.
func insert[R any](ctx context.Context, c *Client, to target, columns []column[R], rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	if !events.ValidID(to.database) {
		return fmt.Errorf("insert: database %q: not a valid name", to.database)
	}
	names := make([]string, len(columns))
	types := make([]clickhouse.ColumnNameAndType, len(columns))
	for i, col := range columns {
		names[i] = col.name
		types[i] = clickhouse.ColumnNameAndType{Name: col.name, Type: col.kind}
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(c.insertSettings(to)), clickhouse.WithColumnNamesAndTypes(types))
	statement := fmt.Sprintf("INSERT INTO %s.%s (%s)", to.database, to.table, strings.Join(names, ", "))
	batch, err := c.conn.PrepareBatch(ctx, statement)
	if err != nil {
		return fmt.Errorf("insert into %s.%s: %w", to.database, to.table, err)
	}
	for i, col := range columns {
		if err := batch.Column(i).Append(col.values(rows)); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("insert into %s.%s: column %s: %w", to.database, to.table, col.name, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s.%s: %w", to.database, to.table, err)
	}
	return nil
}

// column is a column of a table and where its values come from.
type column[R any] struct {
	name   string
	kind   string // as ClickHouse names it
	values func([]R) any
}

// col makes a column of values of type T.
func col[R, T any](name, kind string, value func(*R) T) column[R] {
	return column[R]{name, kind, func(rows []R) any {
		out := make([]T, len(rows))
		for i := range rows {
			out[i] = value(&rows[i])
		}
		return out
	}}
}

// Types of columns.
const (
	textKind   = "String"
	labelKind  = "LowCardinality(String)"
	timeKind   = "DateTime64(9, 'UTC')"
	amountKind = "Int64"
)

func small[N int | int64](n N) uint16 { return uint16(min(max(n, 0), 1<<16-1)) }

func usageColumns() []column[accounting.Entry] {
	type row = accounting.Entry
	columns := []column[row]{
		col("seq", "UInt64", func(r *row) uint64 { return r.At.Seq }),
		col("idx", "UInt16", func(r *row) uint16 { return small(r.At.Index) }),
		col("kind", labelKind, func(r *row) string { return string(r.Kind) }),
		col("request", textKind, func(r *row) string { return string(r.Request) }),
		col("at", timeKind, func(r *row) time.Time { return tables.Instant(r.Time) }),
		col("window_at", timeKind, func(r *row) time.Time { return tables.Instant(r.WindowAt) }),
		col("tenant", labelKind, func(r *row) string { return string(r.Tenant) }),
		col("team", labelKind, func(r *row) string { return r.Principal.Team }),
		col("user", labelKind, func(r *row) string { return r.Principal.User }),
		col("key", labelKind, func(r *row) string { return r.Principal.Key }),
		col("model", labelKind, func(r *row) string { return r.Principal.Model }),
		col("tags", labelKind, func(r *row) string { return r.Principal.Tags }),
		col("provider", labelKind, func(r *row) string { return r.Target.Provider }),
		col("credential", labelKind, func(r *row) string { return r.Target.Credential }),
		col("upstream_model", labelKind, func(r *row) string { return r.Target.Model }),
		col("attempt", "UInt16", func(r *row) uint16 { return small(r.Attempt) }),
		col("requests", amountKind, func(r *row) int64 { return r.Totals.Requests }),
		col("attempts", amountKind, func(r *row) int64 { return r.Totals.Attempts }),
		col("failures", amountKind, func(r *row) int64 { return r.Totals.Failures }),
		col("cost_nano_usd", "Nullable(Int64)", cost),
		col("unpriced", amountKind, func(r *row) int64 { return r.Totals.Unpriced }),
		col("price_version", labelKind, priceVersion),
		col("source", labelKind, func(r *row) string { return string(r.Source) }),
	}
	for i, class := range events.ClassNames() {
		columns = append(columns, col(class, amountKind, func(r *row) int64 { return *r.Totals.Usage.Refs()[i] }))
	}
	return columns
}

// cost is nil where all there is to pay for has no price.
func cost(r *accounting.Entry) *int64 {
	if r.Totals.Cost == 0 && r.Totals.Unpriced != 0 {
		return nil
	}
	return &r.Totals.Cost
}

func priceVersion(r *accounting.Entry) string {
	if r.Charge == nil {
		return ""
	}
	return r.Charge.PriceVersion
}

func requestColumns() []column[accounting.End] {
	type row = accounting.End
	return []column[row]{
		col("seq", "UInt64", func(r *row) uint64 { return r.At.Seq }),
		col("idx", "UInt16", func(r *row) uint16 { return small(r.At.Index) }),
		col("request", textKind, func(r *row) string { return string(r.Request) }),
		col("at", timeKind, func(r *row) time.Time { return tables.Instant(r.Time) }),
		col("window_at", timeKind, func(r *row) time.Time { return tables.Instant(r.WindowAt) }),
		col("tenant", labelKind, func(r *row) string { return string(r.Tenant) }),
		col("team", labelKind, func(r *row) string { return r.Finished.Team }),
		col("user", labelKind, func(r *row) string { return r.Finished.User }),
		col("key", labelKind, func(r *row) string { return r.Finished.Key }),
		col("model", labelKind, func(r *row) string { return r.Finished.Model }),
		col("tags", labelKind, func(r *row) string { return r.Finished.Tags }),
		col("node", labelKind, func(r *row) string { return string(r.Node) }),
		col("endpoint", labelKind, func(r *row) string { return r.Finished.Endpoint }),
		col("stream", "Bool", func(r *row) bool { return r.Finished.Stream }),
		col("outcome", labelKind, func(r *row) string { return string(r.Outcome) }),
		col("status", "UInt16", func(r *row) uint16 { return small(r.Finished.Status) }),
		col("error", labelKind, func(r *row) string { return r.Finished.Error }),
		col("reason", labelKind, func(r *row) string { return r.Reason }),
		col("limit_name", labelKind, limitName),
		col("provider", labelKind, func(r *row) string { return r.Finished.Target.Provider }),
		col("credential", labelKind, func(r *row) string { return r.Finished.Target.Credential }),
		col("upstream_model", labelKind, func(r *row) string { return r.Finished.Target.Model }),
		col("attempts", "UInt16", func(r *row) uint16 { return small(r.Finished.Attempts) }),
		col("finish", labelKind, func(r *row) string { return r.Finished.Finish }),
		col("first_byte_ns", amountKind, func(r *row) int64 { return r.Finished.FirstByteNS }),
		col("total_ns", amountKind, func(r *row) int64 { return r.Finished.TotalNS }),
		col("output_tokens", amountKind, func(r *row) int64 { return r.Output }),
		col("count", "UInt32", func(r *row) uint32 { return uint32(min(max(r.Count, 0), 1<<32-1)) }),
	}
}

// limitName says which limit refused.
func limitName(r *accounting.End) string {
	if r.Limit == nil {
		return ""
	}
	return r.Limit.Name()
}

func attemptColumns() []column[tables.Attempt] {
	type row = tables.Attempt
	return []column[row]{
		col("seq", "UInt64", func(r *row) uint64 { return r.At.Seq }),
		col("idx", "UInt16", func(r *row) uint16 { return small(r.At.Index) }),
		col("kind", labelKind, func(r *row) string { return string(r.Kind) }),
		col("request", textKind, func(r *row) string { return string(r.Request) }),
		col("at", timeKind, func(r *row) time.Time { return tables.Instant(r.Time) }),
		col("window_at", timeKind, func(r *row) time.Time { return tables.Instant(r.WindowAt) }),
		col("tenant", labelKind, func(r *row) string { return string(r.Tenant) }),
		col("team", labelKind, func(r *row) string { return r.Principal.Team }),
		col("user", labelKind, func(r *row) string { return r.Principal.User }),
		col("key", labelKind, func(r *row) string { return r.Principal.Key }),
		col("model", labelKind, func(r *row) string { return r.Principal.Model }),
		col("tags", labelKind, func(r *row) string { return r.Principal.Tags }),
		col("attempt", "UInt16", func(r *row) uint16 { return small(r.Attempt) }),
		col("provider", labelKind, func(r *row) string { return r.Target.Provider }),
		col("credential", labelKind, func(r *row) string { return r.Target.Credential }),
		col("upstream_model", labelKind, func(r *row) string { return r.Target.Model }),
		col("reason", labelKind, func(r *row) string { return r.Reason }),
		col("status", "UInt16", func(r *row) uint16 { return small(r.Status) }),
		col("retryable", "Bool", func(r *row) bool { return r.Retryable }),
		col("total_ns", amountKind, func(r *row) int64 { return r.TotalNS }),
		col("retry_after_ms", amountKind, func(r *row) int64 { return r.RetryAfter }),
		col("until", "Nullable(DateTime64(9, 'UTC'))", func(r *row) *time.Time { return optional(r.Until) }),
		col("to_provider", labelKind, func(r *row) string { return r.To.Provider }),
		col("to_credential", labelKind, func(r *row) string { return r.To.Credential }),
		col("to_upstream_model", labelKind, func(r *row) string { return r.To.Model }),
	}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = tables.Instant(t)
	return &t
}
