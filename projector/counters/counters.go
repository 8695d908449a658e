// Package counters folds the log into the counters bucket: for each scope what it
// has used, live.
//
// A session loads the checkpoints of its partitions, reads the log from there and
// commits all changed counters together with the checkpoints in one atomic batch,
// each put fenced by the revision it replaces. One batch is in flight; what is
// folded meanwhile makes the next. After any error the session drops its memory
// and a new one loads what is stored, so a commit that was applied, was not, or
// was overtaken by a rival's all end in the same books.
package counters

import (
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
	DefaultCacheSize = 16384 // counters; about 1.5 KiB each
)

// DeadLetters keeps events that could not be applied; the same id is kept once.
type DeadLetters interface {
	Dead(ctx context.Context, p events.Partition, id, reason string, raw []byte) error
}

// Publisher publishes events of the projector's own node.
type Publisher interface {
	Publish(e events.Event) (*publish.Receipt, error)
}

// Config configures a [Projector].
type Config struct {
	Log        events.Reader
	Bucket     events.Bucket
	Dead       DeadLetters
	Publisher  Publisher     // of the ends of orphaned requests; nil publishes none
	Node       events.NodeID // whose publisher that is
	Partitions []events.Partition
	Logger     *slog.Logger
	Linger     time.Duration // how long a change waits for others to be committed with; 0 is DefaultLinger
	Pace       time.Duration // least time from one commit to the next, unless a batch is full; 0 is DefaultPace
	CacheSize  int           // counters kept in memory beside those being changed; 0 is DefaultCacheSize
}

// Projector keeps the counters of some partitions.
type Projector struct {
	cfg    Config
	super  *projector.Supervisor
	status projector.Board[Status]
}

// New makes a projector; Run runs it.
func New(cfg Config) (*Projector, error) {
	switch {
	case cfg.Log == nil || cfg.Bucket == nil || cfg.Dead == nil || cfg.Logger == nil:
		return nil, errors.New("counters: Log, Bucket, Dead and Logger must be set")
	case len(cfg.Partitions) == 0 || len(cfg.Partitions) > events.Partitions:
		return nil, fmt.Errorf("counters: %d partitions, not 1 to %d", len(cfg.Partitions), events.Partitions)
	case cfg.Publisher != nil && cfg.Node == "":
		return nil, errors.New("counters: Node must be set with Publisher")
	}
	for _, p := range cfg.Partitions {
		if p >= events.Partitions {
			return nil, fmt.Errorf("counters: no partition %s", p)
		}
	}
	if cfg.Linger == 0 {
		cfg.Linger = DefaultLinger
	}
	if cfg.Pace == 0 {
		cfg.Pace = DefaultPace
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = DefaultCacheSize
	}
	p := &Projector{cfg: cfg}
	p.status.Set(func(s *Status) { s.State = projector.Starting })
	p.super = projector.NewSupervisor(p.session, p.failed)
	return p, nil
}

// Run folds until ctx ends. It survives every error; [Projector.Status] tells.
func (p *Projector) Run(ctx context.Context) { p.super.Run(ctx) }

// Pause stops the fold until resume is called, then everything is loaded anew.
func (p *Projector) Pause(ctx context.Context) (resume func(), err error) {
	return p.super.Pause(ctx)
}

func (p *Projector) session(ctx context.Context) error {
	s, err := open(ctx, p.cfg, &p.status)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx)
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
