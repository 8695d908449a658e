package simulation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/tables"
	"github.com/llm-hub/llm-hub/projector/tables/tablestest"
)

const (
	rivals   = 2
	slowest  = 250 * time.Millisecond // of commits
	database = "simulation"
	// restAfter is how long everything may take to come to rest once nothing more
	// is to happen and all faults are over.
	restAfter = 2 * time.Minute
)

// projectors are rivals: each folds all partitions.
type projectors struct {
	world *world
	all   []*rival
	store *tablestest.MemStore
	over  chan struct{} // closed when no rival is to die any more
	lives sync.WaitGroup
}

// rival is a projector's data directory.
type rival struct {
	of     *projectors
	id     events.NodeID
	rng    *rand.Rand
	wire   *wire
	kill   func()
	fold   *counters.Projector
	tables *tables.Writer
}

func (w *world) startProjectors() *projectors {
	p := &projectors{world: w, store: tablestest.NewMemStore(), over: make(chan struct{})}
	for i := range rivals {
		r := &rival{of: p, id: events.NodeID(fmt.Sprintf("p%d", i+1)), rng: w.newRNG()}
		p.all = append(p.all, r)
		r.start()
		p.lives.Go(r.live)
	}
	return p
}

// live dies and comes again until the traffic is over.
func (r *rival) live() {
	for {
		select {
		case <-time.After(between(r.rng, time.Second, 12*time.Second)):
		case <-r.of.over:
			return
		}
		r.kill()
		<-time.After(between(r.rng, time.Millisecond, 5*time.Second))
		r.start()
	}
}

// start starts the next process.
func (r *rival) start() {
	w := r.of.world
	epoch := w.newEpoch()
	r.wire = newWire(w, epoch, w.newRNG())
	publisher, err := publish.New(publish.Config{Log: r.wire, Node: r.id, Epoch: epoch, Logger: w.logger, Heartbeat: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	bucket := projectortest.NewChaos(w.log, r.rng.Uint64(), w.shape.odds, slowest)
	r.fold, err = counters.New(counters.Config{
		Log: w.log, Bucket: bucket, Dead: w.log, Publisher: publisher, Node: r.id, Partitions: w.parts,
		Logger: w.logger, Pace: 300 * time.Millisecond, CacheSize: 1 + r.rng.IntN(40),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = publisher.Start(ctx, "simulation") })
	running.Go(func() { r.fold.Run(ctx) })
	if w.shape.tables {
		r.tables, err = tables.New(tables.Config{Log: w.log, Bucket: bucket, Store: r.of.store, Database: database, Logger: w.logger})
		if err != nil {
			w.t.Fatal(err)
		}
		for range r.rng.IntN(3) {
			r.of.store.FailAt(r.rng.IntN(tablestest.Steps))
		}
		running.Go(func() { r.tables.Run(ctx) })
	}
	r.kill = func() {
		r.wire.die()
		cancel()
		_ = publisher.Close(ctx) // which gives up at once
		running.Wait()
	}
}

// calm lets no rival die any more.
func (p *projectors) calm() {
	close(p.over)
	p.lives.Wait()
}

// settle waits until everything is folded and every request has its end.
func (p *projectors) settle() {
	w := p.world
	ctx, cancel := context.WithTimeout(context.Background(), restAfter)
	defer cancel()
	for last := uint64(0); last != w.last(); {
		w.under.wait()
		last = w.last()
		for _, r := range p.all {
			if err := r.fold.Wait(ctx, func(s counters.Status) bool { return s.Seq >= last && s.Open == 0 }); err != nil {
				w.errorf("%s does not come to rest at %d with %d open: %v", r.id, last, r.fold.Status().Open, err)
				return
			}
			if r.tables == nil {
				continue
			}
			if err := r.tables.Wait(ctx, func(s tables.Status) bool { return s.Seq >= last }); err != nil {
				w.errorf("tables of %s do not come to rest at %d: %v", r.id, last, err)
				return
			}
		}
	}
}

// last is the sequence of the last message in a partition that is folded.
func (w *world) last() uint64 {
	ctx := context.Background()
	info, err := w.log.Info(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for seq := info.Last; seq > 0; seq-- {
		if m, err := w.log.At(ctx, seq); err == nil && slices.Contains(w.parts, m.ID.Partition) {
			return seq
		}
	}
	return 0
}

func (p *projectors) stop() {
	for _, r := range p.all {
		r.kill()
	}
	w := p.world
	w.rows = p.store.Rows(database)
}

// watchCounters holds I7 until stop is called: a counter never goes back.
func (w *world) watchCounters() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	changes, err := w.log.Watch(ctx, events.CounterPrefix)
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		before := map[string]accounting.Counter{}
		for e := range changes {
			if e.Key == "" {
				continue
			}
			var c accounting.Counter
			if err := json.Unmarshal(e.Value, &c); err != nil {
				w.errorf("%s: %v", e.Key, err)
				continue
			}
			w.compare(e.Key, before[e.Key], c)
			before[e.Key] = c
		}
	}()
	return func() { cancel(); <-done }
}

// compare holds that now follows before.
func (w *world) compare(key string, before, now accounting.Counter) {
	if now.At.Less(before.At) {
		w.errorf("%s went back from %v to %v", key, before.At, now.At)
	}
	less := func(window accounting.Window) {
		b, n := before.In(window), now.In(window)
		if n.Requests < b.Requests || n.Attempts < b.Attempts || n.Failures < b.Failures {
			w.errorf("%s went back in %v from %+v to %+v", key, window, b, n)
		}
	}
	less(accounting.Window{Per: accounting.Life})
	for _, u := range now.Windows {
		less(u.Window)
	}
}
