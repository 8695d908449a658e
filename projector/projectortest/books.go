package projectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	Over     map[events.Partition][]events.Epoch // where there are any
}

// Fold folds a log from beginning to end in one pass, without any machinery.
func Fold(ctx context.Context, log events.Reader) (Books, error) {
	b := Books{Counters: map[string]accounting.Counter{}, Over: map[events.Partition][]events.Epoch{}}
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
	for i, f := range folds {
		b.Open += f.Open()
		if over := f.Over(events.Partition(i)); len(over) > 0 {
			b.Over[events.Partition(i)] = over
		}
	}
	return b, nil
}

// Over reads from a bucket which epochs are over in each partition.
func Over(ctx context.Context, b events.Bucket) (map[events.Partition]accounting.Over, error) {
	list, err := b.List(ctx, events.OverPrefix)
	if err != nil {
		return nil, err
	}
	out := map[events.Partition]accounting.Over{}
	for _, e := range list {
		p, err := events.ParsePartition(strings.TrimPrefix(e.Key, events.OverPrefix))
		if err != nil {
			return nil, err
		}
		var o accounting.Over
		if err := json.Unmarshal(e.Value, &o); err != nil {
			return nil, err
		}
		out[p] = o
	}
	return out, nil
}

// CheckOver compares what a bucket says is over with the books.
func (b Books) CheckOver(ctx context.Context, bucket events.Bucket) error {
	over, err := Over(ctx, bucket)
	if err != nil {
		return err
	}
	for p := range events.Partition(events.Partitions) {
		if got := over[p].Epochs; !slices.Equal(got, b.Over[p]) {
			return fmt.Errorf("over in partition %s are %v, want %v", p, got, b.Over[p])
		}
	}
	return nil
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
