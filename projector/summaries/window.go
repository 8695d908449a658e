// Package summaries tells how vendors' targets did over the last 5 minutes, hour and
// day, by the log alone, and publishes it for the gateways. It is a fold without a
// checkpoint: whoever takes it over reads the last day of the log again.
package summaries

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// day is how far back the log is read.
const day = 24 * time.Hour

// Window is what happened at each target in each minute of the last day. It is not
// safe for concurrent use.
type Window struct {
	seq     uint64
	now     time.Time // of the log's clock
	heard   map[producer]uint64
	targets map[events.Target]map[int64]*minute // by Unix minute
	output  map[events.RequestID]int64          // answer tokens of requests that have not ended
	decoder accounting.Decoder
}

// producer is an epoch in a partition; of each the last counter is known, so that a
// message that the log holds twice counts once.
type producer struct {
	epoch     events.Epoch
	partition events.Partition
}

// NewWindow has seen nothing.
func NewWindow() *Window {
	return &Window{
		heard: map[producer]uint64{}, targets: map[events.Target]map[int64]*minute{}, output: map[events.RequestID]int64{},
	}
}

// minute is what happened in one minute.
type minute struct {
	attempts, failures, limited, cost, unpriced int64
	errors                                      map[string]int64
	firstByte, total, speed                     histogram
}

// Take takes note of a message; the log's order is kept.
func (w *Window) Take(m events.Stored) {
	w.seq = m.Seq
	if m.Time.After(w.now) {
		w.now = m.Time
	}
	from := producer{m.ID.Epoch, m.ID.Partition}
	if m.ID.Counter <= w.heard[from] {
		return
	}
	w.heard[from] = m.ID.Counter
	admitted := []byte(`"kind":"` + events.RequestAdmittedKind + `"`)
	lines, err := m.Lines()
	if err != nil {
		return // a dead letter as a whole
	}
	for _, line := range lines {
		if bytes.Contains(line, admitted) {
			continue // the largest and most frequent kind, which says nothing here
		}
		e, body, err := w.decoder.Decode(line)
		if err != nil {
			continue
		}
		switch b := body.(type) {
		case *events.UsageRecorded:
			w.recorded(e.Request, *b)
		case *events.RequestFinished:
			w.finished(e.Request, *b)
		default:
			w.event(e)
		}
	}
}

// event takes note of an event that its decoder left as it was.
func (w *Window) event(e events.Event) {
	switch e.Kind {
	case events.UsageRecordedKind:
		if b, err := events.As[events.UsageRecorded](e); err == nil {
			w.recorded(e.Request, b)
		}
	case events.UsageCorrectedKind:
		if b, err := events.As[events.UsageCorrected](e); err == nil {
			w.charge(b.Target, b.Delta)
		}
	case events.AttemptFailedKind:
		if b, err := events.As[events.AttemptFailed](e); err == nil {
			m := w.at(b.Target)
			m.failures++
			m.attempts++
			if m.errors == nil {
				m.errors = map[string]int64{}
			}
			m.errors[b.Class]++
		}
	case events.UpstreamRateLimitedKind:
		if b, err := events.As[events.UpstreamRateLimited](e); err == nil {
			w.at(b.Target).limited++
		}
	case events.RequestFinishedKind:
		if b, err := events.As[events.RequestFinished](e); err == nil {
			w.finished(e.Request, b)
		}
	case events.RequestOrphanedKind:
		delete(w.output, e.Request)
	default:
	}
}

func (w *Window) recorded(id events.RequestID, b events.UsageRecorded) {
	w.charge(b.Target, b.Charge).attempts++
	w.output[id] = b.Charge.Usage.OutputTotal()
}

func (w *Window) charge(t events.Target, c events.Charge) *minute {
	m, totals := w.at(t), accounting.ChargeTotals(c)
	m.cost += totals.Cost
	m.unpriced += totals.Unpriced
	return m
}

func (w *Window) finished(id events.RequestID, b events.RequestFinished) {
	output := w.output[id]
	delete(w.output, id)
	if b.Outcome != events.Completed || b.Target == (events.Target{}) {
		return
	}
	m := w.at(b.Target)
	m.total.add(b.TotalNS)
	if b.FirstByteNS <= 0 {
		return
	}
	m.firstByte.add(b.FirstByteNS)
	if took := b.TotalNS - b.FirstByteNS; took > 0 && output > 0 {
		m.speed.add(output * int64(time.Second) / took)
	}
}

// at is the present minute of a target.
func (w *Window) at(t events.Target) *minute {
	of, key := w.targets[t], unixMinute(w.now)
	if of == nil {
		of = map[int64]*minute{}
		w.targets[t] = of
	}
	if of[key] == nil {
		of[key] = &minute{}
	}
	return of[key]
}

func unixMinute(t time.Time) int64 { return t.Unix() / 60 }

// Summaries is how all targets did up to now, and forgets what is older than a day.
func (w *Window) Summaries(now time.Time) events.Summaries {
	out := events.Summaries{At: now.UTC(), Seq: w.seq, Targets: []events.TargetSummary{}}
	for t, minutes := range w.targets {
		maps.DeleteFunc(minutes, func(at int64, _ *minute) bool { return at <= unixMinute(now.Add(-day)) })
		if len(minutes) == 0 {
			delete(w.targets, t)
			continue
		}
		s := events.TargetSummary{Target: t}
		for to, span := range map[*events.SpanSummary]time.Duration{&s.Minutes5: 5 * time.Minute, &s.Hour: time.Hour, &s.Day: day} {
			*to = sum(minutes, unixMinute(now.Add(-span)))
		}
		out.Targets = append(out.Targets, s)
	}
	slices.SortFunc(out.Targets, func(a, b events.TargetSummary) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Credential, b.Credential), cmp.Compare(a.Model, b.Model))
	})
	return out
}

// sum adds up the minutes after one.
func sum(minutes map[int64]*minute, after int64) events.SpanSummary {
	var s events.SpanSummary
	var first, total, speed histogram
	for at, m := range minutes {
		if at <= after {
			continue
		}
		s.Attempts += m.attempts
		s.Failures += m.failures
		s.RateLimited += m.limited
		s.Cost += m.cost
		s.Unpriced += m.unpriced
		for class, n := range m.errors {
			if s.Errors == nil {
				s.Errors = map[string]int64{}
			}
			s.Errors[class] += n
		}
		first.merge(m.firstByte)
		total.merge(m.total)
		speed.merge(m.speed)
	}
	s.FirstByte, s.Total, s.Speed = first.spread(), total.spread(), speed.spread()
	return s
}
