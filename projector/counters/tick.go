package counters

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// tickEvery is how often a session looks at the log's end and for the dead.
const tickEvery = time.Second

// ticked is how things stood at a tick.
type ticked struct{ read, last uint64 }

// tick is the work that has no event to hang on.
func (s *session) tick(ctx context.Context) error {
	info, err := s.cfg.Log.Info(ctx)
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	orphans, lost := s.ends.publish(s.cfg, s.folds)
	passed := s.passed(info)
	s.status.Set(func(st *Status) {
		st.Seq = max(st.Seq, passed)
		st.Last, st.Open = max(info.Last, st.Seq), s.folds.Open()
		st.Orphans += orphans
		st.Lost += lost
	})
	if time.Now().Before(s.guardAt) {
		return nil
	}
	return s.guard(ctx)
}

// passed is up to where the log holds nothing for a session that folds a part of it,
// as far as can be told from having heard nothing since the tick before; 0 if it has.
// It is for the status only.
func (s *session) passed(info events.Info) (seq uint64) {
	if s.ends.on && s.read == s.ticked.read && s.flying == nil && len(s.open.parts) == 0 {
		seq = s.ticked.last
	}
	s.ticked = ticked{s.read, info.Last}
	return seq
}

// report publishes how far the session has come.
func (s *session) report() {
	if s.flying != nil || len(s.open.parts) > 0 {
		return
	}
	read := s.read
	s.status.Set(func(st *Status) { st.Seq = max(st.Seq, read) })
}
