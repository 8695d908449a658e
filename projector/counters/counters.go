// Package counters folds the log into the counters bucket: for each scope what it
// has used, live.
//
// A session loads the checkpoints of its partitions, reads the log from there and
// commits all changed counters together with the checkpoints in one atomic batch,
// each put fenced by the revision it replaces. One batch is in flight; what is
// folded meanwhile makes the next. After any error the session drops its memory
// and a new one loads what is stored, so a commit that was applied, was not, or
// was overtaken by a rival's all end in the same books. Which partitions are whose
// only saves work; two projectors that fold the same one do no harm.
package counters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/projector"
)

// Defaults of [Config].
const (
	DefaultLinger    = 10 * time.Millisecond
	DefaultPace      = 100 * time.Millisecond
	DefaultCacheSize = 16384 // counters; 2 to 7 KiB each, by the number of epochs that spent of them
	DefaultDeadAfter = 15 * time.Minute
)

// DeadLetters keeps events that could not be applied; the same id is kept once.
type DeadLetters interface {
	Dead(ctx context.Context, p events.Partition, id, reason string, raw []byte) error
}

// Publisher publishes events of the projector's own node.
type Publisher interface {
	PublishTo(p events.Partition, e events.Event) (*publish.Receipt, error)
}

// Share tells which partitions are a projector's to fold.
type Share interface {
	// Held returns the partitions held now, and a channel that is closed when they
	// may have changed.
	Held() (held []events.Partition, changed <-chan struct{})
}

// Config configures a [Projector].
type Config struct {
	Log        events.Reader
	Bucket     events.Bucket
	Dead       DeadLetters
	Publisher  Publisher          // of the ends of lost epochs and orphaned requests; nil publishes none
	Node       events.NodeID      // whose publisher that is
	Partitions []events.Partition // to fold; empty with Share
	Share      Share              // of the partitions, where they change hands; nil with Partitions
	Logger     *slog.Logger
	Linger     time.Duration // how long a change waits for others to be committed with; 0 is DefaultLinger
	Pace       time.Duration // least time from one commit to the next, unless a batch is full; 0 is DefaultPace
	CacheSize  int           // counters kept in memory beside those being changed; 0 is DefaultCacheSize

	// DeadAfter is how long an epoch must be silent, by the log's clock, to be lost;
	// several times as long as nodes take between two heartbeats. 0 is DefaultDeadAfter.
	DeadAfter time.Duration
}

// Projector keeps the counters of some partitions.
type Projector struct {
	cfg    Config
	super  *projector.Supervisor
	status projector.Board[Status]
}

// New makes a projector; Run runs it.
func New(cfg Config) (*Projector, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	if cfg.Share == nil {
		cfg.Share = fixed(cfg.Partitions)
	}
	cfg.Linger = cmp.Or(cfg.Linger, DefaultLinger)
	cfg.Pace = cmp.Or(cfg.Pace, DefaultPace)
	cfg.CacheSize = cmp.Or(cfg.CacheSize, DefaultCacheSize)
	cfg.DeadAfter = cmp.Or(cfg.DeadAfter, DefaultDeadAfter)
	p := &Projector{cfg: cfg}
	p.status.Set(func(s *Status) { s.State = projector.Starting })
	p.super = projector.NewSupervisor(p.session, p.failed)
	return p, nil
}

func (c Config) check() error {
	switch {
	case c.Log == nil || c.Bucket == nil || c.Dead == nil || c.Logger == nil:
		return errors.New("Log, Bucket, Dead and Logger must be set")
	case c.Publisher != nil && c.Node == "":
		return errors.New("Node must be set with Publisher")
	case c.DeadAfter < 0:
		return fmt.Errorf("DeadAfter is %s, must not be negative", c.DeadAfter)
	case c.Share != nil && len(c.Partitions) > 0:
		return errors.New("Partitions and Share must not both be set")
	case c.Share == nil && (len(c.Partitions) == 0 || len(c.Partitions) > events.Partitions):
		return fmt.Errorf("%d partitions, not 1 to %d", len(c.Partitions), events.Partitions)
	}
	return checkPartitions(c.Partitions)
}

func checkPartitions(list []events.Partition) error {
	for _, p := range list {
		if p >= events.Partitions {
			return fmt.Errorf("no partition %s", p)
		}
	}
	return nil
}

// Run folds until ctx ends. It survives every error; [Projector.Status] tells.
func (p *Projector) Run(ctx context.Context) { p.super.Run(ctx) }

// Pause stops the fold until resume is called, then everything is loaded anew.
func (p *Projector) Pause(ctx context.Context) (resume func(), err error) {
	return p.super.Pause(ctx)
}

func (p *Projector) failed(err error) {
	var guard *projector.GuardError
	switch {
	case errors.As(err, &guard):
		p.cfg.Logger.Error("counters stopped", "error", err)
		p.status.Set(func(s *Status) { s.State, s.Err = projector.Halted, err })
	case errors.Is(err, events.ErrConflict):
		p.cfg.Logger.Info("counters were written by another projector, loading them again", "error", err)
		p.status.Set(func(s *Status) { s.State, s.Err = projector.Retrying, err; s.Conflicts++ })
	default:
		p.cfg.Logger.Warn("counters cannot go on, trying again", "error", err)
		p.status.Set(func(s *Status) { s.State, s.Err = projector.Retrying, err })
	}
}
