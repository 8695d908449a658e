package events

import (
	"strings"
	"time"
)

// DeadLetter is what could not be decoded or applied, kept beside the log for a
// person to look at. The log itself still holds it.
type DeadLetter struct {
	Seq       uint64 // in the stream of dead letters, from 1
	Time      time.Time
	Partition Partition
	ID        string // names the place it came from; the same id is kept once
	Reason    string
	Raw       []byte
}

// OneLine is s with every run of white space made one space: logs keep reasons
// in headers, which are lines.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// DeadReapplied applies a dead event again, at this place of the log. It counts
// only in a fold to which the event at the place it came from is dead, so a fold
// that can apply the original, because it is newer, applies it once all the same.
type DeadReapplied struct {
	Seq   uint64 `json:"seq"`   // of the message in the traffic stream that holds the event
	Index int    `json:"index"` // of the event in that message
	Raw   string `json:"raw"`   // the event's line as it stands there
}

// Kind implements [Body].
func (DeadReapplied) Kind() Kind { return DeadReappliedKind }
