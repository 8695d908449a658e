package tables

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// NextKey is the key of the generation that a rebuild fills beside the live one.
const NextKey = events.TablesKey + ".next"

// Checkpoint says which tables are the live ones and how far they are filled.
type Checkpoint struct {
	Generation int              `json:"generation"` // from 1
	Database   string           `json:"database"`
	Done       projector.Anchor `json:"done"`             // everything up to here is in the tables
	Rows       Counts           `json:"rows"`             // in the tables, up to Done, from Kept on
	Intent     *Intent          `json:"intent,omitempty"` // the batch after Done: maybe in the tables, whole or in part
	Bucket     time.Time        `json:"bucket"`           // creation time of the bucket this is kept in

	// Kept are the horizons of the tables. They only move on, and never while there is an
	// intent. Litter says that there may be rows from before them, to be dropped.
	Kept   projector.Kept `json:"kept,omitzero"`
	Litter bool           `json:"litter,omitempty"`

	// Resume says where the folds begin that are to stand at Done, without their
	// pasts: of these it has the hashes of the values at [projector.PastKey].
	Resume map[events.Partition]accounting.Snapshot `json:"resume"`
	Pasts  map[events.Partition]string              `json:"pasts,omitempty"`
}

// Intent is a batch that is about to be inserted.
type Intent struct {
	From uint64    `json:"from"`
	To   uint64    `json:"to"`
	Hash string    `json:"hash"` // of the message at To, see [projector.Hash]
	Rows Counts    `json:"rows"`
	Time time.Time `json:"time"` // when it was written down
}

// Token names the intent's rows for ever: the stream, and the range in it.
func (i Intent) Token(created time.Time) string {
	return fmt.Sprintf("%d:%d-%d", created.UnixNano(), i.From, i.To)
}

// DatabaseOf is the database of a generation: base for the first, then base_g2, base_g3.
func DatabaseOf(base string, generation int) string {
	if generation <= 1 {
		return base
	}
	return fmt.Sprintf("%s_g%d", base, generation)
}

// GenerationOf is the inverse of [DatabaseOf]; 0 for a database of another base.
func GenerationOf(base, database string) int {
	if database == base {
		return 1
	}
	rest, ok := strings.CutPrefix(database, base+"_g")
	n := 0
	if _, err := fmt.Sscanf(rest, "%d", &n); !ok || err != nil || n < 2 || DatabaseOf(base, n) != database {
		return 0
	}
	return n
}

// Load reads a checkpoint by its key, and its revision. Without one it is the zero Checkpoint.
func Load(ctx context.Context, b events.Bucket, key string) (Checkpoint, uint64, error) {
	entry, err := b.Get(ctx, key)
	if err != nil {
		return Checkpoint{}, 0, fmt.Errorf("read %s: %w", key, err)
	}
	var c Checkpoint
	if entry.Value == nil {
		return c, entry.Rev, nil
	}
	if err := json.Unmarshal(entry.Value, &c); err != nil {
		return c, 0, fmt.Errorf("read %s: %w", key, err)
	}
	return c, entry.Rev, nil
}

// Put is the write of c in place of revision rev of key.
func (c Checkpoint) Put(key string, rev uint64) events.Put {
	value, _ := json.Marshal(c) // numbers, strings and times always encode
	return events.Put{Key: key, Value: value, Rev: rev}
}
