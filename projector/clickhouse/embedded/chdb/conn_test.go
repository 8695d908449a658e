//go:build linux && amd64 && !noengine

package chdb_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/chdb"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
)

// connect boots the engine in the test's own process: there can be one only, so the package has one test.
func connect(t *testing.T) *chdb.Conn {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.xml")
	if err := os.WriteFile(config, []byte("<clickhouse><display_name>test</display_name></clickhouse>"), 0o600); err != nil {
		t.Fatal(err)
	}
	engine, err := chdb.Open(chdb.Config{Library: embeddedtest.Library(t), DataDir: filepath.Join(dir, "tables"), ConfigFile: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	conn, err := engine.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func run(t *testing.T, conn *chdb.Conn, sql string) string {
	t.Helper()
	var out bytes.Buffer
	if err := conn.Run(chdb.Statement{SQL: sql, Format: "TSV"}, &out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.TrimSpace(out.String())
}

func TestConn(t *testing.T) {
	conn := connect(t)
	run(t, conn, "CREATE DATABASE app")
	run(t, conn, "USE app")
	run(t, conn, "CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a")
	t.Run("several statements are refused", func(t *testing.T) { testOneStatement(t, conn) })
	t.Run("insert", func(t *testing.T) { testInsert(t, conn) })
	t.Run("stream", func(t *testing.T) { testStream(t, conn) })
	t.Run("parameters", func(t *testing.T) { testParameters(t, conn) })
}

// testOneStatement goes round the first gate, the lexer, on purpose.
func testOneStatement(t *testing.T, conn *chdb.Conn) {
	for _, sql := range []string{"SELECT 1; DROP TABLE t", "SELECT ‘'’; DROP TABLE t; SELECT ‘'’", "SELECT 1 PARALLEL WITH DROP TABLE t"} {
		for _, kind := range []chdb.Kind{chdb.Execute, chdb.Stream} {
			var exception *chdb.Error
			if err := conn.Run(chdb.Statement{Kind: kind, SQL: sql, Format: "TSV"}, io.Discard); !errors.As(err, &exception) || exception.Code != chdb.CodeSyntaxError {
				t.Errorf("%q: %v, want a syntax error", sql, err)
			}
		}
	}
	if got := run(t, conn, "EXISTS TABLE t"); got != "1" {
		t.Error("the table was dropped")
	}
}

func testInsert(t *testing.T, conn *chdb.Conn) {
	insert := func(format, data string) error {
		return conn.Run(chdb.Statement{Kind: chdb.Insert, SQL: "INSERT INTO t (a)", Format: format, Data: []byte(data)}, io.Discard)
	}
	if err := insert("TSV", "x\n\nDROP TABLE t\n;\n"); err != nil {
		t.Fatal(err)
	}
	if got := run(t, conn, "SELECT count(), countIf(a = 'DROP TABLE t') FROM t"); got != "4\t1" {
		t.Errorf("rows = %q, want the four lines as they are", got)
	}
	block := "\x01\x02\x01a\x06String\x02hi\x03abc" // one column, two rows
	if err := insert("Native", block); err != nil {
		t.Fatal(err)
	}
	for cut := range len(block) {
		if cut > 0 && insert("Native", block[:cut]) == nil {
			t.Errorf("%d of %d bytes were accepted", cut, len(block))
		}
	}
	if got := run(t, conn, "SELECT count() FROM t"); got != "6" {
		t.Errorf("%s rows, want 6: a cut block must not store anything", got)
	}
	var exception *chdb.Error
	err := conn.Run(chdb.Statement{Kind: chdb.Insert, SQL: "INSERT INTO missing", Format: "TSV", Data: []byte("x")}, io.Discard)
	if !errors.As(err, &exception) || exception.Code != 60 {
		t.Errorf("insert into no table: %v", err)
	}
}

func testStream(t *testing.T, conn *chdb.Conn) {
	blocks := new(countingWriter)
	st := chdb.Statement{Kind: chdb.Stream, SQL: "SELECT number FROM numbers(1000000)", Format: "TSV"}
	if err := conn.Run(st, blocks); err != nil || blocks.writes < 2 || blocks.lines != 1000000 {
		t.Errorf("%d rows in %d blocks, %v", blocks.lines, blocks.writes, err)
	}
	blocks = &countingWriter{failAfter: 1}
	if err := conn.Run(st, blocks); !errors.Is(err, errFull) || blocks.writes != 1 {
		t.Errorf("a writer that fails: %v after %d blocks", err, blocks.writes)
	}
	if got := run(t, conn, "SELECT 1"); got != "1" {
		t.Errorf("after a stream that was given up: %q", got)
	}
	if err := conn.Run(chdb.Statement{Kind: chdb.Stream, SQL: "TRUNCATE TABLE t", Format: "TSV"}, io.Discard); err != nil {
		t.Errorf("a statement that cannot stream: %v", err)
	}
}

var errFull = errors.New("full")

// countingWriter counts, and fails after so many writes if that is not 0.
type countingWriter struct{ writes, lines, failAfter int }

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.failAfter > 0 && w.writes == w.failAfter {
		return 0, errFull
	}
	w.writes++
	w.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

func testParameters(t *testing.T, conn *chdb.Conn) {
	var out bytes.Buffer
	st := chdb.Statement{SQL: "SELECT {a:String}, {b:UInt8}, {empty:String} = ''", Format: "TSV", Params: map[string]string{"a": "it's; x", "b": "7", "empty": ""}}
	if err := conn.Run(st, &out); err != nil || out.String() != "it\\'s; x\t7\t1\n" {
		t.Errorf("answer = %q, %v", out.String(), err)
	}
}

func TestParseError(t *testing.T) {
	tests := map[string]chdb.Error{
		"Code: 60. DB::Exception: No table. (UNKNOWN_TABLE)\n":                                {Code: 60, Text: "Code: 60. DB::Exception: No table. (UNKNOWN_TABLE)"},
		"Error: Code: 1. DB::Exception: x":                                                    {Code: 1, Text: "Code: 1. DB::Exception: x"},
		"Code: 241. DB::Exception: Code: 241. DB::Exception: Memory. (MEMORY_LIMIT_EXCEEDED)": {Code: 241, Text: "Code: 241. DB::Exception: Memory. (MEMORY_LIMIT_EXCEEDED)"},
		"Code: 1. DB::Exception: Code: 2. DB::Exception: inner":                               {Code: 1, Text: "Code: 1. DB::Exception: Code: 2. DB::Exception: inner"},
		"something else": {Code: 1002, Text: "Code: 1002. DB::Exception: something else. (UNKNOWN_EXCEPTION)"},
		"Code: x. y":     {Code: 1002, Text: "Code: 1002. DB::Exception: Code: x. y. (UNKNOWN_EXCEPTION)"},
	}
	for text, want := range tests {
		if diff := cmp.Diff(&want, chdb.ParseError(text)); diff != "" {
			t.Errorf("ParseError(%q) (-want +got):\n%s", text, diff)
		}
	}
}
