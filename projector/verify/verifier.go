package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Verifier verifies again and again, and folds each message once. Make it with
// [New]. It is not safe for concurrent use.
type Verifier struct {
	cfg Config
	books
}

// books is what was folded so far.
type books struct {
	folds    *projector.Folds
	created  time.Time     // of the stream
	last     events.Stored // folded
	facts    Facts
	open     map[events.RequestID]struct{}
	counters map[string]*counterState
	tables   *tableBooks

	wrong  []Difference // of the log itself, the first ones
	wrongs int          // all of them
}

// errAnew says that the books do not fit what is stored any more.
var errAnew = errors.New("the books have to be folded anew")

// New makes a verifier.
func New(cfg Config) (*Verifier, error) {
	if cfg.Log == nil || cfg.Bucket == nil {
		return nil, errors.New("verify: Log and Bucket must be set")
	}
	if cfg.MaxDifferences == 0 {
		cfg.MaxDifferences = DefaultMaxDifferences
	}
	if cfg.Shares == 0 {
		cfg.Shares = DefaultShares
	}
	v := &Verifier{cfg: cfg}
	v.anew()
	return v, nil
}

// anew forgets everything.
func (v *Verifier) anew() {
	v.books = books{
		folds: projector.NewFolds(projector.AllPartitions(), nil), open: map[events.RequestID]struct{}{},
		counters: map[string]*counterState{}, tables: newTableBooks(v.cfg.Shares),
	}
}

// Run verifies. The error means that it could not be done, or not whole; what was
// found until then is in the report all the same. progress, if not nil, is called
// now and then.
func (v *Verifier) Run(ctx context.Context, progress func(Progress)) (Report, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	report, err := v.run(ctx, progress)
	if errors.Is(err, errAnew) {
		v.anew()
		report, err = v.run(ctx, progress)
	}
	if err != nil {
		return report, fmt.Errorf("verify: %w", err)
	}
	report.OK = report.Different == 0
	return report, nil
}

// run is one verification.
type run struct {
	cfg Config
	*books
	report    Report
	older     *older                                 // nil: not compared this time
	committed [events.Partitions]accounting.Position // of the counters' checkpoints
	over      [events.Partitions]overCheck
}

// run reads what is stored first, then the log: whatever is stored was in the log before.
func (v *Verifier) run(ctx context.Context, progress func(Progress)) (Report, error) {
	r := &run{cfg: v.cfg, books: &v.books}
	if err := r.anchored(ctx); err != nil {
		return r.report, err
	}
	if err := r.loadCounters(ctx); err != nil {
		return r.report, err
	}
	noTables := r.loadTables(ctx)
	if errors.Is(noTables, errAnew) {
		return r.report, noTables
	}
	if err := r.fold(ctx, progress); err != nil {
		return r.report, err
	}
	r.report.Facts = r.facts
	r.report.Different += r.wrongs
	r.report.Differences = append(r.report.Differences, r.wrong[:min(len(r.wrong), r.cfg.MaxDifferences-len(r.report.Differences))]...)
	r.compareCounters()
	if r.cfg.Tables == nil || noTables != nil {
		return r.report, noTables
	}
	if err := r.compareTables(ctx); err != nil {
		return r.report, err
	}
	return r.report, r.compareChanges(ctx)
}

// anchored checks that the log is the one that was folded, and still has what comes next.
func (r *run) anchored(ctx context.Context) error {
	var anchor projector.Anchor
	if r.last.Seq > 0 {
		anchor = projector.Anchor{Created: r.created, Seq: r.last.Seq, Hash: projector.Hash(r.last.Message)}
	}
	err := anchor.Check(ctx, r.cfg.Log, "books", r.next())
	var guard *projector.GuardError
	switch {
	case errors.As(err, &guard) && r.last.Seq > 0:
		return errAnew
	case errors.As(err, &guard):
		return fmt.Errorf("%s: what came before cannot be recomputed", guard.Reason)
	}
	return err
}

// next is the sequence to be folded next.
func (b *books) next() uint64 { return b.last.Seq + 1 }

// differ notes a difference.
func (r *run) differ(what string, want, got any) {
	r.report.Different++
	if len(r.report.Differences) < r.cfg.MaxDifferences {
		r.report.Differences = append(r.report.Differences, Difference{what, fmt.Sprint(want), fmt.Sprint(got)})
	}
}

// drift adds up by how much totals differ.
func (r *run) drift(want, got accounting.Totals) {
	d := got.Minus(want)
	r.report.Drift.CostNanoUSD += max(d.Cost, -d.Cost)
	r.report.Drift.Tokens += max(d.Usage.Total(), -d.Usage.Total())
}

// guard turns a checkpoint that does not fit the log into a difference.
func (r *run) guard(ctx context.Context, name string, a projector.Anchor) error {
	err := a.Check(ctx, r.cfg.Log, name, r.next())
	var guard *projector.GuardError
	if errors.As(err, &guard) {
		r.differ("checkpoint of "+name, "a place in this log", guard.Reason)
		return nil
	}
	return err
}
