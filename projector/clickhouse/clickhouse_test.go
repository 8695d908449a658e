package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/clickhouse"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestClient(t *testing.T) { projectortest.EachStore(t, client) }

func client(t *testing.T, c *clickhouse.Client) {
	t.Run("conformance", func(t *testing.T) { tablestest.TestStore(t, c, "llmhub_conform") })
	t.Run("migrations", func(t *testing.T) { migrations(t, c) })
	t.Run("new classes of usage", func(t *testing.T) { newClasses(t, c) })
	t.Run("queries only read", func(t *testing.T) { readOnly(t, c) })
	t.Run("queries are bounded", func(t *testing.T) { bounded(t, c) })
	t.Run("queries end with their caller", func(t *testing.T) { cancelled(t, c) })
	t.Run("databases", func(t *testing.T) { databases(t, c) })
}

// bounded: the server itself holds every question to its limits of time and memory.
func bounded(t *testing.T, c *clickhouse.Client) {
	var seconds, bytes string
	err := c.Query(t.Context(), "SELECT toString(getSetting('max_execution_time')), toString(getSetting('max_memory_usage'))", nil,
		func(scan func(...any) error) error { return scan(&seconds, &bytes) })
	if err != nil || seconds != "30" || bytes != "1610612736" {
		t.Errorf("%s seconds, %s bytes, %v", seconds, bytes, err)
	}
	var exception *driver.Exception
	err = c.Query(t.Context(), "SELECT ignore(materialize(toFixedString('x', 16000000))) FROM numbers(1000)", nil, func(func(...any) error) error { return nil })
	const memoryLimitExceeded = 241
	if !errors.As(err, &exception) || exception.Code != memoryLimitExceeded {
		t.Errorf("a question that needs 16 GB ended with %v", err)
	}
}

// cancelled: a question whose caller goes away ends in the server, not only here.
func cancelled(t *testing.T, c *clickhouse.Client) {
	running := func() (n uint64) {
		err := c.Query(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%never_read%' AND query NOT LIKE '%processes%'", nil,
			func(scan func(...any) error) error { return scan(&n) })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Query(ctx, "SELECT count() AS never_read FROM numbers(1000000000000000) WHERE NOT ignore(sipHash64(number))", nil,
			func(func(...any) error) error { return nil })
	}()
	until(t, func() bool { return running() == 1 })
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	until(t, func() bool { return running() == 0 })
}

// until waits for what must come.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("not within %s", within)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func migrations(t *testing.T, c *clickhouse.Client) {
	ctx := t.Context()
	if s, err := c.Schema(ctx, "llmhub_mig"); err != nil || s.Version != 0 || s.Newest == 0 || s.Pending[0] != (clickhouse.Migration{Version: 1, Title: "usage"}) {
		t.Fatalf("schema of a database that is not there: %+v, %v", s, err)
	}
	if err := c.Prepare(ctx, "llmhub_mig"); err != nil {
		t.Fatal(err)
	}
	all, err := c.Schema(ctx, "llmhub_mig")
	if err != nil || all.Version != all.Newest || all.Stopped || len(all.Pending) > 0 {
		t.Fatalf("schema %+v, %v", all, err)
	}
	for _, version := range []uint{1, 26} { // as if killed while running it; with what it has made already
		db := fmt.Sprintf("llmhub_mig_%d", version)
		if err := clickhouse.Migrate(c, db, version); err != nil {
			t.Fatal(err)
		}
		if err := clickhouse.Interrupt(c, db, version); err != nil {
			t.Fatal(err)
		}
		s, err := c.Schema(ctx, db)
		if err != nil || !s.Stopped || s.Version != version-1 || s.Pending[0].Version != version {
			t.Fatalf("stopped at %d: schema %+v, %v", version, s, err)
		}
		if err := c.Prepare(ctx, db); err != nil {
			t.Fatal("after an interrupted migration:", err)
		}
		if s, err = c.Schema(ctx, db); err != nil || s.Version != all.Newest || s.Stopped {
			t.Fatalf("schema %+v, %v", s, err)
		}
	}
	stopsAndGoesOn(t, c)
	if err := clickhouse.Down(c, "llmhub_mig"); err != nil {
		t.Fatal("down:", err)
	}
	left := 0
	err = c.Query(ctx, "SELECT name FROM system.tables WHERE database = 'llmhub_mig' AND name != 'schema_migrations'", nil,
		func(func(...any) error) error { left++; return nil })
	if err != nil || left != 0 {
		t.Errorf("%d tables are left after down, %v", left, err)
	}
}

// stopsAndGoesOn: a migration that cannot go on says where it stands, and goes on
// from there; what was in the tables before is in the roll-up afterwards.
func stopsAndGoesOn(t *testing.T, c *clickhouse.Client) {
	ctx := t.Context()
	const db = "llmhub_stops"
	if err := clickhouse.Migrate(c, db, 9); err != nil {
		t.Fatal(err)
	}
	exec := func(sql string) {
		t.Helper()
		if err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO " + db + ".requests (seq, tenant, window_at, count) VALUES (1, 'a', 1000, 3), (2, 'a', 1001, 4)")
	exec("ALTER TABLE " + db + ".requests RENAME COLUMN finish TO hidden")
	if err := c.Prepare(ctx, db); err == nil || !strings.Contains(err.Error(), "stopped at version 10 (requests_15m)") {
		t.Fatalf("%v, want where it stopped", err)
	}
	exec("ALTER TABLE " + db + ".requests RENAME COLUMN hidden TO finish")
	if err := c.Prepare(ctx, db); err != nil {
		t.Fatal(err)
	}
	rolledUp, err := c.RolledUp(ctx, db, projector.Kept{})
	if err != nil || rolledUp.Requests != 2 {
		t.Errorf("the roll-up has %+v rows, %v", rolledUp, err)
	}
}

// newClasses: tables from before the classes of usage that are no text get them, what is
// in them stays, and what comes is rolled up by them.
func newClasses(t *testing.T, c *clickhouse.Client) {
	ctx := t.Context()
	const db, before = "llmhub_classes", 5
	if err := clickhouse.Migrate(c, db, before); err != nil {
		t.Fatal(err)
	}
	insert := func(columns, values string) {
		t.Helper()
		if err := c.Exec(ctx, "INSERT INTO "+db+".usage (seq, tenant, window_at, "+columns+") VALUES ("+values+")"); err != nil {
			t.Fatal(err)
		}
	}
	insert("input, output", "1, 'a', 1000, 10, 20")
	if err := c.Prepare(ctx, db); err != nil {
		t.Fatal(err)
	}
	insert("input, output", "2, 'a', 1000, 1, 2") // as a projector of before does
	insert("input, "+strings.Join(events.ClassNames()[1:], ", "), "3, 'a', 1000"+strings.Repeat(", 100", events.ClassCount))
	sums := "SELECT sum(" + strings.Join(events.ClassNames(), "), sum(") + ") FROM {db:Identifier}.{table:Identifier}"
	var want events.Usage
	for _, n := range want.Refs() {
		*n = 100
	}
	want.Input, want.Output = 111, 122
	for _, table := range []string{"usage", "usage_15m"} {
		var got events.Usage
		err := c.Query(ctx, sums, map[string]any{"db": db, "table": table}, func(scan func(...any) error) error {
			var dest []any
			for _, n := range got.Refs() {
				dest = append(dest, n)
			}
			return scan(dest...)
		})
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", table, got, err)
		}
	}
}

func readOnly(t *testing.T, c *clickhouse.Client) {
	none := func(func(...any) error) error { return nil }
	for _, sql := range []string{"CREATE DATABASE llmhub_never", "DROP DATABASE system", "SET readonly = 0"} {
		if err := c.Query(t.Context(), sql, nil, none); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
	err := c.Query(t.Context(), "SELECT number FROM numbers(2000000)", nil, none)
	if err == nil || !strings.Contains(err.Error(), "396") {
		t.Errorf("an endless answer: %v, want error 396", err)
	}
	var got string
	err = c.Query(t.Context(), "SELECT {x:String}", map[string]any{"x": `a'); DROP DATABASE x --\`},
		func(scan func(...any) error) error { return scan(&got) })
	if err != nil || got != `a'); DROP DATABASE x --\` {
		t.Errorf("parameter came back as %q, %v", got, err)
	}
}

func databases(t *testing.T, c *clickhouse.Client) {
	ctx := t.Context()
	if err := c.Prepare(ctx, "llmhub_g9"); err != nil {
		t.Fatal(err)
	}
	if err := c.Drop(ctx, "llmhub_g9"); err != nil {
		t.Fatal(err)
	}
	names, err := c.Databases(ctx)
	if err != nil || strings.Contains(strings.Join(names, " "), "llmhub_g9") {
		t.Errorf("databases %v, %v", names, err)
	}
	for _, bad := range []string{"", "a b", "x; DROP DATABASE y"} {
		if c.Drop(ctx, bad) == nil || c.Prepare(ctx, bad) == nil {
			t.Errorf("database %q was accepted", bad)
		}
	}
}

// TestClusterIsNamed: tables are made on the servers of the cluster, which a server that
// is alone refuses.
func TestClusterIsNamed(t *testing.T) {
	t.Parallel()
	_, engine := projectortest.Connect(t)
	c, err := clickhouse.Open(clickhouse.Config{URL: engine.DSN(), Cluster: "of-nobody"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Prepare(t.Context(), c.Database()); err == nil || !strings.Contains(err.Error(), "of-nobody") {
		t.Errorf("prepared on a cluster that is not there: %v", err)
	}
}

func TestOpen(t *testing.T) {
	tests := []struct{ url, want string }{
		{"ftp://h/db", `scheme "ftp"`},
		{"http://u:geheim@h:1/", "must end with the name of a database"},
		{"http://u:geheim@h:1/a-b", "must end with the name of a database"},
		{"http://u:geheim@h:1%zz/db", "malformed"},
		{"clickhouse://u:geheim@h:1/db?dial_timeout=what", "malformed"},
	}
	for _, tt := range tests {
		_, err := clickhouse.Open(clickhouse.Config{URL: tt.url})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("Open(%q): %v, want %q and no password", tt.url, err, tt.want)
		}
	}
	if _, err := clickhouse.Open(clickhouse.Config{URL: "http://h:1/db", Cluster: "a'b"}); err == nil || !strings.Contains(err.Error(), "cluster") {
		t.Errorf("a cluster of no name: %v", err)
	}
	for _, url := range []string{"http://h:8123/db", "https://u:p@h/db", "clickhouse://u:p@h:9000/db?secure=true"} {
		c, err := clickhouse.Open(clickhouse.Config{URL: url})
		if err != nil || c.Database() != "db" {
			t.Errorf("Open(%q): %v", url, err)
		}
	}
}
