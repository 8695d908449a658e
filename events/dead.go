package events

import (
	"strings"
	"time"
)

// DeadLetter is what could not be decoded or applied, kept beside the log for a
// person to look at. The log itself still holds it.
type DeadLetter struct {
	Seq       uint64 // in the stream of dead letters, from 1
	Time      time.Time
	Partition Partition
	ID        string // names the place it came from; the same id is kept once
	Reason    string
	Raw       []byte
}

// OneLine is s with every run of white space made one space: logs keep reasons
// in headers, which are lines.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
