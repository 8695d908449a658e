package events

import (
	"context"
	"time"
)

// Appender keeps messages of the traffic stream.
type Appender interface {
	// Append returns once the message is kept as durably as the log's class
	// promises. The same id twice within the log's dedupe window is kept once.
	// After [ErrUnavailable] it may or may not be kept; send the same bytes again.
	// m.Data is not used after the return.
	Append(ctx context.Context, m Message) (Ack, error)
}

// Trimmer lets go of the beginning of the traffic stream. Only the archiver does that.
type Trimmer interface {
	// Trim drops every message before first; what is gone already is no error. After
	// [ErrUnavailable] it may or may not be done; do it again.
	Trim(ctx context.Context, first uint64) error
}

// Reader reads the traffic stream in its order.
type Reader interface {
	// Info describes the stream as it is now.
	Info(ctx context.Context) (Info, error)
	// At returns the message at seq, or [ErrNoMessage].
	At(ctx context.Context, seq uint64) (Stored, error)
	// Read starts reading; the end of ctx ends it too. The cursor must be closed.
	Read(ctx context.Context, r Range) (Cursor, error)
}

// Info describes a stream.
type Info struct {
	Created time.Time `json:"created_at"` // with the sequence it identifies a position for ever: a recreated stream differs
	First   uint64    `json:"first"`      // lowest sequence held, 1 for a new stream
	Last    uint64    `json:"last"`       // highest sequence ever given, 0 for a new stream
	Bytes   uint64    `json:"bytes"`
}

// Range says what to read.
type Range struct {
	From       uint64      // first sequence, 0 is 1
	To         uint64      // last sequence; the cursor ends after it. 0: follow for ever
	Partitions []Partition // nil is all
}

// Cursor is a running read.
type Cursor interface {
	// C delivers messages in order, without gap or repetition, across
	// reconnections. It is closed when the range is read, the cursor is closed or
	// reading cannot go on, as when what comes next was trimmed away; Err then tells.
	C() <-chan Stored
	// Err is nil after the whole range was delivered, else why reading ended.
	Err() error
	// Close ends reading and frees what it holds.
	Close()
}

// Entry is one key of a bucket.
type Entry struct {
	Key   string
	Value []byte // nil: the key is absent or deleted
	Rev   uint64 // 0: never written
}

// Put is one write of a commit.
type Put struct {
	Key   string
	Value []byte // nil deletes
	Rev   uint64 // the revision this write replaces, 0 for none
}

// MaxCommit is the largest number of puts in one commit.
const MaxCommit = 1000

// Bucket is a keyed store with atomic commits.
type Bucket interface {
	// Get reads the latest acknowledged value (never a stale replica's). An absent
	// key is an Entry without value.
	Get(ctx context.Context, key string) (Entry, error)
	// List returns the present keys that start with prefix, in key order.
	List(ctx context.Context, prefix string) ([]Entry, error)
	// Commit writes all puts or none, in order, and returns the revision of the
	// last; the i-th of n has that minus (n-1-i). [ErrConflict]: nothing was
	// written. [ErrUnavailable]: unknown; read again.
	Commit(ctx context.Context, puts []Put) (uint64, error)
	// Created identifies this incarnation of the bucket.
	Created(ctx context.Context) (time.Time, error)
}

// Watchable is a bucket whose changes can be followed.
type Watchable interface {
	// Watch delivers the present value of every key that starts with prefix, then
	// an Entry with an empty key, then each change (intermediate values may be
	// skipped, the last never is). The channel is closed when ctx ends, or the bucket
	// is not the one any more that it was; then watch again.
	Watch(ctx context.Context, prefix string) (<-chan Entry, error)
}

// Lapsing is a bucket whose entries may lapse by themselves.
type Lapsing interface {
	// PutFor is a commit of one put whose entry is gone after ttl, at least a
	// second, unless it is put again. It returns the new revision, or
	// [ErrConflict], or [ErrUnavailable] as [Bucket.Commit] does.
	PutFor(ctx context.Context, p Put, ttl time.Duration) (uint64, error)
}

// Outbox keeps messages on the node's own disk while the log is out of reach.
type Outbox interface {
	// Put returns once the message is fsynced. The same id twice is kept once while
	// it is held. [ErrFull]: there is no room.
	Put(ctx context.Context, m Message) error
	// After returns at most limit messages that were put after the one numbered
	// seq, oldest first; none is not an error. Stored.Seq numbers them.
	After(ctx context.Context, seq uint64, limit int) ([]Stored, error)
	// Trim forgets every message up to seq.
	Trim(ctx context.Context, seq uint64) error
	// Fill tells what is held.
	Fill(ctx context.Context) (Fill, error)
}

// Fill is what an outbox holds.
type Fill struct {
	Messages uint64
	Bytes    uint64
	Max      uint64    // bytes it may hold
	Oldest   time.Time // when the oldest was put, zero if there is none
}
