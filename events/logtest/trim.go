package logtest

import (
	"errors"

	"github.com/llm-hub/llm-hub/events"
)

// trimBeginning: what is before the first goes, all else and the sequences stay.
func trimBeginning(s *suite) {
	ms := s.fill(10)
	before, err := s.log.Info(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	for _, first := range []uint64{0, 1, 4, 4, 2, 7} {
		if err := s.log.Trim(s.ctx, first); err != nil {
			s.Fatalf("trim to %d: %v", first, err)
		}
	}
	info, err := s.log.Info(s.ctx)
	if err != nil || info.First != 7 || info.Last != 10 || !info.Created.Equal(before.Created) || info.Bytes >= before.Bytes {
		s.Errorf("%+v, %v; before: %+v", info, err, before)
	}
	for seq, want := range map[uint64]error{1: events.ErrNoMessage, 6: events.ErrNoMessage, 7: nil} {
		if _, err := s.log.At(s.ctx, seq); !errors.Is(err, want) {
			s.Errorf("at %d: %v", seq, err)
		}
	}
	c := s.read(events.Range{From: 7, To: 10})
	defer c.Close()
	got := s.rest(c)
	if len(got) != 4 || c.Err() != nil {
		s.Fatalf("%d messages, %v", len(got), c.Err())
	}
	for i, m := range got {
		s.same(ms[6+i], uint64(7+i), m)
	}
	if seq := s.append(s.message(0, 1)); seq != 11 {
		s.Errorf("sequence %d after the trim, want 11", seq)
	}
}

// trimUnderReader: a reader gets what comes next or an error, never something later.
func trimUnderReader(s *suite) {
	const n = 3000 // more than any cursor reads ahead
	for range n {
		s.append(s.message(0, 1))
	}
	c := s.read(events.Range{To: n})
	defer c.Close()
	next := s.next(c).Seq + 1
	if err := s.log.Trim(s.ctx, n-5); err != nil {
		s.Fatal(err)
	}
	for _, m := range s.rest(c) {
		if m.Seq != next {
			s.Fatalf("sequence %d, want %d", m.Seq, next)
		}
		next++
	}
	if next <= n && c.Err() == nil {
		s.Errorf("reading ended before sequence %d without an error", next)
	}
}
