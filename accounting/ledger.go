package accounting

import (
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Position is a place in the log: everything before event Index of message Seq
// has been folded.
type Position struct {
	Seq   uint64 `json:"seq"`
	Index int    `json:"index"`
}

// Less orders positions.
func (p Position) Less(q Position) bool {
	return p.Seq < q.Seq || p.Seq == q.Seq && p.Index < q.Index
}

// Entry is one line of the ledger: what one event adds to the books. Counters
// add it to each scope; tables keep it as a row. An event makes at most one.
type Entry struct {
	At        Position // of the event that caused it
	Event     events.ID
	Kind      events.Kind
	Time      time.Time // the event's own clock, for display
	WindowAt  time.Time
	Node      events.NodeID
	Epoch     events.Epoch // whose spending it is: the speaker's, of an orphan's estimate and what replaces it the dead one's, of a correction nobody's: empty
	Tenant    events.TenantID
	Request   events.RequestID
	Principal events.Principal
	Target    events.Target // zero where no vendor is concerned
	Attempt   int
	Class     string  // of a failed attempt
	Scopes    []Scope // shared between entries: read only
	Totals    Totals
	Charge    *events.Charge // the usage booked, signed; nil where none. A null cost has Totals.Unpriced
	Source    events.Source
}

// End is the close of one request, or a refusal: a row of the requests table.
// A request has exactly one; later ends are noted in Applied.Late.
type End struct {
	At       Position
	Event    events.ID
	Time     time.Time
	WindowAt time.Time
	Node     events.NodeID // that served it; of an orphan the one that died
	Tenant   events.TenantID
	Request  events.RequestID
	Outcome  events.Outcome
	Finished events.RequestFinished // filled also for orphaned and rejected requests, as far as known
	Reason   string                 // of a refusal or an orphan
	Limit    *events.Limit          // that refused it, nil if none did
	Count    int                    // requests this row stands for: 1, more for counted refusals
	Output   int64                  // answer tokens of the last attempt, as recorded before the end
}

// Dead is an event that could not be decoded or applied.
type Dead struct {
	At     Position
	Raw    []byte
	Reason string
}

// Applied is what one message did to the books.
type Applied struct {
	Duplicate bool // the message had been applied before; nothing else is set
	Entries   []Entry
	Ends      []End
	Dead      []Dead
	Late      []Late
}

// Late is an end of a request that had ended before, or was never heard of:
// noted, not counted.
type Late struct {
	At    Position
	Event events.ID
}

// From leaves out what events before p did: a fold that is restarted folds them
// again to find its state, but their effects are on the books already.
func (a Applied) From(p Position) Applied {
	return Applied{
		Duplicate: a.Duplicate,
		Entries:   from(p, a.Entries, func(e Entry) Position { return e.At }),
		Ends:      from(p, a.Ends, func(e End) Position { return e.At }),
		Dead:      from(p, a.Dead, func(d Dead) Position { return d.At }),
		Late:      from(p, a.Late, func(l Late) Position { return l.At }),
	}
}

func from[T any](p Position, list []T, at func(T) Position) []T {
	for len(list) > 0 && at(list[0]).Less(p) {
		list = list[1:]
	}
	return list
}

// GapError says that a message was lost: its producer's counter jumped.
type GapError struct {
	ID   events.MessageID
	Seq  uint64
	Want uint64 // the counter that should have come
}

// Error names the message and the counter that is missing.
func (e *GapError) Error() string {
	return fmt.Sprintf("message %s at sequence %d: a message was lost before it, counter %d was due", e.ID, e.Seq, e.Want)
}
