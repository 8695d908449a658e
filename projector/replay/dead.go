package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/llm-hub/llm-hub/events"
)

// ErrNoDeadLetter: none of the dead letters asked for exists.
var ErrNoDeadLetter = errors.New("no such dead letter")

// deadPage is how many dead letters are read at once.
const deadPage = 256

// DeadLetters reads what could not be applied back.
type DeadLetters interface {
	// DeadLetters returns at most limit of them from sequence from on, in order.
	DeadLetters(ctx context.Context, from uint64, limit int) ([]events.DeadLetter, error)
}

// Selection chooses dead letters by their own sequences, both ends included; the
// zero Selection is all of them.
type Selection struct {
	From uint64 // 0 is the first
	To   uint64 // 0 is the last
}

// String is for messages to people.
func (s Selection) String() string {
	switch from := max(s.From, 1); s.To {
	case 0:
		return fmt.Sprintf("dead letters from %d on", from)
	case from:
		return fmt.Sprintf("dead letter %d", from)
	default:
		return fmt.Sprintf("dead letters %d to %d", from, s.To)
	}
}

// Dead hands over the dead letters of a selection, in order. It fails with
// [ErrNoDeadLetter] if the selection names sequences and there is none of them.
func Dead(ctx context.Context, log DeadLetters, s Selection, emit func(events.DeadLetter) error) error {
	if s.To > 0 && s.From > s.To {
		return fmt.Errorf("%s: the first is after the last", s)
	}
	found := false
	for from := max(s.From, 1); s.To == 0 || from <= s.To; {
		page, err := log.DeadLetters(ctx, from, deadPage)
		if err != nil {
			return fmt.Errorf("dead letters from %d: %w", from, err)
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			if s.To > 0 && d.Seq > s.To {
				break
			}
			found = true
			if err := emit(d); err != nil {
				return err
			}
		}
		from = page[len(page)-1].Seq + 1
	}
	if !found && s != (Selection{}) {
		return fmt.Errorf("%s: %w", s, ErrNoDeadLetter)
	}
	return nil
}

// By is who applies dead letters again.
type By struct {
	Node  events.NodeID
	Epoch events.Epoch // whose ids the new events get: one epoch applies a dead letter once
	At    time.Time
}

// Reapply is the event that applies a dead letter again. It has to be published to
// the partition that the dead letter is of; it counts once, however often it is
// published. The error says why a dead letter can never be applied again.
func Reapply(d events.DeadLetter, by By) (events.Event, error) {
	body, err := reapplied(d)
	if err != nil {
		return events.Event{}, fmt.Errorf("dead letter %d (%s): %w", d.Seq, d.ID, err)
	}
	h := events.Head{At: by.At, Node: by.Node, Epoch: by.Epoch, Tenant: events.NoTenant, N: int(d.Seq)}
	e, err := events.New(h, body)
	if err != nil {
		return events.Event{}, fmt.Errorf("dead letter %d (%s): its event of %d bytes is too large to be wrapped: %w", d.Seq, d.ID, len(d.Raw), err)
	}
	return e, nil
}

func reapplied(d events.DeadLetter) (b events.DeadReapplied, err error) {
	if b.Seq, b.Index, err = place(d.ID); err != nil {
		return b, err
	}
	raw := bytes.TrimSuffix(d.Raw, []byte{'\n'})
	switch {
	case d.Partition >= events.Partitions:
		return b, fmt.Errorf("there is no partition %s", d.Partition)
	case len(bytes.TrimSpace(raw)) == 0:
		return b, errors.New("its bytes are not known")
	case bytes.IndexByte(raw, '\n') >= 0:
		return b, errors.New("it is a whole message that could not be split, not an event")
	case !utf8.Valid(raw):
		return b, errors.New("it is not text")
	}
	b.Raw = string(raw)
	return b, nil
}

// place reads a dead letter's id, `<seq>.<index>`.
func place(id string) (seq uint64, index int, err error) {
	s, i, _ := strings.Cut(id, ".")
	seq, err = strconv.ParseUint(s, 10, 64)
	if err == nil {
		index, err = strconv.Atoi(i)
	}
	known := err == nil && seq > 0 && index >= 0 && index < events.MaxMessageEvents
	if !known || fmt.Sprintf("%d.%d", seq, index) != id { // one place has one text
		return 0, 0, fmt.Errorf("id %q is not a place in the log, `<sequence>.<index>`", id)
	}
	return seq, index, nil
}
