package natslog_test

import (
	"log/slog"
	"testing"

	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
)

const testBytes = 256 << 20

func startServer(t testing.TB, dir string, class natslog.Class) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(embedded.Config{Dir: dir, Class: class, MaxBytes: testBytes, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openLog(t testing.TB, s natslog.Server) *natslog.Log {
	t.Helper()
	l, err := natslog.Open(t.Context(), natslog.Config{
		Server: s, Class: natslog.Dev, Node: "n1", Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func opened(l *natslog.Log) logtest.Opened {
	return logtest.Opened{Log: l, Leases: l.Leases(), Nodes: l.Nodes()}
}

func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T) logtest.Opened {
		s := startServer(t, t.TempDir(), natslog.Dev)
		t.Cleanup(s.Close)
		return opened(openLog(t, s))
	})
}
