package accounting

import (
	"cmp"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Marks are thinned so that their number stays bounded, however long a request
// stays open.
const (
	markEvery = time.Second // of log time, at first; doubled whenever there are too many
	maxMarks  = 64
)

// Snapshot is the state of a fold at a position, but for the open requests.
type Snapshot struct {
	At        Position   `json:"at"`
	Time      time.Time  `json:"time,omitzero"`       // the latest log time folded
	Audible   time.Time  `json:"audible,omitzero"`    // since when the log has not been mute, see [Fold.Lost]
	Producers []Producer `json:"producers,omitempty"` // but those of the past
	Past      *Past      `json:"past,omitempty"`
	Dead      []Position `json:"dead,omitempty"` // between At and the checkpoint's position, see [Fold.Resume]
}

// Producer is what is known of one epoch in one partition.
type Producer struct {
	Node      events.NodeID    `json:"node"`
	Epoch     events.Epoch     `json:"epoch"`
	Partition events.Partition `json:"partition"`
	Counter   uint64           `json:"counter"`          // of its last message
	Seq       uint64           `json:"seq"`              // of its last message
	Time      time.Time        `json:"time"`             // of its last message, by the log's clock
	Closed    bool             `json:"closed,omitempty"` // the node has started another epoch here, stopped, or was lost
	Lost      bool             `json:"lost,omitempty"`   // that is why it is closed
}

func (p *Producer) key() producerKey { return producerKey{p.Epoch, p.Partition} }

func (p *Producer) expired(now time.Time) bool { return p.Closed && expired(p.Time, now) }

func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Index, q.Index))
}

// Snapshot copies the state, and forgets what has expired.
func (f *Fold) Snapshot() Snapshot {
	present, past := f.remember()
	return Snapshot{At: f.at, Time: f.now, Audible: f.audible, Producers: present, Past: past}
}

// Resume gives the snapshot to store in a checkpoint at p: the newest one
// remembered that is not later than p and the admission of any request that is
// open at p. A fold that is made from it and fed the messages from its position
// on is this fold again; [Applied.From] p leaves out what is on the books. What was
// dead before p stays dead in a fold that could apply it, because the books lack it.
// Everything before p must have been folded, and p must not be before what was
// given to [Fold.Mark]; it may be behind [Fold.At], also inside a message.
func (f *Fold) Resume(p Position) Snapshot {
	limit := f.oldestOpen(p)
	for _, m := range slices.Backward(f.marks[1:]) {
		if !limit.Less(m.At) {
			return f.until(m, p)
		}
	}
	return f.until(f.marks[0], p)
}

// until completes a mark for a checkpoint at p.
func (f *Fold) until(m Snapshot, p Position) Snapshot {
	from, _ := f.grave(m.At)
	to, _ := f.grave(p)
	m.Dead = nil
	for _, b := range f.buried[from:max(from, to)] {
		m.Dead = append(m.Dead, b.Position)
	}
	return m
}

// Mark says that everything before p is committed. The fold remembers its state
// now, if the last mark is old enough, and forgets what no restart needs. Whoever
// never restarts a fold calls it all the same, now and then, to free memory.
func (f *Fold) Mark(p Position) {
	limit := f.oldestOpen(p)
	fit := 0
	for fit+1 < len(f.marks) && !limit.Less(f.marks[fit+1].At) {
		fit++
	}
	f.marks = slices.Delete(f.marks, 0, fit)
	if len(f.marks) <= 2 {
		f.every = markEvery
	}
	if last := f.marks[len(f.marks)-1]; f.now.Sub(last.Time) >= f.every {
		f.marks = append(f.marks, f.Snapshot())
	}
	if len(f.marks) > maxMarks {
		f.thinMarks()
	}
}

// thinMarks drops every other mark, but not the first, which restarts depend on.
func (f *Fold) thinMarks() {
	kept := f.marks[:0]
	for i, m := range f.marks {
		if i%2 == 0 {
			kept = append(kept, m)
		}
	}
	clear(f.marks[len(kept):])
	f.marks = kept
	f.every *= 2
}

// oldestOpen is the position of the first admission of a request that is open
// at p, or p. It forgets requests that ended before p.
func (f *Fold) oldestOpen(p Position) Position {
	over := func(r *request) bool { return r.ended != (Position{}) && r.ended.Less(p) }
	i := 0
	for i < len(f.admissions) && over(f.admissions[i]) {
		i++
	}
	f.admissions = f.admissions[i:]
	const slack = 1024
	if len(f.admissions) > 2*len(f.open)+slack {
		f.admissions = slices.DeleteFunc(f.admissions, over)
	}
	if len(f.admissions) > 0 && f.admissions[0].admitted.Less(p) {
		return f.admissions[0].admitted
	}
	return p
}
