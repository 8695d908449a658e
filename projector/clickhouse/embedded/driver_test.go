package embedded_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
)

// compressions are the driver's ways that the engine serves.
func compressions() map[string]*clickhouse.Compression {
	return map[string]*clickhouse.Compression{
		"none": nil,
		"lz4":  {Method: clickhouse.CompressionLZ4},
		"zstd": {Method: clickhouse.CompressionZSTD},
		"gzip": {Method: clickhouse.CompressionGZIP, Level: 3},
	}
}

// record has a column of every type that the product's tables use.
type record struct {
	Text     string            `ch:"text"`
	Word     string            `ch:"word"`
	U8       uint8             `ch:"u8"`
	U16      uint16            `ch:"u16"`
	U32      uint32            `ch:"u32"`
	U64      uint64            `ch:"u64"`
	Number   int64             `ch:"number"`
	Maybe    *int64            `ch:"maybe"`
	Nanos    time.Time         `ch:"nanos"`
	Millis   time.Time         `ch:"millis"`
	List     []string          `ch:"list"`
	Pairs    map[string]uint64 `ch:"pairs"`
	Choice   string            `ch:"choice"`
	ID       uuid.UUID         `ch:"id"`
	Flag     bool              `ch:"flag"`
	Amount   decimal.Decimal   `ch:"amount"`
	MaybeStr *string           `ch:"maybe_text"`
}

const recordTable = `CREATE TABLE record (
	text String, word LowCardinality(String), u8 UInt8, u16 UInt16, u32 UInt32, u64 UInt64, number Int64, maybe Nullable(Int64),
	nanos DateTime64(9, 'UTC'), millis DateTime64(3, 'UTC'), list Array(String), pairs Map(String, UInt64),
	choice Enum8('one' = 1, 'two' = 2), id UUID, flag Bool, amount Decimal(38, 9), maybe_text LowCardinality(Nullable(String))
) ENGINE = MergeTree ORDER BY (u64)`

// nasty are texts that would be cut or run if data ever became SQL.
var nasty = []string{"", "\n", "a\n\nb", ";", "a\n\nDROP TABLE record", "; DROP TABLE record; --", "it's \\ `x` \"y\"", "\x00\xff\n\n", "\\N", "\t"}

func records() []record {
	base := time.Date(2026, 11, 1, 12, 30, 15, 123456789, time.UTC)
	out := make([]record, 0, 100)
	for i := range uint64(100) {
		r := record{
			Text: nasty[int(i)%len(nasty)], Word: fmt.Sprint("word", i%3), U8: uint8(i), U16: uint16(i * 600), U32: uint32(i) * 40_000_000, U64: i<<58 | i,
			Number: -int64(i) * 1e15, Nanos: base.Add(time.Duration(i)), Millis: base.Add(time.Duration(i) * time.Hour).Truncate(time.Millisecond),
			List: nasty[:int(i)%4], Pairs: map[string]uint64{"in\n\nput": i, "output": i * 2}, Choice: "two", ID: uuid.UUID{byte(i), 10, 10, 15: 1},
			Flag: i%2 == 0, Amount: decimal.New(int64(i)*123456789, -9),
		}
		if i%2 == 1 {
			r.Maybe, r.MaybeStr = &r.Number, &r.Word
		}
		out = append(out, r)
	}
	return out
}

var sameRecords = []cmp.Option{
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b []string) bool { return fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b) }), // nil and empty are one
}

func testDriverKeepsTypes(t *testing.T, e *embedded.Engine) {
	want := records()
	for name, method := range compressions() {
		t.Run(name, func(t *testing.T) {
			conn := open(t, e, func(o *clickhouse.Options) {
				o.Compression = method
				o.Settings = clickhouse.Settings{"enable_http_compression": 1}
			})
			execute(t, conn, "DROP TABLE IF EXISTS record", recordTable)
			batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO record")
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range want {
				if err := batch.AppendStruct(&r); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				t.Fatal(err)
			}
			var got []record
			if err := conn.Select(t.Context(), &got, "SELECT * FROM record ORDER BY u8"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameRecords...); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

func testDriverThroughDatabaseSQL(t *testing.T, e *embedded.Engine) {
	db := openSQL(t, e)
	ctx := t.Context()
	if _, err := db.ExecContext(ctx, "CREATE TABLE item (id UInt64, text String, at DateTime64(9, 'UTC'), maybe Nullable(Int64)) ENGINE = MergeTree ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO item")
	if err != nil {
		t.Fatal(err)
	}
	defer insert.Close()
	at := time.Date(2026, 11, 1, 0, 0, 0, 1, time.UTC)
	for i, text := range nasty {
		if _, err := insert.ExecContext(ctx, uint64(i), text, at, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	// bound by the driver into the text of VALUES, where it writes times in seconds
	bound := at.Truncate(time.Second)
	if _, err := db.ExecContext(ctx, "INSERT INTO item (id, text, at, maybe) VALUES (?, ?, ?, ?)", uint64(len(nasty)), "x'; DROP TABLE item; --\n\n", bound, int64(-5)); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(ctx, "SELECT text, at FROM item ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		var got time.Time
		if err := rows.Scan(&text, &got); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
		wantAt := at
		if len(texts) > len(nasty) {
			wantAt = bound
		}
		if !got.Equal(wantAt) {
			t.Errorf("time of %q = %s, want %s", text, got, wantAt)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := append(append([]string{}, nasty...), "x'; DROP TABLE item; --\n\n")
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

func testParameters(t *testing.T, e *embedded.Engine) {
	conn := open(t, e, nil)
	const question = "SELECT concat({text:String}, '|', toString({number:Int64}), '|', arrayStringConcat({list:Array(String)}, ','))"
	// as on a server, such values are in the escaped form of TSV
	for text, want := range map[string]string{"plain": "plain", "it's; DROP TABLE t": "it's; DROP TABLE t", `a\\b\tc\n`: "a\\b\tc\n", "ünïcode": "ünïcode"} {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{
			"text": text, "number": "-7", "list": "['a','b']",
		}))
		var got string
		if err := conn.QueryRow(ctx, question).Scan(&got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if want += "|-7|a,b"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, text := range nasty {
		if got := ask[string](t, conn, "SELECT {a:String}", clickhouse.Named("a", text)); got != text {
			t.Errorf("named parameter %q came back as %q", text, got)
		}
	}
	if got := ask[uint64](t, conn, "SELECT sum(number) FROM numbers(10) WHERE number > ?", 7); got != 17 {
		t.Errorf("positional parameter: sum = %d, want 17", got)
	}
	wantCode(t, conn.Exec(t.Context(), "SELECT {missing:String}"), 456)
}

func testEmptyAndBigResults(t *testing.T, e *embedded.Engine) {
	for name, method := range compressions() {
		t.Run(name, func(t *testing.T) {
			conn := open(t, e, func(o *clickhouse.Options) {
				o.Compression = method
				o.Settings = clickhouse.Settings{"enable_http_compression": 1}
			})
			rows, err := conn.Query(t.Context(), "SELECT number FROM numbers(10) WHERE number > 10")
			if err != nil {
				t.Fatal(err)
			}
			if rows.Next() || rows.Err() != nil {
				t.Errorf("an empty result has a row or an error: %v", rows.Err())
			}
			rows, err = conn.Query(t.Context(), "SELECT number, toString(number) FROM numbers(100000)")
			if err != nil {
				t.Fatal(err)
			}
			var want, number uint64
			var text string
			for ; rows.Next(); want++ {
				if err := rows.Scan(&number, &text); err != nil || number != want || text != fmt.Sprint(want) {
					t.Fatalf("row %d = %d, %q, %v", want, number, text, err)
				}
			}
			if rows.Err() != nil || want != 100000 {
				t.Errorf("%d rows, %v", want, rows.Err())
			}
		})
	}
}

// testRepeatedInsertIsStoredOnce holds what the projector's recorded intents rely on.
func testRepeatedInsertIsStoredOnce(t *testing.T, e *embedded.Engine) {
	conn := open(t, e, nil)
	execute(t, conn,
		"CREATE TABLE fact (id UInt64, n UInt64) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 10000",
		"CREATE TABLE total (k UInt8, n UInt64) ENGINE = SummingMergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 10000",
		"CREATE MATERIALIZED VIEW total_mv TO total AS SELECT 1 AS k, sum(n) AS n FROM fact GROUP BY k")
	send := func(token string) {
		t.Helper()
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1, "async_insert": 0,
		}))
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO fact")
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(10) {
			if err := batch.Append(i, uint64(3)); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
	check := func(facts, total uint64) {
		t.Helper()
		gotFacts, gotTotal := ask[uint64](t, conn, "SELECT count() FROM fact"), ask[uint64](t, conn, "SELECT sum(n) FROM total")
		if gotFacts != facts || gotTotal != total {
			t.Errorf("%d facts, total %d; want %d, %d", gotFacts, gotTotal, facts, total)
		}
	}
	send("HUB_TRAFFIC:1-10:fact")
	check(10, 30)
	send("HUB_TRAFFIC:1-10:fact")
	check(10, 30)
	send("HUB_TRAFFIC:11-20:fact") // the same rows of another range count
	check(20, 60)
}

func testSettingsDoNotLeak(t *testing.T, e *embedded.Engine) {
	conn := open(t, e, nil)
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 777, "log_comment": "it's mine"}))
	const question = "SELECT toString(getSetting('max_block_size'))"
	var got string
	if err := conn.QueryRow(ctx, question).Scan(&got); err != nil || got != "777" {
		t.Errorf("with the setting: %q, %v", got, err)
	}
	if got := ask[string](t, conn, question); got == "777" {
		t.Error("the setting outlived its request")
	}
	bad := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"no_such_setting": 1}))
	wantCode(t, conn.Exec(bad, "SELECT 1"), 115)
	session := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"session_id": "s"}))
	wantCode(t, conn.Exec(session, "SELECT 1"), 48)
}

// testThreads: the engine's small memory does not keep a statement to one thread, as
// it would by default.
func testThreads(t *testing.T, e *embedded.Engine) {
	rows, err := open(t, e, nil).Query(t.Context(), "EXPLAIN PIPELINE SELECT sum(number) FROM numbers_mt(100000000) SETTINGS max_threads = 4")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if text := strings.Join(plan, "\n"); rows.Err() != nil || !strings.Contains(text, "× 4") {
		t.Errorf("%v, a plan of one thread:\n%s", rows.Err(), text)
	}
}

func testServerFacts(t *testing.T, e *embedded.Engine) {
	conn := open(t, e, nil)
	if zone := ask[string](t, conn, "SELECT timezone()"); zone != "UTC" {
		t.Errorf("time zone = %q, want UTC", zone)
	}
	if name := ask[string](t, conn, "SELECT currentDatabase()"); name != e.Access().Database {
		t.Errorf("database = %q, want %q", name, e.Access().Database)
	}
	version, err := conn.ServerVersion()
	if err != nil || version.Version.Major < 26 {
		t.Errorf("server version = %v, %v", version, err)
	}
}
