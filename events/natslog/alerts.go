package natslog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// alertSubject names an alert: ids are free text, subjects are not.
func alertSubject(id string) string {
	sum := sha256.Sum256([]byte(id))
	return events.AlertPrefix + hex.EncodeToString(sum[:16])
}

// RaiseAlert keeps e unless the log holds an alert of that id, for as long as it
// holds it; raised says which. After [events.ErrUnavailable] it may be kept, and
// raised is false when it is repeated.
func (l *Log) RaiseAlert(ctx context.Context, id string, e events.Event) (raised bool, err error) {
	line, err := e.Encode()
	if err != nil {
		return false, err
	}
	_, err = l.publish(ctx, &nats.Msg{
		Subject: alertSubject(id),
		Header: nats.Header{
			jetstream.ExpectedLastSubjSeqHeader: {"0"},
			countHeader:                         {"1"},
		},
		Data: append(append([]byte{}, line...), '\n'),
	})
	if err != nil {
		err = l.failed("raise alert "+id, err)
	}
	if errors.Is(err, events.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// Alerts returns at most limit alerts from sequence from on, in order: messages
// of one event, without an id.
func (l *Log) Alerts(ctx context.Context, from uint64, limit int) ([]events.Stored, error) {
	var out []events.Stored
	err := l.scan(ctx, scanRange{events.AlertStream, events.AlertPattern, from, limit}, func(m rawMessage) {
		out = append(out, stored(m, idHeader))
	})
	return out, err
}

// FollowAlerts reads alerts from sequence from on, and goes on with those to come.
// Those that the bound of the stream took away are passed over.
func (l *Log) FollowAlerts(ctx context.Context, from uint64) (events.Cursor, error) {
	if _, err := l.describe(ctx, l.alerts); err != nil {
		return nil, err
	}
	c, f := l.newCursor(ctx, l.alerts, events.Range{From: max(from, 1)})
	go c.run(f)
	return c, nil
}
