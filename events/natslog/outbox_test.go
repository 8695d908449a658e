package natslog_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/natslog"
)

// box is an outbox with the server it is alone on.
type box struct {
	*natslog.Outbox
	close func()
}

func (b box) Close() { b.close() }

func openOutbox(t testing.TB, s natslog.Server, max int64) *natslog.Outbox {
	t.Helper()
	o, err := natslog.OpenOutbox(t.Context(), natslog.OutboxConfig{Server: s, MaxBytes: max, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOutboxConformance(t *testing.T) {
	logtest.RunOutbox(t, func(t *testing.T, dir string, max uint64) logtest.Outbox {
		s := startServer(t, dir, natslog.Durable)
		o := openOutbox(t, s, int64(max))
		return box{o, sync.OnceFunc(func() {
			o.Close()
			s.Close()
		})}
	})
}

func TestOpenOutboxRefuses(t *testing.T) {
	server := startServer(t, t.TempDir(), natslog.Dev)
	defer server.Close()
	for name, cfg := range map[string]natslog.OutboxConfig{
		"no server":          {Logger: slog.New(slog.DiscardHandler)},
		"no logger":          {Server: server},
		"less than no bytes": {Server: server, Logger: slog.New(slog.DiscardHandler), MaxBytes: -1},
	} {
		if o, err := natslog.OpenOutbox(t.Context(), cfg); err == nil {
			o.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// TestOutboxAfterUnknownPut holds that a put without an answer is neither lost
// nor kept twice when it is repeated, also after the server came back.
func TestOutboxAfterUnknownPut(t *testing.T) {
	dir := t.TempDir()
	r := &relay{}
	r.up(t, dir)
	t.Cleanup(r.down)
	o := openOutbox(t, r, 0)
	defer o.Close()
	for n := range uint64(3) {
		if err := o.Put(t.Context(), message(3, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	r.down()
	if err := o.Put(t.Context(), message(3, 4)); !errors.Is(err, events.ErrUnavailable) {
		t.Fatalf("without a server: %v", err)
	}
	r.up(t, dir)
	for n := uint64(2); n <= 5; n++ { // 2 and 3 are repeated
		for err := events.ErrUnavailable; errors.Is(err, events.ErrUnavailable); {
			err = o.Put(t.Context(), message(3, n))
			if err != nil && !errors.Is(err, events.ErrUnavailable) {
				t.Fatal(err)
			}
		}
	}
	held, err := o.After(t.Context(), 0, 10)
	if err != nil || len(held) != 5 {
		t.Fatalf("%d messages, %v", len(held), err)
	}
	for i, m := range held {
		if m.ID.Counter != uint64(i)+1 {
			t.Errorf("message %d is %s", i, m.ID)
		}
	}
}

// BenchmarkOutboxPut measures one message of one event, fsynced.
func BenchmarkOutboxPut(b *testing.B) {
	s := startServer(b, b.TempDir(), natslog.Durable)
	defer s.Close()
	o := openOutbox(b, s, 0)
	defer o.Close()
	n := uint64(0)
	for b.Loop() {
		n++
		if err := o.Put(b.Context(), message(0, n)); err != nil {
			b.Fatal(err)
		}
		if n%64 == 0 { // as a drain does
			if err := o.Trim(b.Context(), n-32); err != nil {
				b.Fatal(err)
			}
		}
	}
}
