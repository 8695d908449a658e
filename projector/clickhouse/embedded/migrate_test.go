package embedded_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/golang-migrate/migrate/v4"
	driver "github.com/golang-migrate/migrate/v4/database/clickhouse"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
)

func testMigrations(t *testing.T, e *embedded.Engine) {
	files := fstest.MapFS{
		"0001_usage.up.sql":   {Data: []byte("-- the facts, one row each\nCREATE TABLE usage (id UInt64, note String) ENGINE = MergeTree ORDER BY id;\n")},
		"0001_usage.down.sql": {Data: []byte("DROP TABLE usage")},
		"0002_hourly.up.sql": {Data: []byte("CREATE TABLE hourly (k UInt8, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k;" +
			"CREATE MATERIALIZED VIEW hourly_mv TO hourly AS SELECT 1 AS k, count() AS n FROM usage GROUP BY k;")},
		"0002_hourly.down.sql": {Data: []byte("DROP VIEW hourly_mv; DROP TABLE hourly")},
	}
	for _, engine := range []string{"TinyLog", "MergeTree"} {
		t.Run(engine, func(t *testing.T) {
			source, err := iofs.New(files, ".")
			if err != nil {
				t.Fatal(err)
			}
			target, err := driver.WithInstance(openSQL(t, e), &driver.Config{
				MigrationsTable: "migrations_" + engine, MigrationsTableEngine: engine, MultiStatementEnabled: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			m, err := migrate.NewWithInstance("iofs", source, "clickhouse", target)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Up(); err != nil {
				t.Fatal(err)
			}
			if version, dirty, err := m.Version(); version != 2 || dirty || err != nil {
				t.Errorf("version = %d, dirty %t, %v", version, dirty, err)
			}
			if err := m.Up(); !errors.Is(err, migrate.ErrNoChange) {
				t.Errorf("second Up: %v", err)
			}
			conn := open(t, e, nil)
			execute(t, conn, "INSERT INTO usage (id) VALUES (1), (2)")
			if n := ask[uint64](t, conn, "SELECT sum(n) FROM hourly"); n != 2 {
				t.Errorf("view counts %d rows, want 2", n)
			}
			if err := m.Down(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
