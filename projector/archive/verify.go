package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Verification is what [Log.Verify] found. It is ok if there is no problem.
type Verification struct {
	OK       bool      `json:"ok"`
	Location string    `json:"location"`
	Segments int       `json:"segments"`
	Last     uint64    `json:"last"` // sequence up to which the archive reaches; it begins at 1
	Begin    time.Time `json:"begin,omitzero"`
	End      time.Time `json:"end,omitzero"`
	Messages uint64    `json:"messages"` // read back
	Events   uint64    `json:"events"`   // read back
	Bytes    int64     `json:"bytes"`    // before compression
	Stored   int64     `json:"stored"`   // after it
	Unused   int       `json:"unused"`   // segments that the manifest does not refer to, of archivers that were interrupted
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one thing that is not as it must be.
type Problem struct {
	Segment string `json:"segment,omitempty"` // the object's name
	Seq     uint64 `json:"seq,omitempty"`     // the first sequence concerned
	Reason  string `json:"reason"`
}

// Verify reads every segment of the archive and compares the ends of those that the
// stream still holds with it. The error means that it could not be done; what is
// wrong is in the result. progress may be nil.
func (l *Log) Verify(ctx context.Context, progress func(Progress)) (Verification, error) {
	if l.archive == nil {
		return Verification{}, errors.New("verify archive: none is named")
	}
	v, err := l.verify(ctx, progress)
	if err != nil {
		return v, fmt.Errorf("verify archive: %w", err)
	}
	v.OK = len(v.Problems) == 0
	return v, nil
}

func (l *Log) verify(ctx context.Context, progress func(Progress)) (Verification, error) {
	v := Verification{Location: l.archive.location}
	info, err := l.Info(ctx)
	if err != nil {
		return v, err
	}
	m, err := l.archive.Manifest(ctx, info.Created)
	if err != nil {
		return v, err
	}
	if err := v.beginning(ctx, l, info); err != nil {
		return v, err
	}
	v.Segments, v.Last = len(m.Segments), m.Last()
	for i, s := range m.Segments {
		if i == 0 {
			v.Begin = s.Begin
		}
		v.End = s.End
		if err := v.segment(ctx, l, info, s); err != nil {
			return v, err
		}
		if progress != nil {
			progress(Progress{"verify", s.Last, m.Last()})
		}
	}
	v.Unused, err = l.archive.unused(ctx, m)
	return v, err
}

// beginning notes what is in neither stream nor archive.
func (v *Verification) beginning(ctx context.Context, l *Log, info events.Info) error {
	_, err := l.Begins(ctx, info)
	return v.note(err)
}

// segment reads one segment.
func (v *Verification) segment(ctx context.Context, l *Log, info events.Info, s Segment) error {
	messages, err := l.archive.messages(ctx, info.Created, s)
	if err != nil {
		return v.note(err)
	}
	v.Messages += uint64(len(messages))
	v.Events += s.Events
	v.Bytes += s.Bytes
	v.Stored += s.Stored
	if s.Last < info.First {
		return nil
	}
	stored, err := l.Reader.At(ctx, s.Last)
	switch {
	case errors.Is(err, events.ErrNoMessage): // trimmed meanwhile, or the log has lost its end
		if s.Last > info.Last {
			v.Problems = append(v.Problems, Problem{s.Name, info.Last + 1, fmt.Sprintf("the log ends at sequence %d", info.Last)})
		}
	case err != nil:
		return err
	case projector.Hash(stored.Message) != s.Tail:
		v.Problems = append(v.Problems, Problem{s.Name, s.Last, "the log has another message at that sequence"})
	}
	return nil
}

// note makes a problem of an error that says that something is wrong.
func (v *Verification) note(err error) error {
	var segment *SegmentError
	var lost *projector.LostError
	switch {
	case errors.As(err, &segment):
		v.Problems = append(v.Problems, Problem{segment.Segment.Name, segment.Seq, segment.Reason})
	case errors.As(err, &lost):
		v.Problems = append(v.Problems, Problem{Reason: lost.Reason})
	default:
		return err
	}
	return nil
}

// unused counts the segments that m does not refer to.
func (a *Archive) unused(ctx context.Context, m *Manifest) (int, error) {
	list, err := a.store.List(ctx, segments(m.Created))
	if err != nil {
		return 0, fmt.Errorf("segments: %w", err)
	}
	used := map[string]bool{}
	for _, s := range m.Segments {
		used[s.Name] = true
	}
	n := 0
	for _, o := range list {
		if !used[o.Name] {
			n++
		}
	}
	return n, nil
}
