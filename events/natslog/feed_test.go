package natslog_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
)

// TestSlowReader reads with pauses in which everything asked for arrives. Nothing
// of that may be dropped, to be read anew and complained of.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const messages, step, pause = 700, 64, 50 * time.Millisecond
	server := startServer(t, t.TempDir(), natslog.Dev)
	t.Cleanup(server.Close)
	var said bytes.Buffer
	l, err := natslog.Open(t.Context(), natslog.Config{
		Server: server, Class: natslog.Dev, Node: "n1", Version: "test",
		Logger: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(messages) {
		if _, err := l.Append(t.Context(), message(1, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.Read(t.Context(), events.Range{To: messages})
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for range c.C() {
		if read++; read%step == 0 {
			<-time.After(pause)
		}
	}
	c.Close()
	l.Close() // nothing is logged after that
	if err := c.Err(); err != nil || read != messages {
		t.Errorf("%d messages read: %v", read, err)
	}
	if said.Len() > 0 {
		t.Error(said.String())
	}
}
