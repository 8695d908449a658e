// Package tail follows the log for people: each request as it ends, and each
// refusal, straight from the log and without a store.
//
// The filter is that of the questions about requests. Every row has a place in the
// log; who follows again from the last place that was seen misses nothing and sees
// nothing twice.
package tail

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/query"
)

const (
	// warmUp is how many messages before the first are read, so that of requests
	// that end soon it is known what they used.
	warmUp = 2000
	// maxKnown bounds the requests and producers remembered at a time. Beyond it all
	// are forgotten, and what the open ones have used is not known.
	maxKnown = 20_000
)

// Row is one request that has ended, or a refusal.
type Row struct {
	query.Request
	At      accounting.Position `json:"-"`
	Amounts *query.Amounts      `json:"amounts"` // nil: it began before what was read
}

// TrimmedError says that the log does not reach back to where to go on.
type TrimmedError struct{ First uint64 }

// Error names where the log begins.
func (e *TrimmedError) Error() string {
	return fmt.Sprintf("the log begins at sequence %d; what came before cannot be followed", e.First)
}

// begins is where the log begins that somebody wants to follow from before its stream.
func begins(ctx context.Context, log events.Reader, info events.Info) (uint64, error) {
	first, err := projector.Begins(ctx, log, info)
	if _, lost := errors.AsType[*projector.LostError](err); lost {
		return info.First, nil
	}
	if err != nil {
		return 0, fmt.Errorf("tail: %w", err)
	}
	return first, nil
}

// Follow hands over rows that the filter lets through, whose time does not count,
// until ctx ends or emit fails. With a zero after they are those from now on, else
// those after that place. The error is never nil; [*TrimmedError] if after is gone.
func Follow(ctx context.Context, log events.Reader, f query.RequestFilter, after accounting.Position, emit func(Row) error) error {
	info, err := log.Info(ctx)
	if err != nil {
		return fmt.Errorf("tail: %w", err)
	}
	if after == (accounting.Position{}) {
		after = accounting.Position{Seq: info.Last + 1, Index: -1}
	}
	first := info.First
	if after.Seq+1 < first {
		if first, err = begins(ctx, log, info); err != nil {
			return err
		}
		if after.Seq+1 < first {
			return &TrimmedError{first}
		}
	}
	r := events.Range{From: first}
	if after.Seq > warmUp {
		r.From = max(first, after.Seq-warmUp)
	}
	if tenants := f.Tenants(); tenants != nil {
		r.Partitions = []events.Partition{}
		for _, t := range tenants {
			if p := events.PartitionOf(t); !slices.Contains(r.Partitions, p) {
				r.Partitions = append(r.Partitions, p)
			}
		}
		if len(r.Partitions) == 0 { // nothing can come
			<-ctx.Done()
			return ctx.Err()
		}
	}
	cursor, err := log.Read(ctx, r)
	if err != nil {
		return fmt.Errorf("tail: %w", err)
	}
	defer cursor.Close()
	t := follower{filter: f, after: after, emit: emit, open: map[events.RequestID]*flight{}, ended: map[events.RequestID]bool{}, heard: map[producer]uint64{}}
	for m := range cursor.C() {
		if err := t.message(m); err != nil {
			return err
		}
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("tail: %w", err)
	}
	return context.Cause(ctx)
}

type producer struct {
	epoch     events.Epoch
	partition events.Partition
}

// flight is what is known of an open request.
type flight struct {
	node     events.NodeID
	recorded int // the latest attempt whose usage is known
	used     accounting.Totals
}

type follower struct {
	filter query.RequestFilter
	after  accounting.Position
	emit   func(Row) error
	open   map[events.RequestID]*flight
	ended  map[events.RequestID]bool // the first end is the one that counts
	heard  map[producer]uint64       // the last message of each
}

func (t *follower) message(m events.Stored) error {
	p := producer{m.ID.Epoch, m.ID.Partition}
	if m.ID.Counter <= t.heard[p] {
		return nil // the log has it twice
	}
	if len(t.open) > maxKnown || len(t.ended) > maxKnown || len(t.heard) > maxKnown {
		clear(t.open)
		clear(t.ended)
		clear(t.heard)
	}
	t.heard[p] = m.ID.Counter
	lines, err := m.Lines()
	if err != nil {
		return nil // a dead letter
	}
	for i, line := range lines {
		e, err := events.Decode(line)
		if err != nil {
			continue
		}
		row, ok := t.event(e)
		if !ok {
			continue
		}
		row.At = accounting.Position{Seq: m.Seq, Index: i}
		row.Seq = m.Seq
		if row.Amounts != nil {
			row.Request.Amounts = *row.Amounts
		}
		if t.after.Less(row.At) && t.filter.Matches(row.Request) {
			if err := t.emit(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// event takes note of e; the row of an end or refusal.
func (t *follower) event(e events.Event) (Row, bool) {
	switch e.Kind {
	case events.RequestAdmittedKind:
		t.open[e.Request] = &flight{node: e.Node, used: accounting.Totals{Requests: 1}}
	case events.AttemptFailedKind:
		if b, err := events.As[events.AttemptFailed](e); err == nil {
			t.add(e.Request, b.Attempt, accounting.Totals{Failures: 1})
		}
	case events.UsageRecordedKind:
		if b, err := events.As[events.UsageRecorded](e); err == nil {
			t.add(e.Request, b.Attempt, accounting.ChargeTotals(b.Charge))
		}
	case events.RequestFinishedKind:
		if b, err := events.As[events.RequestFinished](e); err == nil {
			return t.end(e, e.Node, b, "")
		}
	case events.RequestOrphanedKind:
		if b, err := events.As[events.RequestOrphaned](e); err == nil {
			return t.orphan(e, b)
		}
	case events.RequestRejectedKind:
		if b, err := events.As[events.RequestRejected](e); err == nil {
			return rejected(e, b), true
		}
	default: // nothing to see
	}
	return Row{}, false
}

// add counts what an attempt has used, and the attempt unless it is counted already.
func (t *follower) add(id events.RequestID, attempt int, used accounting.Totals) {
	f := t.open[id]
	if f == nil {
		return
	}
	if attempt != f.recorded {
		used.Attempts = 1
	}
	if used.Failures == 0 {
		f.recorded = attempt
	}
	f.used = f.used.Plus(used)
}

func (t *follower) orphan(e events.Event, b events.RequestOrphaned) (Row, bool) {
	if b.Charge.Usage != (events.Usage{}) {
		t.add(e.Request, b.Attempts, accounting.ChargeTotals(b.Charge))
	}
	var node events.NodeID
	if f := t.open[e.Request]; f != nil {
		node = f.node
	}
	return t.end(e, node, events.RequestFinished{
		Principal: b.Principal, Endpoint: b.Endpoint, Stream: b.Stream, Outcome: events.Orphaned, Target: b.Target, Attempts: b.Attempts,
	}, b.Reason)
}

// end makes the row of an end; false if the request had ended before.
func (t *follower) end(e events.Event, node events.NodeID, b events.RequestFinished, reason string) (Row, bool) {
	if t.ended[e.Request] {
		return Row{}, false
	}
	t.ended[e.Request] = true
	row := Row{Request: head(e, b.Principal, b.Endpoint)}
	row.Node, row.Stream, row.Outcome, row.Reason = string(node), b.Stream, string(b.Outcome), reason
	row.Status, row.Error, row.Target, row.Attempts = uint16(b.Status), b.Error, b.Target, uint16(b.Attempts)
	row.Finish, row.FirstByte, row.Total, row.Count = b.Finish, b.FirstByteNS, b.TotalNS, 1
	if f := t.open[e.Request]; f != nil {
		used := query.AmountsOf(f.used)
		row.Amounts = &used
		delete(t.open, e.Request)
	}
	return row, true
}

func rejected(e events.Event, b events.RequestRejected) Row {
	row := Row{Request: head(e, b.Principal, b.Endpoint)}
	row.Node, row.Outcome, row.Reason, row.Count = string(e.Node), string(events.Rejected), b.Reason, uint32(max(b.Count, 0))
	row.Status = uint16(b.Status)
	if l := b.Limit; l != nil {
		row.Limit = l.Name()
	}
	none := query.AmountsOf(accounting.Totals{})
	row.Amounts = &none
	return row
}

func head(e events.Event, who events.Principal, endpoint string) query.Request {
	return query.Request{
		ID: string(e.Request), WindowAt: e.WindowAt.UTC(), EndedAt: e.At, Tenant: string(e.Tenant), Principal: who, Endpoint: endpoint,
	}
}
