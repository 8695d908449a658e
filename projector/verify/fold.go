package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// fold reads what is new in the log, in one pass.
func (r *run) fold(ctx context.Context, progress func(Progress)) error {
	info, err := r.cfg.Log.Info(ctx)
	if err != nil {
		return err
	}
	r.created = info.Created
	if info.Last >= r.next() {
		if err := r.read(ctx, info.Last, progress); err != nil {
			return err
		}
	}
	for p := range events.Partition(events.Partitions) {
		r.compareOver(p, r.next())
	}
	r.report.Seq = r.last.Seq
	r.facts.Open = uint64(len(r.open))
	if open := r.folds.Open(); open != len(r.open) {
		r.differ("open requests", len(r.open), open)
	}
	return nil
}

func (r *run) read(ctx context.Context, to uint64, progress func(Progress)) error {
	cursor, err := r.cfg.Log.Read(ctx, events.Range{From: r.next(), To: to})
	if err != nil {
		return err
	}
	defer cursor.Close()
	told := time.Now()
	for m := range cursor.C() {
		r.message(m)
		r.last = m
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			progress(Progress{m.Seq, to})
		}
	}
	return cursor.Err()
}

// message folds one message and books what it did.
func (r *run) message(m events.Stored) {
	p := m.ID.Partition
	r.compareOver(p, m.Seq)
	stopped := r.folds.Gap(p) != nil
	applied, err := r.folds.Apply(m)
	r.facts.Messages++
	switch {
	case err != nil && !stopped:
		r.wrongLog("partition "+p.String(), "every message", err)
		return
	case err != nil:
		return
	case applied.Duplicate:
		r.facts.Duplicates++
		return
	}
	r.count(m, applied)
	for i := range applied.Entries {
		e := &applied.Entries[i]
		r.priced(e)
		r.entry(p, e)
	}
	if r.cfg.Tables != nil {
		r.tables.message(m, applied)
	}
	r.folds.Mark(p, r.folds.At(p))
}

// wrongLog notes a difference in the log itself. Every run reports it.
func (r *run) wrongLog(what string, want, got any) {
	r.wrongs++
	if len(r.wrong) < r.cfg.MaxDifferences {
		r.wrong = append(r.wrong, Difference{what, fmt.Sprint(want), fmt.Sprint(got)})
	}
}

func (r *run) count(m events.Stored, a accounting.Applied) {
	f := &r.facts
	f.Events += uint64(m.Count)
	f.Dead += uint64(len(a.Dead))
	f.Late += uint64(len(a.Late))
	f.Lines += uint64(len(a.Entries))
	for _, e := range a.Entries {
		if e.Kind == events.RequestAdmittedKind {
			f.Admitted++
			r.open[e.Request] = struct{}{}
		}
	}
	for _, e := range a.Ends {
		if e.Outcome == events.Rejected {
			f.Rejected += uint64(e.Count)
			continue
		}
		f.Ended++
		if _, open := r.open[e.Request]; !open {
			r.wrongLog(fmt.Sprintf("request %s", e.Request), "one end after one admission", "another end")
		}
		delete(r.open, e.Request)
	}
}

// priced checks that a cost is the sum of its price lines.
func (r *run) priced(e *accounting.Entry) {
	if e.Charge == nil || len(e.Charge.Lines) == 0 {
		return
	}
	var sum int64
	for _, line := range e.Charge.Lines {
		sum += line.CostNanoUSD
	}
	if e.Charge.CostNanoUSD == nil || *e.Charge.CostNanoUSD != sum {
		got := "null"
		if e.Charge.CostNanoUSD != nil {
			got = fmt.Sprint(*e.Charge.CostNanoUSD)
		}
		r.wrongLog(fmt.Sprintf("cost of %s at %d.%d", e.Event, e.At.Seq, e.At.Index), fmt.Sprintf("%d, the sum of its price lines", sum), got)
	}
}
