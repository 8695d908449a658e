package memlog

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// RaiseAlert keeps e unless the log holds an alert of that id; raised says which.
func (l *Log) RaiseAlert(ctx context.Context, id string, e events.Event) (raised bool, err error) {
	line, err := e.Encode()
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return false, err
	}
	if l.alertIDs[id] {
		return false, nil
	}
	l.alertIDs[id] = true
	l.alerts = append(l.alerts, events.Stored{
		Message: events.Message{Count: 1, Data: append(append([]byte{}, line...), '\n')},
		Seq:     uint64(len(l.alerts)) + 1, Time: time.Now().UTC(),
	})
	l.notify()
	return true, nil
}

// Alerts returns at most limit alerts from sequence from on, in order: messages
// of one event, without an id.
func (l *Log) Alerts(ctx context.Context, from uint64, limit int) ([]events.Stored, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return page(l.alerts, from, limit), l.usable(ctx)
}

// FollowAlerts reads alerts from sequence from on, and goes on with those to come.
func (l *Log) FollowAlerts(ctx context.Context, from uint64) (events.Cursor, error) {
	return l.read(ctx, events.Range{From: max(from, 1)}, l.alertsFrom)
}

// alertsFrom is [Log.from] of the alerts.
func (l *Log) alertsFrom(seq uint64) ([]events.Stored, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, events.ErrClosed
	}
	return page(l.alerts, seq, cursorBuffer), l.changed, nil
}
