package projectortest

import (
	"context"
	"errors"
	"fmt"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// Books is what a log comes to.
type Books struct {
	Counters map[string]accounting.Counter // by key of the bucket
	Entries  []accounting.Entry
	Ends     []accounting.End
	Dead     []accounting.Dead
	Open     int
}

// Fold folds a log from beginning to end in one pass, without any machinery.
func Fold(ctx context.Context, log events.Reader) (Books, error) {
	b := Books{Counters: map[string]accounting.Counter{}}
	info, err := log.Info(ctx)
	if err != nil || info.Last == 0 {
		return b, err
	}
	var folds [events.Partitions]*accounting.Fold
	var stopped [events.Partitions]bool // a message was lost
	for i := range folds {
		folds[i] = accounting.NewFold(accounting.Snapshot{})
	}
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := log.At(ctx, seq)
		if err != nil {
			return b, err
		}
		if stopped[m.ID.Partition] {
			continue
		}
		a, err := folds[m.ID.Partition].Apply(m)
		if gap := new(accounting.GapError); errors.As(err, &gap) {
			stopped[m.ID.Partition] = true
			continue
		} else if err != nil {
			return b, err
		}
		for _, e := range a.Entries {
			if err := b.count(m.ID.Partition, e); err != nil {
				return b, err
			}
		}
		b.Entries = append(b.Entries, a.Entries...)
		b.Ends = append(b.Ends, a.Ends...)
		b.Dead = append(b.Dead, a.Dead...)
	}
	for _, f := range folds {
		b.Open += f.Open()
	}
	return b, nil
}

func (b Books) count(p events.Partition, e accounting.Entry) error {
	for _, scope := range e.Scopes {
		key := events.CounterKey(p, string(scope.Kind), scope.ID)
		c := b.Counters[key]
		if !c.Add(&e) {
			return fmt.Errorf("%s: entry at %v counted twice", key, e.At)
		}
		b.Counters[key] = c
	}
	return nil
}
