package counters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// fixed is a share that never changes.
type fixed []events.Partition

// Held implements [Share].
func (f fixed) Held() (held []events.Partition, changed <-chan struct{}) { return f, nil }

// errMoved says that the partitions held are not those of the session any more.
var errMoved = errors.New("partitions have changed hands")

// session folds the partitions held, whatever they are, until the first error.
func (p *Projector) session(ctx context.Context) error {
	for {
		if err := p.hold(ctx); !errors.Is(err, errMoved) {
			return err
		}
	}
}

// hold folds the partitions held until they change.
func (p *Projector) hold(ctx context.Context) error {
	held, changed := p.cfg.Share.Held()
	if err := checkPartitions(held); err != nil {
		return fmt.Errorf("counters: share: %w", err)
	}
	if len(held) == 0 {
		return p.wait(ctx, changed)
	}
	held = slices.Clone(held)
	slices.Sort(held)
	s, err := open(ctx, p.cfg, held, &p.status)
	if err != nil {
		return err
	}
	defer s.close()
	s.moved = changed
	return s.run(ctx)
}

// wait waits until there may be something to fold.
func (p *Projector) wait(ctx context.Context, changed <-chan struct{}) error {
	p.status.Set(func(s *Status) {
		s.State, s.Err, s.Gaps, s.Held, s.Open, s.Seq = projector.Following, nil, nil, nil, 0, s.Last
	})
	select {
	case <-changed:
		return errMoved
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look ends the session if the partitions held are others than its own.
func (s *session) look() error {
	held, changed := s.cfg.Share.Held()
	held = slices.Clone(held)
	slices.Sort(held)
	if !slices.Equal(held, s.held) {
		return errMoved
	}
	s.moved = changed
	return nil
}
