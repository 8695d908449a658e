package counters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// start runs a projector until the test ends or kill is called.
func start(t *testing.T, cfg counters.Config) (p *counters.Projector, kill func()) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Partitions == nil && cfg.Share == nil {
		cfg.Partitions = projector.AllPartitions()
	}
	p, err := counters.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	kill = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(kill)
	return p, kill
}

func overLog(log *memlog.Log) counters.Config {
	return counters.Config{Log: log, Bucket: log, Dead: log}
}

// waitFor waits until everything in the log is counted.
func waitFor(t *testing.T, log events.Reader, p *counters.Projector) {
	t.Helper()
	info, err := log.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx, func(s counters.Status) bool { return s.Seq >= info.Last }); err != nil {
		t.Fatal(err, p.Status().Err)
	}
}

// compare checks that the bucket holds the direct fold of the log.
func compare(t *testing.T, log *memlog.Log) projectortest.Books {
	t.Helper()
	ctx := context.Background()
	want, err := projectortest.Fold(ctx, log)
	if err != nil {
		t.Fatal(err)
	}
	list, err := log.List(ctx, events.CounterPrefix)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]accounting.Counter{}
	for _, e := range list {
		var c accounting.Counter
		if err := json.Unmarshal(e.Value, &c); err != nil {
			t.Fatal(err)
		}
		got[e.Key] = c
	}
	if !maps.EqualFunc(want.Counters, got, func(a, b accounting.Counter) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("counters differ from the fold of the log (-want +got):\n%s",
			cmp.Diff(want.Counters, got, cmp.AllowUnexported(accounting.Share{})))
	}
	if err := want.CheckOver(ctx, log); err != nil {
		t.Error(err)
	}
	return want
}

func add(t *testing.T, log *memlog.Log, messages ...events.Message) {
	t.Helper()
	for _, m := range messages {
		if _, err := log.Append(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExact lets projectors crash, lose acknowledgements, race with a rival and
// meet messages again, and wants every number right in the end.
func TestExact(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { exact(t, seed) })
		})
	}
}

func exact(t *testing.T, seed uint64) {
	log := memlog.New()
	traffic := projectortest.New(seed, 9, 50*time.Millisecond)
	rng := rand.New(rand.NewPCG(seed, 3))
	cfg := overLog(log)
	cfg.Bucket = projectortest.NewChaos(log, seed, 4, 30*time.Millisecond)
	cfg.CacheSize = 1 + rng.IntN(60)
	_, kill := start(t, cfg)
	_, killRival := start(t, cfg)
	for range 12 {
		messages := traffic.Messages(1 + rng.IntN(60))
		if rng.IntN(6) == 0 {
			messages = append(messages, traffic.Restart()...)
		}
		if rng.IntN(6) == 0 {
			messages = append(messages, traffic.Garbage())
		}
		for _, m := range messages {
			add(t, log, m)
			if rng.IntN(10) == 0 {
				log.Inject(m) // as after the log's dedupe window
			}
		}
		<-time.After(time.Duration(rng.IntN(60)) * time.Millisecond)
		switch rng.IntN(8) {
		case 0:
			kill()
			_, kill = start(t, cfg)
		case 1:
			killRival()
			_, killRival = start(t, cfg)
		}
	}
	kill()
	killRival()
	p, _ := start(t, overLog(log))
	waitFor(t, log, p)
	books := compare(t, log)
	wantDead(t, log, books)
	if len(books.Counters) < 30 || len(books.Entries) < 100 {
		t.Fatalf("too little traffic to mean anything: %d counters, %d entries", len(books.Counters), len(books.Entries))
	}
}

func wantDead(t *testing.T, log *memlog.Log, books projectortest.Books) {
	t.Helper()
	letters, err := log.DeadLetters(context.Background(), 1, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, l := range letters {
		got[l.ID] = string(l.Raw)
	}
	for _, d := range books.Dead {
		want[fmt.Sprintf("%d.%d", d.At.Seq, d.At.Index)] = string(d.Raw)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

// TestCutInsideMessage folds messages that touch more counters than one commit
// may write, and crashes between the commits.
func TestCutInsideMessage(t *testing.T) {
	for _, failures := range []int{0, 3} {
		t.Run(fmt.Sprint(failures), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := memlog.New()
				for i := range failures {
					log.FailCommit(events.ErrUnavailable, i%2 == 1)
				}
				for counter := range uint64(3) {
					add(t, log, wideMessage(t, counter+1))
				}
				p, _ := start(t, overLog(log))
				waitFor(t, log, p)
				if s := p.Status(); s.Conflicts != 0 || s.Commits < 3 {
					t.Errorf("%d conflicts with nobody in %d commits", s.Conflicts, s.Commits)
				}
				if books := compare(t, log); len(books.Counters) < events.MaxCommit {
					t.Fatalf("only %d counters", len(books.Counters))
				}
			})
		})
	}
}

// wideMessage holds as many failures as a message may, each of a user and key of its own.
func wideMessage(t *testing.T, counter uint64) events.Message {
	t.Helper()
	id := events.MessageID{Node: "n1", Epoch: "e1", Partition: events.PartitionOf("acme"), Counter: counter}
	return wide(t, id, func(who events.Principal, to events.Target) events.Body {
		return events.AttemptFailed{Principal: who, Attempt: 1, Class: "timeout", Target: to}
	})
}

// wide holds as many events as a message may, each of another user, key, model and credential.
func wide(t *testing.T, id events.MessageID, body func(events.Principal, events.Target) events.Body) events.Message {
	t.Helper()
	m := events.Message{ID: id, Count: events.MaxMessageEvents}
	for i := range m.Count {
		name := fmt.Sprintf("%d-%d", id.Counter, i)
		e, err := events.New(
			events.Head{At: projectortest.Start(), WindowAt: projectortest.Start(), Node: "n1", Tenant: "acme", Request: events.RequestID(name)},
			body(events.Principal{User: "u" + name, Key: "k" + name, Model: "m" + name},
				events.Target{Provider: "openai", Credential: "c" + name, Model: "gpt-x"}))
		if err != nil {
			t.Fatal(err)
		}
		line, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		m.Data = append(append(m.Data, line...), '\n')
	}
	return m
}

func TestOnePartitionEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		add(t, log, projectortest.New(1, 40, time.Second).Messages(2000)...)
		for i, id := range projector.AllPartitions() {
			cfg := overLog(log)
			cfg.Partitions = []events.Partition{id}
			p, kill := start(t, cfg)
			waitFor(t, log, p)
			if i%2 == 0 {
				kill()
			}
		}
		compare(t, log)
	})
}

func TestLostMessageStopsItsPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		messages := projectortest.New(2, 20, time.Second).Messages(3000)
		lost := messages[len(messages)/2].ID
		for _, m := range messages {
			if m.ID != lost {
				add(t, log, m)
			}
		}
		p, _ := start(t, overLog(log))
		waitFor(t, log, p)
		compare(t, log)
		gaps := p.Status().Gaps
		if len(gaps) != 1 || gaps[0].ID.Partition != lost.Partition || gaps[0].Want != lost.Counter {
			t.Fatalf("gaps are %v, want one after %s", gaps, lost)
		}
	})
}

func TestGuard(t *testing.T) {
	tests := []struct {
		name   string
		break_ func(*memlog.Log)
		want   string
	}{
		{"lost tail", func(l *memlog.Log) { l.Truncate(10) }, "the log ends at sequence 10"},
		{"replaced tail", func(l *memlog.Log) { replaceTail(l) }, "is not the one the checkpoint knows"},
		{"recreated stream", func(l *memlog.Log) { l.Recreate() }, "the stream was created at"},
		{"lost beginning", func(l *memlog.Log) { _ = l.Trim(context.Background(), 1<<20) }, "the log begins at sequence"},
		{"lost checkpoint", func(l *memlog.Log) { dropCheckpoint(l) }, "counters and no checkpoint"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := memlog.New()
				add(t, log, projectortest.New(3, 9, time.Second).Messages(1000)...)
				p, kill := start(t, overLog(log))
				waitFor(t, log, p)
				kill()
				before, _ := log.List(context.Background(), "")
				tt.break_(log)
				p, _ = start(t, overLog(log))
				wantHalted(t, p, tt.want)
				if after, _ := log.List(context.Background(), events.CounterPrefix); len(after) == 0 || len(after) > len(before) {
					t.Errorf("%d counters before, %d after", len(before), len(after))
				}
			})
		})
	}
}

// TestGuardWhileRunning breaks the log under a projector that follows it.
func TestGuardWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		add(t, log, projectortest.New(3, 9, time.Second).Messages(500)...)
		p, _ := start(t, overLog(log))
		waitFor(t, log, p)
		log.Truncate(5)
		wantHalted(t, p, "the log ends at sequence 5")
	})
}

func wantHalted(t *testing.T, p *counters.Projector, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx, func(s counters.Status) bool { return s.State == projector.Halted }); err != nil {
		t.Fatal(err)
	}
	var guard *projector.GuardError
	if err := p.Status().Err; !errors.As(err, &guard) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "llm-hub rebuild") {
		t.Errorf("error %q, want a guard error with %q", err, want)
	}
}

func replaceTail(l *memlog.Log) {
	info, _ := l.Info(context.Background())
	last, _ := l.At(context.Background(), info.Last)
	l.Truncate(info.Last - 1)
	last.ID.Epoch = "other"
	l.Inject(last.Message)
}

func dropCheckpoint(l *memlog.Log) {
	key := events.CheckpointKey(events.PartitionOf("tenant-0"))
	e, _ := l.Get(context.Background(), key)
	_, _ = l.Commit(context.Background(), []events.Put{{Key: key, Rev: e.Rev}})
}

// TestRecreatedBucket: an empty bucket under a whole log is filled again.
func TestRecreatedBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(4, 9, time.Second)
		add(t, log, traffic.Messages(1000)...)
		p, _ := start(t, overLog(log))
		waitFor(t, log, p)
		log.RecreateBucket()
		add(t, log, traffic.Messages(100)...)
		waitFor(t, log, p)
		compare(t, log)
	})
}

// TestOrphans: requests of a dead epoch are ended once, whoever ends them and however often.
func TestOrphans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(5, 9, time.Second)
		add(t, log, traffic.Messages(600)...)
		add(t, log, traffic.Restart()...)
		for _, node := range []events.NodeID{"p1", "p2"} {
			cfg := overLog(log)
			cfg.Node = node
			cfg.Publisher = publisher(t, log, node, "e1")
			p, kill := start(t, cfg)
			waitFor(t, log, p)
			kill() // after publishing, before the ends are folded
		}
		cfg := overLog(log)
		cfg.Node, cfg.Publisher = "p1", publisher(t, log, "p1", "e2")
		add(t, log, traffic.Restart()...) // maybe of the other node: ended while following
		p, _ := start(t, cfg)
		add(t, log, traffic.Finish()...)
		if err := p.Wait(t.Context(), func(s counters.Status) bool { return s.State == projector.Following && s.Open == 0 && s.Behind() == 0 }); err != nil {
			t.Fatal(err)
		}
		books := compare(t, log)
		orphaned := map[events.RequestID]int{}
		for _, e := range books.Ends {
			if e.Outcome == events.Orphaned {
				orphaned[e.Request]++
			}
		}
		if len(orphaned) == 0 || books.Open != 0 {
			t.Errorf("%d orphans, %d requests without an end", len(orphaned), books.Open)
		}
		for id, n := range orphaned {
			if n != 1 {
				t.Errorf("%s ended %d times", id, n)
			}
		}
	})
}

func publisher(t *testing.T, log *memlog.Log, node events.NodeID, epoch events.Epoch) *publish.Publisher {
	t.Helper()
	p, err := publish.New(publish.Config{Log: log, Node: node, Epoch: epoch, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPause: while paused nothing is written; afterwards what is stored is loaded anew.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(6, 9, time.Second)
		add(t, log, traffic.Messages(500)...)
		p, _ := start(t, overLog(log))
		waitFor(t, log, p)
		resume, err := p.Pause(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before, _ := log.List(t.Context(), "")
		add(t, log, traffic.Messages(500)...)
		synctest.Wait()
		after, _ := log.List(t.Context(), "")
		if !reflect.DeepEqual(before, after) {
			t.Errorf("written while paused: %s", cmp.Diff(before, after))
		}
		resume()
		waitFor(t, log, p)
		compare(t, log)
	})
}

// TestRestartReadsLittle: partitions without traffic do not hold back where a restart begins.
func TestRestartReadsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New()
		traffic := projectortest.New(7, 2, time.Second)
		p, kill := start(t, overLog(log))
		add(t, log, traffic.Messages(500)...)
		add(t, log, traffic.Finish()...)
		for counter := range uint64(9_000) {
			add(t, log, heartbeat(t, counter+1))
		}
		waitFor(t, log, p)
		kill()
		info, _ := log.Info(t.Context())
		for _, id := range projector.AllPartitions() {
			c, _, err := counters.LoadCheckpoint(t.Context(), log, id)
			if err != nil {
				t.Fatal(err)
			}
			if projector.Stale(c.Resume, info.Last-4500) {
				t.Errorf("partition %s resumes at %d of %d", id, c.Resume.At.Seq, info.Last)
			}
		}
		p, _ = start(t, overLog(log))
		waitFor(t, log, p)
		compare(t, log)
	})
}

func heartbeat(t *testing.T, counter uint64) events.Message {
	t.Helper()
	e, err := events.New(events.Head{At: projectortest.Start(), Node: "n9", Tenant: events.NoTenant}, events.NodeHeartbeat{Epoch: "e9"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return events.Message{ID: events.MessageID{Node: "n9", Epoch: "e9", Counter: counter}, Count: 1, Data: append(line, '\n')}
}
