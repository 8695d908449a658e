package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
)

// maxFrame is the longest line before a message.
const maxFrame = 512

// unpack gives the messages of a segment's object, all of them or a [*SegmentError].
// Their data is part of one piece of memory.
func unpack(object []byte, seg Segment, created time.Time) ([]events.Stored, error) {
	content, broken := inflate(object, seg.Bytes)
	messages, rest := parse(content, seg, created)
	fail := func(reason string) ([]events.Stored, error) {
		at := seg.First + uint64(len(messages))
		return nil, &SegmentError{Segment: seg, Seq: min(at, seg.Last), Reason: reason}
	}
	sum := sha256.Sum256(content)
	switch {
	case broken != nil:
		return fail("cut short or changed: " + broken.Error())
	case rest != nil && int64(len(content)) < seg.Bytes:
		return fail("cut short or changed: " + rest.Error())
	case rest != nil:
		return fail("changed: " + rest.Error())
	case hex.EncodeToString(sum[:]) != seg.Hash:
		messages = nil // whose bytes are not what they were cannot be told
		return fail("changed: its hash is " + hex.EncodeToString(sum[:]) + ", the manifest says " + seg.Hash)
	case uint64(len(messages)) != seg.Messages():
		return fail(fmt.Sprintf("changed: %d messages, the manifest says %d", len(messages), seg.Messages()))
	}
	if err := seg.describes(messages); err != nil {
		return fail(err.Error())
	}
	return messages, nil
}

// describes checks what the manifest says of messages whose bytes are right.
func (s Segment) describes(messages []events.Stored) error {
	first, last := messages[0], messages[len(messages)-1]
	count, in := uint64(0), [events.Partitions]bool{}
	for _, m := range messages {
		count += uint64(m.Count)
		in[m.ID.Partition] = true
	}
	for i, has := range in {
		if has != slices.Contains(s.Partitions, events.Partition(i)) {
			return fmt.Errorf("the manifest is wrong about its partition %s", events.Partition(i))
		}
	}
	if !first.Time.Equal(s.Begin) || !last.Time.Equal(s.End) || count != s.Events || projector.Hash(last.Message) != s.Tail {
		return errors.New("the manifest is wrong about its times, events or last message")
	}
	return nil
}

// inflate decompresses up to size bytes. With an error it gives what could be read.
func inflate(object []byte, size int64) ([]byte, error) {
	const slack = 1 << 20 // the decoder thinks in windows
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(size, 0)+slack)), zstd.WithDecodeAllCapLimit(false))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(object, nil)
}

// parse reads messages up to the first that is not as it must be, and says why.
func parse(content []byte, seg Segment, created time.Time) (out []events.Stored, err error) {
	content, err = parseHeader(content, seg, created)
	if err != nil {
		return nil, err
	}
	for seq := seg.First; len(content) > 0; seq++ {
		var m events.Stored
		if m, content, err = parseFrame(content); err != nil {
			return out, err
		}
		if m.Seq != seq {
			return out, fmt.Errorf("sequence %d where %d belongs", m.Seq, seq)
		}
		out = append(out, m)
	}
	return out, nil
}

func parseHeader(content []byte, seg Segment, created time.Time) (rest []byte, err error) {
	line, rest, ok := bytes.Cut(content, []byte{'\n'})
	if !ok {
		return nil, errors.New("it has no header")
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Format != segmentFormat {
		return nil, errors.New("its header is not that of a segment")
	}
	switch want := headerOf(created, seg.First, seg.Previous); {
	case h.Version > version:
		return nil, fmt.Errorf("its format is version %d, this software knows %d", h.Version, version)
	case h.Stream != want.Stream || !h.Created.Equal(want.Created) || h.First != want.First:
		return nil, fmt.Errorf("its header is of sequence %d of stream %s of %s", h.First, h.Stream, h.Created)
	case h.Previous != want.Previous:
		return nil, fmt.Errorf("it follows segment %s, not %s", h.Previous, want.Previous)
	}
	return rest, nil
}

// errFrame: what should say what the next message is does not.
var errFrame = errors.New("what should be the line before a message is none")

// parseFrame reads one message and gives what follows it.
func parseFrame(content []byte) (m events.Stored, rest []byte, err error) {
	end := bytes.IndexByte(content[:min(len(content), maxFrame)], '\n')
	if end < 0 {
		return m, nil, errFrame
	}
	fields := strings.Split(string(content[:end]), " ")
	if len(fields) != 6 {
		return m, nil, errFrame
	}
	seq, err1 := strconv.ParseUint(fields[0], 10, 64)
	ns, err2 := strconv.ParseInt(fields[1], 10, 64)
	p, err3 := events.ParsePartition(fields[2])
	count, err4 := strconv.Atoi(fields[3])
	size, err5 := strconv.Atoi(fields[4])
	if errors.Join(err1, err2, err3, err4, err5) != nil || size < 0 {
		return m, nil, errFrame
	}
	m.ID.Partition = p
	if fields[5] != noID {
		if m.ID, err = events.ParseMessageID(fields[5]); err != nil || m.ID.Partition != p {
			return m, nil, errFrame
		}
	}
	content = content[end+1:]
	if len(content) < size {
		return m, nil, fmt.Errorf("message %d ends after %d of %d bytes", seq, len(content), size)
	}
	m.Seq, m.Time, m.Count, m.Data = seq, time.Unix(0, ns).UTC(), count, content[:size:size]
	return m, content[size:], nil
}
