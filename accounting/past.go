package accounting

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// silence is how long an epoch must have been silent to be of the past; when it
// speaks again it is of the present again.
const silence = time.Hour

// Past is what a fold remembers of what is over. It may be large and seldom
// changes, so snapshots share it as long as it is the same: read only. Of orphans,
// closed epochs and dead events it has some thousands at most.
type Past struct {
	Producers []Producer `json:"producers,omitempty"` // whose epoch is closed, or has been silent for long
	Orphans   []Orphan   `json:"orphans,omitempty"`   // in the order of their ends
	Buried    []Buried   `json:"buried,omitempty"`    // by position
}

// over tells whether p is of the past.
func (p *Producer) over(now time.Time) bool { return p.Closed || now.Sub(p.Time) > silence }

// recall is the inverse of [Fold.remember].
func (f *Fold) recall(past *Past) {
	for _, p := range past.Producers {
		f.producers[p.key()] = &producer{Producer: p}
		if p.Closed {
			f.closed++
		}
	}
	for _, o := range past.Orphans {
		f.orphans[o.Request] = &o
		f.ended = append(f.ended, &o)
	}
	f.buried = slices.Clone(past.Buried)
	f.past = past
}

// remember copies the producers of the present, and makes the past anew if it has
// changed.
func (f *Fold) remember() (present []Producer, past *Past) {
	var over []Producer
	for _, p := range f.producers {
		switch {
		case p.expired(f.now):
			f.forgetEpoch(p)
		case p.over(f.now):
			over = append(over, p.Producer)
		default:
			present = append(present, p.Producer)
		}
	}
	f.forgetOrphans()
	slices.SortFunc(present, byEpoch)
	if f.past != nil && len(f.past.Producers) == len(over) {
		return present, f.past
	}
	if f.past = nil; len(over)+len(f.ended)+len(f.buried) == 0 {
		return present, nil
	}
	slices.SortFunc(over, byEpoch)
	f.past = &Past{Producers: over, Orphans: make([]Orphan, len(f.ended)), Buried: slices.Clone(f.buried)}
	for i, o := range f.ended {
		f.past.Orphans[i] = *o
	}
	return present, f.past
}

func byEpoch(a, b Producer) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), strings.Compare(string(a.Epoch), string(b.Epoch)))
}

// errForgotten says that nobody can tell whether a message came before: its node
// was away for so long, with messages in its outbox, that its epoch is forgotten.
var errForgotten = errors.New("its epoch is forgotten, so it may have been counted before")

// ancient tells whether an epoch began so long ago that it may be forgotten. Its id
// is a UUIDv7, which begins with the milliseconds since 1970 in 8 and 4 digits.
func ancient(e events.Epoch, now time.Time) bool {
	high, rest, _ := strings.Cut(string(e), "-")
	low, _, found := strings.Cut(rest, "-")
	ms, err := strconv.ParseInt(high+low, 16, 64)
	return found && err == nil && expired(time.UnixMilli(ms), now)
}

// forgetEpochs forgets the closed epochs beyond [maxClosed] that have been silent
// for the longest time. What is left depends on the log only.
func (f *Fold) forgetEpochs() {
	for f.closed > maxClosed {
		f.forgetEpoch(f.oldestClosed())
	}
}

// forgetEpoch forgets a closed epoch; nil is none.
func (f *Fold) forgetEpoch(p *producer) {
	if p == nil {
		return
	}
	delete(f.producers, p.key())
	f.closed--
	f.past = nil
	delete(f.over, p.Partition)
}

func (f *Fold) oldestClosed() *producer {
	var oldest *producer
	for _, p := range f.producers {
		if p.Closed && (oldest == nil || p.Seq < oldest.Seq) {
			oldest = p
		}
	}
	return oldest
}

// forgetOrphans forgets the orphans that have expired, and the oldest beyond
// [maxOrphans].
func (f *Fold) forgetOrphans() {
	n := 0
	for n < len(f.ended) && (expired(f.ended[n].Time, f.now) || len(f.ended)-n > maxOrphans) {
		if o := f.ended[n]; f.orphans[o.Request] == o {
			delete(f.orphans, o.Request)
		}
		n++
	}
	if n > 0 {
		f.ended = slices.Delete(f.ended, 0, n)
		f.past = nil
	}
}
