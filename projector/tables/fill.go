package tables

import (
	"context"
	"errors"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// fillTries is how often in a row a fill may fail without having come further.
const fillTries = 8

// Fill fills the tables that the checkpoint at [NextKey] speaks of with everything
// up to sequence to, and returns when they hold it. progress is told of every batch.
func Fill(ctx context.Context, cfg Config, to uint64, progress func(projector.Progress)) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	var board projector.Board[Status]
	failures := 0
	for wait := fillWait; ; wait = min(2*wait, fillWaitMax) {
		before := board.Get().Seq
		err := fillOnce(ctx, cfg, to, &board, progress)
		if err == nil || !transient(err) || ctx.Err() != nil {
			return err
		}
		if board.Get().Seq > before {
			failures, wait = 0, fillWait
		}
		if failures++; failures == fillTries {
			return err
		}
		cfg.Logger.Warn("the new tables cannot be filled, trying again", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Bounds of the pause between two tries.
const (
	fillWait    = 100 * time.Millisecond
	fillWaitMax = 5 * time.Second
)

// transient tells whether a store may only have been out of reach. A conflict is
// not: nobody else fills these tables but another rebuild.
func transient(err error) bool {
	var guard *projector.GuardError
	return !errors.As(err, &guard) && !errors.Is(err, events.ErrConflict)
}

func fillOnce(ctx context.Context, cfg Config, to uint64, board *projector.Board[Status], progress func(projector.Progress)) error {
	s := newSession(cfg, NextKey, board)
	s.onBatch = func() { progress(board.Get().Progress) }
	defer s.close()
	if err := s.load(ctx); err != nil {
		return err
	}
	return s.run(ctx, to)
}
