package simulation_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
)

// answerWithin is how long a process waits for the log's answer.
const answerWithin = time.Second

// weather is how the network is: the share of appends that suffer each.
type weather struct {
	lost       float64 // it never arrives
	unanswered float64 // it arrives, and nobody says so
	late       float64 // it takes seconds
	twice      float64 // it arrives once more, much later
}

// wire is one process's way to the log. What is under way arrives, whatever
// becomes of the process.
type wire struct {
	world *world
	log   *memlog.Log
	epoch events.Epoch

	mu   sync.Mutex
	rng  *rand.Rand
	cut  bool // nothing gets through for now
	dead bool // the process is gone
	sent map[events.MessageID][]byte
	last [events.Partitions]uint64 // highest counter of the epoch sent
}

func newWire(w *world, epoch events.Epoch, rng *rand.Rand) *wire {
	return &wire{world: w, log: w.log, epoch: epoch, rng: rng, sent: map[events.MessageID][]byte{}}
}

// die ends the process: it sends and hears nothing any more.
func (w *wire) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

// setCut cuts the wire, or mends it.
func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

func (w *wire) state() (cut, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut, w.dead
}

// fate is what becomes of one append.
type fate struct {
	lost, unanswered bool
	there, back      time.Duration // the way takes
	again            time.Duration // until it arrives once more, 0: never
}

// draw draws what becomes of m, after checking that m is as it was before.
func (w *wire) draw(m events.Message) fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check(m)
	now := w.world.weather()
	chance := func(p float64) bool { return w.rng.Float64() < p }
	f := fate{
		lost: w.cut || w.dead || chance(now.lost), unanswered: chance(now.unanswered),
		there: between(w.rng, time.Millisecond, 20*time.Millisecond), back: between(w.rng, time.Millisecond, 5*time.Millisecond),
	}
	if chance(now.late) {
		f.there = between(w.rng, 200*time.Millisecond, 7*time.Second)
	}
	if chance(now.twice) {
		f.again = between(w.rng, time.Second, 20*time.Second)
	}
	return f
}

// check holds that an id names the same bytes for ever and that counters rise by
// one. w.mu is held.
func (w *wire) check(m events.Message) {
	if before, again := w.sent[m.ID]; again {
		if !bytes.Equal(before, m.Data) {
			w.world.errorf("message %s has other bytes when it is sent again", m.ID)
		}
		return
	}
	w.sent[m.ID] = m.Data
	if m.ID.Epoch != w.epoch {
		return // from the outbox: the log may have what is left out
	}
	if last := w.last[m.ID.Partition]; m.ID.Counter != last+1 {
		w.world.errorf("message %s follows counter %d", m.ID, last)
	}
	w.last[m.ID.Partition] = m.ID.Counter
}

// Append implements [events.Appender].
func (w *wire) Append(ctx context.Context, m events.Message) (events.Ack, error) {
	m.Data = bytes.Clone(m.Data) // it may arrive after the return
	f := w.draw(m)
	answer := make(chan events.Ack, 1)
	if !f.lost {
		w.world.under.begin(func() {
			<-time.After(f.there)
			ack, err := w.log.Append(context.Background(), m)
			if err != nil {
				w.world.errorf("append %s: %v", m.ID, err)
			}
			<-time.After(f.back)
			if !f.unanswered {
				answer <- ack
			}
			if f.again > 0 {
				<-time.After(f.again)
				w.log.Inject(m) // as after the log's dedupe window
			}
		})
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	select {
	case ack := <-answer:
		if _, dead := w.state(); !dead {
			return ack, nil
		}
	case <-ctx.Done():
	}
	return events.Ack{}, events.ErrUnavailable
}

// between is in [least, most).
func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}

// flights are things under way that nobody waits for but at rest.
type flights struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n falls to 0, nil while nobody waits
}

// begin lets f run.
func (f *flights) begin(run func()) {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
	go func() {
		run()
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.n--; f.n == 0 && f.none != nil {
			close(f.none)
			f.none = nil
		}
	}()
}

// wait waits until nothing is under way.
func (f *flights) wait() {
	f.mu.Lock()
	none := f.none
	switch {
	case f.n == 0:
		f.mu.Unlock()
		return
	case none == nil:
		none = make(chan struct{})
		f.none = none
	}
	f.mu.Unlock()
	<-none
}

// leaseBucket is a process's way to the leases.
type leaseBucket struct {
	events.Bucket
	wire *wire
}

// Get implements [events.Bucket].
func (b *leaseBucket) Get(ctx context.Context, key string) (events.Entry, error) {
	if cut, dead := b.wire.state(); cut || dead {
		return events.Entry{}, events.ErrUnavailable
	}
	return b.Bucket.Get(ctx, key)
}

// List implements [events.Bucket].
func (b *leaseBucket) List(ctx context.Context, prefix string) ([]events.Entry, error) {
	if cut, dead := b.wire.state(); cut || dead {
		return nil, events.ErrUnavailable
	}
	return b.Bucket.List(ctx, prefix)
}

// Commit implements [events.Bucket]. What is under way when the wire breaks may
// be done.
func (b *leaseBucket) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if cut, dead := b.wire.state(); cut || dead {
		return 0, events.ErrUnavailable
	}
	rev, err := b.Bucket.Commit(ctx, puts)
	b.wire.world.lend(b.wire.epoch, puts, err)
	if cut, dead := b.wire.state(); cut || dead {
		return 0, events.ErrUnavailable
	}
	return rev, err
}
