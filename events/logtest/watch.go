package logtest

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

func (s *suite) watch(ctx context.Context, prefix string) <-chan events.Entry {
	s.Helper()
	ch, err := s.bucket.Watch(ctx, prefix)
	if err != nil {
		s.Fatal(err)
	}
	return ch
}

// seen takes the next entry of a watch, which must come.
func (s *suite) seen(ch <-chan events.Entry) events.Entry {
	s.Helper()
	select {
	case e, ok := <-ch:
		if !ok {
			s.Fatal("the watch ended")
		}
		return e
	case <-s.ctx.Done():
		s.Fatal("no entry came")
	}
	return events.Entry{}
}

// expect checks the next entries of a watch; an empty one is the end of the present keys.
func (s *suite) expect(ch <-chan events.Entry, want ...events.Entry) {
	s.Helper()
	for _, w := range want {
		if diff := cmp.Diff(w, s.seen(ch)); diff != "" {
			s.Fatal(diff)
		}
	}
}

func watchEmpty(s *suite) {
	ch := s.watch(s.ctx, "")
	s.expect(ch, events.Entry{})
	rev := s.commit(put("a", "1", 0))
	s.expect(ch, entry("a", "1", rev))
}

func watchChanges(s *suite) {
	a := s.commit(put("a", "1", 0))
	b := s.commit(put("b", "1", 0))
	a = s.commit(put("a", "2", a))
	ch := s.watch(s.ctx, "")
	s.expect(ch, entry("b", "1", b), entry("a", "2", a), events.Entry{})
	b = s.commit(put("b", "2", b))
	s.expect(ch, entry("b", "2", b))
	last := s.commit(put("c", "1", 0), put("a", "3", a))
	s.expect(ch, entry("c", "1", last-1), entry("a", "3", last))
	gone := s.commit(events.Put{Key: "a", Rev: last})
	s.expect(ch, events.Entry{Key: "a", Rev: gone})
}

func watchPrefix(s *suite) {
	x := s.commit(put("c.00.x", "1", 0))
	s.commit(put("ckpt.00", "1", 0))
	s.commit(put("c.01.y", "1", 0))
	ch := s.watch(s.ctx, "c.00.")
	s.expect(ch, entry("c.00.x", "1", x), events.Entry{})
	part := s.watch(s.ctx, "ck")
	if e := s.seen(part); e.Key != "ckpt.00" {
		s.Fatalf("%+v", e)
	}
	s.expect(part, events.Entry{})
	none := s.watch(s.ctx, "d.")
	s.expect(none, events.Entry{})
	s.commit(put("c.01.z", "1", 0))
	last := s.commit(put("c.00.z", "1", 0), put("ckpt.01", "1", 0), put("d.a", "1", 0))
	s.expect(ch, entry("c.00.z", "1", last-2))
	s.expect(part, entry("ckpt.01", "1", last-1))
	s.expect(none, entry("d.a", "1", last))
}

// watchFinal follows keys that change faster than the watch is read.
func watchFinal(s *suite) {
	const keys, rounds = 5, 25
	revs := make([]uint64, keys)
	round := func(n int) {
		puts := make([]events.Put, keys)
		for k := range puts {
			puts[k] = put(fmt.Sprintf("k.%d", k), fmt.Sprint(n), revs[k])
		}
		last := s.commit(puts...)
		for k := range revs {
			revs[k] = last - uint64(keys-1-k)
		}
	}
	round(0)
	ch := s.watch(s.ctx, "k.")
	for n := 1; n <= rounds; n++ {
		round(n)
	}
	values, sentinels := map[string]events.Entry{}, 0
	for done := 0; done < keys || sentinels == 0; {
		e := s.seen(ch)
		if e.Key == "" {
			sentinels++
			continue
		}
		if before := values[e.Key]; before.Rev >= e.Rev {
			s.Fatalf("key %s: revision %d after %d", e.Key, e.Rev, before.Rev)
		}
		if values[e.Key] = e; string(e.Value) == fmt.Sprint(rounds) {
			done++
		}
	}
	if sentinels != 1 {
		s.Errorf("%d ends of the present keys", sentinels)
	}
	for k, rev := range revs {
		if got := values[fmt.Sprintf("k.%d", k)].Rev; got != rev {
			s.Errorf("key %d: revision %d, want %d", k, got, rev)
		}
	}
}

func watchDeleted(s *suite) {
	a := s.commit(put("a", "1", 0))
	b := s.commit(put("b", "1", 0))
	s.commit(events.Put{Key: "a", Rev: a})
	ch := s.watch(s.ctx, "")
	s.expect(ch, entry("b", "1", b), events.Entry{})
	gone := s.commit(events.Put{Key: "b", Rev: b})
	s.expect(ch, events.Entry{Key: "b", Rev: gone})
	again := s.commit(put("b", "2", gone))
	s.expect(ch, entry("b", "2", again))
}

// ends checks that a watch ends, whatever it still delivers.
func (s *suite) ends(ch <-chan events.Entry) {
	s.Helper()
	end := time.After(timeout)
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
		case <-end:
			s.Fatal("the watch did not end")
		}
	}
}

func watchCancelled(s *suite) {
	s.commit(put("a", "1", 0))
	ctx, cancel := context.WithCancel(s.ctx)
	ch := s.watch(ctx, "")
	s.seen(ch)
	cancel()
	s.ends(ch)
}

func watchLogClosed(s *suite) {
	ch := s.watch(s.ctx, "")
	s.expect(ch, events.Entry{})
	s.log.Close()
	s.ends(ch)
}
