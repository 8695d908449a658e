package summaries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/replay"
)

const (
	// publishEvery is how old what is published may become while a projector is at work.
	publishEvery = 5 * time.Second
	// lapse is how long it stays without one.
	lapse = 15 * time.Minute
	retry = 5 * time.Second
)

// Bucket is where summaries are published.
type Bucket interface {
	events.Bucket
	events.Lapsing
}

// Config configures a [Publisher]. All must be set.
type Config struct {
	Log    events.Reader
	Bucket Bucket
	Now    func() time.Time
	Logger *slog.Logger
}

// Publisher keeps the summaries of a hub. Any number may run; the latest word counts.
type Publisher struct{ cfg Config }

// New makes a publisher; Run runs it.
func New(cfg Config) (*Publisher, error) {
	if cfg.Log == nil || cfg.Bucket == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("summaries: every part of Config must be set")
	}
	return &Publisher{cfg}, nil
}

// Run publishes until ctx ends; after an error it begins anew.
func (p *Publisher) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := p.follow(ctx); err != nil && ctx.Err() == nil {
			p.cfg.Logger.Warn("summaries of targets cannot be published, trying again", "error", err)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

// follow reads the last day of the log, and on.
func (p *Publisher) follow(ctx context.Context) error {
	from, err := replay.SeqAt(ctx, p.cfg.Log, p.cfg.Now().Add(-day))
	if err != nil {
		return err
	}
	info, err := p.cfg.Log.Info(ctx)
	if err != nil {
		return err
	}
	from = max(from, info.First, 1)
	cursor, err := p.cfg.Log.Read(ctx, events.Range{From: from})
	if err != nil {
		return err
	}
	defer cursor.Close()
	w, tick := NewWindow(), time.NewTicker(publishEvery)
	w.seq = from - 1
	defer tick.Stop()
	for {
		select {
		case m, open := <-cursor.C():
			if !open {
				return fmt.Errorf("reading ended: %w", cursor.Err())
			}
			w.Take(m)
		case <-tick.C:
			if w.seq < info.Last {
				continue // what is half read would say too little
			}
			if err := p.publish(ctx, w.Summaries(p.cfg.Now())); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Publisher) publish(ctx context.Context, s events.Summaries) error {
	before, err := p.cfg.Bucket.Get(ctx, events.SummariesKey)
	if err != nil {
		return err
	}
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = p.cfg.Bucket.PutFor(ctx, events.Put{Key: events.SummariesKey, Value: value, Rev: before.Rev}, lapse)
	if errors.Is(err, events.ErrConflict) {
		return nil // another one was faster
	}
	return err
}
