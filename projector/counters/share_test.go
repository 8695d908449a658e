package counters_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// share is told what it holds.
type share struct {
	mu      sync.Mutex
	held    []events.Partition
	changed chan struct{}
}

func newShare(held ...events.Partition) *share {
	return &share{held: held, changed: make(chan struct{})}
}

func (s *share) Held() (held []events.Partition, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held, s.changed
}

func (s *share) move(held ...events.Partition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	close(s.changed)
	s.changed = make(chan struct{})
}

// TestRivalShares lets projectors believe they own the same partitions, which
// change hands all the time, and wants every number right in the end.
func TestRivalShares(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { rivalShares(t, seed) })
		})
	}
}

func rivalShares(t *testing.T, seed uint64) {
	const rivals = 3
	log := memlog.New()
	traffic := projectortest.New(seed, 9, 50*time.Millisecond)
	rng := rand.New(rand.NewPCG(seed, 5))
	chaos := projectortest.NewChaos(log, seed, 6, 20*time.Millisecond)
	var shares [rivals]*share
	var projectors [rivals]*counters.Projector
	for i := range rivals {
		cfg := overLog(log)
		shares[i] = newShare()
		cfg.Share, cfg.Bucket = shares[i], chaos
		cfg.Node = events.NodeID(fmt.Sprint("p", i))
		cfg.Publisher, cfg.DeadAfter = publisher(t, log, cfg.Node, "e1-"+events.Epoch(cfg.Node)), time.Hour
		projectors[i], _ = start(t, cfg)
	}
	for range 25 {
		add(t, log, traffic.Messages(1+rng.IntN(80))...)
		if rng.IntN(5) == 0 {
			add(t, log, traffic.Restart()...)
		}
		shares[rng.IntN(rivals)].move(some(rng)...)
		<-time.After(time.Duration(rng.IntN(300)) * time.Millisecond)
	}
	all := projector.AllPartitions()
	for i := range rivals {
		shares[i].move(all[i*len(all)/rivals : (i+1)*len(all)/rivals]...)
	}
	<-time.After(time.Minute) // orphans are ended
	info, _ := log.Info(t.Context())
	var commits uint64
	for i, p := range projectors {
		held, _ := shares[i].Held()
		if err := p.Wait(t.Context(), func(s counters.Status) bool { return slices.Equal(s.Held, held) && s.Seq >= info.Last }); err != nil {
			t.Fatal(err)
		}
		s := p.Status()
		if s.State != projector.Following || len(s.Gaps) > 0 {
			t.Errorf("projector %d: %s, gaps %v", i, s, s.Gaps)
		}
		commits += s.Commits
	}
	if commits == 0 { // that one of them is always forestalled by its rivals may be
		t.Error("nobody has committed")
	}
	books := compare(t, log)
	if len(books.Counters) < 30 || len(books.Entries) < 100 || len(books.Over) == 0 {
		t.Fatalf("too little traffic to mean anything: %d counters, %d entries, over %v", len(books.Counters), len(books.Entries), books.Over)
	}
}

// some is a random part of the partitions, at times none.
func some(rng *rand.Rand) (out []events.Partition) {
	odds := 1 + rng.IntN(3)
	for _, p := range projector.AllPartitions() {
		if rng.IntN(4) >= odds {
			out = append(out, p)
		}
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestMove: a projector without partitions waits; it follows its share at once,
// reports no error, and goes on when told of the same partitions again.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(1, 9, time.Second)
		add(t, log, traffic.Messages(300)...)
		s := newShare()
		cfg := overLog(log)
		cfg.Share = s
		p, _ := start(t, cfg)
		synctest.Wait()
		if st := p.Status(); st.State != projector.Following || st.Held != nil || st.Behind() != 0 || st.Commits != 0 {
			t.Errorf("without a partition: %s, holds %v", st, st.Held)
		}
		began := time.Now()
		for i := range events.Partitions {
			s.move(projector.AllPartitions()[:i+1]...)
		}
		waitFor(t, log, p)
		compare(t, log)
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s to follow", took)
		}
		s.move(projector.AllPartitions()...)
		synctest.Wait()
		add(t, log, traffic.Messages(300)...)
		waitFor(t, log, p)
		s.move()
		synctest.Wait()
		if st := p.Status(); st.Err != nil || st.Conflicts != 0 || len(st.Held) != 0 {
			t.Errorf("after all was taken: %v, %d conflicts, holds %v", st.Err, st.Conflicts, st.Held)
		}
		compare(t, log)
	})
}

func TestNewRefuses(t *testing.T) {
	log := memlog.New()
	good := overLog(log)
	good.Logger = slog.New(slog.DiscardHandler)
	tests := []struct {
		name   string
		change func(*counters.Config)
		want   string
	}{
		{"no log", func(c *counters.Config) { c.Log = nil }, "Log, Bucket, Dead and Logger"},
		{"no partition", func(*counters.Config) {}, "0 partitions"},
		{"no such partition", func(c *counters.Config) { c.Partitions = []events.Partition{16} }, "no partition 16"},
		{"partitions and a share", func(c *counters.Config) {
			c.Partitions, c.Share = projector.AllPartitions(), newShare()
		}, "must not both be set"},
		{"time to die", func(c *counters.Config) { c.DeadAfter = -time.Second }, "DeadAfter is -1s"},
		{"nobody's publisher", func(c *counters.Config) { c.Publisher = publisher(t, log, "p1", "e1") }, "Node must be set"},
	}
	for _, tt := range tests {
		cfg := good
		tt.change(&cfg)
		if _, err := counters.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}
