package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// Segment says what an object of the archive holds.
type Segment struct {
	Name       string             `json:"name"`  // of the object
	First      uint64             `json:"first"` // sequence
	Last       uint64             `json:"last"`  // sequence
	Begin      time.Time          `json:"begin"` // log time of the first message
	End        time.Time          `json:"end"`   // log time of the last message
	Events     uint64             `json:"events"`
	Bytes      int64              `json:"bytes"`      // of the content
	Stored     int64              `json:"stored"`     // of the object, compressed
	Partitions []events.Partition `json:"partitions"` // that have messages in it
	Hash       string             `json:"hash"`       // SHA-256 of the content, in hex
	Previous   string             `json:"previous"`   // Hash of the segment before; of the first, empty
	Tail       string             `json:"tail"`       // of the last message, see [projector.Hash]
}

// Messages is how many messages the segment holds.
func (s Segment) Messages() uint64 { return s.Last - s.First + 1 }

// String names the segment for people.
func (s Segment) String() string {
	return fmt.Sprintf("segment %s (sequences %d to %d)", s.Name, s.First, s.Last)
}

// SegmentError says that a segment is not what the manifest says.
type SegmentError struct {
	Segment Segment
	Seq     uint64 // the first sequence that cannot be read as it was, as far as that can be told
	Reason  string
}

// Error names segment, sequence and reason.
func (e *SegmentError) Error() string {
	return fmt.Sprintf("%s: %s; from sequence %d on", e.Segment, e.Reason, e.Seq)
}

const segmentFormat = "llm-hub log segment"

// header is the first line of a segment's content.
type header struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Stream   string    `json:"stream"`
	Created  time.Time `json:"created"` // of the stream
	First    uint64    `json:"first"`
	Previous string    `json:"previous"`
	Frame    string    `json:"frame"` // what the line before each message says
}

// version is that of all formats of this package.
const version = 1

func headerOf(created time.Time, first uint64, previous string) header {
	return header{
		Format: segmentFormat, Version: version, Stream: events.TrafficStream, Created: created.UTC(), First: first, Previous: previous,
		Frame: "sequence time_ns partition events bytes id",
	}
}

// noID stands for the id of a message that no publisher of ours wrote.
const noID = "-"

// packer makes a segment of messages that follow each other.
type packer struct {
	created time.Time // of the stream
	seg     Segment
	in      [events.Partitions]bool
	content bytes.Buffer
	last    events.Message
}

func newPacker(created time.Time, first uint64, previous string) (*packer, error) {
	p := &packer{created: created, seg: Segment{First: first, Last: first - 1, Previous: previous}}
	line, err := json.Marshal(headerOf(created, first, previous))
	p.content.Write(append(line, '\n'))
	return p, err
}

// size is how many bytes of content there are.
func (p *packer) size() int64 { return int64(p.content.Len()) }

// add takes the next message.
func (p *packer) add(m events.Stored) error {
	if m.Seq != p.seg.Last+1 {
		return fmt.Errorf("sequence %d follows %d", m.Seq, p.seg.Last)
	}
	if m.Seq == p.seg.First {
		p.seg.Begin = m.Time.UTC()
	}
	p.seg.Last, p.seg.End, p.last = m.Seq, m.Time.UTC(), m.Message
	p.seg.Events += uint64(m.Count)
	p.in[m.ID.Partition] = true
	p.content.Write(appendFrame(p.content.AvailableBuffer(), m))
	p.content.Write(m.Data)
	return nil
}

func appendFrame(b []byte, m events.Stored) []byte {
	b = strconv.AppendUint(b, m.Seq, 10)
	b = strconv.AppendInt(append(b, ' '), m.Time.UnixNano(), 10)
	b = append(append(b, ' '), m.ID.Partition.String()...)
	b = strconv.AppendInt(append(b, ' '), int64(m.Count), 10)
	b = strconv.AppendInt(append(b, ' '), int64(len(m.Data)), 10)
	id := noID
	if m.ID.Node != "" {
		id = m.ID.String()
	}
	return append(append(append(b, ' '), id...), '\n')
}

// finish gives the segment and its object.
func (p *packer) finish() (Segment, []byte, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Segment{}, nil, err
	}
	defer func() { _ = zip.Close() }() // it writes to nobody
	object := zip.EncodeAll(p.content.Bytes(), nil)
	sum := sha256.Sum256(p.content.Bytes())
	for i, in := range p.in {
		if in {
			p.seg.Partitions = append(p.seg.Partitions, events.Partition(i))
		}
	}
	p.seg.Hash, p.seg.Bytes, p.seg.Stored = hex.EncodeToString(sum[:]), p.size(), int64(len(object))
	p.seg.Tail = projector.Hash(p.last)
	p.seg.Name = segmentName(p.created, p.seg)
	return p.seg, object, nil
}
