package archive_test

import (
	"context"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/archive"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/replay"
	"github.com/llm-hub/llm-hub/projector/verify"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

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
// they are made anew.
func TestRealFolds(t *testing.T) {
	w := newWorld(t, 1)
	w.log = memlog.New() // without the checkpoints of newWorld
	log := joined{w.log, w.whole()}
	hub := projectortest.NewHub(t, log)
	traffic := projectortest.New(31, 8, time.Second)
	hub.Add(t, traffic.Messages(3000)...)
	hub.Add(t, traffic.Finish()...)
	for range 145 { // until idle partitions need nothing old any more
		hub.Add(t, traffic.Heartbeat(0)...)
		hub.Add(t, traffic.Heartbeat(1)...)
	}
	hub.Settle(t)
	r := w.archived()
	if r.TrimmedTo < 500 || r.TrimmedTo >= r.Last {
		t.Fatalf("%+v", r)
	}
	check := func(what string) {
		t.Helper()
		v, err := verify.Run(t.Context(), verify.Config{Log: log, Bucket: w.log, Tables: hub.Store}, nil)
		if err != nil || !v.OK || v.Facts.Messages != v.Seq {
			t.Errorf("%s: %+v, %v", what, v, err)
		}
	}
	check("after the trim")
	hub.Start(t) // again, from what is stored
	hub.Add(t, traffic.Messages(300)...)
	hub.Settle(t)
	check("after a restart")
	hub.Rebuild(t)
	hub.Settle(t)
	check("made anew")
	n, first := 0, uint64(0)
	err := replay.Run(t.Context(), log, replay.Filter{}, func(r replay.Record) error {
		if n++; n == 1 {
			first = r.Seq
		}
		return nil
	})
	if err != nil || first != 1 || n < 3000 {
		t.Errorf("%d events from sequence %d on, %v", n, first, err)
	}
}
