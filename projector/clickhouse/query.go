package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// limits bound what a question may cost.
func limits() clickhouse.Settings {
	return clickhouse.Settings{
		"readonly":             1,
		"max_execution_time":   30,         // seconds
		"max_memory_usage":     1536 << 20, // bytes, as much as the embedded engine allows one statement
		"max_result_rows":      1_000_000,
		"result_overflow_mode": "throw",
		"cancel_http_readonly_queries_on_client_close": 1, // who has gone needs no answer
	}
}

// reading limits the statements of a context.
func reading(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(limits()))
}

// Query asks one question. Values come in as parameters only, written {name:Type}
// in the text. row is called for each row of the answer and scans it.
func (c *Client) Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error {
	args := make([]any, 0, len(params))
	for name, value := range params {
		args = append(args, clickhouse.Named(name, value))
	}
	rows, err := c.conn.Query(reading(ctx), sql, args...)
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("clickhouse: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// counting is a number to be counted in a table, of a horizon on.
type counting struct {
	table string
	since time.Time
	n     *uint64
}

// Count implements [tables.Census].
func (c *Client) Count(ctx context.Context, database string, r tables.Range) (tables.Counts, error) {
	var out tables.Counts
	for _, t := range []counting{
		{usageTable, r.Since.Usage, &out.Usage}, {requestsTable, r.Since.Requests, &out.Requests}, {attemptsTable, r.Since.Attempts, &out.Attempts},
	} {
		err := c.Query(ctx, "SELECT count() FROM {db:Identifier}.{table:Identifier} WHERE seq >= {from:UInt64} AND seq <= {to:UInt64} AND "+
			"window_at >= toDateTime({since:Int64}, 'UTC')",
			map[string]any{"db": database, "table": t.table, "from": r.From, "to": r.To, "since": tables.Instant(t.since).Unix()},
			func(scan func(...any) error) error { return scan(t.n) })
		if err != nil {
			return tables.Counts{}, fmt.Errorf("count %s.%s: %w", database, t.table, err)
		}
	}
	return out, nil
}

// RolledUp implements [tables.Census].
func (c *Client) RolledUp(ctx context.Context, database string, since projector.Kept) (tables.Counts, error) {
	var out tables.Counts
	for _, t := range []counting{{usageRollUp, since.Usage, &out.Usage}, {requestsRollUp, since.Requests, &out.Requests}} {
		err := c.Query(ctx, "SELECT sum(lines) FROM {db:Identifier}.{table:Identifier} WHERE bucket >= toDateTime({since:Int64}, 'UTC')",
			map[string]any{"db": database, "table": t.table, "since": tables.Instant(t.since).Unix()},
			func(scan func(...any) error) error { return scan(t.n) })
		if err != nil {
			return tables.Counts{}, fmt.Errorf("count %s.%s: %w", database, t.table, err)
		}
	}
	return out, nil
}
