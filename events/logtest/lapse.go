package logtest

import (
	"context"
	"errors"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// lapse is the shortest time after which an entry may lapse.
const lapse = time.Second

// putFor puts a key that lapses, which must succeed.
func (s *suite) putFor(b Keys, p events.Put) uint64 {
	s.Helper()
	rev, err := b.PutFor(s.ctx, p, lapse)
	if err != nil {
		s.Fatal(err)
	}
	return rev
}

// lapseGone holds that a key that nobody puts again is absent everywhere, that
// its end is told, and that it can be put anew.
func lapseGone(s *suite) {
	b := s.log.Nodes
	s.bucket = b
	ch := s.watch(s.ctx, "own.")
	s.expect(ch, events.Entry{})
	kept := s.commit(put("own.kept", "n1", 0))
	s.expect(ch, entry("own.kept", "n1", kept))
	rev := s.putFor(b, put("own.03", "n1", 0))
	s.expect(ch, entry("own.03", "n1", rev))
	s.holds(entry("own.03", "n1", rev))

	gone := s.seen(ch)
	if gone.Key != "own.03" || gone.Value != nil || gone.Rev <= rev {
		s.Fatalf("after its time: %+v", gone)
	}
	s.holds(gone)
	if list, err := b.List(s.ctx, ""); err != nil || len(list) != 1 || list[0].Key != "own.kept" {
		s.Errorf("%+v, %v", list, err)
	}
	s.expect(s.watch(s.ctx, ""), entry("own.kept", "n1", kept), events.Entry{})
	for _, stale := range []uint64{0, rev} {
		if _, err := b.PutFor(s.ctx, put("own.03", "n2", stale), lapse); !errors.Is(err, events.ErrConflict) {
			s.Errorf("put at %d over what lapsed at %d: %v", stale, gone.Rev, err)
		}
	}
	again := s.putFor(b, put("own.03", "n2", gone.Rev))
	s.expect(ch, entry("own.03", "n2", again))
	s.holds(entry("own.03", "n2", again))
}

// lapseRenewed holds that what is put again in time does not lapse, and that one
// who lost it does not get it back.
func lapseRenewed(s *suite) {
	b := s.log.Leases
	s.bucket = b
	first := s.putFor(b, put("a", "1", 0))
	rev := first
	for end := time.Now().Add(2 * lapse); time.Now().Before(end); {
		rev = s.putFor(b, put("a", "1", rev))
		s.wait(lapse / 4)
	}
	s.holds(entry("a", "1", rev))
	if _, err := b.PutFor(s.ctx, put("a", "2", first), lapse); !errors.Is(err, events.ErrConflict) {
		s.Errorf("put at an old revision: %v", err)
	}
	last := s.commit(put("a", "3", rev)) // without a time it stays
	s.wait(lapse + lapse/2)
	s.holds(entry("a", "3", last))
}

// lapseDeleted holds that the time of a key ends with it.
func lapseDeleted(s *suite) {
	s.bucket = s.log.Nodes
	rev := s.putFor(s.log.Nodes, put("a", "1", 0))
	gone := s.commit(events.Put{Key: "a", Rev: rev})
	last := s.commit(put("a", "2", gone))
	s.wait(lapse + lapse/2)
	s.holds(entry("a", "2", last))
}

func lapseRefuses(s *suite) {
	for name, tt := range map[string]struct {
		put events.Put
		ttl time.Duration
	}{
		"less than a second": {put("a", "1", 0), lapse - 1},
		"no time":            {put("a", "1", 0), 0},
		"a deletion":         {events.Put{Key: "a"}, lapse},
		"a bad key":          {put("a..b", "1", 0), lapse},
	} {
		if _, err := s.log.Nodes.PutFor(s.ctx, tt.put, tt.ttl); err == nil || errors.Is(err, events.ErrUnavailable) {
			s.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.log.Nodes.PutFor(ctx, put("a", "1", 0), lapse); err == nil {
		s.Error("with an ended context: no error")
	}
	s.bucket = s.log.Nodes
	s.holds(events.Entry{Key: "a"})
}

// wait lets d go by.
func (s *suite) wait(d time.Duration) {
	s.Helper()
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
		s.Fatal("the case takes too long")
	}
}
