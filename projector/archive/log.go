package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Log is the whole log: what is archived of it, then its stream. What the stream
// holds is read from the stream, so who needs nothing else never waits for the archive.
type Log struct {
	events.Reader // the stream
	bucket        events.Bucket
	archive       *Archive
}

// NewLog makes the log of a stream, the bucket that has the archiver's mark, and an
// archive; nil for none.
func NewLog(stream events.Reader, bucket events.Bucket, a *Archive) *Log {
	return &Log{Reader: stream, bucket: bucket, archive: a}
}

// Begins implements [projector.Archived].
func (l *Log) Begins(ctx context.Context, info events.Info) (uint64, error) {
	if info.First <= 1 {
		return 1, nil
	}
	if l.archive == nil {
		return 0, &projector.LostError{Reason: fmt.Sprintf("the log begins at sequence %d, and no archive is named that holds what came before", info.First)}
	}
	mark, err := l.mark(ctx, info.Created)
	if err != nil {
		return 0, err
	}
	m, err := l.archive.reaching(ctx, info.Created, max(info.First-1, mark.Seq))
	if err != nil {
		return 0, err
	}
	if err := l.missing(m, info); err != nil {
		return 0, err
	}
	return 1, l.marked(ctx, m, mark)
}

// mark reads up to where the stream that was created then was trimmed. The mark comes
// before the manifest: so one that another archiver writes meanwhile is not missed in it.
func (l *Log) mark(ctx context.Context, created time.Time) (Mark, error) {
	mark, _, err := loadMark(ctx, l.bucket)
	if err != nil || !mark.Created.Equal(created) { // of another log
		return Mark{}, err
	}
	return mark, nil
}

// missing says what is in neither archive nor stream; nil: nothing.
func (l *Log) missing(m *Manifest, info events.Info) error {
	where := "ends at sequence " + fmt.Sprint(m.Last())
	if m.Last() == 0 {
		where = "holds nothing of this log"
	}
	if m.Last()+1 >= info.First {
		return nil
	}
	return &projector.LostError{Reason: fmt.Sprintf("the log begins at sequence %d and the archive %s %s: sequences %d to %d are lost",
		info.First, l.archive.location, where, m.Last()+1, info.First-1)}
}

// marked checks that the archive holds the message up to which the stream was trimmed.
func (l *Log) marked(ctx context.Context, m *Manifest, mark Mark) error {
	if mark.Seq == 0 {
		return nil // none, because the bucket was made anew
	}
	hash, err := l.archive.hashAt(ctx, m, mark.Seq)
	if err != nil {
		return err
	}
	if hash != mark.Hash {
		return &projector.LostError{Reason: fmt.Sprintf(
			"the archive %s does not hold the message of sequence %d up to which the log was trimmed for the archive %s: it is another one, or it was changed",
			l.archive.location, mark.Seq, mark.Location)}
	}
	return nil
}

// At implements [events.Reader].
func (l *Log) At(ctx context.Context, seq uint64) (events.Stored, error) {
	m, err := l.Reader.At(ctx, seq)
	if l.archive == nil || !errors.Is(err, events.ErrNoMessage) {
		return m, err
	}
	info, infoErr := l.Info(ctx)
	switch {
	case infoErr != nil:
		return m, infoErr
	case seq >= info.First:
		return m, err
	}
	return l.archive.at(ctx, info.Created, seq)
}

// Read implements [events.Reader].
func (l *Log) Read(ctx context.Context, r events.Range) (events.Cursor, error) {
	info, err := l.Info(ctx)
	if err != nil {
		return nil, err
	}
	r.From = max(r.From, 1)
	empty := r.To > 0 && r.To < r.From
	follows := r.To == 0 && r.From >= info.First // nobody trims what is not folded
	if l.archive == nil || empty || follows {
		return l.Reader.Read(ctx, r)
	}
	return newCursor(ctx, l, r), nil
}

// whole is m with data of its own.
func whole(m events.Stored) events.Stored {
	m.Data = bytes.Clone(m.Data)
	return m
}
