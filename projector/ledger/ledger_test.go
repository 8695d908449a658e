package ledger_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/ledger"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// TestAt: the ledger of an instant is, to the byte, the counters that a projector
// had at it.
func TestAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, traffic := memlog.New(), projectortest.New(5, 6, time.Second)
		cfg := counters.Config{Log: log, Bucket: log, Dead: log, Logger: slog.New(slog.DiscardHandler), Partitions: projector.AllPartitions()}
		live, err := counters.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { live.Run(ctx) })
		type instant struct {
			at     time.Time
			seq    uint64
			values map[string]string
		}
		var history []instant
		for range 6 {
			values := map[string]string{}
			list, err := log.List(ctx, events.CounterPrefix)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				values[e.Key] = string(e.Value)
			}
			info, _ := log.Info(ctx)
			history = append(history, instant{time.Now(), info.Last, values})
			<-time.After(time.Hour) // of the test's own clock
			for _, m := range append(traffic.Messages(150), traffic.Garbage()) {
				if _, err := log.Append(ctx, m); err != nil {
					t.Fatal(err)
				}
				log.Inject(m) // again, as after the dedupe window
			}
			last, _ := log.Info(ctx)
			if err := live.Wait(ctx, func(s counters.Status) bool { return s.Seq >= last.Last }); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		running.Wait()
		for i, h := range history {
			got, err := ledger.At(t.Context(), log, ledger.Query{At: h.at}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.Seq != h.seq {
				t.Errorf("instant %d is at sequence %d, want %d", i, got.Seq, h.seq)
			}
			if diff := cmp.Diff(h.values, values(got, h.values)); diff != "" {
				t.Errorf("instant %d (-live +folded):\n%s", i, diff)
			}
			one := events.PartitionOf("tenant-1")
			part, err := ledger.At(t.Context(), log, ledger.Query{At: h.at, Partitions: []events.Partition{one}}, nil)
			scope := accounting.Scope{Kind: accounting.TenantScope, ID: "tenant-1"}
			if err != nil || !cmp.Equal(part.Of(scope), got.Of(scope), cmp.AllowUnexported(accounting.Share{})) {
				t.Errorf("instant %d: one partition alone says %+v, %v", i, part.Of(scope), err)
			}
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ledger.At(cancelled, log, ledger.Query{At: time.Now()}, nil); err == nil {
			t.Error("a fold that nobody waits for any more goes on")
		}
	})
}

// values are the counters of a ledger for the scopes of some keys.
func values(l *ledger.Ledger, keys map[string]string) map[string]string {
	out, seen := map[string]string{}, map[accounting.Scope]bool{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		_, kind, id, _ := events.ParseCounterKey(key)
		scope := accounting.Scope{Kind: accounting.ScopeKind(kind), ID: id}
		if seen[scope] {
			continue
		}
		seen[scope] = true
		found := map[string]bool{}
		for _, c := range l.Of(scope) {
			raw, _ := json.Marshal(c)
			found[string(raw)] = true
		}
		for key, value := range keys {
			if _, k, i, _ := events.ParseCounterKey(key); k == kind && i == id && found[value] {
				out[key] = value
			}
		}
	}
	return out
}
