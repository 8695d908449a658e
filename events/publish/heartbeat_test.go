package publish_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
)

// beats lists when partition p heard anything, since began.
func beats(t *testing.T, log *wire, p events.Partition, began time.Time) []time.Duration {
	t.Helper()
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []time.Duration
	for seq := info.First; seq <= info.Last; seq++ {
		m, err := log.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if m.ID.Partition == p {
			out = append(out, m.Time.Sub(began))
		}
	}
	return out
}

func TestHeartbeats(t *testing.T) {
	const minute = time.Minute
	tests := map[string]struct {
		every time.Duration
		facts []time.Duration // when one is published, after the start
		want  []time.Duration // when its partition hears anything, to 5 min
		quiet []time.Duration // when another does
	}{
		"idle": {
			want:  []time.Duration{0, minute, 2 * minute, 3 * minute, 4 * minute, 5 * minute},
			quiet: []time.Duration{0, minute, 2 * minute, 3 * minute, 4 * minute, 5 * minute},
		},
		"every 90 s": {
			every: 90 * time.Second,
			want:  []time.Duration{0, 90 * time.Second, 3 * minute, 270 * time.Second, 5 * minute},
			quiet: []time.Duration{0, 90 * time.Second, 3 * minute, 270 * time.Second, 5 * minute},
		},
		"busy": {
			facts: []time.Duration{50 * time.Second, 100 * time.Second, 150 * time.Second, 200 * time.Second, 250 * time.Second},
			want: []time.Duration{0, 50 * time.Second, 100 * time.Second, 150 * time.Second, 200 * time.Second, 250 * time.Second,
				5 * minute},
			quiet: []time.Duration{0, minute, 2 * minute, 3 * minute, 4 * minute, 5 * minute},
		},
		"busy for a while": {
			facts: []time.Duration{50 * time.Second},
			want:  []time.Duration{0, 50 * time.Second, 110 * time.Second, 170 * time.Second, 230 * time.Second, 290 * time.Second, 5 * minute},
			quiet: []time.Duration{0, minute, 2 * minute, 3 * minute, 4 * minute, 5 * minute},
		},
		"off": {every: -1, want: []time.Duration{0, 5 * minute}, quiet: []time.Duration{0, 5 * minute}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newWire()
				p, err := publish.New(publish.Config{
					Log: log, Node: node, Epoch: epoch, Logger: slog.New(slog.DiscardHandler), Heartbeat: tt.every,
				})
				if err != nil {
					t.Fatal(err)
				}
				waitFor(t.Context(), time.Hour) // none before Start
				began := time.Now()
				if err := p.Start(t.Context(), "v1"); err != nil {
					t.Fatal(err)
				}
				for _, at := range tt.facts {
					waitFor(t.Context(), at-time.Since(began))
					mustPublish(t, p, fact(t, acme, 0))
				}
				waitFor(t.Context(), 5*time.Minute-time.Since(began))
				synctest.Wait()
				mustClose(t, p)
				waitFor(t.Context(), time.Hour) // none after Close
				other := (events.PartitionOf(acme) + 1) % events.Partitions
				for which, diff := range map[string]string{
					"partition": cmp.Diff(tt.want, distinct(beats(t, log, events.PartitionOf(acme), began))),
					"another":   cmp.Diff(tt.quiet, distinct(beats(t, log, other, began))),
				} {
					if diff != "" {
						t.Errorf("%s: %s", which, diff)
					}
				}
			})
		})
	}
}

// distinct leaves out repetitions: the last beat may come together with the end.
func distinct(ds []time.Duration) []time.Duration {
	var out []time.Duration
	for _, d := range ds {
		if len(out) == 0 || out[len(out)-1] != d {
			out = append(out, d)
		}
	}
	return out
}

// What waits for the log is heard of when it arrives: beats would only fill the outbox.
func TestNoHeartbeatsIntoTheOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		p := withOutbox(t, log, box, epoch)
		if err := p.Start(t.Context(), "v1"); err != nil {
			t.Fatal(err)
		}
		log.away.Store(true)
		waitFor(t.Context(), time.Hour)
		if n := held(t, box); n != events.Partitions {
			t.Errorf("%d messages in the outbox after an hour, want a beat for each partition", n)
		}
		log.away.Store(false)
		waitFor(t.Context(), 2*time.Minute)
		began := time.Now()
		waitFor(t.Context(), 10*time.Minute)
		for n := range events.Partition(events.Partitions) {
			heard := beats(t, log, n, began)
			if i := len(heard); i < 10 || heard[i-1] < 9*time.Minute {
				t.Errorf("partition %s: heard at %v", n, heard)
			}
		}
		mustClose(t, p)
	})
}

func TestHeartbeatIDsDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newWire()
		p := withOutbox(t, log, memlog.NewOutbox(1<<20), epoch)
		if err := p.Start(t.Context(), "v1"); err != nil {
			t.Fatal(err)
		}
		waitFor(t.Context(), time.Hour)
		mustClose(t, p)
		seen := map[events.Partition]map[events.ID]bool{}
		for _, m := range log.messages(t) {
			lines, err := m.Lines()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				e, err := events.Decode(line)
				if err != nil {
					t.Fatal(err)
				}
				if seen[m.ID.Partition] == nil {
					seen[m.ID.Partition] = map[events.ID]bool{}
				}
				if seen[m.ID.Partition][e.ID] {
					t.Fatalf("event %s twice in partition %s", e.ID, m.ID.Partition)
				}
				seen[m.ID.Partition][e.ID] = true
			}
		}
	})
}
