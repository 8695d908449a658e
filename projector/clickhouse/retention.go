package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// DropBefore implements [tables.Dropper]: each month is a partition. The tables of a
// cluster tell their other replicas by themselves, also those that are away.
func (c *Client) DropBefore(ctx context.Context, database string, k projector.Kept) error {
	if !events.ValidID(database) {
		return fmt.Errorf("database %q: not a valid name", database)
	}
	for _, t := range []struct {
		table   string
		horizon time.Time
	}{
		{usageTable, k.Usage}, {requestsTable, k.Requests}, {attemptsTable, k.Attempts}, {usageRollUp, k.RollUps}, {requestsRollUp, k.RollUps},
	} {
		if t.horizon.IsZero() {
			continue
		}
		months, err := c.monthsBefore(ctx, database, t.table, t.horizon)
		if err != nil {
			return fmt.Errorf("months of %s.%s: %w", database, t.table, err)
		}
		for _, month := range months {
			if err := c.conn.Exec(dropping(ctx), dropMonth(database, t.table, month)); err != nil {
				return fmt.Errorf("drop %d from %s.%s: %w", month, database, t.table, err)
			}
		}
	}
	return nil
}

// monthsBefore lists the months before a horizon of which a table has rows, as 202611.
func (c *Client) monthsBefore(ctx context.Context, database, table string, horizon time.Time) (months []uint32, err error) {
	horizon = horizon.UTC()
	first := uint32(horizon.Year())*100 + uint32(horizon.Month())
	err = c.Query(ctx, "SELECT DISTINCT toUInt32OrZero(partition_id) AS month FROM system.parts "+
		"WHERE database = {db:String} AND table = {table:String} AND active AND month < {first:UInt32} ORDER BY month",
		map[string]any{"db": database, "table": table, "first": first}, func(scan func(...any) error) error {
			var month uint32
			err := scan(&month)
			months = append(months, month)
			return err
		})
	return months, err
}

// dropMonth is the same statement on a server that is alone and on a cluster, whose
// replicas pass it on.
func dropMonth(database, table string, month uint32) string {
	return fmt.Sprintf("ALTER TABLE %s.%s DROP PARTITION ID '%d'", database, table, month)
}

// dropping lets a statement drop a month of any size.
func dropping(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_partition_size_to_drop": 0}))
}
