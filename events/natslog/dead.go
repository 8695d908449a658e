package natslog

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// reasonHeader says why a dead letter could not be applied.
const reasonHeader = "Hub-Reason"

// Dead keeps what could not be applied. The same id is kept once within a day.
func (l *Log) Dead(ctx context.Context, p events.Partition, id, reason string, raw []byte) error {
	msg := nats.NewMsg(events.DeadSubject(p))
	msg.Header.Set(jetstream.MsgIDHeader, id)
	msg.Header.Set(reasonHeader, events.OneLine(reason))
	msg.Data = raw
	if _, err := l.publish(ctx, msg); err != nil {
		return l.failed("dead letter "+id, err)
	}
	return nil
}

// DeadLetters returns at most limit dead letters from sequence from on, in order.
func (l *Log) DeadLetters(ctx context.Context, from uint64, limit int) ([]events.DeadLetter, error) {
	var out []events.DeadLetter
	err := l.scan(ctx, scanRange{events.DeadStream, events.DeadPattern, from, limit}, func(m rawMessage) {
		p, _ := events.ParsePartition(strings.TrimPrefix(m.Subject, events.DeadPrefix))
		out = append(out, events.DeadLetter{
			Seq: m.Seq, Time: m.Time, Partition: p,
			ID: m.header.Get(jetstream.MsgIDHeader), Reason: m.header.Get(reasonHeader), Raw: m.Data,
		})
	})
	return out, err
}
