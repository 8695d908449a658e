package projector

import (
	"errors"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// rereadAtMost is how far, in sequences, the snapshot of an idle partition may
// stay behind before it is renewed.
const rereadAtMost = 4096

// Folds is one fold for each of some partitions. Partitions share nothing, so
// whoever folds one or all of them gets the same books, and a lost message stops
// its own partition only. It is not safe for concurrent use.
type Folds struct {
	partitions []events.Partition
	folds      [events.Partitions]*accounting.Fold
	gaps       [events.Partitions]*accounting.GapError
}

// AllPartitions lists every partition.
func AllPartitions() []events.Partition {
	all := make([]events.Partition, events.Partitions)
	for i := range all {
		all[i] = events.Partition(i)
	}
	return all
}

// NewFolds starts a fold of each of the partitions from its snapshot; a partition
// without one starts at the beginning of the log.
func NewFolds(partitions []events.Partition, resume map[events.Partition]accounting.Snapshot) *Folds {
	f := &Folds{partitions: partitions}
	for _, p := range partitions {
		f.folds[p] = accounting.NewFold(resume[p])
	}
	return f
}

// From is the first sequence the folds have to be fed; messages that a partition
// has folded already are skipped by Apply.
func (f *Folds) From() uint64 {
	from := uint64(0)
	for i, p := range f.partitions {
		if at := f.folds[p].At().Seq; i == 0 || at < from {
			from = at
		}
	}
	return max(from, 1)
}

// Apply folds one message of one of the partitions. The error is a
// [*accounting.GapError]; from then on the partition is stopped, and every
// message of it gives that error.
func (f *Folds) Apply(m events.Stored) (accounting.Applied, error) {
	p := m.ID.Partition
	if gap := f.gaps[p]; gap != nil {
		return accounting.Applied{}, gap
	}
	if m.Seq < f.folds[p].At().Seq {
		return accounting.Applied{}, nil
	}
	applied, err := f.folds[p].Apply(m)
	var gap *accounting.GapError
	if errors.As(err, &gap) {
		f.gaps[p] = gap
	}
	return applied, err
}

// Gap tells why a partition is stopped, nil if it is not.
func (f *Folds) Gap(p events.Partition) *accounting.GapError { return f.gaps[p] }

// Gaps lists why partitions are stopped.
func (f *Folds) Gaps() []*accounting.GapError {
	var out []*accounting.GapError
	for _, gap := range f.gaps {
		if gap != nil {
			out = append(out, gap)
		}
	}
	return out
}

// At is where the next message of a partition goes.
func (f *Folds) At(p events.Partition) accounting.Position { return f.folds[p].At() }

// Open is the number of open requests.
func (f *Folds) Open() int {
	n := 0
	for _, p := range f.partitions {
		n += f.folds[p].Open()
	}
	return n
}

// Orphans returns an end for every open request whose epoch is closed, see
// [accounting.Fold.Orphans]. Those of a stopped partition are left: their ends
// would not be folded, and be published again and again.
func (f *Folds) Orphans(by events.NodeID, now time.Time) []accounting.Closing {
	var out []accounting.Closing
	for _, p := range f.partitions {
		if f.gaps[p] == nil {
			out = append(out, f.folds[p].Orphans(by, now)...)
		}
	}
	return out
}

// Lost returns the end of every epoch that was silent for longer than after, see
// [accounting.Fold.Lost]; none of a stopped partition.
func (f *Folds) Lost(after time.Duration) []accounting.Loss {
	var out []accounting.Loss
	for _, p := range f.partitions {
		if f.gaps[p] == nil {
			out = append(out, f.folds[p].Lost(after)...)
		}
	}
	return out
}

// Over lists the epochs that are over in a partition: read only.
func (f *Folds) Over(p events.Partition) []events.Epoch { return f.folds[p].Over(p) }

// Mark says that everything of a partition before at is committed.
func (f *Folds) Mark(p events.Partition, at accounting.Position) { f.folds[p].Mark(at) }

// Resume gives the snapshot to store in a checkpoint of a partition that stands
// at the position at. It must have been fed all its messages before that.
func (f *Folds) Resume(p events.Partition, at accounting.Position) accounting.Snapshot {
	fold := f.folds[p]
	s := fold.Resume(at)
	if !Stale(s, at.Seq) || !f.Idle(p) || at.Less(fold.At()) {
		return s
	}
	s = fold.Snapshot()
	s.At = at
	return s
}

// Stale tells whether a fold that resumed from s would read much to come to seq.
func Stale(s accounting.Snapshot, seq uint64) bool { return s.At.Seq+rereadAtMost < seq }

// Idle tells whether a partition could resume from where it stands: no request is
// open and it is not stopped.
func (f *Folds) Idle(p events.Partition) bool { return f.folds[p].Open() == 0 && f.gaps[p] == nil }
