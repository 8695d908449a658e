package memlog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/logtest"
	"github.com/llm-hub/llm-hub/events/memlog"
)

func TestConformance(t *testing.T) {
	logtest.Run(t, func(*testing.T) logtest.Opened {
		l := memlog.New()
		return logtest.Opened{Log: l, Leases: l.Leases(), Nodes: l.Nodes()}
	})
}

func message(counter uint64) events.Message {
	return events.Message{ID: events.MessageID{Node: "n1", Epoch: "e1", Counter: counter}, Count: 1, Data: []byte("{}\n")}
}

func fill(t *testing.T, l *memlog.Log, n uint64) {
	t.Helper()
	for i := range n {
		if _, err := l.Append(t.Context(), message(i+1)); err != nil {
			t.Fatal(err)
		}
	}
}

func info(t *testing.T, l *memlog.Log) events.Info {
	t.Helper()
	i, err := l.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestFailAppend(t *testing.T) {
	for _, stored := range []bool{false, true} {
		l := memlog.New()
		l.FailAppend(events.ErrUnavailable, stored)
		if _, err := l.Append(t.Context(), message(1)); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("stored %t: %v", stored, err)
		}
		want := events.Ack{Seq: 1, Duplicate: stored}
		if ack, err := l.Append(t.Context(), message(1)); err != nil || ack != want {
			t.Errorf("stored %t, again: %+v, %v", stored, ack, err)
		}
	}
}

func TestFailCommit(t *testing.T) {
	for _, applied := range []bool{false, true} {
		l := memlog.New()
		puts := []events.Put{{Key: "a", Value: []byte("1")}}
		l.FailCommit(events.ErrUnavailable, applied)
		if _, err := l.Commit(t.Context(), puts); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("applied %t: %v", applied, err)
		}
		if _, err := l.Commit(t.Context(), puts); errors.Is(err, events.ErrConflict) != applied {
			t.Errorf("applied %t, again: %v", applied, err)
		}
	}
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memlog.New()
		release := l.Hold()
		done := make(chan error, 1)
		go func() {
			_, err := l.Append(t.Context(), message(1))
			done <- err
		}()
		synctest.Wait()
		if got := info(t, l); got.Last != 0 {
			t.Errorf("a held append is stored: %+v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Append(ctx, message(2)); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("a held append whose context ended: %v", err)
		}
		release()
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestInjectRepeats(t *testing.T) {
	l := memlog.New()
	fill(t, l, 2)
	if seq := l.Inject(message(1)); seq != 3 {
		t.Errorf("sequence %d", seq)
	}
	if ack, err := l.Append(t.Context(), message(1)); err != nil || ack != (events.Ack{Seq: 1, Duplicate: true}) {
		t.Errorf("%+v, %v", ack, err)
	}
}

func TestTruncateGivesSequencesAgain(t *testing.T) {
	l := memlog.New()
	fill(t, l, 5)
	before := info(t, l)
	l.Truncate(3)
	after := info(t, l)
	if after.Last != 3 || !after.Created.Equal(before.Created) {
		t.Errorf("%+v, before %+v", after, before)
	}
	if ack, err := l.Append(t.Context(), message(5)); err != nil || ack != (events.Ack{Seq: 4}) {
		t.Errorf("%+v, %v", ack, err)
	}
	l.Truncate(0)
	if got := info(t, l); got.First != 1 || got.Last != 0 {
		t.Errorf("%+v", got)
	}
}

func TestTrimKeepsSequences(t *testing.T) {
	l := memlog.New()
	fill(t, l, 5)
	if err := l.Trim(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if got := info(t, l); got.First != 4 || got.Last != 5 {
		t.Errorf("%+v", got)
	}
	if _, err := l.At(t.Context(), 3); !errors.Is(err, events.ErrNoMessage) {
		t.Errorf("%v", err)
	}
	c, err := l.Read(t.Context(), events.Range{To: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var seqs []uint64
	for m := range c.C() {
		seqs = append(seqs, m.Seq)
	}
	if diff := cmp.Diff([]uint64{4, 5}, seqs); diff != "" || c.Err() != nil {
		t.Error(diff, c.Err())
	}
	if err := l.Trim(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	if got := info(t, l); got.First != 6 || got.Last != 5 {
		t.Errorf("all trimmed: %+v", got)
	}
}

func TestTrimmedReaderIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memlog.New()
		fill(t, l, 1000)
		c, err := l.Read(t.Context(), events.Range{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait() // it has read ahead what it may
		if err := l.Trim(t.Context(), 900); err != nil {
			t.Fatal(err)
		}
		n := 0
		for range c.C() {
			n++
		}
		if n == 0 || n > 500 || c.Err() == nil || !strings.Contains(c.Err().Error(), "are gone") {
			t.Errorf("%d messages, %v", n, c.Err())
		}
	})
}

func TestRecreateIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock stands still
		l := memlog.New()
		fill(t, l, 2)
		if _, err := l.Commit(t.Context(), []events.Put{{Key: "a", Value: []byte("1")}}); err != nil {
			t.Fatal(err)
		}
		before, bucket := info(t, l), created(t, l)
		l.Recreate()
		if after := info(t, l); after.Created.Equal(before.Created) || after.Last != 0 || !created(t, l).Equal(bucket) {
			t.Errorf("%+v, before %+v", after, before)
		}
		l.RecreateBucket()
		if list, err := l.List(t.Context(), ""); err != nil || len(list) != 0 || created(t, l).Equal(bucket) {
			t.Errorf("%d entries, created %s, before %s; %v", len(list), created(t, l), bucket, err)
		}
	})
}

func created(t *testing.T, l *memlog.Log) time.Time {
	t.Helper()
	c, err := l.Created(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLapseByTheTestClock holds that entries lapse by the clock of a bubble, the
// tick they should and not before.
func TestLapseByTheTestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := memlog.New().Nodes()
		rev, err := nodes.PutFor(t.Context(), events.Put{Key: "own.a", Value: []byte("n1")}, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(10*time.Second - 1)
		if e, err := nodes.Get(t.Context(), "own.a"); err != nil || e.Rev != rev {
			t.Errorf("before its time: %+v, %v", e, err)
		}
		<-time.After(2)
		gone, err := nodes.Get(t.Context(), "own.a")
		if err != nil || gone.Value != nil || gone.Rev <= rev {
			t.Errorf("after its time: %+v, %v", gone, err)
		}
		nodes.RecreateBucket()
		first, err := nodes.PutFor(t.Context(), events.Put{Key: "own.a", Value: []byte("n2")}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		nodes.RecreateBucket() // its revisions begin again, and old times mean nothing
		again, err := nodes.Commit(t.Context(), []events.Put{{Key: "own.a", Value: []byte("n3")}})
		if err != nil || again != first {
			t.Fatalf("revision %d, before %d; %v", again, first, err)
		}
		<-time.After(2 * time.Second)
		if e, err := nodes.Get(t.Context(), "own.a"); err != nil || string(e.Value) != "n3" {
			t.Errorf("in a new bucket: %+v, %v", e, err)
		}
	})
}

func TestAway(t *testing.T) {
	l := memlog.New()
	leases := l.Leases()
	leases.Away(events.ErrUnavailable)
	_, get := leases.Get(t.Context(), "a")
	_, list := leases.List(t.Context(), "")
	_, commit := leases.Commit(t.Context(), []events.Put{{Key: "a", Value: []byte("1")}})
	_, put := leases.PutFor(t.Context(), events.Put{Key: "a", Value: []byte("1")}, time.Second)
	for what, err := range map[string]error{"get": get, "list": list, "commit": commit, "put": put} {
		if !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := l.Get(t.Context(), "a"); err != nil {
		t.Errorf("another bucket: %v", err)
	}
	leases.Away(nil)
	if e, err := leases.Get(t.Context(), "a"); err != nil || e.Rev != 0 {
		t.Errorf("back again: %+v, %v", e, err)
	}
}

func TestReconnectAndSkew(t *testing.T) {
	l := memlog.New()
	before := l.Reconnected()
	l.Reconnect()
	<-before
	select {
	case <-l.Reconnected():
		t.Error("reconnected once, told twice")
	default:
	}
	l.SetSkew(3 * time.Second)
	if d, err := l.Skew(t.Context()); err != nil || d != 3*time.Second {
		t.Errorf("skew %s, %v", d, err)
	}
}
