package embedded_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
)

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// open connects the unmodified driver to an engine.
func open(t *testing.T, e *embedded.Engine, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(e.DSN())
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(options)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func openSQL(t *testing.T, e *embedded.Engine) *sql.DB {
	t.Helper()
	db, err := sql.Open("clickhouse", e.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t *testing.T, conn driver.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// ask runs a query with one answer.
func ask[T any](t *testing.T, conn driver.Conn, query string, args ...any) T {
	t.Helper()
	var answer T
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// until repeats a check until it holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// wantCode checks that err is the engine's exception with this code.
func wantCode(t *testing.T, err error, code int32) {
	t.Helper()
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || exception.Code != code {
		t.Errorf("error = %v, want ClickHouse code %d", err, code)
	}
}

// TestConformance holds, against one engine, what clients rely on.
func TestConformance(t *testing.T) {
	t.Parallel()
	e := embeddedtest.Start(t, embedded.Config{})
	for name, test := range map[string]func(*testing.T, *embedded.Engine){
		"types":             testDriverKeepsTypes,
		"database/sql":      testDriverThroughDatabaseSQL,
		"parameters":        testParameters,
		"results":           testEmptyAndBigResults,
		"repeated insert":   testRepeatedInsertIsStoredOnce,
		"settings":          testSettingsDoNotLeak,
		"server facts":      testServerFacts,
		"threads":           testThreads,
		"cancel":            testCancelFreesEngine,
		"errors":            testErrors,
		"error in a stream": testMidStreamError,
		"wrong password":    testWrongPasswordIsRefused,
		"locked down":       testLockedDown,
		"migrations":        testMigrations,
	} {
		t.Run(name, func(t *testing.T) { test(t, e) })
	}
}

func TestStopCancelsStatements(t *testing.T) {
	t.Parallel()
	e := embeddedtest.Start(t, embedded.Config{})
	conn := open(t, e, nil)
	failed := make(chan error, 1)
	go func() { failed <- conn.Exec(t.Context(), endlessQuery) }()
	awaitRunning(t, open(t, e, nil), 1)
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("an endless statement ended well")
	}
	if exit := e.State().LastExit; exit != "exit status 0" {
		t.Errorf("exit = %q, want a clean one", exit)
	}
}

// endlessQuery runs for hours, without output.
const endlessQuery = "SELECT count() FROM numbers(1000000000000000) WHERE NOT ignore(sipHash64(number))"

// awaitRunning waits until so many endless queries run.
func awaitRunning(t *testing.T, conn driver.Conn, want uint64) {
	t.Helper()
	until(t, fmt.Sprintf("%d endless queries", want), func() bool {
		return ask[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers(1000000000000000)%'") == want
	})
}

func testCancelFreesEngine(t *testing.T, e *embedded.Engine) {
	observer := open(t, e, nil)
	queries := map[string]string{
		"aggregation": endlessQuery,
		"stream":      "SELECT number, sipHash64(number) FROM numbers(1000000000000000)",
	}
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				rows, err := open(t, e, nil).Query(ctx, query)
				if err == nil {
					for rows.Next() {
					}
					err = rows.Err()
				}
				done <- err
			}()
			running := func() bool {
				return ask[uint64](t, observer, "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000000000000)%' AND query NOT LIKE '%processes%'") > 0
			}
			until(t, "the query runs", running)
			cancel()
			if err := <-done; err == nil {
				t.Error("a cancelled query ended well")
			}
			until(t, "the query is gone", func() bool { return !running() })
		})
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	e := embeddedtest.Start(t, embedded.Config{Concurrency: 2, QueueWait: 100 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	var endless sync.WaitGroup
	for range 2 {
		conn := open(t, e, nil)
		endless.Go(func() {
			for ctx.Err() == nil { // it may itself be refused, while the third below has its turn
				_ = conn.Exec(ctx, endlessQuery)
			}
		})
	}
	conn := open(t, e, nil)
	var refused error
	until(t, "a third statement is refused", func() bool {
		refused = conn.Exec(t.Context(), "SELECT 1")
		return refused != nil
	})
	wantCode(t, refused, 202)
	cancel()
	endless.Wait()
	until(t, "the slots are free again", func() bool { return conn.Exec(t.Context(), "SELECT 1") == nil })
}

func testErrors(t *testing.T, e *embedded.Engine) {
	conn := open(t, e, nil)
	tests := map[string]struct {
		statement string
		code      int32
		status    int
	}{
		"syntax":           {"SELEC 1", 62, 400},
		"unknown table":    {"SELECT * FROM missing", 60, 404},
		"unknown column":   {"SELECT missing", 47, 404},
		"unknown setting":  {"SELECT 1 SETTINGS missing = 1", 115, 404},
		"memory":           {"SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 10000000", 241, 500},
		"time":             {endlessQuery + " SETTINGS max_execution_time = 0.2", 159, 408},
		"two statements":   {"SELECT 1; SELECT 2", 62, 400},
		"empty":            {"-- nothing", 62, 400},
		"wrong value":      {"SELECT throwIf(1, 'on purpose')", 395, 500},
		"deep recursion":   {"SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), 306, 500},
		"too big a number": {"INSERT INTO FUNCTION null('a UInt8') VALUES ('x')", 6, 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := conn.Exec(t.Context(), test.statement)
			wantCode(t, err, test.code)
			var httpError *clickhouse.HTTPError
			if !errors.As(err, &httpError) || httpError.StatusCode != test.status {
				t.Errorf("error = %v, want HTTP status %d", err, test.status)
			}
		})
	}
	if got := ask[uint8](t, conn, "SELECT 1"); got != 1 {
		t.Errorf("SELECT 1 after all the errors = %d", got)
	}
}

func testMidStreamError(t *testing.T, e *embedded.Engine) {
	for name, method := range compressions() {
		t.Run(name, func(t *testing.T) {
			conn := open(t, e, func(o *clickhouse.Options) { o.Compression = method })
			rows, err := conn.Query(t.Context(), "SELECT throwIf(number = 300000, 'on purpose') FROM numbers(500000) SETTINGS max_block_size = 65536, max_threads = 1")
			if err != nil {
				t.Fatalf("the error came early: %v", err)
			}
			read := 0
			for rows.Next() {
				read++
			}
			wantCode(t, rows.Err(), 395)
			if read == 0 {
				t.Error("no row before the error")
			}
		})
	}
}

func testWrongPasswordIsRefused(t *testing.T, e *embedded.Engine) {
	for name, change := range map[string]func(*clickhouse.Options){
		"wrong password": func(o *clickhouse.Options) { o.Auth.Password += "x" },
		"no password":    func(o *clickhouse.Options) { o.Auth.Password = "" },
		"wrong user":     func(o *clickhouse.Options) { o.Auth.Username = "default" },
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, open(t, e, change).Ping(t.Context()), 516)
		})
	}
}

// testLockedDown tries the ways out of the tables.
func testLockedDown(t *testing.T, e *embedded.Engine) {
	conn := open(t, e, nil)
	execute(t, conn, "CREATE TABLE IF NOT EXISTS t (a String) ENGINE = MergeTree ORDER BY a")
	const denied, forbidden = 497, 62 // by the engine's grants, by the front
	tests := map[string]int32{
		"SELECT * FROM file('/etc/passwd', LineAsString)":                   forbidden,
		"SELECT file('/etc/passwd')":                                        forbidden,
		"SELECT * FROM default.`/etc/passwd`":                               denied,
		"SELECT * FROM filesystem('/etc')":                                  denied,
		"SELECT 1 INTO OUTFILE '/tmp/llm-hub-outfile'":                      forbidden,
		"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString":       forbidden,
		"SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')":         denied,
		"SELECT * FROM s3('http://127.0.0.1:1/bucket/x.csv')":               denied,
		"SELECT * FROM remote('127.0.0.1', system.one)":                     denied,
		"SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')":            denied,
		"SELECT * FROM sqlite('/tmp/x.db', 't')":                            denied,
		"CREATE TABLE f (a String) ENGINE = File(CSV)":                      denied,
		"CREATE TABLE f (a String) ENGINE = URL('http://127.0.0.1:1', CSV)": denied,
		"CREATE DATABASE llmhub_etc ENGINE = Filesystem('/etc')":            denied,
		"CREATE DATABASE other":                                             denied,
		"CREATE TABLE default.f (a String) ENGINE = Memory":                 denied,
		"CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(FILE(path '/etc/passwd' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)": denied,
		"CREATE FUNCTION f AS (x) -> x":                 denied,
		"CREATE USER u":                                 denied,
		"GRANT ALL ON *.* TO default":                   denied,
		"CREATE NAMED COLLECTION c AS a = 1":            denied,
		"BACKUP TABLE t TO File('/tmp/llm-hub-backup')": denied,
		"SYSTEM SHUTDOWN":                               denied,
		"SYSTEM STOP MERGES t":                          denied,
	}
	for statement, code := range tests {
		t.Run(statement, func(t *testing.T) {
			wantCode(t, conn.Exec(t.Context(), statement), code)
		})
	}
}
