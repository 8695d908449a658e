package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Defaults of [Config].
const (
	DefaultSegmentBytes = 32 << 20
	DefaultSegmentAge   = time.Hour
)

// Config configures an [Archiver].
type Config struct {
	Stream  events.Reader
	Trimmer events.Trimmer
	Bucket  events.Bucket // that has the folds' checkpoints
	Archive *Archive
	Logger  *slog.Logger

	// Retention is how long a message stays in the stream, by the log's clock, though it
	// is archived. 0: the stream is never trimmed.
	Retention    time.Duration
	SegmentBytes int64            // size of content from which on a segment is closed; 0 is DefaultSegmentBytes
	SegmentAge   time.Duration    // how long a message waits for its segment to be full; 0 is DefaultSegmentAge
	Now          func() time.Time // nil is time.Now
}

// Archiver extends an archive by what is new in the stream, and trims the stream. Its
// methods may be called at once, and by several processes.
type Archiver struct{ cfg Config }

// NewArchiver makes an archiver.
func NewArchiver(cfg Config) (*Archiver, error) {
	switch {
	case cfg.Stream == nil || cfg.Trimmer == nil || cfg.Bucket == nil || cfg.Archive == nil || cfg.Logger == nil:
		return nil, errors.New("archive: Stream, Trimmer, Bucket, Archive and Logger must be set")
	case cfg.Retention < 0 || cfg.SegmentAge < 0 || cfg.SegmentBytes < 0:
		return nil, errors.New("archive: Retention, SegmentAge and SegmentBytes must not be negative")
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.SegmentAge == 0 {
		cfg.SegmentAge = DefaultSegmentAge
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Archiver{cfg}, nil
}

// Report says what a run did, and how things are after it.
type Report struct {
	Segments  int    `json:"segments"` // written
	Messages  uint64 `json:"messages"` // archived
	Events    uint64 `json:"events"`
	Bytes     int64  `json:"bytes"`               // before compression
	Stored    int64  `json:"stored"`              // after it
	Trimmed   uint64 `json:"trimmed"`             // messages that went from the stream
	Archived  uint64 `json:"archived_to"`         // sequence up to which all is archived
	TrimmedTo uint64 `json:"trimmed_to"`          // sequence up to which nothing is in the stream any more
	Last      uint64 `json:"last"`                // sequence of the log
	Held      string `json:"held_back,omitempty"` // why no more was trimmed
}

// Progress is how far a run has come.
type Progress struct {
	What string `json:"what"` // archive, check, verify
	Seq  uint64 `json:"seq"`
	Last uint64 `json:"last"`
}

// Run archives what is full or old enough, or all there is, and trims. It may be
// ended anywhere. progress may be nil.
func (a *Archiver) Run(ctx context.Context, all bool, progress func(Progress)) (Report, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	r := &round{Config: a.cfg, all: all, progress: progress}
	err := r.run(ctx)
	if err != nil {
		err = fmt.Errorf("archive: %w", err)
	}
	return r.report, err
}

// round is one run.
type round struct {
	Config
	all      bool
	progress func(Progress)
	info     events.Info
	manifest *Manifest
	report   Report
}

func (r *round) run(ctx context.Context) (err error) {
	if r.info, err = r.Stream.Info(ctx); err != nil {
		return err
	}
	if r.manifest, err = r.Archive.Manifest(ctx, r.info.Created); err != nil {
		return err
	}
	r.note()
	if err := r.fits(ctx); err != nil {
		return err
	}
	if err := r.extend(ctx); err != nil {
		return err
	}
	return r.trim(ctx)
}

func (r *round) note() {
	r.report.Archived, r.report.TrimmedTo, r.report.Last = r.manifest.Last(), r.info.First-1, r.info.Last
}

// fits checks that the archive is the beginning of this very stream.
func (r *round) fits(ctx context.Context) error {
	l := NewLog(r.Stream, r.Bucket, r.Archive)
	if _, err := l.Begins(ctx, r.info); err != nil {
		return err
	}
	last := r.manifest.Last()
	switch {
	case last > r.info.Last:
		return fmt.Errorf("the log ends at sequence %d, the archive %s at %d: the log has lost its end", r.info.Last, r.Archive.location, last)
	case last < r.info.First:
		return nil // the stream holds nothing that is archived
	}
	return r.same(ctx, r.manifest.Segments[len(r.manifest.Segments)-1])
}

// same checks that the stream has the message that a segment ends with.
func (r *round) same(ctx context.Context, s Segment) error {
	stored, err := r.Stream.At(ctx, s.Last)
	if err != nil {
		return err
	}
	if projector.Hash(stored.Message) != s.Tail {
		return fmt.Errorf("the message at sequence %d of the log is not the one in the archive %s: one of them was changed", s.Last, r.Archive.location)
	}
	return nil
}

// extend archives what comes after the archive's end.
func (r *round) extend(ctx context.Context) error {
	from := r.manifest.Last() + 1
	if due, err := r.due(ctx, from); err != nil || !due {
		return err
	}
	cursor, err := r.Stream.Read(ctx, events.Range{From: from, To: r.info.Last})
	if err != nil {
		return err
	}
	defer cursor.Close()
	var p *packer
	for m := range cursor.C() {
		if p == nil {
			if p, err = newPacker(r.info.Created, m.Seq, r.manifest.head()); err != nil {
				return err
			}
		}
		if err := p.add(m); err != nil {
			return err
		}
		if p.size() < r.SegmentBytes {
			continue
		}
		if err := r.store(ctx, p); err != nil {
			return err
		}
		p = nil
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	if p != nil && (r.all || r.Now().Sub(p.seg.Begin) >= r.SegmentAge) {
		return r.store(ctx, p)
	}
	return nil
}

// due tells whether there is anything from a sequence on to be archived now.
func (r *round) due(ctx context.Context, from uint64) (bool, error) {
	switch {
	case from > r.info.Last:
		return false, nil
	case r.all:
		return true, nil
	}
	fresh, all := float64(r.info.Last-from+1), float64(r.info.Last-r.info.First+1)
	if float64(r.info.Bytes)*fresh/all >= float64(r.SegmentBytes) { // about a segment
		return true, nil
	}
	oldest, err := r.Stream.At(ctx, from)
	return err == nil && r.Now().Sub(oldest.Time) >= r.SegmentAge, err
}

// store puts a segment into the archive: the object, the object read back, the manifest.
func (r *round) store(ctx context.Context, p *packer) error {
	if first := r.manifest.Last() + 1; p.seg.First != first {
		return fmt.Errorf("messages %d to %d are gone from the log and were not archived", first, p.seg.First-1)
	}
	seg, object, err := p.finish()
	if err != nil {
		return err
	}
	if err := r.Archive.store.Put(ctx, seg.Name, bytes.NewReader(object)); err != nil {
		return err
	}
	if _, err := r.Archive.messages(ctx, r.info.Created, seg); err != nil {
		return fmt.Errorf("what was just written cannot be read back: %w", err)
	}
	next := r.manifest.with(seg)
	if err := save(ctx, r.Archive.store, next); err != nil {
		return err
	}
	r.manifest = next
	r.report.Segments++
	r.report.Messages += seg.Messages()
	r.report.Events += seg.Events
	r.report.Bytes += seg.Bytes
	r.report.Stored += seg.Stored
	r.note()
	r.progress(Progress{"archive", seg.Last, r.info.Last})
	return nil
}
