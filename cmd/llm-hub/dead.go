package main

import (
	"context"
	"errors"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// deadLetter is how a dead letter is shown.
type deadLetter struct {
	Seq       uint64           `json:"seq"`
	Logged    time.Time        `json:"logged"`
	Partition events.Partition `json:"partition"`
	ID        string           `json:"id"`
	Reason    string           `json:"reason"`
	Raw       string           `json:"raw"`
}

// deadLetters lists those of a range of sequences or times.
func (h *localHub) deadLetters(ctx context.Context, q admin.EventsQuery, line func(any) error) error {
	err := replay.Dead(ctx, h.stores.log, replay.Selection{From: q.From.Seq, To: q.To.Seq}, func(d events.DeadLetter) error {
		if d.Time.Before(q.From.Time) || !q.To.Time.IsZero() && d.Time.After(q.To.Time) {
			return nil
		}
		return line(deadLetter{d.Seq, d.Time, d.Partition, d.ID, d.Reason, string(d.Raw)})
	})
	if errors.Is(err, replay.ErrNoDeadLetter) {
		return nil
	}
	return err
}

// reapplied says what became of a dead letter that is applied again.
type reapplied struct {
	Seq   uint64 `json:"seq"` // of the dead letter
	ID    string `json:"id"`
	At    uint64 `json:"at,omitempty"`    // sequence in the log of the event that applies it again
	Error string `json:"error,omitempty"` // why it never can be
}

// applyDead publishes the events that apply dead letters again. Whether they can
// be applied now shows when they are folded: if not, they are dead letters again.
func (h *localHub) applyDead(ctx context.Context, q admin.DeadQuery, report func(any) error) (any, error) {
	p, done, err := h.publishing()
	if err != nil {
		return nil, toOperator(err)
	}
	all := []reapplied{}
	err = replay.Dead(ctx, h.stores.log, replay.Selection{From: q.From, To: q.To}, func(d events.DeadLetter) error {
		r, err := h.reapply(ctx, p, d)
		all = append(all, r)
		_ = report(r) // a client that is gone ends ctx
		return err
	})
	if err = errors.Join(err, done(ctx)); errors.Is(err, replay.ErrNoDeadLetter) {
		return nil, &gateway.Error{Kind: gateway.NotFound, Public: err.Error(), Cause: err}
	}
	return map[string]any{"dead_letters": all}, toOperator(err)
}

func (h *localHub) reapply(ctx context.Context, p *publish.Publisher, d events.DeadLetter) (reapplied, error) {
	r := reapplied{Seq: d.Seq, ID: d.ID}
	e, err := replay.Reapply(d, replay.By{Node: h.node, Epoch: h.epoch, At: time.Now()})
	if err != nil {
		r.Error = err.Error()
		return r, nil
	}
	receipt, err := p.PublishTo(d.Partition, e)
	if err != nil {
		return r, err
	}
	ack, err := receipt.Wait(ctx)
	r.At = ack.Seq
	return r, err
}

// publishing gives the publisher of the running server or, offline, one that
// lives until done is called. That one announces no epoch, which would close the
// node's older ones although their outbox may not be empty; the fold closes it when
// it has been silent for long.
func (h *localHub) publishing() (p *publish.Publisher, done func(context.Context) error, err error) {
	if h.publisher != nil {
		return h.publisher, func(context.Context) error { return nil }, nil
	}
	p, err = publish.New(publish.Config{Log: h.stores.log, Node: h.node, Epoch: h.epoch, Logger: h.log})
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}
