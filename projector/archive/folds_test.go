package archive_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/rebuild"
	"github.com/llm-hub/llm-hub/projector/replay"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
	"github.com/llm-hub/llm-hub/projector/verify"
)

// joined is a log in memory that is read through its archive.
type joined struct {
	*memlog.Log
	whole *archive.Log
}

func (j joined) At(ctx context.Context, seq uint64) (events.Stored, error) {
	return j.whole.At(ctx, seq)
}

func (j joined) Read(ctx context.Context, r events.Range) (events.Cursor, error) {
	return j.whole.Read(ctx, r)
}

func (j joined) Begins(ctx context.Context, info events.Info) (uint64, error) {
	return j.whole.Begins(ctx, info)
}

// TestRealFolds: counters and tables go on over a log that is trimmed, begin again
// where they stood, are verified from the first message, and come out the same when
// they are made anew. TestMillion does it with the real stores.
func TestRealFolds(t *testing.T) {
	w := newWorld(t, 1)
	w.log = memlog.New() // without the checkpoints of newWorld
	log, store := joined{w.log, w.whole()}, tablestest.NewMemStore()
	traffic := projectortest.New(31, 8, time.Second)
	for _, m := range traffic.Messages(1500) {
		w.log.Inject(m)
	}
	for _, m := range traffic.Finish() {
		w.log.Inject(m)
	}
	for range 140 { // until idle partitions need nothing old any more
		for _, m := range slices.Concat(traffic.Heartbeat(0), traffic.Heartbeat(1)) {
			w.log.Inject(m)
		}
	}
	fold(t, log, store)
	r := w.archived()
	if r.TrimmedTo < 300 || r.TrimmedTo >= r.Last {
		t.Fatalf("%+v", r)
	}
	check := func(what string) {
		t.Helper()
		v, err := verify.Run(t.Context(), verify.Config{Log: log, Bucket: w.log}, nil)
		if err != nil || !v.OK || v.Facts.Messages != v.Seq {
			t.Errorf("%s: %+v, %v", what, v, err)
		}
	}
	check("after the trim")
	for _, m := range traffic.Messages(100) {
		w.log.Inject(m)
	}
	fold(t, log, store) // begins where the other ended
	check("after a restart")
	made, err := rebuild.Counters(t.Context(), rebuild.Config{Log: log, Bucket: w.log, Logger: slog.New(slog.DiscardHandler)}, nil)
	if err != nil || made.Written+made.Deleted > 0 || made.Counters == 0 {
		t.Errorf("made anew: %+v, %v", made, err)
	}
	n, first := 0, uint64(0)
	err = replay.Run(t.Context(), log, replay.Filter{}, func(r replay.Record) error {
		if n++; n == 1 {
			first = r.Seq
		}
		return nil
	})
	if err != nil || first != 1 || n < 1500 {
		t.Errorf("%d events from sequence %d on, %v", n, first, err)
	}
}

// fold runs both folds until they have everything in the log.
func fold(t *testing.T, log joined, store tables.Store) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	c, err := counters.New(counters.Config{Log: log, Bucket: log, Dead: log, Partitions: projector.AllPartitions(), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	tw, err := tables.New(tables.Config{Log: log, Bucket: log, Store: store, Database: "hub", Logger: logger, Linger: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	running.Go(func() { tw.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	info, err := log.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(ctx, func(s counters.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err)
	}
	if err := tw.Wait(ctx, func(s tables.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err)
	}
}
