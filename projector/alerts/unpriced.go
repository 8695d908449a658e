package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// unpricedEvery is how often the log is searched, at most, for what has no price.
const unpricedEvery = time.Minute

// noCost is in every event whose cost is unknown.
var noCost = []byte(`"cost_nano_usd":null`) //nolint:gochecknoglobals // a constant

// unpriced names the models that have no price. That some usage had none shows in
// the counter of the vendor's credential, which costs nothing to look at; only then
// the messages between its last value and this one are searched for the model.
type unpriced struct {
	log  events.Reader
	seen map[string]sighting          // by key of the counter
	owed map[events.Partition]stretch // not searched yet
	next time.Time                    // of the next search
}

// sighting is a counter as it was.
type sighting struct {
	count int64
	seq   uint64
}

// stretch is a range of sequences, both ends included.
type stretch struct {
	from, to uint64
	since    time.Time // if from is 0: the first message since then
}

func newUnpriced(log events.Reader) *unpriced {
	return &unpriced{log: log, seen: map[string]sighting{}, owed: map[events.Partition]stretch{}}
}

// changed takes the new value of a credential's counter; day is the window that
// holds now, start its beginning.
func (u *unpriced) changed(key string, p events.Partition, c accounting.Counter, day accounting.Window, start time.Time) {
	last, known := u.seen[key]
	u.seen[key] = sighting{c.Life.Unpriced, c.At.Seq}
	switch {
	case !known && c.In(day).Unpriced > 0: // what this process did not see: the day so far
		u.owe(p, stretch{to: c.At.Seq, since: start})
	case known && c.Life.Unpriced > last.count:
		u.owe(p, stretch{from: last.seq + 1, to: c.At.Seq})
	}
}

func (u *unpriced) owe(p events.Partition, s stretch) {
	if before, owed := u.owed[p]; owed {
		s.to = max(s.to, before.to)
		if before.from < s.from {
			s.from, s.since = before.from, before.since
		}
	}
	u.owed[p] = s
}

// search gives an alert for each model and day that is found. What could not be
// searched stays owed.
func (u *unpriced) search(ctx context.Context, now time.Time) ([]alert, error) {
	if now.Before(u.next) || len(u.owed) == 0 {
		return nil, nil
	}
	u.next = now.Add(unpricedEvery)
	found := map[string]alert{}
	var failed error
	for p, s := range u.owed {
		if err := u.searchIn(ctx, p, s, found); err != nil {
			failed = fmt.Errorf("search partition %s for models without a price: %w", p, err)
			continue
		}
		delete(u.owed, p)
	}
	return sorted(found), failed
}

func sorted(byID map[string]alert) []alert {
	out := make([]alert, 0, len(byID))
	for _, a := range byID {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b alert) int { return bytes.Compare([]byte(a.id), []byte(b.id)) })
	return out
}

func (u *unpriced) searchIn(ctx context.Context, p events.Partition, s stretch, found map[string]alert) error {
	if s.from == 0 {
		var err error
		if s.from, err = replay.SeqAt(ctx, u.log, s.since); err != nil {
			return err
		}
	}
	if s.from > s.to {
		return nil
	}
	cursor, err := u.log.Read(ctx, events.Range{From: s.from, To: s.to, Partitions: []events.Partition{p}})
	if err != nil {
		return err
	}
	defer cursor.Close()
	for m := range cursor.C() {
		if !bytes.Contains(m.Data, noCost) {
			continue
		}
		lines, err := m.Lines()
		if err != nil {
			continue // a dead letter as a whole
		}
		for _, line := range lines {
			if a, ok := unpricedIn(line); ok {
				found[a.id] = a
			}
		}
	}
	return cursor.Err()
}

// unpricedIn tells whether a line books usage without a price.
func unpricedIn(line []byte) (alert, bool) {
	if !bytes.Contains(line, noCost) {
		return alert{}, false
	}
	e, err := events.Decode(line)
	if err != nil || e.Kind != events.UsageRecordedKind && e.Kind != events.UsageCorrectedKind && e.Kind != events.RequestOrphanedKind {
		return alert{}, false
	}
	var body struct {
		Target events.Target  `json:"target"`
		Charge *events.Charge `json:"charge"`
		Delta  *events.Charge `json:"delta"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return alert{}, false
	}
	charge := body.Charge
	if charge == nil {
		charge = body.Delta
	}
	if charge == nil || charge.CostNanoUSD != nil || body.Target.Provider == "" {
		return alert{}, false
	}
	return unpricedAlert(body.Target, accounting.WindowAt(e.WindowAt, accounting.Day).Label), true
}
