package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/counters"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// Mark says up to where the archiver has trimmed the stream, or is about to.
type Mark struct {
	Created  time.Time `json:"created"`  // of the stream
	Seq      uint64    `json:"seq"`      // the last sequence that may be gone from the stream
	Hash     string    `json:"hash"`     // of that message, see [projector.Hash]
	Location string    `json:"location"` // of the archive that holds it
}

// loadMark reads the mark and its revision; without one it is the zero Mark.
func loadMark(ctx context.Context, b events.Bucket) (Mark, uint64, error) {
	entry, err := b.Get(ctx, events.ArchiveKey)
	if err != nil {
		return Mark{}, 0, fmt.Errorf("read %s: %w", events.ArchiveKey, err)
	}
	var m Mark
	if entry.Value == nil {
		return m, entry.Rev, nil
	}
	if err := json.Unmarshal(entry.Value, &m); err != nil {
		return m, 0, fmt.Errorf("read %s: %w", events.ArchiveKey, err)
	}
	return m, entry.Rev, nil
}

// Location is where the archive is that the log was trimmed for; empty if it never was.
func Location(ctx context.Context, b events.Bucket) (string, error) {
	m, _, err := loadMark(ctx, b)
	return m.Location, err
}

// Need is the first sequence that somebody may read again.
type Need struct {
	Seq uint64
	By  string // the fold, for people
}

// Needed finds the lowest sequence that a fold would read after a restart. Tables that
// never were are no fold; those that come later read the archive.
func Needed(ctx context.Context, b events.Bucket) (Need, error) {
	need := Need{Seq: math.MaxUint64}
	note := func(seq uint64, by string) {
		if seq < need.Seq {
			need = Need{seq, by}
		}
	}
	for _, p := range projector.AllPartitions() {
		c, _, err := counters.LoadCheckpoint(ctx, b, p)
		if err != nil {
			return need, err
		}
		note(min(c.Seq, c.Resume.At.Seq), "the counters of partition "+p.String())
	}
	for _, key := range []string{events.TablesKey, tables.NextKey} {
		t, _, err := tables.Load(ctx, b, key)
		if err != nil {
			return need, err
		}
		if t.Generation == 0 {
			continue
		}
		note(t.Done.Seq, "the tables")
		for _, p := range projector.AllPartitions() {
			note(t.Resume[p].At.Seq, "the tables")
		}
	}
	return need, nil
}
