package natslog

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

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

// publish sends msg once. The caller knows better than the client when to repeat it.
func (l *Log) publish(ctx context.Context, msg *nats.Msg) (*jetstream.PubAck, error) {
	ctx, cancel := l.whileConnected(ctx)
	defer cancel()
	return l.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
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

// describe asks the stream's leader how it is now.
func (l *Log) describe(ctx context.Context, s jetstream.Stream) (*jetstream.StreamInfo, error) {
	ctx, cancel := l.whileConnected(ctx)
	defer cancel()
	info, err := s.Info(ctx)
	if err != nil {
		return nil, l.failed("describe "+s.CachedInfo().Config.Name, err)
	}
	return info, nil
}

// At implements [events.Reader].
func (l *Log) At(ctx context.Context, seq uint64) (events.Stored, error) {
	m, err := l.leaderGet(ctx, events.TrafficStream, getRequest{Seq: seq})
	if err != nil {
		return events.Stored{}, l.failed(fmt.Sprintf("read sequence %d", seq), err)
	}
	return stored(m.Subject, m.header, m.Data, m.Seq, m.Time), nil
}

// stored makes the message of what the stream holds. A message that no publisher
// of ours wrote has a zero id but for its partition, and so cannot be folded.
func stored(subject string, h nats.Header, data []byte, seq uint64, at time.Time) events.Stored {
	s := events.Stored{Seq: seq, Time: at}
	s.Data = data
	s.Count, _ = strconv.Atoi(h.Get(countHeader)) // 0 does not match any data
	p, _ := events.ParsePartition(strings.TrimPrefix(subject, events.TrafficPrefix))
	id, err := events.ParseMessageID(h.Get(jetstream.MsgIDHeader))
	if err != nil || id.Partition != p {
		id = events.MessageID{Partition: p}
	}
	s.ID = id
	return s
}

// getRequest asks a stream's leader for one message: that of Seq, the first from
// Seq on whose subject matches NextBySubject, or the last of LastBySubject.
type getRequest struct {
	Seq           uint64 `json:"seq,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
}

// rawMessage is the leader's answer.
type rawMessage struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Headers []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
	Time    time.Time `json:"time"`
	header  nats.Header
}

// leaderGet reads one message from the stream's leader. The client's own calls
// may ask any replica, which can lag.
func (l *Log) leaderGet(ctx context.Context, stream string, r getRequest) (rawMessage, error) {
	ctx, cancel := l.whileConnected(ctx)
	defer cancel()
	body, err := json.Marshal(r)
	if err != nil {
		return rawMessage{}, err
	}
	reply, err := l.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	if err != nil {
		return rawMessage{}, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *rawMessage         `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return rawMessage{}, fmt.Errorf("answer of stream %s: %w", stream, err)
	}
	if answer.Error != nil {
		return rawMessage{}, answer.Error
	}
	if answer.Message == nil {
		return rawMessage{}, fmt.Errorf("answer of stream %s has no message", stream)
	}
	m := *answer.Message
	if m.header, err = nats.DecodeHeadersMsg(m.Headers); err != nil && len(m.Headers) > 0 {
		return rawMessage{}, fmt.Errorf("headers of sequence %d of stream %s: %w", m.Seq, stream, err)
	}
	return m, nil
}
