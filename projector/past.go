package projector

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// PastKey is where the past of a snapshot is kept, by the key of the checkpoint
// that the snapshot is in.
func PastKey(checkpoint string) string { return checkpoint + ".past" }

// Past is the past of the snapshot in a checkpoint, kept in a key of its own: it
// may be large and seldom changes, while a checkpoint is written all the time. The
// checkpoint holds its hash, and both change in one commit. The zero Past is none.
type Past struct {
	Hash  string // of the value, empty if there is none
	rev   uint64
	value *accounting.Past
}

// errPast says that a past is not the one that its checkpoint knows.
var errPast = errors.New("is not the one the checkpoint knows")

// LoadPast reads the past that a checkpoint knows by its hash.
func LoadPast(ctx context.Context, b events.Bucket, key, hash string) (Past, error) {
	entry, err := b.Get(ctx, key)
	if err != nil {
		return Past{}, fmt.Errorf("read %s: %w", key, err)
	}
	if hash == "" {
		return Past{rev: entry.Rev}, nil
	}
	if hashOf(entry.Value) != hash {
		return Past{}, fmt.Errorf("%s %w", key, errPast)
	}
	value, err := unpack(entry.Value)
	if err != nil {
		return Past{}, fmt.Errorf("read %s: %w", key, err)
	}
	return Past{Hash: hash, rev: entry.Rev, value: value}, nil
}

// Join completes a snapshot as it was stored.
func (p Past) Join(s accounting.Snapshot) accounting.Snapshot {
	s.Past = p.value
	return s
}

// Split parts s into what the checkpoint holds and its past. If that differs from
// p, which is stored, put is the write of it.
func (p Past) Split(key string, s accounting.Snapshot) (rest accounting.Snapshot, next Past, put *events.Put) {
	next, s.Past = Past{p.Hash, p.rev, s.Past}, nil
	if next.value == p.value {
		return s, p, nil
	}
	if next.value == nil {
		next.Hash = ""
		return s, next, nil
	}
	packed := pack(next.value)
	if next.Hash = hashOf(packed); next.Hash == p.Hash {
		return s, next, nil
	}
	return s, next, &events.Put{Key: key, Value: packed, Rev: p.rev}
}

// Written is p after it was written as revision rev.
func (p Past) Written(rev uint64) Past {
	p.rev = rev
	return p
}

// Damaged turns the error of [LoadPast] into a [*GuardError] if the checkpoint it
// belongs to has the same revision as before; else somebody wrote both meanwhile.
func Damaged(ctx context.Context, b events.Bucket, fold, checkpoint string, rev uint64, err error) error {
	if !errors.Is(err, errPast) {
		return err
	}
	entry, failed := b.Get(ctx, checkpoint)
	switch {
	case failed != nil:
		return failed
	case entry.Rev != rev:
		return fmt.Errorf("%w: %w", events.ErrConflict, err)
	}
	return &GuardError{Fold: fold, Reason: err.Error()}
}

func hashOf(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}

// pack makes the value of a key: JSON, compressed.
func pack(past *accounting.Past) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_ = json.NewEncoder(w).Encode(past) // numbers, strings and times always encode, and a buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// unpack is the inverse of pack.
func unpack(value []byte) (*accounting.Past, error) {
	r, err := gzip.NewReader(bytes.NewReader(value))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	past := new(accounting.Past)
	return past, json.Unmarshal(raw, past)
}
