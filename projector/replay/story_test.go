package replay_test

import (
	"errors"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// TestStory: what a request comes to by its story is what it comes to by the fold
// of the whole log, and how it ended is the end on the books; with a hint of where
// it is, and without.
func TestStory(t *testing.T) {
	log := memlog.New()
	traffic := projectortest.New(5, 4, time.Second)
	messages := traffic.Messages(200)
	messages = append(messages, traffic.Restart()...)
	messages = append(messages, traffic.Messages(120)...)
	for i, m := range messages {
		if _, err := log.Append(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if i%7 == 0 {
			log.Inject(m) // the log has it twice
		}
	}
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	charged, last := map[events.RequestID]accounting.Totals{}, map[events.RequestID]uint64{}
	for _, e := range books.Entries {
		charged[e.Request], last[e.Request] = charged[e.Request].Plus(e.Totals), e.At.Seq
	}
	outcome := map[events.RequestID]events.Outcome{}
	for _, e := range books.Ends {
		outcome[e.Request] = e.Outcome
	}
	info, err := log.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	attempts, running := 0, 0
	for id, want := range charged {
		hints := []replay.Hint{{}, {Last: last[id]}, {Last: last[id], Known: info.Last}}
		if _, ended := outcome[id]; !ended {
			hints = hints[:2]
			running++
		}
		for _, hint := range hints {
			s, err := replay.Tell(t.Context(), log, id, hint)
			if err != nil {
				t.Fatal(err)
			}
			if got := (replay.Charged{Usage: want.Usage, CostNanoUSD: want.Cost, Unpriced: want.Unpriced}); s.Charged != got {
				t.Errorf("%s with %+v: charged %+v, want %+v", id, hint, s.Charged, got)
			}
			end, ended := outcome[id]
			if !ended {
				end = "running"
			}
			// The rows say nothing of an end beyond the last line of the ledger that is known.
			if hint.Known == 0 && s.State != string(end) || s.Admission == nil {
				t.Errorf("%s with %+v: %s, want %s", id, hint, s.State, end)
			}
			attempts += len(s.Attempts)
		}
	}
	if attempts < 60 || running == 0 {
		t.Errorf("%d attempts, %d running", attempts, running)
	}
	if _, err := replay.Tell(t.Context(), log, "0190a1b2-0000-7000-8000-00000000ffff", replay.Hint{}); !errors.Is(err, replay.ErrNoRequest) {
		t.Errorf("an unknown request: %v", err)
	}
}
