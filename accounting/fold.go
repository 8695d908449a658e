package accounting

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// What is over is remembered for so long after its last message, by the log's
// clock, and no more than so many of it: what a fold remembers must fit into one
// value of a bucket, see [Past].
const (
	keep       = 30 * 24 * time.Hour
	maxOrphans = 12288
	maxClosed  = 4096   // epochs
	maxBuried  = 10_000 // dead events
)

// Fold is the state of the books between two messages: who has been heard up to
// where, which requests are open, which were orphaned. It may cover any set of
// partitions, as long as it is given all their messages in the order of the log.
// It is not safe for concurrent use.
type Fold struct {
	at        Position
	now       time.Time // the latest log time seen: expiry goes by it
	audible   time.Time // the log has not been mute since, see [Fold.Lost]
	producers map[producerKey]*producer
	closed    int                        // producers whose epoch is
	over      map[events.Partition]overs // as far as it was asked for and has not changed
	orphans   map[events.RequestID]*Orphan
	ended     []*Orphan  // orphans in the order of their ends
	buried    []Buried   // by position
	doomed    []Position // still to come, see [Fold.Resume]
	past      *Past      // as of the last snapshot; nil when it has changed since
	open      map[events.RequestID]*request
	stale     int // open requests whose epoch is closed
	scopes    scopeCache
	decoder   Decoder

	admissions []*request    // in order of admission, see [Fold.oldestOpen]
	marks      []Snapshot    // in order, the first always fit for a restart, see [Fold.Mark]
	every      time.Duration // log time between two marks
}

type producerKey struct {
	epoch     events.Epoch
	partition events.Partition
}

// producer is what is known of an epoch, and how many open requests it admitted.
type producer struct {
	Producer
	open int
}

// request is an open request.
type request struct {
	id        events.RequestID
	tenant    events.TenantID
	by        *producer
	admitted  Position
	ended     Position // zero while open
	windowAt  time.Time
	principal events.Principal
	endpoint  string
	stream    bool
	estimate  events.Charge

	attempt    int // the latest heard of
	target     events.Target
	recorded   int            // the latest attempt whose usage is on the books
	output     int64          // answer tokens of it
	checkpoint *events.Charge // of the latest attempt
}

// NewFold starts a fold from s; the zero Snapshot is the beginning of the log.
// The next message to apply is the first at or after s.At.
func NewFold(s Snapshot) *Fold {
	f := &Fold{
		at: s.At, now: s.Time, audible: s.Audible, every: markEvery, marks: []Snapshot{s},
		producers: make(map[producerKey]*producer, len(s.Producers)),
		over:      make(map[events.Partition]overs),
		orphans:   make(map[events.RequestID]*Orphan),
		open:      make(map[events.RequestID]*request),
		doomed:    s.Dead,
	}
	for _, p := range s.Producers {
		f.producers[p.key()] = &producer{Producer: p}
	}
	if s.Past != nil {
		f.recall(s.Past)
	}
	return f
}

// At is where the next message goes.
func (f *Fold) At() Position { return f.at }

// Open is the number of open requests.
func (f *Fold) Open() int { return len(f.open) }

// Apply folds one message. The error is a [*GapError], and then nothing has
// changed. What it returns refers to the message's bytes.
func (f *Fold) Apply(m events.Stored) (Applied, error) {
	if m.Time.Before(f.now) {
		m.Time = f.now
	}
	p := f.producer(m)
	forgotten := m.ID.Counter > 1 && p.Counter == 0 && ancient(m.ID.Epoch, m.Time)
	if m.ID.Counter > p.Counter+1 && !forgotten {
		return Applied{}, &GapError{ID: m.ID, Seq: m.Seq, Want: p.Counter + 1}
	}
	f.hear(m.Time)
	if next := (Position{Seq: m.Seq + 1}); f.at.Less(next) {
		f.at = next
	}
	switch {
	case forgotten:
		s := step{fold: f, by: p, at: Position{Seq: m.Seq}}
		s.allDead(m.Message, errForgotten)
		return s.out, nil
	case m.ID.Counter <= p.Counter:
		return Applied{Duplicate: true}, nil
	}
	if old := f.producers[p.key()]; old != p {
		f.forgetEpoch(old)
		f.producers[p.key()] = p
	}
	if p.over(m.Time) {
		f.past = nil
	}
	p.Counter, p.Seq, p.Time = m.ID.Counter, m.Seq, m.Time

	s := step{fold: f, by: p, at: Position{Seq: m.Seq}}
	lines, err := m.Lines()
	if err != nil {
		s.dead(m.Data, err)
		return s.out, nil
	}
	s.out.Entries = make([]Entry, 0, len(lines))
	for i, line := range lines {
		s.at.Index = i
		if err := s.line(line); err != nil {
			s.dead(line, err)
		}
	}
	return s.out, nil
}

// producer finds the sender of m as it was before m; one that is not known, or
// no longer, has sent nothing.
func (f *Fold) producer(m events.Stored) *producer {
	if p := f.known(m.ID.Epoch, m.ID.Partition, m.Time); p != nil {
		return p
	}
	return &producer{Producer: Producer{Node: m.ID.Node, Epoch: m.ID.Epoch, Partition: m.ID.Partition}}
}

// known finds an epoch that has been heard of in a partition and is not to be
// forgotten by now.
func (f *Fold) known(e events.Epoch, p events.Partition, now time.Time) *producer {
	if known := f.producers[producerKey{e, p}]; known != nil && !known.expired(now) {
		return known
	}
	return nil
}

// closeEpochs closes every epoch of a node in a partition but the one given.
func (f *Fold) closeEpochs(node events.NodeID, p events.Partition, but events.Epoch) {
	for _, other := range f.producers {
		if other.Node == node && other.Partition == p && other.Epoch != but {
			f.closeEpoch(other)
		}
	}
}

func (f *Fold) closeEpoch(p *producer) {
	if p.Closed {
		return
	}
	p.Closed = true
	f.stale += p.open
	f.closed++
	f.past = nil
	delete(f.over, p.Partition)
	f.forgetEpochs()
}

// openRequest adds r to the open requests.
func (f *Fold) openRequest(r *request) {
	f.open[r.id] = r
	f.admissions = append(f.admissions, r)
	r.by.open++
	if r.by.Closed {
		f.stale++
		delete(f.over, r.by.Partition)
	}
}

// closeRequest takes r from the open requests.
func (f *Fold) closeRequest(r *request, at Position) {
	delete(f.open, r.id)
	r.ended = at
	r.by.open--
	if r.by.Closed {
		f.stale--
		delete(f.over, r.by.Partition)
	}
}

// moveTo notes the attempt a request has come to; one it has left behind is ignored.
func (r *request) moveTo(attempt int, t events.Target) {
	if attempt < r.attempt {
		return
	}
	if attempt > r.attempt {
		r.checkpoint = nil
	}
	r.attempt, r.target = attempt, t
}

// expired tells whether something last heard of at t is to be forgotten.
func expired(t, now time.Time) bool { return now.Sub(t) > keep }
