package counters_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// TestDeaths: however often nodes restart, and whatever they leave behind, what
// the fold remembers of it can be stored, beside the checkpoint.
func TestDeaths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(7, 5, 100*time.Millisecond)
		p, kill := start(t, overLog(log))
		add(t, log, traffic.Deaths(200, 1500)...)
		waitFor(t, log, p)
		for i := range 4 {
			<-time.After(time.Minute)
			add(t, log, traffic.Packed(1000)...)
			waitFor(t, log, p)
			if i%2 == 1 {
				kill()
				p, kill = start(t, overLog(log))
			}
		}
		compare(t, log)
		key := events.CheckpointKey(events.PartitionOf("tenant-0"))
		e, err := log.Get(t.Context(), key)
		if err != nil || len(e.Value) > 4<<10 {
			t.Errorf("the checkpoint has %d bytes, %v", len(e.Value), err)
		}
		past, err := log.Get(t.Context(), projector.PastKey(key))
		t.Logf("the past has %d bytes", len(past.Value))
		if err != nil || len(past.Value) < 40<<10 {
			t.Errorf("the past has %d bytes, %v", len(past.Value), err)
		}
	})
}

// TestDamagedPast: a past that is not the checkpoint's stops the fold.
func TestDamagedPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		p, kill := start(t, overLog(log))
		traffic := projectortest.New(7, 5, time.Second)
		add(t, log, traffic.Deaths(3, 3)...)
		waitFor(t, log, p)
		for range 2 {
			<-time.After(time.Minute)
			add(t, log, traffic.Packed(1000)...)
			waitFor(t, log, p)
		}
		kill()
		id := events.PartitionOf("tenant-0")
		key := projector.PastKey(events.CheckpointKey(id))
		e, _ := log.Get(t.Context(), key)
		if _, err := log.Commit(t.Context(), []events.Put{{Key: key, Value: []byte("{}"), Rev: e.Rev}}); err != nil {
			t.Fatal(err)
		}
		p, _ = start(t, overLog(log))
		wantHalted(t, p, key+" is not the one the checkpoint knows")
	})
}

// TestPace: commits follow each other no faster than they are told to, the first
// after a pause is not late, and a full batch does not wait.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		cfg := overLog(log)
		cfg.Linger, cfg.Pace = 10*time.Millisecond, 100*time.Millisecond
		p, _ := start(t, cfg)
		synctest.Wait()
		traffic := projectortest.New(3, 5, time.Millisecond)
		began := time.Now()
		add(t, log, traffic.Messages(5)...)
		waitFor(t, log, p)
		if waited := time.Since(began); waited != cfg.Linger {
			t.Errorf("the first commit came after %s, want %s", waited, cfg.Linger)
		}
		for range 200 { // two seconds of steady traffic
			add(t, log, traffic.Messages(1)...)
			<-time.After(10 * time.Millisecond)
		}
		waitFor(t, log, p)
		if n := p.Status().Commits; n < 15 || n > 22 {
			t.Errorf("%d commits, want one in 100 ms", n)
		}
		before := p.Status().Commits
		began = time.Now()
		add(t, log, traffic.Messages(20_000)...)
		waitFor(t, log, p)
		if n := p.Status().Commits - before; time.Since(began) > 200*time.Millisecond || n < 3 {
			t.Errorf("%d commits of full batches took %s", n, time.Since(began))
		}
	})
}
