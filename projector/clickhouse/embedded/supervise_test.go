package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
)

// killed kills the engine's process and waits until another one serves.
func killed(t *testing.T, e *embedded.Engine) {
	t.Helper()
	before := e.State()
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "another engine process serves", func() bool {
		now := e.State()
		return now.Running && now.PID != before.PID && now.Restarts > before.Restarts
	})
}

// TestKilledEngineKeepsWhatItAcknowledged kills the engine under a writer that repeats what was not acknowledged.
func TestKilledEngineKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	e := embeddedtest.Start(t, embedded.Config{})
	conn := open(t, e, nil)
	execute(t, conn, "CREATE TABLE fact (id UInt64) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 10000",
		"CREATE TABLE total (k UInt8, n UInt64) ENGINE = SummingMergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 10000",
		"CREATE MATERIALIZED VIEW total_mv TO total AS SELECT 1 AS k, count() AS n FROM fact GROUP BY k")
	dsn := e.DSN()
	const kills, rows = 3, 100
	acknowledged := uint64(0)
	written, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		for {
			for send(t.Context(), conn, acknowledged, rows) != nil {
				if t.Context().Err() != nil {
					return
				}
			}
			acknowledged++
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for range kills {
		killed(t, e)
	}
	close(stop)
	<-written
	if got := ask[uint64](t, conn, "SELECT count() FROM fact"); got != acknowledged*rows {
		t.Errorf("%d rows, want %d", got, acknowledged*rows)
	}
	if got := ask[uint64](t, conn, "SELECT sum(n) FROM total"); got != acknowledged*rows {
		t.Errorf("the view counts %d rows, want %d", got, acknowledged*rows)
	}
	if e.DSN() != dsn {
		t.Error("address or password changed with a restart")
	}
	if state := e.State(); state.Restarts != kills || !strings.Contains(state.LastExit, "killed") {
		t.Errorf("state = %+v, want %d restarts and the last exit", state, kills)
	}
}

// send inserts one batch under a token of its own.
func send(ctx context.Context, conn clickhouse.Conn, number uint64, rows int) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplication_token": fmt.Sprint("batch-", number), "deduplicate_blocks_in_dependent_materialized_views": 1,
	}))
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO fact")
	if err != nil {
		return err
	}
	for i := range rows {
		if err := batch.Append(number*uint64(rows) + uint64(i)); err != nil {
			return err
		}
	}
	return batch.Send()
}

func TestEngineDiesWithItsParent(t *testing.T) {
	t.Parallel()
	cfg, err := json.Marshal(embedded.Config{Library: embeddedtest.Library(t), DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = []string{parentVariable + "=" + string(cfg)}
	parent.Stderr = os.Stderr
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	engine, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	until(t, "the engine is gone", func() bool { return !alive(engine) })
}

// alive says whether a process runs; one that waits to be reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

func TestDataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := embeddedtest.Start(t, embedded.Config{DataDir: dir})
	execute(t, open(t, first, nil), "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", "INSERT INTO t VALUES (1), (2)")
	_, err := embedded.Start(t.Context(), embedded.Config{Library: embeddedtest.Library(t), DataDir: dir})
	if !errors.Is(err, embedded.ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(first.State().PID)) {
		t.Errorf("second engine: %v, want ErrLocked with the pid of the first", err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := embeddedtest.Start(t, embedded.Config{DataDir: dir})
	if n := ask[uint64](t, open(t, next, nil), "SELECT count() FROM t"); n != 2 {
		t.Errorf("%d rows after a restart, want 2", n)
	}
}

func TestStartServesAndStops(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "a vendor's key")
	e := embeddedtest.Start(t, embedded.Config{})
	if err := open(t, e, nil).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := e.State()
	if !state.Running || state.PID == 0 || state.Version == "" || state.Since.IsZero() {
		t.Errorf("state = %+v, want a running engine with a pid and a version", state)
	}
	tellsNoSecrets(t, e)
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if state := e.State(); state.Running || state.PID != 0 || state.LastExit != "exit status 0" {
		t.Errorf("state after Stop = %+v", state)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

// tellsNoSecrets looks at the child as other processes of the machine can.
func tellsNoSecrets(t *testing.T, e *embedded.Engine) {
	t.Helper()
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", e.State().PID, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), e.Access().Password) || strings.Contains(string(text), "vendor") {
			t.Errorf("a secret in %s: %q", file, text)
		}
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	notALibrary := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(notALibrary, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	library := embeddedtest.Library(t)
	tests := map[string]struct {
		cfg  embedded.Config
		want string
	}{
		"no library":        {embedded.Config{DataDir: t.TempDir()}, "--clickhouse-url"},
		"no data directory": {embedded.Config{Library: library}, "DataDir"},
		"not a library":     {embedded.Config{Library: notALibrary, DataDir: t.TempDir()}, "load engine library"},
		"library is gone":   {embedded.Config{Library: notALibrary + "x", DataDir: t.TempDir()}, "load engine library"},
		"too little memory": {embedded.Config{Library: library, DataDir: t.TempDir(), MaxMemory: 1}, "MaxMemory"},
		"bad concurrency":   {embedded.Config{Library: library, DataDir: t.TempDir(), Concurrency: -1}, "Concurrency"},
		"no executable":     {embedded.Config{Library: library, DataDir: t.TempDir(), Executable: notALibrary}, "start " + notALibrary},
		"other executable":  {embedded.Config{Library: library, DataDir: t.TempDir(), Args: []string{"-test.run=^$"}}, "unexpected output"},
		"silent executable": {embedded.Config{Library: library, DataDir: t.TempDir(), Executable: "/bin/true"}, "died while starting"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := embedded.Start(t.Context(), test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestStartIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	dir := t.TempDir()
	if _, err := embedded.Start(ctx, embedded.Config{Library: embeddedtest.Library(t), DataDir: dir}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the context's", err)
	}
	embeddedtest.Start(t, embedded.Config{DataDir: dir}) // nothing was left behind
}

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	if _, err := embedded.FindLibrary(filepath.Join(dir, "none.so"), dir); !errors.Is(err, embedded.ErrNoLibrary) || !strings.Contains(err.Error(), "none.so") {
		t.Errorf("explicit path to nothing: %v", err)
	}
	if _, err := embedded.FindLibrary("", dir); !errors.Is(err, embedded.ErrNoLibrary) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--clickhouse-url") {
		t.Errorf("nowhere: %v", err)
	}
	library := filepath.Join(dir, "lib", "libchdb.so")
	if err := os.MkdirAll(filepath.Dir(library), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := embedded.FindLibrary("", dir); got != library || err != nil {
		t.Errorf("in the data directory: %q, %v", got, err)
	}
}
