package rebuild_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/rebuild"
)

// early is a log as it was a while ago.
type early struct {
	events.Reader
	last uint64
}

func (e early) Info(ctx context.Context) (events.Info, error) {
	info, err := e.Reader.Info(ctx)
	info.Last = min(info.Last, e.last)
	return info, err
}

// TestCountersBehindARival: another process has counted more than was folded here,
// and goes on, while the rebuild is interrupted at every write.
func TestCountersBehindARival(t *testing.T) {
	for interrupted := range 4 {
		synctest.Test(t, func(t *testing.T) {
			log := filled(t, 1, 300)
			rival := startCounters(t, log)
			wait(t, log, rival)
			cfg := rebuild.Config{
				Log: early{log, last(t, log) / 2}, Bucket: &failing{Bucket: log, left: interrupted}, Logger: slog.New(slog.DiscardHandler),
			}
			if _, err := rebuild.Counters(t.Context(), cfg, nil); (err != nil) != (interrupted < 2) {
				t.Fatalf("interrupted at %d: %v", interrupted, err)
			}
			for _, m := range restOf(t, log) {
				log.Inject(m)
			}
			wait(t, log, rival)
			wantFold(t, log)
		})
	}
}

func last(t *testing.T, log events.Reader) uint64 {
	t.Helper()
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.Last
}
