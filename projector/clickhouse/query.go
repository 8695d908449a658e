package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

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

// Count implements [tables.Census].
func (c *Client) Count(ctx context.Context, database string, from, to uint64) (tables.Counts, error) {
	var out tables.Counts
	for table, n := range map[string]*uint64{usageTable: &out.Usage, requestsTable: &out.Requests, attemptsTable: &out.Attempts} {
		err := c.Query(ctx, "SELECT count() FROM {db:Identifier}.{table:Identifier} WHERE seq >= {from:UInt64} AND seq <= {to:UInt64}",
			map[string]any{"db": database, "table": table, "from": from, "to": to},
			func(scan func(...any) error) error { return scan(n) })
		if err != nil {
			return tables.Counts{}, fmt.Errorf("count %s.%s: %w", database, table, err)
		}
	}
	return out, nil
}

// RolledUp implements [tables.Census].
func (c *Client) RolledUp(ctx context.Context, database string) (tables.Counts, error) {
	var out tables.Counts
	for table, n := range map[string]*uint64{"usage_15m": &out.Usage, "requests_15m": &out.Requests} {
		err := c.Query(ctx, "SELECT sum(lines) FROM {db:Identifier}.{table:Identifier}", map[string]any{"db": database, "table": table},
			func(scan func(...any) error) error { return scan(n) })
		if err != nil {
			return tables.Counts{}, fmt.Errorf("count %s.%s: %w", database, table, err)
		}
	}
	return out, nil
}
