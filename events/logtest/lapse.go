package logtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

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

// timely tries what must be done before a key lapses, and again where the machine was too
// busy for that. What is wrong otherwise, try says.
func (s *suite) timely(try func(n int) (wrong string)) {
	s.Helper()
	for n := 0; ; n++ {
		began := time.Now()
		wrong := try(n)
		if wrong == "" {
			return
		}
		if time.Since(began) < lapse {
			s.Fatal(wrong)
		}
	}
}

// lapseGone holds that a key that nobody puts again is absent everywhere, that
// its end is told, and that it can be put anew.
func lapseGone(s *suite) {
	b := s.log.Nodes
	s.bucket = b
	kept := s.commit(put("own.kept", "n1", 0))
	var key string
	var ch <-chan events.Entry
	var rev uint64
	s.timely(func(n int) string {
		key = fmt.Sprintf("own.%02d", n)
		ch = s.watch(s.ctx, key)
		s.expect(ch, events.Entry{})
		rev = s.putFor(b, put(key, "n1", 0))
		got, err := b.Get(s.ctx, key)
		return cmp.Diff(entry(key, "n1", rev), s.seen(ch)) + cmp.Diff(entry(key, "n1", rev), got) + failed(err)
	})
	gone := s.seen(ch)
	if gone.Key != key || gone.Value != nil || gone.Rev <= rev {
		s.Fatalf("after its time: %+v", gone)
	}
	s.holds(gone)
	if list, err := b.List(s.ctx, ""); err != nil || len(list) != 1 || list[0].Key != "own.kept" {
		s.Errorf("%+v, %v", list, err)
	}
	s.expect(s.watch(s.ctx, ""), entry("own.kept", "n1", kept), events.Entry{})
	for _, stale := range []uint64{0, rev} {
		if _, err := b.PutFor(s.ctx, put(key, "n2", stale), lapse); !errors.Is(err, events.ErrConflict) {
			s.Errorf("put at %d over what lapsed at %d: %v", stale, gone.Rev, err)
		}
	}
	again := s.putFor(b, put(key, "n2", gone.Rev))
	s.expect(ch, entry(key, "n2", again))
}

// failed is what is wrong with an error.
func failed(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// lapseRenewed holds that what is put again in time does not lapse, and that one
// who lost it does not get it back.
func lapseRenewed(s *suite) {
	s.bucket = s.log.Leases
	for n := 0; s.renewed(fmt.Sprint("a", n)); n++ { // another key each time
	}
}

// renewed puts a key again and again. It is true if the machine was too busy to do so in
// time, which shows nothing.
func (s *suite) renewed(key string) (late bool) {
	b := s.log.Leases
	at := time.Now() // of the latest put
	first := s.putFor(b, put(key, "1", 0))
	rev, err := first, error(nil)
	for end := at.Add(2 * lapse); err == nil && at.Before(end); {
		s.wait(lapse / 4)
		now := time.Now()
		var next uint64
		if next, err = b.PutFor(s.ctx, put(key, "1", rev), lapse); err == nil {
			rev, at = next, now
		}
	}
	got, notGot := b.Get(s.ctx, key)
	_, stale := b.PutFor(s.ctx, put(key, "2", first), lapse)
	last, notKept := b.Commit(s.ctx, []events.Put{put(key, "3", rev)}) // without a time it stays
	wrong := cmp.Diff(entry(key, "1", rev), got) + failed(errors.Join(err, notGot, notKept))
	switch {
	case time.Since(at) >= lapse:
		return true
	case wrong != "":
		s.Fatal(wrong)
	case !errors.Is(stale, events.ErrConflict):
		s.Errorf("put at an old revision: %v", stale)
	}
	s.wait(lapse + lapse/2)
	s.holds(entry(key, "3", last))
	return false
}

// lapseDeleted holds that the time of a key ends with it.
func lapseDeleted(s *suite) {
	s.bucket = s.log.Nodes
	var key string
	var gone uint64
	s.timely(func(n int) string {
		key = fmt.Sprint("a", n)
		rev := s.putFor(s.log.Nodes, put(key, "1", 0))
		var err error
		gone, err = s.bucket.Commit(s.ctx, []events.Put{{Key: key, Rev: rev}})
		return failed(err)
	})
	last := s.commit(put(key, "2", gone))
	s.wait(lapse + lapse/2)
	s.holds(entry(key, "2", last))
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
