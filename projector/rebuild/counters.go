package rebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/ledger"
)

// writeTries is how often the counters are written if something fails or somebody
// else writes them meanwhile.
const writeTries = 5

// tellEvery is how often progress is told.
const tellEvery = time.Second

// CountersReport says what a rebuild of the counters did.
type CountersReport struct {
	Seq      uint64   `json:"seq"`      // the log was folded up to here
	Counters int      `json:"counters"` // there are now
	Written  int      `json:"written"`  // of these, were missing or different
	Deleted  int      `json:"deleted"`  // were of nothing in the log
	Gaps     []string `json:"gaps,omitempty"`
}

// Counters folds the log in memory and then writes what differs over the live
// counters, the checkpoints last, but those first that another process has brought
// further than the log was folded here. Whenever it is interrupted, the counters
// written are right at their own positions and the projector goes on from
// checkpoints that are not beyond them. progress may be nil.
func Counters(ctx context.Context, cfg Config, progress func(Progress)) (CountersReport, error) {
	report, err := rebuildCounters(ctx, cfg, progress)
	if err != nil {
		return CountersReport{}, fmt.Errorf("rebuild counters: %w", err)
	}
	return report, nil
}

func rebuildCounters(ctx context.Context, cfg Config, progress func(Progress)) (CountersReport, error) {
	resume, err := pause(ctx, cfg.PauseCounters)
	if err != nil {
		return CountersReport{}, err
	}
	defer resume()
	info, err := cfg.begin(ctx)
	if err != nil {
		return CountersReport{}, err
	}
	books, err := fold(ctx, cfg.Log, info, progress)
	if err != nil {
		return CountersReport{}, err
	}
	for try := 1; ; try++ {
		report, err := books.write(ctx, cfg.Bucket)
		again := errors.Is(err, events.ErrConflict) || errors.Is(err, events.ErrUnavailable)
		if err == nil || !again || try == writeTries {
			return report, err
		}
		cfg.Logger.Warn("the counters could not be written, trying again", "error", err)
	}
}

// books is what the log comes to.
type books struct {
	info     events.Info
	latest   events.Stored
	folds    *projector.Folds
	counters ledger.Counters
}

func fold(ctx context.Context, log events.Reader, info events.Info, progress func(Progress)) (*books, error) {
	b := &books{
		info: info, folds: projector.NewFolds(projector.AllPartitions(), nil), counters: ledger.Counters{},
	}
	if info.Last == 0 {
		return b, nil
	}
	cursor, err := log.Read(ctx, events.Range{From: 1, To: info.Last})
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	told := time.Now()
	for m := range cursor.C() {
		b.message(m)
		if now := time.Now(); progress != nil && now.Sub(told) >= tellEvery {
			told = now
			progress(Progress{"counters", m.Seq, info.Last})
		}
	}
	return b, cursor.Err()
}

func (b *books) message(m events.Stored) {
	p := m.ID.Partition
	b.latest = m
	applied, err := b.folds.Apply(m)
	if err != nil {
		return // a gap: the folds remember it
	}
	b.counters.Book(p, applied.Entries)
	b.folds.Mark(p, b.folds.At(p))
}

// write makes the bucket hold what the books say.
func (b *books) write(ctx context.Context, bucket events.Bucket) (CountersReport, error) {
	report := CountersReport{Seq: b.info.Last, Counters: len(b.counters), Gaps: gapTexts(b.folds.Gaps())}
	puts, err := b.puts(ctx, bucket)
	if err != nil {
		return report, err
	}
	for _, p := range puts {
		if p.Value == nil {
			report.Deleted++
		} else {
			report.Written++
		}
	}
	checkpoints, ahead, err := b.checkpoints(ctx, bucket)
	if err != nil {
		return report, err
	}
	// Checkpoints that are ahead of the books go back with the first counters that
	// do: else whoever wrote them would take what lies between for counted.
	back := checkpoints[:ahead]
	for chunk := range slices.Chunk(puts, events.MaxCommit-len(back)) {
		rev, err := bucket.Commit(ctx, slices.Concat(back, chunk))
		if err != nil {
			return report, err
		}
		for i := range back {
			back[i].Rev = rev - uint64(len(chunk)+len(back)-1-i)
		}
	}
	_, err = bucket.Commit(ctx, checkpoints)
	return report, err
}

// puts are the writes of all counters that differ, in the order of their keys.
func (b *books) puts(ctx context.Context, bucket events.Bucket) ([]events.Put, error) {
	list, err := bucket.List(ctx, events.CounterPrefix)
	if err != nil {
		return nil, err
	}
	var puts []events.Put
	present := map[string]bool{}
	for _, old := range list {
		present[old.Key] = true
		put := events.Put{Key: old.Key, Rev: old.Rev}
		if c := b.counters[old.Key]; c != nil {
			put.Value, _ = json.Marshal(c) // numbers and strings always encode
		}
		if !bytes.Equal(put.Value, old.Value) {
			puts = append(puts, put)
		}
	}
	for key, c := range b.counters {
		if present[key] {
			continue
		}
		old, err := bucket.Get(ctx, key) // it may have been deleted, which is a revision too
		if err != nil {
			return nil, err
		}
		value, _ := json.Marshal(c) // numbers and strings always encode
		puts = append(puts, events.Put{Key: key, Value: value, Rev: old.Rev})
	}
	slices.SortFunc(puts, func(x, y events.Put) int { return strings.Compare(x.Key, y.Key) })
	return puts, nil
}

// checkpoints are the writes of all partitions' checkpoints, and of what they stand
// on. The first ones, ahead, are of partitions that somebody counted further.
func (b *books) checkpoints(ctx context.Context, bucket events.Bucket) (puts []events.Put, ahead int, err error) {
	created, err := bucket.Created(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range projector.AllPartitions() {
		live, _, _ := counters.LoadCheckpoint(ctx, bucket, p) // nobody goes on from what cannot be read
		over, err := counters.LoadOver(ctx, bucket, p)
		if err != nil {
			return nil, 0, err
		}
		more, err := b.checkpoint(ctx, bucket, p, created)
		if err != nil {
			return nil, 0, err
		}
		if put := over.Put(p, b.folds.At(p), b.folds.Over(p)); put != nil {
			more = append(more, *put)
		}
		if b.folds.At(p).Less(live.Position) {
			puts = slices.Insert(puts, ahead, more...)
			ahead += len(more)
			continue
		}
		puts = append(puts, more...)
	}
	return puts, ahead, nil
}

// checkpoint are the writes of a partition's checkpoint and, if it has another, its
// past. Of an empty log there is nothing to remember.
func (b *books) checkpoint(ctx context.Context, bucket events.Bucket, p events.Partition, created time.Time) ([]events.Put, error) {
	key := events.CheckpointKey(p)
	old, err := bucket.Get(ctx, key)
	if err != nil || b.latest.Seq == 0 {
		return []events.Put{{Key: key, Rev: old.Rev}}, err
	}
	pastKey := projector.PastKey(key)
	before, err := projector.LoadPast(ctx, bucket, pastKey, "")
	if err != nil {
		return nil, err
	}
	at := b.folds.At(p)
	resume, past, put := before.Split(pastKey, b.folds.Resume(p, at))
	value, _ := json.Marshal(counters.Checkpoint{
		Anchor:   projector.Anchor{Created: b.info.Created, Seq: b.latest.Seq, Hash: projector.Hash(b.latest.Message)},
		Position: at, Resume: resume, Past: past.Hash, Bucket: created,
	}) // numbers, strings and times always encode
	puts := []events.Put{{Key: key, Value: value, Rev: old.Rev}}
	if put != nil {
		puts = append(puts, *put)
	}
	return puts, nil
}
