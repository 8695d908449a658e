package logtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

// commit commits puts, which must succeed.
func (s *suite) commit(puts ...events.Put) uint64 {
	s.Helper()
	rev, err := s.bucket.Commit(s.ctx, puts)
	if err != nil {
		s.Fatal(err)
	}
	return rev
}

func put(key, value string, rev uint64) events.Put {
	return events.Put{Key: key, Value: []byte(value), Rev: rev}
}

// holds checks what a key holds.
func (s *suite) holds(want events.Entry) {
	s.Helper()
	got, err := s.bucket.Get(s.ctx, want.Key)
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("key %s: %s", want.Key, diff)
	}
}

func entry(key, value string, rev uint64) events.Entry {
	return events.Entry{Key: key, Value: []byte(value), Rev: rev}
}

func bucketNew(s *suite) {
	s.holds(events.Entry{Key: "c.00.key.acme/ci"})
	list, err := s.bucket.List(s.ctx, "")
	if err != nil || len(list) != 0 {
		s.Errorf("%d entries, %v", len(list), err)
	}
}

func bucketReplace(s *suite) {
	first := s.commit(put("a", "1", 0))
	s.holds(entry("a", "1", first))
	second := s.commit(put("a", "", first))
	s.holds(entry("a", "", second))
	third := s.commit(put("a", "3", second), put("b", "1", 0))
	s.holds(entry("a", "3", third-1))
	s.holds(entry("b", "1", third))
}

func bucketRevisions(s *suite) {
	const n = 20
	puts := make([]events.Put, n)
	for i := range puts {
		puts[i] = put(fmt.Sprintf("k.%02d", n-i), fmt.Sprint(i), 0)
	}
	last := s.commit(puts...)
	for i, p := range puts {
		s.holds(events.Entry{Key: p.Key, Value: p.Value, Rev: last - uint64(n-1-i)})
	}
	for i := range puts {
		puts[i].Rev = last - uint64(n-1-i)
	}
	if next := s.commit(puts...); next != last+n {
		s.Errorf("revision %d after %d, want %d", next, last, last+n)
	}
}

func bucketConflicts(s *suite) {
	first := s.commit(put("a", "1", 0))
	second := s.commit(put("a", "2", first))
	for name, p := range map[string]events.Put{
		"create over an existing key": put("a", "x", 0),
		"stale revision":              put("a", "x", first),
		"revision never given":        put("a", "x", second+100),
		"replace an absent key":       put("b", "x", second),
		"delete an absent key":        {Key: "b", Rev: second},
		"delete at a stale revision":  {Key: "a", Rev: first},
	} {
		if _, err := s.bucket.Commit(s.ctx, []events.Put{p}); !errors.Is(err, events.ErrConflict) {
			s.Errorf("%s, alone: %v", name, err)
		}
		if _, err := s.bucket.Commit(s.ctx, []events.Put{put("c", "x", 0), p}); !errors.Is(err, events.ErrConflict) {
			s.Errorf("%s, last of two: %v", name, err)
		}
		if _, err := s.bucket.Commit(s.ctx, []events.Put{p, put("c", "x", 0)}); !errors.Is(err, events.ErrConflict) {
			s.Errorf("%s, first of two: %v", name, err)
		}
	}
	s.holds(entry("a", "2", second))
	s.holds(events.Entry{Key: "b"})
	s.holds(events.Entry{Key: "c"})
}

func bucketAtomic(s *suite) {
	rev := s.commit(put("k.7", "old", 0))
	puts := make([]events.Put, 10)
	for i := range puts {
		puts[i] = put(fmt.Sprintf("k.%d", i), "new", 0) // k.7 is there already
	}
	if _, err := s.bucket.Commit(s.ctx, puts); !errors.Is(err, events.ErrConflict) {
		s.Fatal(err)
	}
	list, err := s.bucket.List(s.ctx, "")
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff([]events.Entry{entry("k.7", "old", rev)}, list); diff != "" {
		s.Error(diff)
	}
	puts[7].Rev = rev
	if _, err := s.bucket.Commit(s.ctx, puts); err != nil {
		s.Fatal(err)
	}
	if list, err = s.bucket.List(s.ctx, "k."); err != nil || len(list) != 10 {
		s.Errorf("%d entries, %v", len(list), err)
	}
}

func bucketDelete(s *suite) {
	rev := s.commit(put("a", "1", 0))
	gone := s.commit(events.Put{Key: "a", Rev: rev})
	s.holds(events.Entry{Key: "a", Rev: gone})
	if list, err := s.bucket.List(s.ctx, ""); err != nil || len(list) != 0 {
		s.Errorf("%d entries, %v", len(list), err)
	}
	for _, stale := range []uint64{0, rev} {
		if _, err := s.bucket.Commit(s.ctx, []events.Put{put("a", "2", stale)}); !errors.Is(err, events.ErrConflict) {
			s.Errorf("create at %d over a deleted key at %d: %v", stale, gone, err)
		}
	}
	again := s.commit(put("a", "2", gone))
	s.holds(entry("a", "2", again))
}

func bucketList(s *suite) {
	keys := []string{"c.01.key.b/x", "c.00.tenant.a", "ckpt.00", "c.01.key.a/x", "tables", "c.10.model.gpt:4", "c.1"}
	revs := map[string]uint64{}
	for _, k := range keys {
		revs[k] = s.commit(put(k, "v "+k, 0))
	}
	for prefix, want := range map[string][]string{
		"":           {"c.00.tenant.a", "c.01.key.a/x", "c.01.key.b/x", "c.1", "c.10.model.gpt:4", "ckpt.00", "tables"},
		"c.":         {"c.00.tenant.a", "c.01.key.a/x", "c.01.key.b/x", "c.1", "c.10.model.gpt:4"},
		"c.01.":      {"c.01.key.a/x", "c.01.key.b/x"},
		"c.01.key.a": {"c.01.key.a/x"},
		"c.1":        {"c.1", "c.10.model.gpt:4"},
		"tables":     {"tables"},
		"nothing.":   nil,
	} {
		list, err := s.bucket.List(s.ctx, prefix)
		if err != nil {
			s.Fatal(err)
		}
		var got []string
		for _, e := range list {
			got = append(got, e.Key)
			if string(e.Value) != "v "+e.Key || e.Rev != revs[e.Key] {
				s.Errorf("key %s: %q at %d", e.Key, e.Value, e.Rev)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			s.Errorf("prefix %q: %s", prefix, diff)
		}
	}
}

func bucketLargest(s *suite) {
	puts := make([]events.Put, events.MaxCommit)
	for i := range puts {
		puts[i] = put(fmt.Sprintf("k.%04d", i), "value", 0)
	}
	last := s.commit(puts...)
	list, err := s.bucket.List(s.ctx, "k.")
	if err != nil || len(list) != events.MaxCommit {
		s.Fatalf("%d entries, %v", len(list), err)
	}
	for i, e := range list {
		if want := last - uint64(events.MaxCommit-1-i); e.Key != puts[i].Key || e.Rev != want {
			s.Fatalf("entry %d is %s at %d, want %s at %d", i, e.Key, e.Rev, puts[i].Key, want)
		}
	}
}

func bucketRefuses(s *suite) {
	many := make([]events.Put, events.MaxCommit+1)
	for i := range many {
		many[i] = put(fmt.Sprintf("k.%04d", i), "value", 0)
	}
	for name, puts := range map[string][]events.Put{
		"nothing":           nil,
		"too many":          many,
		"a key twice":       {put("a", "1", 0), put("a", "2", 0)},
		"no key":            {put("", "1", 0)},
		"a star":            {put("a.*", "1", 0)},
		"an empty part":     {put("a..b", "1", 0)},
		"a dot at the end":  {put("a.", "1", 0)},
		"a space":           {put("a b", "1", 0)},
		"a value too large": {{Key: "a", Value: make([]byte, events.MaxValueSize+1)}},
	} {
		if _, err := s.bucket.Commit(s.ctx, puts); err == nil || errors.Is(err, events.ErrUnavailable) {
			s.Errorf("%s: %v", name, err)
		}
	}
	if list, err := s.bucket.List(s.ctx, ""); err != nil || len(list) != 0 {
		s.Errorf("%d entries, %v", len(list), err)
	}
	s.commit(events.Put{Key: "largest", Value: make([]byte, events.MaxValueSize)}, put("small", "1", 0))
}

// bucketRivals lets several writers raise one counter by compare-and-set: no
// increment may be lost.
func bucketRivals(s *suite) {
	const rivals, each = 3, 8
	var wg sync.WaitGroup
	for range rivals {
		wg.Go(func() {
			for done := 0; done < each; {
				e, err := s.bucket.Get(s.ctx, "n")
				if err != nil {
					s.Error(err)
					return
				}
				puts := []events.Put{{Key: "n", Value: append(e.Value, '+'), Rev: e.Rev}, put(fmt.Sprintf("at.%d", e.Rev), "x", 0)}
				switch _, err := s.bucket.Commit(s.ctx, puts); {
				case err == nil:
					done++
				case !errors.Is(err, events.ErrConflict):
					s.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	e, err := s.bucket.Get(s.ctx, "n")
	if err != nil || len(e.Value) != rivals*each {
		s.Errorf("%d increments, want %d; %v", len(e.Value), rivals*each, err)
	}
	if list, err := s.bucket.List(s.ctx, "at."); err != nil || len(list) != rivals*each {
		s.Errorf("%d witnesses, want %d; %v", len(list), rivals*each, err)
	}
}

func bucketCreated(s *suite) {
	before, err := s.bucket.Created(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	if age := time.Since(before); age < -time.Minute || age > time.Minute {
		s.Errorf("created %s ago", age)
	}
	s.commit(put("a", "1", 0))
	after, err := s.bucket.Created(s.ctx)
	if err != nil || !after.Equal(before) {
		s.Errorf("created %s, before %s; %v", after, before, err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.bucket.Commit(ctx, []events.Put{put("b", "1", 0)}); err == nil {
		s.Error("commit with an ended context: no error")
	}
}
