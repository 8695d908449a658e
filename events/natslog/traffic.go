package natslog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// countHeader holds the number of events of a packed message.
const countHeader = "Hub-Count"

// Append implements [events.Appender].
func (l *Log) Append(ctx context.Context, m events.Message) (events.Ack, error) {
	if err := m.Check(); err != nil {
		return events.Ack{}, err
	}
	msg := &nats.Msg{
		Subject: events.TrafficSubject(m.ID.Partition),
		Header: nats.Header{
			jetstream.MsgIDHeader:          {m.ID.String()},
			jetstream.ExpectedStreamHeader: {events.TrafficStream},
			countHeader:                    {strconv.Itoa(m.Count)},
		},
		Data: m.Data,
	}
	ack, err := l.publish(ctx, msg)
	if err != nil {
		return events.Ack{}, l.failed("append "+m.ID.String(), err)
	}
	return events.Ack{Seq: ack.Sequence, Duplicate: ack.Duplicate}, nil
}

// Info implements [events.Reader].
func (l *Log) Info(ctx context.Context) (events.Info, error) {
	info, err := l.describe(ctx, l.traffic)
	if err != nil {
		return events.Info{}, err
	}
	return events.Info{
		Created: info.Created, First: max(info.State.FirstSeq, 1), Last: info.State.LastSeq, Bytes: info.State.Bytes,
	}, nil
}

// Space tells how many bytes the traffic stream takes and may take; limit is 0
// if it has no bound.
func (l *Log) Space(ctx context.Context) (used, limit uint64, err error) {
	info, err := l.describe(ctx, l.traffic)
	if err != nil {
		return 0, 0, err
	}
	return info.State.Bytes, uint64(max(info.Config.MaxBytes, 0)), nil
}

// Trim implements [events.Trimmer]. Every replica does it, as it takes a message.
func (l *Log) Trim(ctx context.Context, first uint64) error {
	if first <= 1 {
		return nil // a purge up to nothing would be one of everything
	}
	ctx, cancel := l.whileConnected(ctx)
	defer cancel()
	if err := l.traffic.Purge(ctx, jetstream.WithPurgeSequence(first)); err != nil {
		return l.failed(fmt.Sprintf("trim to sequence %d", first), err)
	}
	return nil
}

// At implements [events.Reader].
func (l *Log) At(ctx context.Context, seq uint64) (events.Stored, error) {
	m, err := l.leaderGet(ctx, events.TrafficStream, getRequest{Seq: seq})
	if err != nil {
		return events.Stored{}, l.failed(fmt.Sprintf("read sequence %d", seq), err)
	}
	return stored(m, jetstream.MsgIDHeader), nil
}

// stored makes the message of what a stream holds, its id in a header. A message
// that no publisher of ours wrote has a zero id but for its partition, and so
// cannot be folded.
func stored(m rawMessage, idHeader string) events.Stored {
	s := events.Stored{Seq: m.Seq, Time: m.Time}
	s.Data = m.Data
	s.Count, _ = strconv.Atoi(m.header.Get(countHeader)) // 0 does not match any data
	p, _ := events.ParsePartition(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	id, err := events.ParseMessageID(m.header.Get(idHeader))
	if err != nil || id.Partition != p {
		id = events.MessageID{Partition: p}
	}
	s.ID = id
	return s
}
