package counters

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// republishAfter is when the end of an orphan that was published and has not come
// back from the log is published again.
const republishAfter = time.Minute

// orphans ends the requests of closed epochs. An end counts when it is folded
// from the log, so whoever publishes it, however often, it counts once.
type orphans struct {
	on   bool                           // the log was read to its end once
	sent map[events.RequestID]time.Time // ends published that are not folded yet
}

// publish sends the ends that are due and tells how many.
func (o *orphans) publish(cfg Config, folds *projector.Folds) uint64 {
	if !o.on || cfg.Publisher == nil {
		return 0
	}
	now := time.Now()
	before := o.sent
	o.sent = map[events.RequestID]time.Time{}
	n := uint64(0)
	for _, c := range folds.Orphans(cfg.Node, now) {
		id := c.Head.Request
		if at, known := before[id]; known && now.Sub(at) < republishAfter {
			o.sent[id] = at
			continue
		}
		e, err := events.New(c.Head, c.Body)
		if err == nil {
			_, err = cfg.Publisher.Publish(e)
		}
		if err != nil {
			cfg.Logger.Error("an orphaned request cannot be ended", "request", id, "error", err)
			continue
		}
		o.sent[id] = now
		n++
	}
	return n
}
