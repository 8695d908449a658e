package publish_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
)

const nextEpoch events.Epoch = "0192f0c1-2222-7000-8000-000000000002"

// wire is a log that can be away or slow.
type wire struct {
	*memlog.Log
	away  atomic.Bool
	takes atomic.Int64 // ns each append takes
}

func newWire() *wire { return &wire{Log: memlog.New()} }

func (w *wire) Append(ctx context.Context, m events.Message) (events.Ack, error) {
	if w.away.Load() {
		return events.Ack{}, events.ErrUnavailable
	}
	if !waitFor(ctx, time.Duration(w.takes.Load())) {
		return events.Ack{}, events.ErrUnavailable
	}
	return w.Log.Append(ctx, m)
}

// waitFor lets the test's own clock go on, and tells whether ctx still lives.
func waitFor(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// messages lists what the log holds.
func (w *wire) messages(t *testing.T) []events.Message {
	t.Helper()
	info, err := w.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []events.Message
	for seq := info.First; seq <= info.Last; seq++ {
		m, err := w.At(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Message)
	}
	return out
}

func withOutbox(t testing.TB, log events.Appender, box events.Outbox, e events.Epoch) *publish.Publisher {
	t.Helper()
	p, err := publish.New(publish.Config{Log: log, Outbox: box, Node: node, Epoch: e, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// kill ends a publisher that has no time left.
func kill(t *testing.T, p *publish.Publisher) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return p.Close(ctx)
}

func mustClose(t *testing.T, p *publish.Publisher) {
	t.Helper()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func held(t *testing.T, box events.Outbox) uint64 {
	t.Helper()
	f, err := box.Fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f.Messages
}

func TestOutboxIsNotUsedWhileTheLogAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.takes.Store(int64(publish.DefaultPatience - time.Millisecond))
		box.Break(nil)
		p := withOutbox(t, log, box, epoch)
		r := mustPublish(t, p, fact(t, acme, 0))
		<-r.Kept()
		synctest.Wait()
		if !closed(r.Done()) || r.Err() != nil || p.Outbox().Active {
			t.Errorf("kept, but done is %t, error %v, outbox %+v", closed(r.Done()), r.Err(), p.Outbox())
		}
		mustClose(t, p)
	})
}

func TestOutboxTakesOverAfterPatience(t *testing.T) {
	for name, away := range map[string]func(*wire){
		"refuses": func(w *wire) { w.away.Store(true) },
		"hangs":   func(w *wire) { w.takes.Store(int64(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, box := newWire(), memlog.NewOutbox(1<<20)
				away(log)
				p := withOutbox(t, log, box, epoch)
				began := time.Now()
				first := mustPublish(t, p, fact(t, acme, 0))
				<-first.Kept()
				if d := time.Since(began); d != publish.DefaultPatience {
					t.Errorf("kept after %s", d)
				}
				second := mustPublish(t, p, fact(t, acme, 1))
				<-second.Kept()
				if d := time.Since(began); d > publish.DefaultPatience+20*time.Millisecond {
					t.Errorf("what is behind it waited too, for %s", d)
				}
				if first.Err() != nil || closed(first.Done()) {
					t.Errorf("kept: %v, done %t", first.Err(), closed(first.Done()))
				}
				if s := p.Outbox(); !s.Active || s.Messages != 2 || s.Max != 1<<20 || !s.Oldest.Equal(began.Add(publish.DefaultPatience)) || s.Err != nil {
					t.Errorf("outbox %+v", s)
				}
				if got := p.Pending(); got != (publish.Pending{}) {
					t.Errorf("in memory: %+v", got)
				}
				log.away.Store(false)
				log.takes.Store(0)
				if ack, err := second.Wait(t.Context()); err != nil || ack.Seq != 2 {
					t.Errorf("%+v, %v", ack, err)
				}
				mustClose(t, p)
				if s := p.Outbox(); s.Active || s.Messages != 0 {
					t.Errorf("after Close: outbox %+v", s)
				}
				if diff := cmp.Diff(wantRequests(2), requests(t, log.messages(t))); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestNothingPassesTheOutboxBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.away.Store(true)
		p := withOutbox(t, log, box, epoch)
		n := 0
		publishFor := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); n++ {
				mustPublish(t, p, fact(t, acme, n))
				waitFor(t.Context(), 10*time.Millisecond)
			}
		}
		publishFor(3 * time.Second)
		log.takes.Store(int64(100 * time.Millisecond)) // draining takes a while
		log.away.Store(false)
		publishFor(3 * time.Second)
		if !p.Outbox().Active {
			t.Error("drained too soon to tell anything")
		}
		mustClose(t, p)
		if diff := cmp.Diff(wantRequests(n), requests(t, log.messages(t))); diff != "" {
			t.Error(diff)
		}
		for i, m := range log.messages(t) {
			if m.ID.Counter != uint64(i+1) {
				t.Errorf("message %s in place %d", m.ID, i+1)
			}
		}
	})
}

// The outbox of this test is much faster than the log, and the log is noticed two
// seconds after it is back.
func TestOutboxEmptiesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(64<<20)
		box.Delay(time.Millisecond)
		log.away.Store(true)
		p := withOutbox(t, log, box, epoch)
		n, back, backlog := 0, time.Time{}, uint64(0)
		for began := time.Now(); ; n++ {
			mustPublish(t, p, fact(t, acme, n))
			waitFor(t.Context(), time.Millisecond)
			if time.Since(began) > 2*time.Second && back.IsZero() {
				log.takes.Store(int64(50 * time.Millisecond))
				log.away.Store(false)
				back, backlog = time.Now(), held(t, box)
			}
			if !back.IsZero() && !p.Outbox().Active {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%d messages are still in the outbox", held(t, box))
			}
		}
		alone := time.Duration(backlog) * 50 * time.Millisecond // if nothing were added
		if d := time.Since(back); d > 3*alone {
			t.Errorf("it took %s to drain %d messages", d, backlog)
		}
		mustClose(t, p)
		if diff := cmp.Diff(wantRequests(n+1), requests(t, log.messages(t))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUnknownAckThenOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		for range 4 { // all that fit into the patience, and the drain's first
			log.FailAppend(events.ErrUnavailable, true)
		}
		p := withOutbox(t, log, box, epoch)
		r := mustPublish(t, p, fact(t, acme, 0))
		<-r.Kept()
		if ack, err := r.Wait(t.Context()); err != nil || ack != (events.Ack{Seq: 1, Duplicate: true}) {
			t.Errorf("%+v, %v", ack, err)
		}
		mustClose(t, p)
		if diff := cmp.Diff(wantRequests(1), requests(t, log.messages(t))); diff != "" {
			t.Error(diff)
		}
	})
}

// An unknown answer of the outbox may mean that it has the message: then the
// drain delivers what its sender is still offering.
func TestUnknownPut(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored=%t", stored), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, box := newWire(), memlog.NewOutbox(1<<20)
				log.away.Store(true)
				for range 3 {
					box.FailPut(events.ErrUnavailable, stored)
				}
				p := withOutbox(t, log, box, epoch)
				first := mustPublish(t, p, fact(t, acme, 0))
				waitFor(t.Context(), publish.DefaultPatience+time.Millisecond)
				second := mustPublish(t, p, fact(t, acme, 1))
				if closed(first.Kept()) {
					t.Error("kept after an unknown put")
				}
				log.away.Store(false)
				if ack, err := first.Wait(t.Context()); err != nil || ack.Seq != 1 {
					t.Errorf("first: %+v, %v", ack, err)
				}
				if ack, err := second.Wait(t.Context()); err != nil || ack.Seq != 2 {
					t.Errorf("second: %+v, %v", ack, err)
				}
				mustClose(t, p)
				if diff := cmp.Diff(wantRequests(2), requests(t, log.messages(t))); diff != "" {
					t.Error(diff)
				}
				if n := held(t, box); n != 0 {
					t.Errorf("%d messages left in the outbox", n)
				}
			})
		})
	}
}

func TestOutboxIsTrimmedOnlyAfterTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.away.Store(true)
		p := withOutbox(t, log, box, epoch)
		for n := range 200 {
			<-mustPublish(t, p, fact(t, acme, n)).Kept()
		}
		if n := held(t, box); n != 200 {
			t.Errorf("%d messages are held", n)
		}
		log.takes.Store(int64(10 * time.Millisecond))
		log.away.Store(false)
		for range 100 {
			waitFor(t.Context(), 20*time.Millisecond)
			if n := int(held(t, box)) + len(log.messages(t)); n < 200 {
				t.Fatalf("%d messages between log and outbox", n)
			}
		}
		mustClose(t, p)
		if n := held(t, box); n != 0 {
			t.Errorf("%d messages are held at the end", n)
		}
	})
}

func TestFullOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(2000)
		log.away.Store(true)
		p := withOutbox(t, log, box, epoch)
		n := 0
		for ; p.Admit() == nil; n++ {
			mustPublish(t, p, fact(t, acme, n))
			waitFor(t.Context(), 300*time.Millisecond)
			if n > 100 {
				t.Fatal("never refused")
			}
		}
		if err := p.Admit(); !errors.Is(err, publish.ErrBacklog) || !errors.Is(err, events.ErrFull) {
			t.Errorf("admit: %v", err)
		}
		late := mustPublish(t, p, fact(t, acme, n)) // a running request's
		waitFor(t.Context(), 10*time.Second)
		if closed(late.Kept()) || p.Pending().Events == 0 {
			t.Errorf("a full outbox kept it: %+v", p.Pending())
		}
		box.Resize(1 << 20)
		<-late.Kept()
		synctest.Wait()
		if err := p.Admit(); err != nil || late.Err() != nil || closed(late.Done()) {
			t.Errorf("once there is room: %v, %v", err, late.Err())
		}
		log.away.Store(false)
		mustClose(t, p)
		if diff := cmp.Diff(wantRequests(n+1), requests(t, log.messages(t))); diff != "" {
			t.Error(diff)
		}
	})
}

// A full or broken outbox is no hindrance when the log is back first.
func TestSickOutbox(t *testing.T) {
	for name, sick := range map[string]error{"full": events.ErrFull, "broken": errors.New("input/output error")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, box := newWire(), memlog.NewOutbox(1<<20)
				p := withOutbox(t, log, box, epoch)
				<-mustPublish(t, p, fact(t, acme, 0)).Done()
				log.away.Store(true)
				box.Break(sick)
				r := mustPublish(t, p, fact(t, acme, 1))
				waitFor(t.Context(), 20*time.Second)
				if err := p.Admit(); !errors.Is(err, publish.ErrBacklog) || !errors.Is(err, sick) {
					t.Errorf("admit: %v", err)
				}
				if s := p.Outbox(); !errors.Is(s.Err, sick) {
					t.Errorf("outbox: %+v", s)
				}
				log.away.Store(false)
				if ack, err := r.Wait(t.Context()); err != nil || ack.Seq != 2 {
					t.Errorf("%+v, %v", ack, err)
				}
				synctest.Wait()
				if err := p.Admit(); err != nil {
					t.Errorf("once the log is back: %v", err)
				}
				box.Break(nil)
				mustClose(t, p)
			})
		})
	}
}

func TestKeptOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.away.Store(true)
		p := withOutbox(t, log, box, epoch)
		kept := mustPublish(t, p, fact(t, acme, 0))
		<-kept.Kept()
		if err := kill(t, p); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := kept.Wait(t.Context()); !errors.Is(err, publish.ErrKept) || kept.Err() != nil {
			t.Errorf("wait: %v; kept: %v", err, kept.Err())
		}
		log.away.Store(false)
		next := withOutbox(t, log, box.Reopen(), nextEpoch)
		if err := next.Start(t.Context(), "v2"); err != nil {
			t.Fatal(err)
		}
		mustClose(t, next)
		if got := requests(t, log.messages(t)); got[0] != "r0" {
			t.Errorf("first in the log is %q", got[0])
		}
	})
}

func TestCloseSaysWhatIsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.away.Store(true)
		p := withOutbox(t, log, box, epoch)
		kept := mustPublish(t, p, fact(t, acme, 0))
		<-kept.Kept()
		waitFor(t.Context(), time.Second)
		box.Break(events.ErrFull)
		lost := mustPublish(t, p, fact(t, acme, 1))
		synctest.Wait()
		queued := mustPublish(t, p, fact(t, acme, 2))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := p.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 events") {
			t.Errorf("close: %v", err)
		}
		if _, err := kept.Wait(t.Context()); !errors.Is(err, publish.ErrKept) || kept.Err() != nil {
			t.Errorf("kept: %v, %v", err, kept.Err())
		}
		if _, err := lost.Wait(t.Context()); !errors.Is(err, events.ErrFull) || !errors.Is(lost.Err(), events.ErrUnavailable) && !errors.Is(lost.Err(), events.ErrFull) {
			t.Errorf("lost: %v, %v", err, lost.Err())
		}
		if !closed(queued.Kept()) || !errors.Is(queued.Err(), events.ErrClosed) {
			t.Errorf("queued: %v", queued.Err())
		}
	})
}

func TestCloseWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		p := withOutbox(t, log, box, epoch)
		if err := p.Start(t.Context(), "v1"); err != nil {
			t.Fatal(err)
		}
		log.away.Store(true)
		r := mustPublish(t, p, fact(t, acme, 0))
		time.AfterFunc(10*time.Second, func() { log.away.Store(false) })
		mustClose(t, p)
		if _, err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if n := held(t, box); n != 0 {
			t.Errorf("%d messages are left", n)
		}
	})
}

func TestStartDrainsWhatOlderEpochsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const left = 150 // more than a page
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.away.Store(true)
		old := withOutbox(t, log, box, epoch)
		for n := range left {
			<-mustPublish(t, old, fact(t, events.TenantID(fmt.Sprintf("tenant%d", n%5)), n)).Kept()
		}
		if err := kill(t, old); err != nil {
			t.Fatal(err)
		}
		p := withOutbox(t, log, box.Reopen(), nextEpoch)
		began := time.Now()
		time.AfterFunc(time.Minute, func() { log.away.Store(false) })
		early := mustPublish(t, p, fact(t, "tenant0", left)) // before Start: it goes behind
		if err := p.Start(t.Context(), "v2"); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < time.Minute || d > time.Minute+2*time.Second {
			t.Errorf("started after %s", d)
		}
		if _, err := early.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		mustClose(t, p)
		seen, older := map[events.Partition]bool{}, 0
		for _, m := range log.messages(t) {
			if m.ID.Epoch == nextEpoch {
				seen[m.ID.Partition] = true
				continue
			}
			if older++; seen[m.ID.Partition] {
				t.Errorf("message %s comes after the next epoch's", m.ID)
			}
		}
		if older != left {
			t.Errorf("%d messages of the old epoch, want %d", older, left)
		}
	})
}

func TestStartEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, box := newWire(), memlog.NewOutbox(1<<20)
		log.away.Store(true)
		old := withOutbox(t, log, box, epoch)
		<-mustPublish(t, old, fact(t, acme, 0)).Kept()
		if err := kill(t, old); err != nil {
			t.Fatal(err)
		}
		p := withOutbox(t, log, box, nextEpoch)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Start(ctx, "v2"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("start: %v", err)
		}
		if err := kill(t, p); err != nil {
			t.Errorf("close: %v", err)
		}
		if n := held(t, box); n != 1 {
			t.Errorf("%d messages are held", n)
		}
	})
}
