package accounting

import (
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// mute is how long a log in use is never without a message: every node is heard
// of in every partition more often, be it by a heartbeat. After a longer pause the
// log was out of reach, and nobody can be blamed for the silence.
const mute = 3 * time.Minute

// Loss is an epoch that is lost, ready to be published to its partition.
type Loss struct {
	Partition events.Partition
	Body      events.NodeLost
}

// Lost returns the end of every epoch that is not closed and has said nothing for
// longer than after, by the log's clock, while others spoke. The time before a
// pause in which nobody spoke does not count. An end takes effect when it is folded
// from the log, unless the epoch has spoken in the meantime.
func (f *Fold) Lost(after time.Duration) []Loss {
	if f.now.Sub(f.audible) <= after {
		return nil
	}
	var out []Loss
	for _, p := range f.producers {
		if !p.Closed && f.now.Sub(p.Time) > after {
			out = append(out, Loss{p.Partition, events.NodeLost{Node: p.Node, Epoch: p.Epoch, Heard: p.Time}})
		}
	}
	slices.SortFunc(out, func(a, b Loss) int {
		return byEpoch(Producer{Partition: a.Partition, Epoch: a.Body.Epoch}, Producer{Partition: b.Partition, Epoch: b.Body.Epoch})
	})
	return out
}

// hear takes note that somebody spoke at t.
func (f *Fold) hear(t time.Time) {
	if t.Sub(f.now) > mute {
		f.audible = t
	}
	f.now = t
}
