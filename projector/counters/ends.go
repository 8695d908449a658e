package counters

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// republishAfter is when an end that was published and has not come back from the
// log is published again.
const republishAfter = time.Minute

// ends closes epochs that fell silent and the requests of closed epochs. An end
// counts when it is folded from the log, so whoever publishes it, however often, it
// counts once.
type ends struct {
	on   bool // the log was read to its end once
	sent map[end]time.Time
}

// end is an end that was published and is not folded yet.
type end struct {
	partition events.Partition
	id        events.ID
}

// publish sends the ends that are due and tells how many.
func (x *ends) publish(cfg Config, folds *projector.Folds) (orphans, lost uint64) {
	if !x.on || cfg.Publisher == nil {
		return 0, 0
	}
	now := time.Now()
	before := x.sent
	x.sent = map[end]time.Time{}
	for _, c := range folds.Orphans(cfg.Node, now) {
		if x.send(cfg, before, events.PartitionOf(c.Head.Tenant), c.Head, c.Body) {
			orphans++
		}
	}
	for _, l := range folds.Lost(cfg.DeadAfter) {
		if l.Body.Node == cfg.Node {
			continue // to say so would prove it wrong
		}
		head := events.Head{At: now, Node: cfg.Node, Tenant: events.NoTenant, Epoch: l.Body.Epoch}
		if x.send(cfg, before, l.Partition, head, l.Body) {
			cfg.Logger.Warn("a node fell silent, its epoch is lost", "node", l.Body.Node, "epoch", l.Body.Epoch,
				"partition", l.Partition.String(), "heard", l.Body.Heard)
			lost++
		}
	}
	return orphans, lost
}

// send publishes one end, unless it was sent a short time before.
func (x *ends) send(cfg Config, before map[end]time.Time, to events.Partition, h events.Head, b events.Body) bool {
	key := end{to, events.NewID(h, b.Kind())}
	if at, known := before[key]; known && h.At.Sub(at) < republishAfter {
		x.sent[key] = at
		return false
	}
	e, err := events.New(h, b)
	if err == nil {
		_, err = cfg.Publisher.PublishTo(to, e)
	}
	if err != nil {
		cfg.Logger.Error("an end cannot be published", "event", key.id, "partition", to.String(), "error", err)
		return false
	}
	x.sent[key] = h.At
	return true
}
