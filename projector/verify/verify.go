// Package verify recomputes the books from the log and compares them with what
// the folds have stored: every counter at its own position, the tables at their
// checkpoint, so the answer is exact while traffic goes on.
package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// DefaultMaxDifferences is how many differences a report describes.
const DefaultMaxDifferences = 20

// progressEvery is how often progress is told.
const progressEvery = time.Second

// Querier runs one statement that only reads, see the client of projector/clickhouse.
type Querier interface {
	Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error
}

// Config says what to verify.
type Config struct {
	Log            events.Reader
	Bucket         events.Bucket
	Tables         Querier                                              // nil where there are no tables
	Pause          func(ctx context.Context) (resume func(), err error) // stops the tables' writer for a moment if they never stand still; may be nil
	MaxDifferences int                                                  // 0 is DefaultMaxDifferences
}

// Progress is how far the log has been folded.
type Progress struct {
	Seq  uint64 `json:"seq"`
	Last uint64 `json:"last"`
}

// Report is what was found. It is ok if there is no difference.
type Report struct {
	OK    bool   `json:"ok"`
	Seq   uint64 `json:"seq"` // the log was folded up to here
	Facts Facts  `json:"facts"`

	Counters    int           `json:"counters"` // compared
	Tables      *TablesReport `json:"tables,omitempty"`
	Differences []Difference  `json:"differences,omitempty"` // the first ones
	Different   int           `json:"different"`             // all of them
}

// Facts counts what the log holds.
type Facts struct {
	Messages   uint64 `json:"messages"`
	Duplicates uint64 `json:"duplicates"` // messages that were there before
	Events     uint64 `json:"events"`
	Dead       uint64 `json:"dead"`     // events that cannot be applied
	Admitted   uint64 `json:"admitted"` // requests
	Ended      uint64 `json:"ended"`    // of these
	Open       uint64 `json:"open"`     // of these
	Rejected   uint64 `json:"rejected"` // refusals
	Late       uint64 `json:"late"`     // ends of what had ended before
	Lines      uint64 `json:"lines"`    // of the ledger
}

// TablesReport says which tables were compared.
type TablesReport struct {
	Database string        `json:"database"`
	Seq      uint64        `json:"seq"` // they were compared up to here
	Rows     tables.Counts `json:"rows"`
	RolledUp uint64        `json:"rolled_up"` // lines of usage in the roll-up
}

// Difference is one thing that is not what the log says.
type Difference struct {
	What string `json:"what"`
	Want string `json:"want"` // by the log
	Got  string `json:"got"`  // what is stored
}

// String is one line for people.
func (d Difference) String() string { return d.What + ": want " + d.Want + ", got " + d.Got }

// run is one verification.
type run struct {
	cfg      Config
	report   Report
	counters *counterCheck
	tables   *tableCheck // nil where there are no tables
	open     map[events.RequestID]struct{}
}

// Run verifies. The error means that it could not be done; what differs is in the
// report. progress, if not nil, is called now and then.
func Run(ctx context.Context, cfg Config, progress func(Progress)) (Report, error) {
	if cfg.Log == nil || cfg.Bucket == nil {
		return Report{}, errors.New("verify: Log and Bucket must be set")
	}
	if cfg.MaxDifferences == 0 {
		cfg.MaxDifferences = DefaultMaxDifferences
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	r := &run{cfg: cfg, open: map[events.RequestID]struct{}{}}
	if err := r.run(ctx, progress); err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	r.report.OK = r.report.Different == 0
	return r.report, nil
}

// run reads what is stored first, then the log: whatever is stored was in the log before.
func (r *run) run(ctx context.Context, progress func(Progress)) (err error) {
	if r.counters, err = r.loadCounters(ctx); err != nil {
		return err
	}
	if r.cfg.Tables != nil {
		if r.tables, err = r.loadTables(ctx); err != nil {
			return err
		}
	}
	if err := r.fold(ctx, progress); err != nil {
		return err
	}
	r.counters.finish(r)
	if r.tables == nil {
		return nil
	}
	return r.tables.compare(ctx, r)
}

// differ notes a difference.
func (r *run) differ(what string, want, got any) {
	r.report.Different++
	if len(r.report.Differences) < r.cfg.MaxDifferences {
		r.report.Differences = append(r.report.Differences, Difference{what, fmt.Sprint(want), fmt.Sprint(got)})
	}
}

// guard turns a checkpoint that does not fit the log into a difference.
func (r *run) guard(ctx context.Context, name string, a projector.Anchor) error {
	err := a.Check(ctx, r.cfg.Log, name, 1)
	var guard *projector.GuardError
	if errors.As(err, &guard) {
		r.differ("checkpoint of "+name, "a place in this log", guard.Reason)
		return nil
	}
	return err
}

// fold reads the whole log in one pass.
func (r *run) fold(ctx context.Context, progress func(Progress)) error {
	info, err := r.cfg.Log.Info(ctx)
	if err != nil || info.Last == 0 {
		return err
	}
	if info.First > 1 {
		return fmt.Errorf("the log begins at sequence %d: what came before cannot be recomputed", info.First)
	}
	r.report.Seq = info.Last
	cursor, err := r.cfg.Log.Read(ctx, events.Range{From: 1, To: info.Last})
	if err != nil {
		return err
	}
	defer cursor.Close()
	folds := projector.NewFolds(projector.AllPartitions(), nil)
	told := time.Now()
	for m := range cursor.C() {
		r.message(folds, m)
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			progress(Progress{m.Seq, info.Last})
		}
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	r.report.Facts.Open = uint64(len(r.open))
	if open := folds.Open(); open != len(r.open) {
		r.differ("open requests", len(r.open), open)
	}
	return nil
}

// message folds one message and books what it did.
func (r *run) message(folds *projector.Folds, m events.Stored) {
	p := m.ID.Partition
	stopped := folds.Gap(p) != nil
	applied, err := folds.Apply(m)
	r.report.Facts.Messages++
	switch {
	case err != nil && !stopped:
		r.differ("partition "+p.String(), "every message", err)
		return
	case err != nil:
		return
	case applied.Duplicate:
		r.report.Facts.Duplicates++
		return
	}
	r.facts(m, applied)
	for _, e := range applied.Entries {
		r.priced(e)
		r.counters.entry(r, p, e)
	}
	if r.tables != nil && m.Seq <= r.tables.seq {
		r.tables.message(m, applied)
	}
	folds.Mark(p, folds.At(p))
}

func (r *run) facts(m events.Stored, a accounting.Applied) {
	f := &r.report.Facts
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
			r.differ(fmt.Sprintf("request %s", e.Request), "one end after one admission", "another end")
		}
		delete(r.open, e.Request)
	}
}

// priced checks that a cost is the sum of its price lines.
func (r *run) priced(e accounting.Entry) {
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
		r.differ(fmt.Sprintf("cost of %s at %d.%d", e.Event, e.At.Seq, e.At.Index), fmt.Sprintf("%d, the sum of its price lines", sum), got)
	}
}
