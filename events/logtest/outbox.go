package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llm-hub/llm-hub/events"
)

// Outbox is an outbox that can be closed, and opened again where it was.
type Outbox interface {
	events.Outbox
	// Close frees what the outbox holds open; what it keeps stays on its disk.
	Close()
}

// OpenOutbox opens the outbox in dir, which may hold at most max bytes.
type OpenOutbox func(t *testing.T, dir string, max uint64) Outbox

// roomy is the size of an outbox whose bound does not matter, in bytes.
const roomy = 64 << 20

// RunOutbox runs every case of an outbox, each on a new one.
func RunOutbox(t *testing.T, open OpenOutbox) {
	cases := map[string]func(s *outboxSuite){
		"new":                      outboxNew,
		"order":                    outboxOrder,
		"pages":                    outboxPages,
		"repeated id":              outboxRepeated,
		"repeated id, reopened":    outboxRepeatedReopened,
		"trim":                     outboxTrim,
		"numbers are never reused": outboxNumbers,
		"survives":                 outboxSurvives,
		"full":                     outboxFull,
		"fill":                     outboxFill,
		"largest message":          outboxLargest,
		"many at once":             outboxConcurrent,
		"does not keep the buffer": outboxCopies,
		"refuses broken messages":  outboxRefuses,
		"ended context":            outboxCancelled,
		"closed":                   outboxClosed,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			s := &outboxSuite{
				suite: suite{T: t, ctx: ctx, counters: map[events.Partition]uint64{}}, open: open, dir: t.TempDir(), max: roomy,
			}
			s.box = open(t, s.dir, s.max)
			defer func() { s.box.Close() }()
			run(s)
		})
	}
}

// outboxSuite is one case under way. It has no log.
type outboxSuite struct {
	suite
	open OpenOutbox
	dir  string
	max  uint64
	box  Outbox
}

func (s *outboxSuite) reopen(max uint64) {
	s.Helper()
	s.box.Close()
	s.max = max
	s.box = s.open(s.T, s.dir, max)
}

// put puts m, for which there must be room.
func (s *outboxSuite) put(m events.Message) events.Message {
	s.Helper()
	if err := s.box.Put(s.ctx, m); err != nil {
		s.Fatal(err)
	}
	return m
}

// stock puts n messages of partitions 0, 1, 2, 0, 1, ..., and returns them.
func (s *outboxSuite) stock(n int) []events.Message {
	s.Helper()
	ms := make([]events.Message, n)
	for i := range ms {
		ms[i] = s.put(s.message(events.Partition(i%3), 1+i%2))
	}
	return ms
}

func (s *outboxSuite) after(seq uint64, limit int) []events.Stored {
	s.Helper()
	held, err := s.box.After(s.ctx, seq, limit)
	if err != nil {
		s.Fatal(err)
	}
	return held
}

func (s *outboxSuite) trim(seq uint64) {
	s.Helper()
	if err := s.box.Trim(s.ctx, seq); err != nil {
		s.Fatal(err)
	}
}

func (s *outboxSuite) fillOf() events.Fill {
	s.Helper()
	f, err := s.box.Fill(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	return f
}

// holdsOnly checks that the outbox holds exactly want, oldest first, with rising numbers.
func (s *outboxSuite) holdsOnly(want ...events.Message) []events.Stored {
	s.Helper()
	held := s.after(0, len(want)+10)
	var got []events.Message
	for i, m := range held {
		if m.Seq == 0 || i > 0 && m.Seq <= held[i-1].Seq {
			s.Errorf("message %d has number %d", i, m.Seq)
		}
		got = append(got, m.Message)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(bytes.Equal)); diff != "" {
		s.Error(diff)
	}
	return held
}

func outboxNew(s *outboxSuite) {
	s.holdsOnly()
	if diff := cmp.Diff(events.Fill{Max: s.max}, s.fillOf()); diff != "" {
		s.Error(diff)
	}
	s.trim(0)
	s.holdsOnly()
}

func outboxOrder(s *outboxSuite) {
	for _, m := range s.holdsOnly(s.stock(20)...) {
		if age := time.Since(m.Time); age < -time.Minute || age > time.Minute {
			s.Errorf("message %s was put %s ago", m.ID, age)
		}
	}
}

func outboxPages(s *outboxSuite) {
	want := s.stock(20)
	var got []events.Message
	seq := uint64(0)
	for {
		page := s.after(seq, 3)
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			s.Fatalf("a page of %d", len(page))
		}
		for _, m := range page {
			got = append(got, m.Message)
		}
		seq = page[len(page)-1].Seq
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Error(diff)
	}
	if page := s.after(seq+100, 3); len(page) != 0 {
		s.Errorf("%d messages after the last", len(page))
	}
	late := s.put(s.message(0, 1))
	if page := s.after(seq, 3); len(page) != 1 || page[0].ID != late.ID {
		s.Errorf("after the last: %d messages, want the one put since", len(page))
	}
}

func outboxRepeated(s *outboxSuite) {
	ms := s.stock(3)
	s.put(ms[1])
	s.put(ms[0])
	s.holdsOnly(ms...)
}

func outboxRepeatedReopened(s *outboxSuite) {
	ms := s.stock(3)
	s.reopen(s.max)
	s.put(ms[2])
	s.put(ms[0])
	s.holdsOnly(ms...)
}

func outboxTrim(s *outboxSuite) {
	ms := s.stock(10)
	held := s.holdsOnly(ms...)
	s.trim(held[3].Seq)
	s.holdsOnly(ms[4:]...)
	s.trim(held[1].Seq) // a bound that is past already
	s.holdsOnly(ms[4:]...)
	s.trim(held[9].Seq)
	s.holdsOnly()
	s.trim(held[9].Seq)
	s.holdsOnly(s.stock(2)...)
}

func outboxNumbers(s *outboxSuite) {
	last := s.holdsOnly(s.stock(5)...)[4].Seq
	s.trim(last)
	s.reopen(s.max)
	next := s.put(s.message(0, 1))
	held := s.holdsOnly(next)
	if len(held) == 1 && held[0].Seq <= last {
		s.Errorf("number %d after %d", held[0].Seq, last)
	}
	if page := s.after(last, 10); len(page) != 1 {
		s.Errorf("%d messages after the trimmed, want 1", len(page))
	}
}

func outboxSurvives(s *outboxSuite) {
	ms := s.stock(10)
	before := s.holdsOnly(ms...)
	s.trim(before[1].Seq)
	s.reopen(s.max)
	if diff := cmp.Diff(before[2:], s.holdsOnly(ms[2:]...)); diff != "" {
		s.Error(diff)
	}
	s.holdsOnly(append(ms[2:], s.stock(3)...)...)
}

// bulky makes a message of about 100 KiB.
func (s *outboxSuite) bulky() events.Message {
	m := s.message(0, 1)
	m.Count, m.Data = 4, nil
	for range m.Count {
		m.Data = append(m.Data, slices.Repeat([]byte("x"), 25<<10)...)
		m.Data = append(m.Data, '\n')
	}
	return m
}

func outboxFull(s *outboxSuite) {
	s.reopen(1 << 20)
	var kept []events.Message
	for {
		m := s.bulky()
		err := s.box.Put(s.ctx, m)
		if errors.Is(err, events.ErrFull) {
			break
		}
		if err != nil || len(kept) > 20 {
			s.Fatalf("%d messages held: %v", len(kept), err)
		}
		kept = append(kept, m)
	}
	if len(kept) < 5 {
		s.Errorf("full with %d messages", len(kept))
	}
	held := s.holdsOnly(kept...)
	if f := s.fillOf(); f.Bytes > f.Max || f.Messages != uint64(len(kept)) {
		s.Errorf("%+v", f)
	}
	if err := s.box.Put(s.ctx, s.bulky()); !errors.Is(err, events.ErrFull) {
		s.Errorf("still full: %v", err)
	}
	s.trim(held[1].Seq)
	next := s.put(s.bulky())
	s.holdsOnly(append(kept[2:], next)...)
}

func outboxFill(s *outboxSuite) {
	began := time.Now()
	ms := s.stock(10)
	full := s.fillOf()
	size := uint64(0)
	for _, m := range ms {
		size += uint64(len(m.Data))
	}
	if full.Messages != 10 || full.Bytes < size || full.Max != s.max {
		s.Errorf("%+v for %d bytes", full, size)
	}
	if d := full.Oldest.Sub(began); d < -time.Second || d > timeout {
		s.Errorf("the oldest was put %s after the first put began", d)
	}
	held := s.holdsOnly(ms...)
	s.trim(held[5].Seq)
	half := s.fillOf()
	if half.Messages != 4 || half.Bytes >= full.Bytes || !half.Oldest.Equal(held[6].Time) {
		s.Errorf("%+v, before %+v; want the oldest at %s", half, full, held[6].Time)
	}
	s.trim(held[9].Seq)
	if diff := cmp.Diff(events.Fill{Max: s.max}, s.fillOf()); diff != "" {
		s.Error(diff)
	}
}

func outboxLargest(s *outboxSuite) {
	m := s.message(15, 1)
	m.Count, m.Data = 8, nil
	for range m.Count {
		m.Data = append(m.Data, slices.Repeat([]byte("x"), events.MaxMessageBytes/8-1)...)
		m.Data = append(m.Data, '\n')
	}
	s.holdsOnly(s.put(m))
}

func outboxConcurrent(s *outboxSuite) {
	const writers, each = 4, 20
	all := map[events.MessageID]bool{}
	var wg sync.WaitGroup
	for w := range events.Partition(writers) {
		ms := make([]events.Message, each)
		for i := range ms {
			ms[i] = s.message(w, 1)
			all[ms[i].ID] = true
		}
		wg.Go(func() {
			for _, m := range ms {
				if err := s.box.Put(s.ctx, m); err != nil {
					s.Error(err)
				}
			}
		})
	}
	wg.Wait()
	last := map[events.Partition]uint64{}
	for _, m := range s.after(0, writers*each+1) {
		if !all[m.ID] || m.ID.Counter != last[m.ID.Partition]+1 {
			s.Errorf("message %s after counter %d", m.ID, last[m.ID.Partition])
		}
		last[m.ID.Partition] = m.ID.Counter
		delete(all, m.ID)
	}
	if len(all) > 0 {
		s.Errorf("%d messages are missing", len(all))
	}
}

func outboxCopies(s *outboxSuite) {
	m := s.message(0, 1)
	want := m
	want.Data = slices.Clone(m.Data)
	s.put(m)
	for i := range m.Data {
		m.Data[i] = 'x'
	}
	s.holdsOnly(want)
}

func outboxRefuses(s *outboxSuite) {
	good := s.message(0, 1)
	for name, spoil := range map[string]func(*events.Message){
		"no node":              func(m *events.Message) { m.ID.Node = "" },
		"no such partition":    func(m *events.Message) { m.ID.Partition = events.Partitions },
		"counter 0":            func(m *events.Message) { m.ID.Counter = 0 },
		"no events":            func(m *events.Message) { m.Count = 0 },
		"last line not ended":  func(m *events.Message) { m.Data = m.Data[:len(m.Data)-1] },
		"larger than messages": func(m *events.Message) { m.Data = append(make([]byte, events.MaxMessageBytes), '\n') },
	} {
		m := good
		spoil(&m)
		if err := s.box.Put(s.ctx, m); err == nil || errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrFull) {
			s.Errorf("%s: %v", name, err)
		}
	}
	s.holdsOnly()
}

func outboxCancelled(s *outboxSuite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.box.Put(ctx, s.message(0, 1)); err == nil {
		s.Error("put: no error")
	}
	if _, err := s.box.After(ctx, 0, 1); err == nil {
		s.Error("after: no error")
	}
}

func outboxClosed(s *outboxSuite) {
	m := s.message(0, 1)
	s.box.Close()
	_, after := s.box.After(s.ctx, 0, 1)
	_, fill := s.box.Fill(s.ctx)
	for what, err := range map[string]error{
		"put": s.box.Put(s.ctx, m), "after": after, "fill": fill, "trim": s.box.Trim(s.ctx, 1),
	} {
		if !errors.Is(err, events.ErrClosed) {
			s.Error(fmt.Errorf("%s: %w", what, err))
		}
	}
}
