package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// maxParts is how many facts of a scope and partition are kept one by one while
// they wait for the fold; beyond it those that the log has are kept by the minute.
const maxParts = 1024

// Receipt tells what became of a published fact. [*publish.Receipt] is one.
type Receipt interface {
	// Kept is closed when the fact is durable, in the log or on its way there, or
	// the publisher gave up.
	Kept() <-chan struct{}
	// Err is nil after Kept if the fact is durable.
	Err() error
	// Done is closed when the log has the fact, or the publisher gave up.
	Done() <-chan struct{}
	// Wait returns the acknowledgement, at once after Done.
	Wait(ctx context.Context) (events.Ack, error)
}

// account is what is known of one scope.
type account struct {
	scope accounting.Scope
	key   string       // of its leases
	epoch events.Epoch // this node's

	mu       sync.Mutex
	shards   []shard  // by partition, in no order
	own      []minute // reservations and facts that no counter holds yet
	running  int64    // requests admitted here that have not ended
	told     []told
	leases   []*lease
	exchange *exchange // that runs, nil if none does
	failed   moment    // when the last exchange failed, zero if it did not
	queued   bool      // an exchange is due

	stored stored // belongs to the exchange that runs
}

// shard is what is known of a scope in one partition.
type shard struct {
	partition events.Partition
	stored    []byte // the counter's present value if it is not decoded yet
	counter   accounting.Counter
	parts     []part // facts on their way to the counter, in the order they were published
	seen      uint64 // number of the watch that delivered the counter
	compacted int    // how many parts were left by the last compaction
}

// part is one fact on its way from this node to the counter.
type part struct {
	receipt Receipt // nil once seq is known
	seq     uint64  // of its message in the log
	at      *windows
	spent   accounting.Spent
}

// minute is what was admitted in one minute and is not in a counter yet.
type minute struct {
	at    *windows
	spent accounting.Spent
	uses  int // reservations and parts it is made of
}

// told is a limit that somebody was told of, and for which window.
type told struct {
	limit  accounting.Limit
	window accounting.Window
}

// used is what counts against l in the windows of w. a.mu is held.
func (a *account) used(l accounting.Limit, w *windows) int64 {
	if l.Of == accounting.OfConcurrency {
		return a.running
	}
	window := w.of(l.Per)
	var sum int64
	for i := range a.shards {
		sum += l.Spent(countable(a.scope.Kind, a.shards[i].counter.In(window).Spent()))
	}
	for i := range a.own {
		if a.own[i].at.of(l.Per) == window {
			sum += l.Spent(countable(a.scope.Kind, a.own[i].spent))
		}
	}
	return sum
}

// wanted is what a request with the estimate takes from l.
func wanted(l accounting.Limit, estimate accounting.Spent) int64 {
	if l.Of == accounting.OfConcurrency {
		return 1
	}
	return l.Spent(estimate)
}

// verdict is the word of the counters, and of what this node did beyond them, on
// one more request. It is zero where there is enough, because to find when a window
// ends costs more than all else here. a.mu is held.
func (a *account) verdict(l accounting.Limit, want int64, r *Reservation) accounting.Verdict {
	used := a.used(l, r.windows)
	if used >= 0 && want <= l.Max-used {
		return accounting.Verdict{}
	}
	return l.Check(used, want, r.at)
}

// change adds delta to what was admitted in the minute of w, and uses to what it
// is made of. a.mu is held.
func (a *account) change(w *windows, delta accounting.Spent, uses int) {
	for i := range a.own {
		m := &a.own[i]
		if !m.at.same(w) {
			continue
		}
		if m.uses += uses; m.uses == 0 {
			a.own = slices.Delete(a.own, i, i+1)
			return
		}
		m.spent = m.spent.Plus(delta)
		return
	}
	a.own = append(a.own, minute{at: w, spent: delta, uses: uses})
}

func (a *account) shard(p events.Partition) *shard {
	for i := range a.shards {
		if a.shards[i].partition == p {
			return &a.shards[i]
		}
	}
	a.shards = append(a.shards, shard{partition: p})
	return &a.shards[len(a.shards)-1]
}

// publish notes a fact that is on its way to the log. What it spent is in
// the account's minutes already. a.mu is held.
func (a *account) publish(to events.Partition, p part) {
	s := a.shard(to)
	if n := len(s.parts); n > 0 && s.parts[n-1].receipt == p.receipt && s.parts[n-1].at.same(p.at) { // one message
		s.parts[n-1].spent = s.parts[n-1].spent.Plus(p.spent)
		return
	}
	a.change(p.at, accounting.Spent{}, 1)
	s.parts = append(s.parts, p)
	a.settle(s)
	if len(s.parts) > max(maxParts, 2*s.compacted) { // while the log is away nothing can be joined
		a.compact(s)
		s.compacted = len(s.parts)
	}
}

// refresh decodes counters that have changed and forgets what they hold. An error
// leaves the counter as it was before. a.mu is held.
func (a *account) refresh() error {
	var failed error
	for i := range a.shards {
		s := &a.shards[i]
		if s.stored != nil {
			var c accounting.Counter
			err := json.Unmarshal(s.stored, &c)
			if s.stored = nil; err != nil {
				failed = fmt.Errorf("counter of %s in partition %s: %w", a.scope.Kind, s.partition, err)
				continue
			}
			s.counter = c
		}
		a.settle(s)
	}
	return failed
}

// settle forgets the facts that the counter holds. Facts of a partition reach the
// log in the order they were published, so only the first matters. a.mu is held.
func (a *account) settle(s *shard) {
	done := 0
	for done < len(s.parts) {
		p := &s.parts[done]
		if !p.arrived() || p.seq > s.counter.At.Seq {
			break
		}
		a.change(p.at, accounting.Spent{}.Minus(p.spent), -1)
		*p = part{}
		done++
	}
	if s.parts = s.parts[done:]; len(s.parts) == 0 {
		s.parts = nil
	}
}

// arrived tells whether the log has the fact; then its place is known. A fact
// whose publisher gave up stays: whether the log has it is unknown.
func (p *part) arrived() bool {
	if p.receipt == nil {
		return true
	}
	select {
	case <-p.receipt.Done():
	default:
		return false
	}
	ack, err := p.receipt.Wait(context.Background()) // returns at once
	if err != nil {
		return false
	}
	p.receipt, p.seq = nil, ack.Seq
	return true
}

// compact joins neighbours of the same minute whose place is known. Until the
// counter reaches the later one both count here, so the sum errs to the safe side
// for as long. a.mu is held.
func (a *account) compact(s *shard) {
	kept := s.parts[:0]
	for _, p := range s.parts {
		known := p.arrived()
		if n := len(kept); n > 0 && known && kept[n-1].receipt == nil && kept[n-1].at.same(p.at) {
			kept[n-1].seq = max(kept[n-1].seq, p.seq)
			kept[n-1].spent = kept[n-1].spent.Plus(p.spent)
			a.change(p.at, accounting.Spent{}, -1)
			continue
		}
		kept = append(kept, p)
	}
	clear(s.parts[len(kept):])
	s.parts = kept
}

// tell is true the first time a limit is exceeded in a window. a.mu is held.
func (a *account) tell(l accounting.Limit, w *windows) bool {
	const most = 32 // limits remembered; more than any scope has
	window := w.of(l.Per)
	for i := range a.told {
		if a.told[i].limit == l {
			first := a.told[i].window != window
			a.told[i].window = window
			return first
		}
	}
	if len(a.told) == most {
		a.told = slices.Delete(a.told, 0, 1)
	}
	a.told = append(a.told, told{l, window})
	return true
}
