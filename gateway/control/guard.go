package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// GuardError says that the control stream is not the one that was folded: it was
// lost, restored, replaced or tampered with. The node keeps the configuration it
// has and takes no command.
type GuardError struct{ Reason string }

// Error names the difference and the way out.
func (e *GuardError) Error() string {
	return "configuration: " + e.Reason + "; see `llm-hub verify --audit`"
}

// anchor ties a fold to its stream.
type anchor struct {
	Created time.Time `json:"created"` // of the stream
	Seq     uint64    `json:"seq"`     // of the last message folded
	Hash    string    `json:"hash"`    // of that message
}

// AnchorFile is the path of a file that remembers how far a node has folded.
type AnchorFile string

func (f AnchorFile) read() (anchor, error) {
	var a anchor
	if f == "" {
		return a, nil
	}
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", f, err)
	}
	return a, nil
}

// write replaces the file as a whole.
func (f AnchorFile) write(a anchor) error {
	if f == "" {
		return nil
	}
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(string(f)), ".control-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already when renamed
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), string(f))
}

// checkAnchor compares the stream with what this node remembers of it. p.mu is held.
func (p *Plane) checkAnchor(ctx context.Context) error {
	a, err := p.cfg.Anchor.read()
	if err != nil {
		return err
	}
	info, err := p.cfg.Stream.ControlInfo(ctx)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	p.created = info.Created
	if a == (anchor{}) {
		return nil
	}
	if err := p.compare(ctx, a); err != nil {
		return fmt.Errorf("%w (this node knows it from %s; remove that file if the log was restored on purpose)", err, p.cfg.Anchor)
	}
	return nil
}

// check compares the stream with what is folded.
func (p *Plane) check(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.guarded(); err != nil {
		return err
	}
	s := p.State()
	err := p.compare(ctx, anchor{Created: p.created, Seq: s.Seq, Hash: s.Hash})
	if _, guarded := errors.AsType[*GuardError](err); guarded {
		return p.fail(err)
	}
	if err != nil {
		return err
	}
	_, err = p.catchUp(ctx, "")
	return err
}

// guarded is the [*GuardError] that has ended the fold, or nil.
func (p *Plane) guarded() error {
	if e, ok := errors.AsType[*GuardError](p.Err()); ok {
		return e
	}
	return nil
}

// compare fails with a [*GuardError] unless the stream is the one of a.
func (p *Plane) compare(ctx context.Context, a anchor) error {
	info, err := p.cfg.Stream.ControlInfo(ctx)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	switch {
	case !a.Created.Equal(info.Created):
		return &GuardError{fmt.Sprintf("the control stream was created at %s, known is one of %s", stamp(info.Created), stamp(a.Created))}
	case info.Last < a.Seq:
		return &GuardError{fmt.Sprintf("the control stream ends at message %d, known are %d", info.Last, a.Seq)}
	case a.Seq == 0:
		return nil
	}
	at, err := p.cfg.Stream.Commands(ctx, a.Seq, 1)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(at) != 1 || at[0].Seq != a.Seq || at[0].Hash() != a.Hash {
		return &GuardError{fmt.Sprintf("control message %d is not the one that is known", a.Seq)}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
