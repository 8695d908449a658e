package accounting

import (
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
// add it to each scope; tables keep it as a row.
type Entry struct {
	At        Position // of the event that caused it
	Event     events.ID
	Kind      events.Kind
	Time      time.Time // the event's own clock, for display
	WindowAt  time.Time
	Tenant    events.TenantID
	Request   events.RequestID
	Principal events.Principal
	Target    events.Target // zero where no vendor is concerned
	Attempt   int
	Scopes    []Scope
	Totals    Totals
	Charge    *events.Charge // the usage booked, signed; nil where none
	Source    events.Source
}

// End is the close of one request, or a refusal: a row of the requests table.
// A request has exactly one; later ends are noted in Applied.Late.
type End struct {
	At       Position
	Event    events.ID
	Time     time.Time
	WindowAt time.Time
	Tenant   events.TenantID
	Request  events.RequestID
	Outcome  events.Outcome
	Finished events.RequestFinished // filled also for orphaned and rejected requests, as far as known
	Reason   string                 // of a refusal or an orphan
	Count    int                    // requests this row stands for: 1, more for counted refusals
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
	Late      []events.ID // ends of requests that had ended before: noted, not counted
}

// GapError says that a message was lost: its producer's counter jumped.
type GapError struct {
	ID   events.MessageID
	Seq  uint64
	Want uint64
}
