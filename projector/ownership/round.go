package ownership

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// roundsPerTTL is how often a key is renewed in its time to live.
const roundsPerTTL = 3

// leaveTimeout bounds how long Run takes to give up its keys when it ends.
const leaveTimeout = 2 * time.Second

// Run takes and keeps this projector's share until ctx ends, and then gives it
// up. An error of the bucket is logged, and tried again.
func (o *Owner) Run(ctx context.Context) {
	every := o.cfg.TTL / roundsPerTTL
	defer o.leave(ctx)
	for failing := false; ctx.Err() == nil; {
		began := time.Now()
		err := o.round(ctx, every)
		switch {
		case err != nil && !failing && ctx.Err() == nil:
			o.cfg.Logger.Warn("work cannot be shared; what is owned lapses if this lasts", "error", err)
		case err == nil && failing:
			o.cfg.Logger.Info("work is shared again")
		}
		failing = err != nil
		timer := time.NewTimer(every - rand.N(every/10) - time.Since(began))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// round announces this node, renews what it holds and moves towards its share.
func (o *Owner) round(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// First of all, so that the announcement of a dead node lapses before its items.
	if _, err := o.claim(ctx, announcePrefix(o.cfg.Group)+o.cfg.Node); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	live, err := o.cfg.Bucket.List(ctx, announcePrefix(o.cfg.Group))
	if err != nil {
		return fmt.Errorf("list who is live: %w", err)
	}
	owners, err := o.owners(ctx)
	if err != nil {
		return fmt.Errorf("list owners: %w", err)
	}
	share := ceil(len(o.cfg.Items), max(len(live), 1))
	holds, err := o.keep(ctx, owners)
	if err != nil {
		return err
	}
	if holds > share {
		o.giveUp(holds - share)
		return nil
	}
	return o.takeFree(ctx, owners, share-holds)
}

func ceil(a, b int) int { return (a + b - 1) / b }

// owners reads who has each item.
func (o *Owner) owners(ctx context.Context) (map[string]events.Entry, error) {
	entries, err := o.cfg.Bucket.List(ctx, events.OwnerPrefix)
	if err != nil {
		return nil, err
	}
	owners := make(map[string]events.Entry, len(entries))
	for _, e := range entries {
		owners[strings.TrimPrefix(e.Key, events.OwnerPrefix)] = e
	}
	return owners, nil
}

// keep renews what this node has and deletes the keys of what it gave up a round
// ago. It returns how many items it holds.
func (o *Owner) keep(ctx context.Context, owners map[string]events.Entry) (holds int, err error) {
	for _, item := range o.order {
		e := owners[item]
		if string(e.Value) != o.cfg.Node {
			o.lose(item)
			continue
		}
		if o.isOver(item) {
			_, err := o.cfg.Bucket.Commit(ctx, []events.Put{{Key: e.Key, Rev: e.Rev}})
			if err != nil && !errors.Is(err, events.ErrConflict) {
				return holds, fmt.Errorf("give up %s: %w", item, err)
			}
			o.lose(item)
			continue
		}
		switch until, err := o.put(ctx, e.Key, e.Rev); {
		case errors.Is(err, events.ErrConflict):
			o.lose(item)
		case err != nil:
			return holds, fmt.Errorf("renew %s: %w", item, err)
		default:
			o.gain(item, until)
			holds++
		}
	}
	return holds, nil
}

// put writes this node's name to key and returns until when that surely holds.
func (o *Owner) put(ctx context.Context, key string, rev uint64) (until time.Time, err error) {
	until = time.Now().Add(o.cfg.TTL) // before the store begins to count
	_, err = o.cfg.Bucket.PutFor(ctx, events.Put{Key: key, Value: []byte(o.cfg.Node), Rev: rev}, o.cfg.TTL)
	return until, err
}

// claim writes this node's name to key unless it is another's, which is [events.ErrConflict].
func (o *Owner) claim(ctx context.Context, key string) (until time.Time, err error) {
	e, err := o.cfg.Bucket.Get(ctx, key)
	if err != nil {
		return time.Time{}, err
	}
	if e.Value != nil && string(e.Value) != o.cfg.Node {
		return time.Time{}, events.ErrConflict
	}
	return o.put(ctx, key, e.Rev)
}

// giveUp tells the work on the n items that this node prefers least to end. Their
// keys stay for a round, so that it can.
func (o *Owner) giveUp(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.order) - 1; i >= 0 && n > 0; i-- {
		if h := o.held[o.order[i]]; h != nil && !h.over {
			o.end(h)
			n--
		}
	}
}

// takeFree takes up to n items that nobody has.
func (o *Owner) takeFree(ctx context.Context, owners map[string]events.Entry, n int) error {
	for _, item := range o.order {
		if n <= 0 {
			return nil
		}
		if owners[item].Value != nil {
			continue
		}
		switch until, err := o.claim(ctx, events.OwnerKey(item)); {
		case errors.Is(err, events.ErrConflict):
		case err != nil:
			return fmt.Errorf("take %s: %w", item, err)
		default:
			o.gain(item, until)
			n--
		}
	}
	return nil
}

func (o *Owner) isOver(item string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.held[item]
	return h != nil && h.over
}

// leave gives up everything, so that others need not wait until it lapses.
func (o *Owner) leave(ctx context.Context) {
	for _, item := range o.order {
		o.lose(item)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	mine, err := o.owners(ctx)
	if err == nil {
		mine[""], err = o.cfg.Bucket.Get(ctx, announcePrefix(o.cfg.Group)+o.cfg.Node)
	}
	for _, e := range mine {
		if err == nil && string(e.Value) == o.cfg.Node {
			_, err = o.cfg.Bucket.Commit(ctx, []events.Put{{Key: e.Key, Rev: e.Rev}})
		}
	}
	if err != nil {
		o.cfg.Logger.Warn("what was owned is left to lapse", "error", err)
	}
}
