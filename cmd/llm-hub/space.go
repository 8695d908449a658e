package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
)

// Bounds of the traffic stream's fill. Nothing is ever deleted to make room, so
// new requests are refused while the ends of running ones still fit.
const (
	spaceAlarm   = 80       // per cent, from here on it is told
	spaceReserve = 64 << 20 // bytes kept free for the facts of running requests
	spaceEvery   = time.Second
)

// errLogFull refuses new requests.
var errLogFull = errors.New("the log has no space for new requests")

// spaceWatch knows how full the traffic stream is, and whether its disk is.
type spaceWatch struct {
	space   func(context.Context) (used, limit uint64, err error)
	healthy func(context.Context) error // [events.ErrFull] while the disk has no space
	log     *slog.Logger

	used, limit atomic.Uint64
	diskFull    atomic.Bool
	told        bool // of the alarm, since it last began
}

// run looks until ctx ends.
func (s *spaceWatch) run(ctx context.Context) {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		s.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look keeps the last figures while the log does not answer.
func (s *spaceWatch) look(ctx context.Context) {
	s.diskFull.Store(errors.Is(s.healthy(ctx), events.ErrFull))
	used, limit, err := s.space(ctx)
	if err != nil {
		return
	}
	s.used.Store(used)
	s.limit.Store(limit)
	alarm := s.alarm()
	if alarm && !s.told {
		s.log.Error("the log is nearly full: raise --log-max-bytes or make room", "bytes", used, "of", limit)
	}
	s.told = alarm
}

func (s *spaceWatch) alarm() bool {
	limit := s.limit.Load()
	return limit > 0 && s.used.Load() >= limit/100*spaceAlarm
}

// admit fails when only the reserve is left, or nothing.
func (s *spaceWatch) admit() error {
	if s.diskFull.Load() {
		return fmt.Errorf("%w: its disk is full", errLogFull)
	}
	used, limit := s.used.Load(), s.limit.Load()
	if limit > 0 && used+spaceReserve > limit {
		return fmt.Errorf("%w: %d of %d bytes are used, %d are kept for running requests", errLogFull, used, limit, uint64(spaceReserve))
	}
	return nil
}

// roomyPublisher takes new requests only while the log has space for them.
type roomyPublisher struct {
	*publish.Publisher
	space *spaceWatch
}

// Admit refuses new requests; facts of running ones are always taken.
func (p roomyPublisher) Admit() error {
	if err := p.space.admit(); err != nil {
		return err
	}
	return p.Publisher.Admit()
}
