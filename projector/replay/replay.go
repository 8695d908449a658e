// Package replay reads the log back for people: which facts, in which order, at
// which place.
package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Bound is an end of a range of the log: a sequence or a moment of the log's
// clock. The zero Bound is the log's own end.
type Bound struct {
	Seq  uint64
	Time time.Time
}

// Filter says which events are wanted; empty fields are all. Both bounds are in
// the range.
type Filter struct {
	From, To Bound
	Tenant   events.TenantID
	Request  events.RequestID
	Kind     events.Kind
}

// Record is one event and its place.
type Record struct {
	Seq    uint64          `json:"seq"`
	Index  int             `json:"index"`
	Logged time.Time       `json:"logged"` // by the log's clock
	Event  json.RawMessage `json:"event"`  // exactly as it was published

	decoded events.Event
}

// Decoded is the event's envelope; zero if it cannot be decoded.
func (r Record) Decoded() events.Event { return r.decoded }

// Run hands over the events that f asks for, in the order of the log, up to the
// log's end at the moment of the call. A line that is not an event is skipped:
// it is a dead letter.
func Run(ctx context.Context, log events.Reader, f Filter, emit func(Record) error) error {
	r, err := f.rangeIn(ctx, log)
	if err != nil || r.To == 0 || r.To < r.From {
		return err
	}
	cursor, err := log.Read(ctx, r)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer cursor.Close()
	for m := range cursor.C() {
		if err := f.message(m, emit); err != nil {
			return err
		}
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

func (f Filter) message(m events.Stored, emit func(Record) error) error {
	if f.Request != "" && !bytes.Contains(m.Data, []byte(f.Request)) {
		return nil // saves decoding
	}
	lines, err := m.Lines()
	if err != nil {
		return nil // a message that cannot be split is a dead letter as a whole
	}
	for i, line := range lines {
		e, err := events.Decode(line)
		if err != nil || !f.wants(e) {
			continue
		}
		if err := emit(Record{Seq: m.Seq, Index: i, Logged: m.Time, Event: line, decoded: e}); err != nil {
			return err
		}
	}
	return nil
}

func (f Filter) wants(e events.Event) bool {
	return (f.Tenant == "" || e.Tenant == f.Tenant) && (f.Request == "" || e.Request == f.Request) && (f.Kind == "" || e.Kind == f.Kind)
}

// rangeIn turns the bounds into sequences of the log as it is now. To is 0 for
// an empty log.
func (f Filter) rangeIn(ctx context.Context, log events.Reader) (events.Range, error) {
	info, err := log.Info(ctx)
	if err != nil {
		return events.Range{}, fmt.Errorf("replay: %w", err)
	}
	r := events.Range{From: f.From.Seq, To: info.Last}
	if f.Tenant != "" {
		r.Partitions = []events.Partition{events.PartitionOf(f.Tenant)}
	}
	if info.Last == 0 {
		return events.Range{}, nil
	}
	if f.To.Seq > 0 {
		r.To = min(r.To, f.To.Seq)
	}
	if !f.From.Time.IsZero() {
		first, err := firstAt(ctx, log, info, func(t time.Time) bool { return !t.Before(f.From.Time) })
		if err != nil {
			return events.Range{}, err
		}
		r.From = max(r.From, first)
	}
	if r.From < info.First {
		begin, err := projector.Begins(ctx, log, info)
		if err != nil {
			return events.Range{}, fmt.Errorf("replay: %w", err)
		}
		r.From = max(r.From, begin)
	}
	if !f.To.Time.IsZero() {
		after, err := firstAt(ctx, log, info, func(t time.Time) bool { return t.After(f.To.Time) })
		if err != nil {
			return events.Range{}, err
		}
		r.To = min(r.To, after-1)
	}
	return r, nil
}

// firstAt finds the first sequence whose log time holds; beyond the last if none
// does. The log's clock rises with its sequences. What is before the stream is looked
// at only if the answer may be there.
func firstAt(ctx context.Context, log events.Reader, info events.Info, holds func(time.Time) bool) (uint64, error) {
	first := max(info.First, 1)
	if first > 1 {
		m, err := log.At(ctx, first)
		if err != nil && !errors.Is(err, events.ErrNoMessage) { // none: trimmed meanwhile
			return 0, fmt.Errorf("replay: %w", err)
		}
		if err != nil || holds(m.Time) {
			if first, err = projector.Begins(ctx, log, info); err != nil {
				return 0, fmt.Errorf("replay: %w", err)
			}
		}
	}
	var failed error
	n := sort.Search(int(info.Last-first+1), func(i int) bool {
		m, err := log.At(ctx, first+uint64(i))
		if errors.Is(err, events.ErrNoMessage) {
			return false // trimmed meanwhile: earlier than all that is left
		}
		if err != nil {
			failed = err
			return true
		}
		return holds(m.Time)
	})
	if failed != nil {
		return 0, fmt.Errorf("replay: %w", failed)
	}
	return first + uint64(n), nil
}

// SeqAt is the first sequence whose message the log took at t or later; beyond the
// last if there is none.
func SeqAt(ctx context.Context, log events.Reader, t time.Time) (uint64, error) {
	info, err := log.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	return firstAt(ctx, log, info, func(at time.Time) bool { return !at.Before(t) })
}
