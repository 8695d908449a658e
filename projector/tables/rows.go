package tables

import (
	"bytes"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Rows is what some messages put into the tables, in the order of the log.
type Rows struct {
	Usage    []accounting.Entry // a row of `usage` for each line of the ledger
	Requests []accounting.End   // a row of `requests` for each end and refusal
	Attempts []Attempt          // a row of `attempts` for each step off the straight path
}

// Attempt is a failed attempt, a vendor's 429 or a fallback.
type Attempt struct {
	At         accounting.Position
	Kind       events.Kind
	Time       time.Time
	WindowAt   time.Time
	Tenant     events.TenantID
	Request    events.RequestID
	Principal  events.Principal
	Attempt    int
	Target     events.Target
	Reason     string // class of the failure
	Status     int
	Retryable  bool
	TotalNS    int64
	RetryAfter int64         // milliseconds
	Until      time.Time     // end of the cooldown, zero where there is none
	To         events.Target // where a fallback went
}

// Counts is a number of rows of each table.
type Counts struct {
	Usage    uint64 `json:"usage"`
	Requests uint64 `json:"requests"`
	Attempts uint64 `json:"attempts"`
}

// Plus adds two counts.
func (c Counts) Plus(d Counts) Counts {
	return Counts{c.Usage + d.Usage, c.Requests + d.Requests, c.Attempts + d.Attempts}
}

// Len is the number of all rows.
func (c Counts) Len() uint64 { return c.Usage + c.Requests + c.Attempts }

// Counts counts the rows.
func (r *Rows) Counts() Counts {
	return Counts{uint64(len(r.Usage)), uint64(len(r.Requests)), uint64(len(r.Attempts))}
}

// Add adds what a message did to the books, and what only its events tell.
func (r *Rows) Add(m events.Stored, a accounting.Applied) {
	r.Usage = append(r.Usage, a.Entries...)
	r.Requests = append(r.Requests, a.Ends...)
	if a.Duplicate || !tellsAttempts(m.Data) {
		return
	}
	lines, err := m.Lines()
	if err != nil {
		return // dead as a whole
	}
	dead := map[int]bool{}
	for _, d := range a.Dead {
		dead[d.At.Index] = true
	}
	for i, line := range lines {
		if dead[i] || !tellsAttempts(line) {
			continue
		}
		if row, ok := attempt(line); ok {
			row.At = accounting.Position{Seq: m.Seq, Index: i}
			r.Attempts = append(r.Attempts, row)
		}
	}
}

// tellsAttempts tells whether an event of the attempts table may be in data:
// false is certain, and saves decoding.
func tellsAttempts(data []byte) bool {
	for _, kind := range [...]events.Kind{events.AttemptFailedKind, events.UpstreamRateLimitedKind, events.RouteFallbackKind} {
		if bytes.Contains(data, []byte(kind)) {
			return true
		}
	}
	return false
}

// attempt makes the row of an event; false if its kind makes none.
func attempt(line []byte) (Attempt, bool) {
	e, err := events.Decode(line)
	if err != nil {
		return Attempt{}, false
	}
	row := Attempt{Kind: e.Kind, Time: e.At, WindowAt: e.WindowAt, Tenant: e.Tenant, Request: e.Request}
	switch e.Kind {
	case events.AttemptFailedKind:
		b, err := events.As[events.AttemptFailed](e)
		row.Principal, row.Attempt, row.Target = b.Principal, b.Attempt, b.Target
		row.Reason, row.Status, row.Retryable, row.TotalNS = b.Class, b.Status, b.Retryable, b.TotalNS
		return row, err == nil
	case events.UpstreamRateLimitedKind:
		b, err := events.As[events.UpstreamRateLimited](e)
		row.Principal, row.Attempt, row.Target = b.Principal, b.Attempt, b.Target
		row.RetryAfter, row.Until = b.RetryAfter, b.Until
		return row, err == nil
	case events.RouteFallbackKind:
		b, err := events.As[events.RouteFallback](e)
		row.Principal, row.Attempt, row.Target = b.Principal, b.Attempt, b.From
		row.To, row.Reason = b.To, b.Reason
		return row, err == nil
	default:
		return Attempt{}, false
	}
}

// Instant is t as the tables hold it: kept within what every column of time can
// hold, so that no clock, however wrong, can stop the tables.
func Instant(t time.Time) time.Time {
	const last = 1<<32 - 1 // second of a DateTime, in 2106
	return time.Unix(min(max(t.Unix(), 0), last), int64(t.Nanosecond())).UTC()
}
