package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// account is what the log says of one attempt.
type account struct {
	recorded *events.UsageRecorded // of an orphan without one its estimate
	orphan   bool                  // recorded is that
	net      accounting.Totals     // corrections included
	admitted time.Time             // window_at of the request
	done     map[int]uint64        // sequence of its corrections by their number
	ids      map[int]events.ID     // likewise
}

// correctTime bounds one correction; nobody else corrects the same request meanwhile.
const correctTime = 30 * time.Second

// correct publishes a correction of what was recorded for an attempt. The log is read
// first, because the fold counts a correction as often as it is published; a key
// that lapses keeps other nodes out until it is on the log.
func (h *localHub) correct(ctx context.Context, order admin.CorrectionOrder) (done admin.Correction, err error) {
	if _, err := mintedAt(order.Request); err != nil {
		return admin.Correction{}, refuse("request", "%s", err)
	}
	ctx, cancel := context.WithTimeout(ctx, correctTime/2)
	defer cancel()
	free, err := h.correcting(ctx, order.Request, correctTime)
	if err != nil {
		return admin.Correction{}, err
	}
	done, err = h.correctAlone(ctx, order)
	if errors.Is(err, context.DeadlineExceeded) {
		// The event may still reach the log, so the key stays until it lapses.
		return done, &gateway.Error{
			Kind: gateway.Unavailable, RetryAfter: correctTime, Cause: err,
			Public: "The log has not acknowledged the correction yet. Look for it with replay before you repeat it, and then with its n.",
		}
	}
	free()
	return done, err
}

// correcting keeps everybody else from correcting a request, until free is called
// or, at the latest, for a time.
func (h *localHub) correcting(ctx context.Context, request events.RequestID, atMost time.Duration) (free func(), err error) {
	key := "correct." + string(request)
	nodes := h.stores.log.Nodes()
	entry, err := nodes.Get(ctx, key)
	if err == nil && entry.Value != nil {
		err = events.ErrConflict
	}
	if err == nil {
		entry.Rev, err = nodes.PutFor(ctx, events.Put{Key: key, Value: []byte(h.node), Rev: entry.Rev}, atMost)
	}
	if errors.Is(err, events.ErrConflict) {
		return nil, &gateway.Error{Kind: gateway.Unavailable, RetryAfter: atMost, Public: "This request is being corrected by somebody else."}
	}
	return func() {
		if _, err := nodes.Commit(ctx, []events.Put{{Key: key, Rev: entry.Rev}}); err != nil {
			h.log.Warn("a key that keeps others from correcting was not given back; it lapses", "key", key, "error", err)
		}
	}, toOperator(err)
}

// correctAlone is correct while nobody else corrects the request.
func (h *localHub) correctAlone(ctx context.Context, order admin.CorrectionOrder) (admin.Correction, error) {
	acc, err := h.account(ctx, order)
	if err != nil {
		return admin.Correction{}, toOperator(err)
	}
	n := order.N
	if n == 0 {
		n = len(acc.done) + 1
	}
	switch {
	case acc.recorded == nil:
		return admin.Correction{}, refuse("request", "the log has no usage of attempt %d of request %q of tenant %q", order.Attempt, order.Request, order.Tenant)
	case acc.done[n] > 0:
		return admin.Correction{Event: acc.ids[n], Seq: acc.done[n], Done: true}, nil
	case n != len(acc.done)+1:
		return admin.Correction{}, refuse("n", "is %d, the next one is %d", n, len(acc.done)+1)
	}
	e, err := record.Correction{
		Tenant: order.Tenant, Request: order.Request, Admitted: acc.admitted, Principal: acc.recorded.Principal,
		Target: acc.recorded.Target, Attempt: order.Attempt, N: n, Reason: order.Reason, Delta: order.Delta,
	}.Event(h.node, time.Now())
	if err != nil {
		return admin.Correction{}, refuse("", "%s", err)
	}
	seq, err := h.publishOne(ctx, e)
	return admin.Correction{Event: e.ID, Seq: seq}, toOperator(err)
}

// account reads what the log says of an attempt, from the time that the request's
// id was minted.
func (h *localHub) account(ctx context.Context, order admin.CorrectionOrder) (account, error) {
	acc := account{done: map[int]uint64{}, ids: map[int]events.ID{}}
	minted, err := mintedAt(order.Request)
	if err != nil {
		return acc, err
	}
	from := replay.Bound{Time: minted.Add(-time.Minute)} // clocks differ
	filter := replay.Filter{From: from, Tenant: order.Tenant, Request: order.Request}
	return acc, replay.Run(ctx, h.stores.whole, filter, func(r replay.Record) error { return acc.take(order.Attempt, r) })
}

func (a *account) take(attempt int, r replay.Record) error {
	switch e := r.Decoded(); e.Kind {
	case events.UsageRecordedKind:
		b, err := events.As[events.UsageRecorded](e)
		if err == nil && b.Attempt == attempt {
			if a.orphan { // it takes the estimate's place
				a.net = a.net.Minus(accounting.ChargeTotals(a.recorded.Charge))
			}
			a.record(b, e.WindowAt, false)
		}
	case events.RequestOrphanedKind:
		b, err := events.As[events.RequestOrphaned](e)
		if err == nil && b.Attempts == attempt && b.Charge.Usage != (events.Usage{}) && a.recorded == nil {
			a.record(events.UsageRecorded{Principal: b.Principal, Attempt: attempt, Target: b.Target, Charge: b.Charge}, e.WindowAt, true)
		}
	case events.UsageCorrectedKind:
		b, err := events.As[events.UsageCorrected](e)
		if err == nil && b.Attempt == attempt {
			a.done[b.N], a.ids[b.N] = r.Seq, e.ID
			a.net = a.net.Plus(accounting.ChargeTotals(b.Delta))
			if b.Priced {
				a.net.Unpriced--
			}
		}
	default:
	}
	return nil
}

func (a *account) record(b events.UsageRecorded, admitted time.Time, orphan bool) {
	a.recorded, a.admitted, a.orphan = &b, admitted, orphan
	a.net = a.net.Plus(accounting.ChargeTotals(b.Charge))
}

// mintedAt is the time in a request's id.
func mintedAt(r events.RequestID) (time.Time, error) {
	id, err := uuid.Parse(string(r))
	if err != nil || id.Version() != 7 {
		return time.Time{}, fmt.Errorf("%q is not the id of a request", r)
	}
	sec, nsec := id.Time().UnixTime()
	return time.Unix(sec, nsec), nil
}

// publishOne waits until the log has e.
func (h *localHub) publishOne(ctx context.Context, e events.Event) (seq uint64, err error) {
	p, done, err := h.publishing()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done(ctx)) }()
	receipt, err := p.Publish(e)
	if err != nil {
		return 0, err
	}
	ack, err := receipt.Wait(ctx)
	return ack.Seq, err
}

func refuse(param, format string, args ...any) error {
	return &gateway.Error{Kind: gateway.Invalid, Param: param, Public: fmt.Sprintf(format, args...)}
}
