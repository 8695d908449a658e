package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/objectstore"
)

// keepFor is how long the segment that was read last is kept in memory, for who
// looks up one message after the other.
const keepFor = 30 * time.Second

// Archive is a place for segments. All its methods may be called at once.
type Archive struct {
	store    objectstore.Store
	location string // for people

	mu       sync.Mutex
	manifest *Manifest // as it was loaded last, nil before
	kept     *keeping
}

// keeping is a segment in memory.
type keeping struct {
	name     string
	messages []events.Stored
}

// New makes an archive of a store; nothing is asked of it yet. location is its name
// for people.
func New(store objectstore.Store, location string) *Archive {
	return &Archive{store: store, location: location}
}

// Location is where the archive is.
func (a *Archive) Location() string { return a.location }

// Manifest lists what is archived of the stream that was created then, at this moment.
func (a *Archive) Manifest(ctx context.Context, created time.Time) (*Manifest, error) {
	m, err := load(ctx, a.store, created)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", a.location, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.manifest == nil || !a.manifest.Created.Equal(created) || a.manifest.Last() <= m.Last() {
		a.manifest = m
	}
	return m, nil
}

// reaching gives a manifest that reaches to seq, if there is one: that in memory, or
// the one in force.
func (a *Archive) reaching(ctx context.Context, created time.Time, seq uint64) (*Manifest, error) {
	a.mu.Lock()
	m := a.manifest
	a.mu.Unlock()
	if m != nil && m.Created.Equal(created) && m.Last() >= seq {
		return m, nil
	}
	return a.Manifest(ctx, created)
}

// messages reads a segment: all of it, or a [*SegmentError], or the store is out of reach.
func (a *Archive) messages(ctx context.Context, created time.Time, s Segment) ([]events.Stored, error) {
	object, err := fetch(ctx, a.store, s.Name)
	if errors.Is(err, objectstore.ErrNotFound) {
		err = &SegmentError{Segment: s, Seq: s.First, Reason: "missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", a.location, err)
	}
	messages, err := unpack(object, s, created)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", a.location, err)
	}
	return messages, nil
}

// at finds one message, or [events.ErrNoMessage].
func (a *Archive) at(ctx context.Context, created time.Time, seq uint64) (events.Stored, error) {
	m, err := a.reaching(ctx, created, seq)
	if err != nil {
		return events.Stored{}, err
	}
	i := m.find(seq)
	if seq == 0 || i == len(m.Segments) {
		return events.Stored{}, fmt.Errorf("archive %s: sequence %d: %w", a.location, seq, events.ErrNoMessage)
	}
	messages, err := a.keep(ctx, created, m.Segments[i])
	if err != nil {
		return events.Stored{}, err
	}
	return whole(messages[seq-m.Segments[i].First]), nil
}

// hashAt is [projector.Hash] of a message, empty if m does not reach that far. Of a
// segment's last message the manifest knows it.
func (a *Archive) hashAt(ctx context.Context, m *Manifest, seq uint64) (string, error) {
	i := m.find(seq)
	if i == len(m.Segments) {
		return "", nil
	}
	if s := m.Segments[i]; s.Last == seq {
		return s.Tail, nil
	}
	got, err := a.at(ctx, m.Created, seq)
	return projector.Hash(got.Message), err
}

// keep reads a segment, or has it still.
func (a *Archive) keep(ctx context.Context, created time.Time, s Segment) ([]events.Stored, error) {
	a.mu.Lock()
	kept := a.kept
	a.mu.Unlock()
	if kept != nil && kept.name == s.Name {
		return kept.messages, nil
	}
	messages, err := a.messages(ctx, created, s)
	if err != nil {
		return nil, err
	}
	kept = &keeping{s.Name, messages}
	a.mu.Lock()
	a.kept = kept
	a.mu.Unlock()
	time.AfterFunc(keepFor, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.kept == kept {
			a.kept = nil
		}
	})
	return messages, nil
}
