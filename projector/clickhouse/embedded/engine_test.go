package embedded_test

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
)

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

func TestStartServesAndStops(t *testing.T) {
	e := embeddedtest.Start(t, embedded.Config{})
	if err := open(t, e, nil).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := e.State()
	if !state.Running || state.PID == 0 || state.Version == "" {
		t.Errorf("state = %+v, want a running engine with a pid and a version", state)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if e.State().Running {
		t.Error("the engine runs after Stop")
	}
}
