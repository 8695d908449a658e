package alerts

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/replay"
)

const (
	gravesEvery = 10 * time.Second // how often dead letters are looked for
	gravesPage  = 256              // how many are read at once
	// gravesOld: what died longer ago was told then.
	gravesOld = 2 * time.Hour
)

// graves follows the dead letters, and counts those of each partition and hour.
type graves struct {
	dead   replay.DeadLetters
	from   uint64 // the next sequence to read
	next   time.Time
	counts map[grave]int
}

type grave struct {
	partition events.Partition
	hour      string
}

func newGraves(dead replay.DeadLetters) graves {
	return graves{dead: dead, from: 1, counts: map[grave]int{}}
}

// look gives an alert for each partition and hour in which an event died that
// was not seen before. The count is that of the hour so far.
func (g *graves) look(ctx context.Context, now time.Time) ([]alert, error) {
	if now.Before(g.next) {
		return nil, nil
	}
	g.next = now.Add(gravesEvery)
	latest := map[grave]events.DeadLetter{}
	err := g.read(ctx, func(d events.DeadLetter) {
		if now.Sub(d.Time) > gravesOld {
			return
		}
		at := grave{d.Partition, hourOf(d.Time)}
		if g.counts[at]++; g.counts[at] > 1 && latest[at].Seq == 0 {
			return // told before
		}
		latest[at] = d
	})
	found := map[string]alert{}
	for at, d := range latest {
		a := deadAlert(at.partition, g.counts[at], d)
		found[a.id] = a
	}
	this, before := hourOf(now), hourOf(now.Add(-time.Hour))
	for at := range g.counts {
		if at.hour != this && at.hour != before {
			delete(g.counts, at)
		}
	}
	return sorted(found), err
}

// read hands over every dead letter that was not read before.
func (g *graves) read(ctx context.Context, take func(events.DeadLetter)) error {
	for {
		page, err := g.dead.DeadLetters(ctx, g.from, gravesPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, d := range page {
			take(d)
			g.from = d.Seq + 1
		}
	}
}
