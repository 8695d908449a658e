package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// ErrNoRequest: nothing in the log is about a request of that id.
var ErrNoRequest = errors.New("the log knows no such request")

// skew is how far a node's clock may be ahead of the log's.
const skew = time.Minute

// Hint tells where in the log a request may be found, if somebody knows.
type Hint struct {
	Tenant events.TenantID // whose request it is; empty: not known
	// Last is a sequence beyond which nothing is about the request up to Known:
	// of both, 0 is not known.
	Last, Known uint64
}

// Story is everything the log holds about one request, and what it comes to.
type Story struct {
	Request   events.RequestID        `json:"request"`
	Tenant    events.TenantID         `json:"tenant"`
	Admitted  time.Time               `json:"admitted_at,omitzero"` // or refused
	State     string                  `json:"state"`                // running, or the outcome
	Admission *events.RequestAdmitted `json:"admission,omitempty"`
	Rejection *events.RequestRejected `json:"rejection,omitempty"`
	Attempts  []Attempt               `json:"attempts"`
	Finish    *events.RequestFinished `json:"finish,omitempty"`
	Orphan    *events.RequestOrphaned `json:"orphan,omitempty"`
	Charged   Charged                 `json:"charged"`
	Fixes     []events.UsageCorrected `json:"corrections,omitempty"`
	Events    []Record                `json:"events"`
}

// Attempt is one vendor call.
type Attempt struct {
	N        int                         `json:"n"` // 1-based
	Target   events.Target               `json:"target"`
	Failed   *events.AttemptFailed       `json:"failed,omitempty"`
	Limited  *events.UpstreamRateLimited `json:"rate_limited,omitempty"`
	Fallback *events.RouteFallback       `json:"fallback,omitempty"` // that led to it
	Usage    *events.UsageRecorded       `json:"usage,omitempty"`    // with its price lines
	At       time.Time                   `json:"at"`                 // of what was heard of it last
}

// Charged is what a request comes to by the rules of the ledger.
type Charged struct {
	Usage       events.Usage `json:"usage"`
	CostNanoUSD int64        `json:"cost_nano_usd"` // of what had a price
	Unpriced    int64        `json:"unpriced"`      // usage records without a price
}

// Tell reads the story of a request from the log. What a request comes to is
// folded by the rules that make counters and tables. [ErrNoRequest] if there is none.
func Tell(ctx context.Context, log events.Reader, id events.RequestID, hint Hint) (Story, error) {
	f := Filter{Request: id, Tenant: hint.Tenant, From: Bound{Time: begun(id)}}
	s := Story{Request: id, State: "running", Attempts: []Attempt{}, Events: []Record{}}
	seen := map[events.ID]bool{}
	read := func(f Filter) error {
		return Run(ctx, log, f, func(r Record) error {
			if seen[r.decoded.ID] {
				return nil // the log may hold a message twice
			}
			seen[r.decoded.ID] = true
			return s.add(r)
		})
	}
	near := f
	near.To = Bound{Seq: hint.Last}
	if err := read(near); err != nil {
		return s, err
	}
	if hint.Last > 0 {
		late := f
		late.From = Bound{Seq: max(hint.Known, hint.Last) + 1}
		if err := read(late); err != nil {
			return s, err
		}
	}
	if len(s.Events) == 0 {
		return s, fmt.Errorf("request %s: %w", id, ErrNoRequest)
	}
	return s, s.fold()
}

// begun is before the log took the first event about a request: its id is a
// UUIDv7, which holds the time it was made at. Zero: not known.
func begun(id events.RequestID) time.Time {
	u, err := uuid.Parse(string(id))
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	sec, nsec := u.Time().UnixTime()
	return time.Unix(sec, nsec).Add(-skew)
}

// attempt finds the n-th attempt.
func (s *Story) attempt(n int, t events.Target, at time.Time) *Attempt {
	for i := range s.Attempts {
		if s.Attempts[i].N == n {
			s.Attempts[i].At = at
			return &s.Attempts[i]
		}
	}
	s.Attempts = append(s.Attempts, Attempt{N: n, Target: t, At: at})
	return &s.Attempts[len(s.Attempts)-1]
}

// add takes one event into the story. What cannot be decoded is among its events only.
func (s *Story) add(r Record) error {
	s.Events = append(s.Events, r)
	e := r.decoded
	s.Tenant = e.Tenant
	switch e.Kind {
	case events.RequestAdmittedKind:
		s.Admission, s.Admitted = body[events.RequestAdmitted](e), e.WindowAt
	case events.RequestRejectedKind:
		s.Rejection, s.State, s.Admitted = body[events.RequestRejected](e), string(events.Rejected), e.WindowAt
	case events.AttemptFailedKind:
		if b := body[events.AttemptFailed](e); b != nil {
			s.attempt(b.Attempt, b.Target, e.At).Failed = b
		}
	case events.UpstreamRateLimitedKind:
		if b := body[events.UpstreamRateLimited](e); b != nil {
			s.attempt(b.Attempt, b.Target, e.At).Limited = b
		}
	case events.RouteFallbackKind:
		if b := body[events.RouteFallback](e); b != nil {
			s.attempt(b.Attempt, b.To, e.At).Fallback = b
		}
	case events.UsageRecordedKind:
		if b := body[events.UsageRecorded](e); b != nil {
			s.attempt(b.Attempt, b.Target, e.At).Usage = b
		}
	case events.UsageCorrectedKind:
		if b := body[events.UsageCorrected](e); b != nil {
			s.Fixes = append(s.Fixes, *b)
		}
	case events.RequestFinishedKind:
		if b := body[events.RequestFinished](e); b != nil && s.Finish == nil && s.Orphan == nil {
			s.Finish, s.State = b, string(b.Outcome)
		}
	case events.RequestOrphanedKind:
		if b := body[events.RequestOrphaned](e); b != nil && s.Finish == nil && s.Orphan == nil {
			s.Orphan, s.State = b, string(events.Orphaned)
		}
	default: // among the events
	}
	return nil
}

func body[B events.Body](e events.Event) *B {
	b, err := events.As[B](e)
	if err != nil {
		return nil
	}
	return &b
}

// fold adds the story up: its events are packed one by one into messages of one
// producer, and folded like any other log.
func (s *Story) fold() error {
	f := accounting.NewFold(accounting.Snapshot{})
	var sum accounting.Totals
	for i, r := range s.Events {
		m := events.Stored{Seq: uint64(i + 1), Time: r.Logged, Message: events.Message{
			ID:    events.MessageID{Node: "story", Epoch: "story", Partition: events.PartitionOf(s.Tenant), Counter: uint64(i + 1)},
			Count: 1, Data: append(append([]byte{}, r.Event...), '\n'),
		}}
		applied, err := f.Apply(m)
		if err != nil {
			return fmt.Errorf("request %s: %w", s.Request, err)
		}
		for _, e := range applied.Entries {
			sum = sum.Plus(e.Totals)
		}
	}
	s.Charged = Charged{Usage: sum.Usage, CostNanoUSD: sum.Cost, Unpriced: sum.Unpriced}
	return nil
}
