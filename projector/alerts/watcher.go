package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// Defaults of [Config].
const (
	DefaultEvery   = time.Second
	DefaultLagOver = 60 * time.Second
	DefaultLagFor  = 10 * time.Second
)

// complainEvery is how often a failure is logged while all goes wrong.
const complainEvery = time.Minute

// driftWithin is how long whoever tells of a drift may be held up.
const driftWithin = 10 * time.Second

// maxWaiting bounds the alerts that wait for the stream.
const maxWaiting = 10_000

// Fold is a fold whose lag is watched.
type Fold struct {
	Name string // counters, tables
	Lag  func(now time.Time) time.Duration
}

// Config configures a [Watcher].
type Config struct {
	Stream   Stream
	Node     events.NodeID // that raises
	Logger   *slog.Logger
	Counters events.Watchable
	Catalog  Catalog
	Log      events.Reader
	Dead     replay.DeadLetters
	Folds    []Fold        // of this process
	Every    time.Duration // how often changes are looked at; 0 is DefaultEvery
	LagOver  time.Duration // a lag that is more is told; 0 is DefaultLagOver
	LagFor   time.Duration // how long it must have been; 0 is DefaultLagFor
}

// lagging is a fold that lags.
type lagging struct {
	since time.Time
	told  string // the hour it was told of last
}

// Status is how a [Watcher] is doing, since the process started.
type Status struct {
	Raised   map[events.AlertName]uint64 // by this process; what others raised first is not counted
	Waiting  int                         // for the stream to be back
	Dropped  uint64                      // because too many waited
	Failures uint64                      // tries to raise, to search or to read dead letters
}

// Watcher finds what people should know of, and raises it.
type Watcher struct {
	cfg      Config
	dirty    map[string][]byte // counters that changed since the last look
	limits   *limits
	unpriced *unpriced
	lags     map[string]lagging // of RunLags alone
	dead     graves

	flushing sync.Mutex // held while alerts are raised, so that they are in order
	mu       sync.Mutex
	waiting  []alert
	ids      map[string]struct{} // of those waiting
	status   Status
	complain time.Time // failures are logged again from then on
}

// New makes a watcher; Run runs it.
func New(cfg Config) (*Watcher, error) {
	if cfg.Stream == nil || cfg.Logger == nil || cfg.Counters == nil || cfg.Catalog == nil || cfg.Log == nil || cfg.Dead == nil || cfg.Node == "" {
		return nil, errors.New("alerts: Stream, Node, Logger, Counters, Catalog, Log and Dead must be set")
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	if cfg.LagOver == 0 {
		cfg.LagOver = DefaultLagOver
	}
	if cfg.LagFor == 0 {
		cfg.LagFor = DefaultLagFor
	}
	return &Watcher{
		cfg: cfg, dirty: map[string][]byte{}, limits: newLimits(cfg.Catalog), unpriced: newUnpriced(cfg.Log),
		lags: map[string]lagging{}, dead: newGraves(cfg.Dead), ids: map[string]struct{}{},
		status: Status{Raised: map[events.AlertName]uint64{}},
	}, nil
}

// Status tells how the watcher is doing.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Raised, s.Waiting = maps.Clone(s.Raised), len(w.waiting)
	return s
}

// Drift raises what a verification found, at most once an hour, also while Run does
// not run here. If that cannot be done now, it waits with the others.
func (w *Watcher) Drift(d Drift) {
	ctx, cancel := context.WithTimeout(context.Background(), driftWithin)
	defer cancel()
	w.raise(driftAlert(d, time.Now()))
	w.flush(ctx)
}

// Run watches until ctx ends. It survives every error; [Watcher.Status] tells. It
// may be run again after it has returned.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Every)
	defer tick.Stop()
	changes := w.watch(ctx)
	for {
		select {
		case e, ok := <-changes:
			if !ok {
				changes = nil // until the next look
			} else if e.Value != nil {
				w.dirty[e.Key] = e.Value
			}
		case <-tick.C:
			if changes == nil {
				changes = w.watch(ctx)
			}
			w.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// RunLags watches the lag of the folds until ctx ends. It is for every process that
// folds, whoever runs Run: each knows its own folds only.
func (w *Watcher) RunLags(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if lags := w.lagging(time.Now()); len(lags) > 0 {
				w.found(lags, nil)
				w.flush(ctx)
			}
		case <-ctx.Done():
			return
		}
	}
}

// watch follows the counters; nil if they are out of reach.
func (w *Watcher) watch(ctx context.Context) <-chan events.Entry {
	changes, err := w.cfg.Counters.Watch(ctx, events.CounterPrefix)
	if err != nil {
		w.failed("the counters are not watched for now", err)
		return nil
	}
	return changes
}

// look tells everything that there is to tell now.
func (w *Watcher) look(ctx context.Context) {
	now := time.Now()
	w.counters(now)
	found, err := w.unpriced.search(ctx, now)
	w.found(found, err)
	found, err = w.dead.look(ctx, now)
	w.found(found, err)
	w.limits.forget(now)
	w.flush(ctx)
}

func (w *Watcher) found(alerts []alert, err error) {
	for _, a := range alerts {
		w.raise(a)
	}
	if err != nil {
		w.failed("looking for alerts", err)
	}
}

// counters looks at the counters that have changed.
func (w *Watcher) counters(now time.Time) {
	day := accounting.WindowAt(now.In(w.cfg.Catalog.Location()), accounting.Day)
	for _, key := range slices.Sorted(maps.Keys(w.dirty)) {
		value := w.dirty[key]
		delete(w.dirty, key)
		p, kind, id, err := events.ParseCounterKey(key)
		scope := accounting.Scope{Kind: accounting.ScopeKind(kind), ID: id}
		if err != nil || !w.limits.concerns(scope) {
			continue // verification names what is no counter
		}
		var c accounting.Counter
		if json.Unmarshal(value, &c) != nil {
			continue
		}
		w.found(w.limits.changed(scope, p, c, now), nil)
		if scope.Kind == accounting.CredentialScope {
			w.unpriced.changed(key, p, c, day, now.Add(-oneDay))
		}
	}
}

// oneDay is at least as long as the day that has begun.
const oneDay = 25 * time.Hour

// lagging gives the folds that have lagged for a while, each once an hour.
func (w *Watcher) lagging(now time.Time) (out []alert) {
	for _, f := range w.cfg.Folds {
		lag := f.Lag(now)
		l, lags := w.lags[f.Name]
		switch {
		case lag <= w.cfg.LagOver:
			delete(w.lags, f.Name)
			continue
		case !lags:
			l.since = now
		case now.Sub(l.since) >= w.cfg.LagFor && l.told != hourOf(now):
			l.told = hourOf(now)
			out = append(out, lagAlert(f.Name, lag, now))
		}
		w.lags[f.Name] = l
	}
	return out
}

// raise takes note of an alert that is to be raised.
func (w *Watcher) raise(a alert) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waits := w.ids[a.id]; waits {
		return
	}
	if len(w.waiting) == maxWaiting {
		w.status.Dropped++
		return
	}
	w.ids[a.id] = struct{}{}
	w.waiting = append(w.waiting, a)
}

// flush raises what waits, in order, up to the first that cannot be raised now.
func (w *Watcher) flush(ctx context.Context) {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	for {
		w.mu.Lock()
		waiting := slices.Clone(w.waiting)
		w.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		for _, a := range waiting {
			if err := w.send(ctx, a); err != nil {
				w.failed("an alert cannot be raised for now", err)
				return
			}
		}
	}
}

func (w *Watcher) send(ctx context.Context, a alert) error {
	raised, err := w.cfg.Stream.RaiseAlert(ctx, a.id, a.event(w.cfg.Node, time.Now()))
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = w.waiting[1:] // others are only added, at the end
	delete(w.ids, a.id)
	if raised {
		w.status.Raised[a.body.Name]++
		w.cfg.Logger.Warn("alert", "name", a.body.Name, "text", a.body.Text)
	}
	return nil
}

func (w *Watcher) failed(what string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Failures++
	if now := time.Now(); !now.Before(w.complain) {
		w.complain = now.Add(complainEvery)
		w.cfg.Logger.Warn(what, "error", err)
	}
}
