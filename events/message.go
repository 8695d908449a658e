package events

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of a packed message.
const (
	MaxMessageEvents = 256
	MaxMessageBytes  = 256 << 10
)

// MessageID is `<node>.<epoch>.<partition>.<counter>`: it names the bytes of one
// message for ever.
type MessageID struct {
	Node      NodeID
	Epoch     Epoch
	Partition Partition
	Counter   uint64 // from 1, rising by exactly 1 per (epoch, partition)
}

// String gives the text form.
func (id MessageID) String() string {
	return string(id.Node) + "." + string(id.Epoch) + "." + id.Partition.String() + "." + strconv.FormatUint(id.Counter, 10)
}

// ParseMessageID is the inverse of [MessageID.String].
func ParseMessageID(s string) (MessageID, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 || parts[0] == "" || parts[1] == "" {
		return MessageID{}, fmt.Errorf("message id %q: not <node>.<epoch>.<partition>.<counter>", s)
	}
	p, err := ParsePartition(parts[2])
	if err != nil {
		return MessageID{}, fmt.Errorf("message id %q: %w", s, err)
	}
	n, err := strconv.ParseUint(parts[3], 10, 64)
	if err != nil || parts[3][0] < '1' || parts[3][0] > '9' { // one id has one text
		return MessageID{}, fmt.Errorf("message id %q: bad counter", s)
	}
	return MessageID{Node: NodeID(parts[0]), Epoch: Epoch(parts[1]), Partition: p, Counter: n}, nil
}

// Message is 1 to [MaxMessageEvents] events of one partition, packed.
type Message struct {
	ID    MessageID
	Count int
	Data  []byte // one JSON event a line, each line ended by a newline
}

// Stored is a message as the log holds it.
type Stored struct {
	Message
	Seq  uint64    // sequence in the stream, from 1
	Time time.Time // the log's clock at the append; for lag and skew only
}

// Ack is the log's word that a message is kept.
type Ack struct {
	Seq       uint64
	Duplicate bool // the log already held a message of this id; Seq is the first one's
}

// Lines splits a packed message into its events' lines, without decoding them.
func (m Message) Lines() ([][]byte, error) {
	data := bytes.TrimSuffix(m.Data, []byte{'\n'})
	if len(data) == 0 {
		return nil, fmt.Errorf("message %s: empty", m.ID)
	}
	lines := bytes.Split(data, []byte{'\n'})
	if len(lines) != m.Count {
		return nil, fmt.Errorf("message %s: %d events, its header says %d", m.ID, len(lines), m.Count)
	}
	return lines, nil
}

// Errors a log returns; callers branch on them.
var (
	// ErrConflict: a revision was not the expected one; nothing was written.
	ErrConflict = errors.New("revision conflict")
	// ErrClosed: the log or cursor was closed.
	ErrClosed = errors.New("log closed")
	// ErrNoMessage: the log holds no message at that sequence.
	ErrNoMessage = errors.New("no message at that sequence")
	// ErrUnavailable: the log did not answer; whether it did what was asked is unknown.
	ErrUnavailable = errors.New("log unavailable")
	// ErrFull: the log refuses new messages because it has no space left.
	ErrFull = errors.New("log full")
)
