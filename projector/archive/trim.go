package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// trim lets go of what is archived and neither needed nor young.
func (r *round) trim(ctx context.Context) error {
	if r.Retention == 0 {
		r.report.Held = "no retention is set, so the log is never trimmed"
		return nil
	}
	need, err := Needed(ctx, r.Bucket)
	if err != nil {
		return err
	}
	var going []Segment
	for _, s := range r.manifest.Segments[r.manifest.find(r.info.First):] {
		if why := r.keeps(s, need); why != "" {
			r.report.Held = why
			break
		}
		going = append(going, s)
	}
	if len(going) == 0 {
		return nil
	}
	last, err := r.checkAgain(ctx, going)
	if err != nil {
		return fmt.Errorf("nothing is trimmed: %w", err)
	}
	if err := r.mark(ctx, last); err != nil {
		return err
	}
	if err := r.Trimmer.Trim(ctx, last.Seq+1); err != nil {
		return err
	}
	r.report.Trimmed = last.Seq + 1 - r.info.First
	r.info.First = last.Seq + 1
	r.note()
	r.Logger.Info("log trimmed", "to", last.Seq, "messages", r.report.Trimmed)
	return nil
}

// keeps says why a segment stays in the stream; empty: it may go.
func (r *round) keeps(s Segment, need Need) string {
	switch young := s.End.Add(r.Retention); {
	case s.Last >= r.info.Last:
		return "the last message of a log always stays" // by it readers and guards know where they are
	case s.Last >= need.Seq:
		return fmt.Sprintf("%s may read again from sequence %d on", need.By, need.Seq)
	case young.After(r.Now()):
		return fmt.Sprintf("sequence %d is to be kept until %s", s.Last, young.UTC().Format(time.RFC3339))
	}
	return ""
}

// checkAgain reads the segments that are about to go from the stream, compares their
// ends with it, and gives the last message.
func (r *round) checkAgain(ctx context.Context, going []Segment) (last events.Stored, err error) {
	for _, s := range going {
		messages, err := r.Archive.messages(ctx, r.info.Created, s)
		if err != nil {
			return last, err
		}
		last = whole(messages[len(messages)-1])
		if err := r.same(ctx, s); err != nil {
			return last, err
		}
		r.progress(Progress{"check", s.Last, going[len(going)-1].Last})
	}
	return last, nil
}

// mark writes down up to where the stream is about to be trimmed.
func (r *round) mark(ctx context.Context, last events.Stored) error {
	had, rev, err := loadMark(ctx, r.Bucket)
	if err != nil {
		return err
	}
	if had.Created.Equal(r.info.Created) && had.Seq >= last.Seq {
		return nil // another archiver was faster
	}
	value, err := json.Marshal(Mark{
		Created: r.info.Created, Seq: last.Seq, Hash: projector.Hash(last.Message), Location: r.Archive.location,
	})
	if err != nil {
		return err
	}
	_, err = r.Bucket.Commit(ctx, []events.Put{{Key: events.ArchiveKey, Value: value, Rev: rev}})
	return err
}
