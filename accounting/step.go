package accounting

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
)

// step folds the events of one message.
type step struct {
	fold *Fold
	by   *producer
	at   Position
	out  Applied
}

func (s *step) dead(raw []byte, err error) {
	s.out.Dead = append(s.out.Dead, Dead{At: s.at, Raw: raw, Reason: err.Error()})
	s.fold.bury(s.at, s.by.Epoch)
}

// allDead buries every event of a message.
func (s *step) allDead(m events.Message, reason error) {
	lines, err := m.Lines()
	if err != nil {
		lines = [][]byte{m.Data}
	}
	for i, line := range lines {
		s.at.Index = i
		s.dead(line, reason)
	}
}

// line folds one event. After an error it has changed nothing.
func (s *step) line(line []byte) error {
	if s.fold.isDoomed(s.at) {
		return errDoomed
	}
	e, body, err := s.fold.decoder.Decode(line)
	if err != nil {
		return err
	}
	switch b := body.(type) {
	case *events.RequestAdmitted:
		err = s.admitted(e, *b)
	case *events.UsageRecorded:
		err = s.recorded(e, *b)
	case *events.RequestFinished:
		err = s.finished(e, *b)
	default:
		return s.event(e)
	}
	return inEvent(e, err)
}

func (s *step) event(e events.Event) error {
	switch e.Kind {
	case events.RequestAdmittedKind:
		return apply(e, s.admitted)
	case events.RequestRejectedKind:
		return apply(e, s.rejected)
	case events.AttemptFailedKind:
		return apply(e, s.failed)
	case events.UpstreamRateLimitedKind:
		return apply(e, ignore[events.UpstreamRateLimited])
	case events.RouteFallbackKind:
		return apply(e, s.fellBack)
	case events.UsageCheckpointKind:
		return apply(e, s.checkpoint)
	case events.UsageRecordedKind:
		return apply(e, s.recorded)
	case events.UsageCorrectedKind:
		return apply(e, s.corrected)
	case events.RequestFinishedKind:
		return apply(e, s.finished)
	case events.RequestOrphanedKind:
		return apply(e, s.orphaned)
	case events.NodeStartedKind:
		return apply(e, s.started)
	case events.NodeHeartbeatKind:
		return apply(e, ignore[events.NodeHeartbeat])
	case events.NodeStoppedKind:
		return apply(e, s.stopped)
	case events.NodeLostKind:
		return apply(e, s.lost)
	case events.DeadReappliedKind:
		return apply(e, s.reapplied)
	default:
		return nil
	}
}

// apply decodes the body of e and hands both on.
func apply[B events.Body](e events.Event, f func(events.Event, B) error) error {
	body, err := events.As[B](e)
	if err != nil {
		return err
	}
	return inEvent(e, f(e, body))
}

func inEvent(e events.Event, err error) error {
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	return nil
}

func ignore[B events.Body](events.Event, B) error { return nil }

var errAdmitted = errors.New("the request was admitted before")

func (s *step) admitted(e events.Event, b events.RequestAdmitted) error {
	if err := cmp.Or(s.check(e), checkPrincipal(b.Principal), checkCharge("estimate", b.Estimate, 0)); err != nil {
		return err
	}
	if r := s.fold.open[e.Request]; r != nil {
		s.fold.unfit(r)
		return errAdmitted
	}
	if s.fold.orphan(e.Request) != nil {
		return errAdmitted
	}
	r := &request{
		id: e.Request, tenant: e.Tenant, by: s.by, admitted: s.at, windowAt: e.WindowAt, principal: b.Principal,
		endpoint: b.Endpoint, stream: b.Stream, estimate: b.Estimate, attempt: 1,
	}
	if len(b.Decision.Plan) > 0 {
		r.target = b.Decision.Plan[0]
	}
	s.fold.openRequest(r)
	s.entry(e, Entry{Principal: b.Principal, Totals: Totals{Requests: 1}})
	return nil
}

func (s *step) rejected(e events.Event, b events.RequestRejected) error {
	if err := s.check(e); err != nil {
		return err
	}
	if b.Count < 1 {
		return fmt.Errorf("count is %d, must be at least 1", b.Count)
	}
	s.end(e, End{
		Node: e.Node, Outcome: events.Rejected, Reason: b.Reason, Limit: b.Limit, Count: b.Count,
		Finished: events.RequestFinished{Principal: b.Principal, Endpoint: b.Endpoint, Outcome: events.Rejected, Status: b.Status},
	})
	return nil
}

func (s *step) failed(e events.Event, b events.AttemptFailed) error {
	if err := cmp.Or(s.check(e), checkPrincipal(b.Principal), checkAttempt(b.Attempt)); err != nil {
		return err
	}
	totals := Totals{Attempts: 1, Failures: 1}
	if r := s.fold.open[e.Request]; r != nil {
		if r.recorded == b.Attempt {
			totals.Attempts = 0 // its usage is on the books already, and with it the attempt
		}
		r.moveTo(b.Attempt, b.Target)
	}
	s.entry(e, Entry{Principal: b.Principal, Target: b.Target, Attempt: b.Attempt, Class: b.Class, Totals: totals})
	return nil
}

func (s *step) fellBack(e events.Event, b events.RouteFallback) error {
	if err := s.check(e); err != nil {
		return err
	}
	if r := s.fold.open[e.Request]; r != nil {
		r.moveTo(b.Attempt, b.To)
	}
	return nil
}

func (s *step) checkpoint(e events.Event, b events.UsageCheckpoint) error {
	if err := cmp.Or(s.check(e), checkCharge("charge", b.Charge, 0)); err != nil {
		return err
	}
	r := s.fold.open[e.Request]
	if r == nil || b.Attempt < r.attempt {
		return nil
	}
	r.moveTo(b.Attempt, b.Target)
	r.checkpoint = &b.Charge
	return nil
}

func (s *step) recorded(e events.Event, b events.UsageRecorded) error {
	err := cmp.Or(s.check(e), checkPrincipal(b.Principal), checkAttempt(b.Attempt), checkCharge("charge", b.Charge, 0))
	if err != nil {
		return err
	}
	entry := Entry{
		Principal: b.Principal, Target: b.Target, Attempt: b.Attempt, Charge: &b.Charge, Source: b.Source,
		Totals: ChargeTotals(b.Charge),
	}
	entry.Totals.Attempts = 1
	r, o := s.fold.open[e.Request], s.fold.orphan(e.Request)
	switch {
	case r != nil:
		if b.Attempt <= r.recorded {
			s.fold.unfit(r)
			return fmt.Errorf("usage of attempt %d was recorded before", r.recorded)
		}
		r.moveTo(b.Attempt, b.Target)
		r.recorded, r.output = b.Attempt, b.Charge.Usage.OutputTotal()
	case o != nil:
		if b.Attempt <= o.Recorded {
			return fmt.Errorf("usage of attempt %d was recorded before", o.Recorded)
		}
		o.replace(&entry)
		s.fold.past = nil
	}
	s.entry(e, entry)
	return nil
}

func (s *step) corrected(e events.Event, b events.UsageCorrected) error {
	err := cmp.Or(s.check(e), checkPrincipal(b.Principal), checkCharge("delta", b.Delta, -maxUnits))
	if err != nil {
		return err
	}
	totals := ChargeTotals(b.Delta)
	if b.Priced {
		if b.Delta.CostNanoUSD == nil {
			return errors.New("priced, but without a cost")
		}
		totals.Unpriced--
	}
	s.entry(e, Entry{Principal: b.Principal, Target: b.Target, Attempt: b.Attempt, Charge: &b.Delta, Totals: totals})
	return nil
}

func (s *step) finished(e events.Event, b events.RequestFinished) error {
	if err := s.check(e); err != nil {
		return err
	}
	r := s.fold.open[e.Request]
	if r == nil {
		s.out.Late = append(s.out.Late, Late{At: s.at, Event: e.ID})
		return nil
	}
	s.fold.closeRequest(r, s.at)
	s.end(e, End{Node: e.Node, Outcome: b.Outcome, Finished: b, Count: 1, Output: r.output})
	return nil
}

func (s *step) orphaned(e events.Event, b events.RequestOrphaned) error {
	if err := cmp.Or(s.check(e), checkPrincipal(b.Principal), checkCharge("charge", b.Charge, 0)); err != nil {
		return err
	}
	r := s.fold.open[e.Request]
	if r == nil {
		s.out.Late = append(s.out.Late, Late{At: s.at, Event: e.ID})
		return nil
	}
	s.fold.closeRequest(r, s.at)
	o := &Orphan{Request: e.Request, Epoch: r.by.Epoch, Target: b.Target, Recorded: r.recorded, Time: s.fold.now}
	s.fold.addOrphan(o, r)
	s.end(e, End{
		Node: r.by.Node, Outcome: events.Orphaned, Reason: b.Reason, Count: 1,
		Finished: events.RequestFinished{
			Principal: b.Principal, Endpoint: b.Endpoint, Stream: b.Stream, Outcome: events.Orphaned,
			Target: b.Target, Attempts: b.Attempts,
		},
	})
	if b.Charge.Usage == (events.Usage{}) {
		return nil
	}
	o.Booked = ChargeTotals(b.Charge)
	o.Booked.Attempts = 1
	s.entry(e, Entry{
		Epoch: o.Epoch, Principal: b.Principal, Target: b.Target, Attempt: b.Attempts, Charge: &b.Charge,
		Source: events.Estimated, Totals: o.Booked,
	})
	return nil
}

func (s *step) started(e events.Event, b events.NodeStarted) error {
	if b.Epoch != s.by.Epoch {
		return fmt.Errorf("starts epoch %q in a message of epoch %q", b.Epoch, s.by.Epoch)
	}
	s.fold.closeEpochs(s.by.Node, s.by.Partition, b.Epoch)
	return nil
}

func (s *step) stopped(e events.Event, b events.NodeStopped) error {
	if b.Epoch != s.by.Epoch {
		return fmt.Errorf("stops epoch %q in a message of epoch %q", b.Epoch, s.by.Epoch)
	}
	s.fold.closeEpoch(s.by)
	return nil
}

func (s *step) lost(_ events.Event, b events.NodeLost) error {
	p := s.fold.known(b.Epoch, s.by.Partition, s.fold.now)
	switch {
	case b.Heard.IsZero():
		return errors.New("heard is missing")
	case p == nil || p.Time.After(b.Heard):
		return nil // forgotten, or not silent any more
	case p.Node != b.Node:
		return fmt.Errorf("epoch %q is of node %q, not of %q", b.Epoch, p.Node, b.Node)
	}
	p.Lost = p.Lost || !p.Closed
	s.fold.closeEpoch(p)
	return nil
}

// entry books x, with what e says of it.
func (s *step) entry(e events.Event, x Entry) {
	x.At, x.Event, x.Kind, x.Time, x.WindowAt = s.at, e.ID, e.Kind, e.At, e.WindowAt
	x.Node, x.Tenant, x.Request = e.Node, e.Tenant, e.Request
	switch {
	case e.Kind == events.UsageCorrectedKind: // nobody's: whoever publishes it has not spent it
	case x.Epoch == "":
		x.Epoch = s.by.Epoch
	}
	x.Scopes = s.fold.scopes.of(scopeKey{x.Tenant, x.Principal, x.Target.Provider, x.Target.Credential})
	s.out.Entries = append(s.out.Entries, x)
}

func (s *step) end(e events.Event, x End) {
	x.At, x.Event, x.Time, x.WindowAt = s.at, e.ID, e.At, e.WindowAt
	x.Tenant, x.Request = e.Tenant, e.Request
	s.out.Ends = append(s.out.Ends, x)
}
