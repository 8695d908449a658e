package logtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

func appendSequences(s *suite) {
	for want := uint64(1); want <= 5; want++ {
		if seq := s.append(s.message(events.Partition(want%2), 2)); seq != want {
			s.Errorf("sequence %d, want %d", seq, want)
		}
	}
}

func appendRepeated(s *suite) {
	first := s.message(3, 2)
	seq := s.append(first)
	s.append(s.message(3, 1))
	for range 2 {
		ack, err := s.log.Append(s.ctx, first)
		if err != nil {
			s.Fatal(err)
		}
		if want := (events.Ack{Seq: seq, Duplicate: true}); ack != want {
			s.Errorf("%+v, want %+v", ack, want)
		}
	}
	if seq := s.append(s.message(3, 1)); seq != 3 {
		s.Errorf("a repeated message took a sequence: the next one is %d", seq)
	}
}

func appendConcurrent(s *suite) {
	const each = 40
	var wg sync.WaitGroup
	for p := range events.Partition(events.Partitions) {
		wg.Go(func() {
			for n := range uint64(each) {
				if _, err := s.log.Append(s.ctx, message(s.T, p, n+1, 1)); err != nil {
					s.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c := s.read(events.Range{To: each * events.Partitions})
	defer c.Close()
	last := map[events.Partition]uint64{}
	for i, m := range s.rest(c) {
		if m.Seq != uint64(i)+1 {
			s.Fatalf("message %d has sequence %d", i, m.Seq)
		}
		if last[m.ID.Partition]++; m.ID.Counter != last[m.ID.Partition] {
			s.Errorf("partition %s: counter %d after %d", m.ID.Partition, m.ID.Counter, last[m.ID.Partition]-1)
		}
	}
	for p := range events.Partition(events.Partitions) {
		if last[p] != each {
			s.Errorf("partition %s: %d messages, want %d", p, last[p], each)
		}
	}
}

func appendRefuses(s *suite) {
	for name, spoil := range map[string]func(*events.Message){
		"no node":           func(m *events.Message) { m.ID.Node = "" },
		"dotted node":       func(m *events.Message) { m.ID.Node = "a.b" },
		"no epoch":          func(m *events.Message) { m.ID.Epoch = "" },
		"partition 16":      func(m *events.Message) { m.ID.Partition = events.Partitions },
		"counter 0":         func(m *events.Message) { m.ID.Counter = 0 },
		"no events":         func(m *events.Message) { m.Count = 0 },
		"too many events":   func(m *events.Message) { m.Count = events.MaxMessageEvents + 1 },
		"no data":           func(m *events.Message) { m.Data = nil },
		"last line open":    func(m *events.Message) { m.Data = m.Data[:len(m.Data)-1] },
		"larger than bound": func(m *events.Message) { m.Data = append(make([]byte, events.MaxMessageBytes), '\n') },
	} {
		m := message(s.T, 1, 1, 1)
		spoil(&m)
		if _, err := s.log.Append(s.ctx, m); err == nil {
			s.Errorf("%s: no error", name)
		}
	}
	if info, err := s.log.Info(s.ctx); err != nil || info.Last != 0 {
		s.Errorf("last sequence %d, %v", info.Last, err)
	}
}

func appendCopies(s *suite) {
	m := s.message(0, 3)
	want := string(m.Data)
	seq := s.append(m)
	clear(m.Data)
	got, err := s.log.At(s.ctx, seq)
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got.Data)); diff != "" {
		s.Error(diff)
	}
}

func appendClosed(s *suite) {
	m := s.message(0, 1)
	s.log.Close()
	if _, err := s.log.Append(s.ctx, m); !errors.Is(err, events.ErrClosed) {
		s.Errorf("append: %v", err)
	}
	if _, err := s.log.Info(s.ctx); !errors.Is(err, events.ErrClosed) {
		s.Errorf("info: %v", err)
	}
	if _, err := s.log.Get(s.ctx, "a"); !errors.Is(err, events.ErrClosed) {
		s.Errorf("get: %v", err)
	}
	if _, err := s.log.Read(s.ctx, events.Range{}); !errors.Is(err, events.ErrClosed) {
		s.Errorf("read: %v", err)
	}
}

func readNewLog(s *suite) {
	info, err := s.log.Info(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	if info.First != 1 || info.Last != 0 || info.Bytes != 0 {
		s.Errorf("new log: %+v", info)
	}
	if age := time.Since(info.Created); age < -time.Minute || age > time.Minute {
		s.Errorf("created %s ago", age)
	}
	m := s.message(0, 1)
	s.append(m)
	after, err := s.log.Info(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	if after.First != 1 || after.Last != 1 || after.Bytes < uint64(len(m.Data)) || !after.Created.Equal(info.Created) {
		s.Errorf("after a message: %+v, before: %+v", after, info)
	}
}

func readOne(s *suite) {
	ms := s.fill(3)
	for i, want := range ms {
		got, err := s.log.At(s.ctx, uint64(i)+1)
		if err != nil {
			s.Fatal(err)
		}
		s.same(want, uint64(i)+1, got)
	}
	for _, seq := range []uint64{4, 1000} {
		if _, err := s.log.At(s.ctx, seq); !errors.Is(err, events.ErrNoMessage) {
			s.Errorf("at %d: %v", seq, err)
		}
	}
}

// same compares what was read with what was written.
func (s *suite) same(want events.Message, seq uint64, got events.Stored) {
	s.Helper()
	if diff := cmp.Diff(want, got.Message); diff != "" {
		s.Errorf("sequence %d: %s", seq, diff)
	}
	if got.Seq != seq {
		s.Errorf("sequence %d, want %d", got.Seq, seq)
	}
	if age := time.Since(got.Time); age < -time.Minute || age > time.Minute {
		s.Errorf("appended %s ago", age)
	}
	if _, err := got.Lines(); err != nil {
		s.Error(err)
	}
}

func readRange(s *suite) {
	ms := s.fill(10)
	for _, r := range []events.Range{{To: 10}, {From: 1, To: 10}, {From: 4, To: 7}, {From: 10, To: 10}, {From: 1, To: 1}} {
		c := s.read(r)
		got := s.rest(c)
		if err := c.Err(); err != nil {
			s.Errorf("%+v: %v", r, err)
		}
		c.Close()
		from := max(r.From, 1)
		if len(got) != int(r.To-from+1) {
			s.Errorf("%+v: %d messages", r, len(got))
			continue
		}
		for i, m := range got {
			seq := from + uint64(i)
			s.same(ms[seq-1], seq, m)
		}
	}
	if _, err := s.log.Read(s.ctx, events.Range{From: 5, To: 4}); err == nil {
		s.Error("an empty range: no error")
	}
}

func readPartitions(s *suite) {
	s.fill(12) // partition i%3 at sequence i+1
	tests := map[string]struct {
		r    events.Range
		want []uint64
	}{
		"one":                    {events.Range{To: 12, Partitions: []events.Partition{1}}, []uint64{2, 5, 8, 11}},
		"two":                    {events.Range{From: 3, To: 9, Partitions: []events.Partition{2, 0}}, []uint64{3, 4, 6, 7, 9}},
		"last is another's":      {events.Range{To: 10, Partitions: []events.Partition{2}}, []uint64{3, 6, 9}},
		"nothing in them at all": {events.Range{To: 12, Partitions: []events.Partition{9}}, nil},
	}
	for name, tt := range tests {
		c := s.read(tt.r)
		var got []uint64
		for _, m := range s.rest(c) {
			got = append(got, m.Seq)
		}
		if err := c.Err(); err != nil {
			s.Errorf("%s: %v", name, err)
		}
		c.Close()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			s.Errorf("%s: %s", name, diff)
		}
	}
}

func readFollows(s *suite) {
	ms := s.fill(3)
	c := s.read(events.Range{From: 2})
	defer c.Close()
	s.same(ms[1], 2, s.next(c))
	s.same(ms[2], 3, s.next(c))
	for seq := uint64(4); seq < 10; seq++ {
		m := s.message(7, 1)
		s.append(m)
		s.same(m, seq, s.next(c))
	}
	if err := c.Err(); err != nil {
		s.Errorf("a running cursor has the error %v", err)
	}
}

func readFollowsPartitions(s *suite) {
	c := s.read(events.Range{Partitions: []events.Partition{5, 6}})
	defer c.Close()
	for i := range 12 {
		m := s.message(events.Partition(4+i%3), 1)
		seq := s.append(m)
		if m.ID.Partition != 4 {
			s.same(m, seq, s.next(c))
		}
	}
}

func readWaits(s *suite) {
	c := s.read(events.Range{From: 2, To: 3})
	defer c.Close()
	ms := s.fill(4)
	got := s.rest(c)
	if len(got) != 2 || c.Err() != nil {
		s.Fatalf("%d messages, %v", len(got), c.Err())
	}
	s.same(ms[1], 2, got[0])
	s.same(ms[2], 3, got[1])
}

func readClosed(s *suite) {
	s.fill(5)
	c := s.read(events.Range{})
	s.next(c)
	c.Close()
	c.Close()
	s.rest(c)
	if err := c.Err(); !errors.Is(err, events.ErrClosed) {
		s.Errorf("after Close: %v", err)
	}
}

func readCancelled(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	c, err := s.log.Read(ctx, events.Range{})
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	s.fill(1)
	s.next(c)
	cancel()
	s.rest(c)
	if err := c.Err(); !errors.Is(err, context.Canceled) {
		s.Errorf("after the end of its context: %v", err)
	}
}

func readLogClosed(s *suite) {
	c := s.read(events.Range{})
	defer c.Close()
	s.fill(1)
	s.next(c)
	s.log.Close()
	s.rest(c)
	if err := c.Err(); !errors.Is(err, events.ErrClosed) {
		s.Errorf("after Close of the log: %v", err)
	}
}

func readSlow(s *suite) {
	const n = 600 // more than any cursor reads ahead
	c := s.read(events.Range{})
	defer c.Close()
	for range n {
		s.append(s.message(0, 1))
	}
	for want := uint64(1); want <= n; want++ {
		if m := s.next(c); m.Seq != want || m.ID.Counter != want {
			s.Fatalf("sequence %d (%s), want %d", m.Seq, m.ID, want)
		}
	}
}
