package events

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Command is one message of the control stream: 1 to n events that hold
// together, chained to the message before it.
type Command struct {
	Seq  uint64 // in the control stream, from 1
	Time time.Time
	Prev string // [Command.Hash] of the message before it, empty for the first
	Data []byte // one JSON event a line, each line ended by a newline
}

// NewCommand packs events that are to be appended together. The first one names
// the subject.
func NewCommand(es ...Event) (Command, error) {
	if len(es) == 0 || len(es) > MaxMessageEvents {
		return Command{}, fmt.Errorf("command: %d events, not 1 to %d", len(es), MaxMessageEvents)
	}
	var data []byte
	for _, e := range es {
		line, err := e.Encode()
		if err != nil {
			return Command{}, fmt.Errorf("command: %w", err)
		}
		data = append(append(data, line...), '\n')
	}
	if len(data) > MaxMessageBytes {
		return Command{}, fmt.Errorf("command: %d bytes, more than %d", len(data), MaxMessageBytes)
	}
	return Command{Data: data}, nil
}

// Events decodes the command.
func (c Command) Events() ([]Event, error) {
	var es []Event
	for line := range bytes.Lines(c.Data) {
		e, err := Decode(bytes.TrimSuffix(line, []byte{'\n'}))
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", c.Seq, err)
		}
		es = append(es, e)
	}
	if len(es) == 0 {
		return nil, fmt.Errorf("command %d: empty", c.Seq)
	}
	return es, nil
}

// Hash is the SHA-256 of the command's chain and data, in hex.
func (c Command) Hash() string {
	h := sha256.New()
	h.Write([]byte(c.Prev)) // never fails
	h.Write([]byte{'\n'})
	h.Write(c.Data)
	return hex.EncodeToString(h.Sum(nil))
}
