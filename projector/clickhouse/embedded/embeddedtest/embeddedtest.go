// Package embeddedtest lets tests of other packages use the embedded ClickHouse engine.
//
// The engine is a child process of the test binary itself, so the package under test needs
//
//	func TestMain(m *testing.M) { embeddedtest.Main(m) }
//
// A missing library fails the test: these tests are never skipped.
package embeddedtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
)

// LibraryVariable is the environment variable that names the library for tests.
const LibraryVariable = "LLMHUB_CLICKHOUSE_LIB"

const stopWithin = 2 * time.Minute // on a busy machine

// Main runs the package's tests, or becomes the engine when the test binary was started as its child.
func Main(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == embedded.Subcommand {
		os.Exit(embedded.Main())
	}
	os.Exit(m.Run())
}

// Library finds the library: where LLMHUB_CLICKHOUSE_LIB says, else where `make engine` put it in the source tree.
func Library(t testing.TB) string {
	t.Helper()
	explicit := os.Getenv(LibraryVariable)
	if explicit == "" {
		explicit = filepath.Join(moduleRoot(t), "deploy/engine/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
	}
	library, err := embedded.FindLibrary(explicit, "")
	if err != nil {
		t.Fatalf("this test needs the ClickHouse engine: run `make engine` or set %s: %v", LibraryVariable, err)
	}
	return library
}

// moduleRoot walks up from the working directory, which is the tested package's.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// Start runs an engine in a temporary directory until the test ends. Library and DataDir may be left empty.
func Start(t testing.TB, cfg embedded.Config) *embedded.Engine {
	t.Helper()
	if cfg.Library == "" {
		cfg.Library = Library(t)
	}
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	engine, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		if err := engine.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return engine
}
