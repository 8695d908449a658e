package natslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// prevHeader holds the hash of the control message before.
const prevHeader = "Hub-Prev"

// AppendControl appends c to the control stream if its last sequence is after,
// else it fails with [events.ErrConflict]. It returns the new sequence.
func (l *Log) AppendControl(ctx context.Context, after uint64, c events.Command) (uint64, error) {
	es, err := c.Events()
	if err != nil {
		return 0, err
	}
	msg := nats.NewMsg(events.ControlSubject(es[0].Tenant, es[0].Kind))
	if after > 0 {
		prev, err := l.leaderGet(ctx, events.ControlStream, getRequest{Seq: after})
		if err = l.failedGet(after, err); err != nil {
			return 0, err
		}
		msg.Header.Set(prevHeader, command(prev).Hash())
	}
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(after, 10))
	msg.Data = c.Data
	ack, err := l.publish(ctx, msg)
	if err != nil {
		return 0, l.failed(fmt.Sprintf("control after %d", after), err)
	}
	return ack.Sequence, nil
}

// failedGet says why the control message that is to be the last could not be
// read; that there is none is a conflict.
func (l *Log) failedGet(seq uint64, err error) error {
	if err == nil {
		return nil
	}
	if err = l.failed(fmt.Sprintf("control message %d", seq), err); errors.Is(err, events.ErrNoMessage) {
		return fmt.Errorf("%w: %w", events.ErrConflict, err)
	}
	return err
}

// Commands returns at most limit commands from sequence from on, in order.
func (l *Log) Commands(ctx context.Context, from uint64, limit int) ([]events.Command, error) {
	var out []events.Command
	err := l.scan(ctx, scanRange{events.ControlStream, events.ControlPattern, from, limit}, func(m rawMessage) {
		out = append(out, command(m))
	})
	return out, err
}

// ControlInfo describes the control stream.
func (l *Log) ControlInfo(ctx context.Context) (events.Info, error) {
	info, err := l.describe(ctx, l.control)
	if err != nil {
		return events.Info{}, err
	}
	return events.Info{
		Created: info.Created, First: max(info.State.FirstSeq, 1), Last: info.State.LastSeq, Bytes: info.State.Bytes,
	}, nil
}

// FollowControl tells of every command from sequence from on, and of those to
// come: messages with a sequence and data, without an id.
func (l *Log) FollowControl(ctx context.Context, from uint64) (events.Cursor, error) {
	if _, err := l.describe(ctx, l.control); err != nil {
		return nil, err
	}
	c, f := l.newCursor(ctx, l.control, events.Range{From: max(from, 1)})
	go c.run(f)
	return c, nil
}

func command(m rawMessage) events.Command {
	return events.Command{Seq: m.Seq, Time: m.Time, Prev: m.header.Get(prevHeader), Data: m.Data}
}

// checkCreated reads what the log was made for, or writes it to a new one.
func (l *Log) checkCreated(ctx context.Context) error {
	for {
		err := l.checkCreatedOnce(ctx)
		if !errors.Is(err, events.ErrUnavailable) {
			return err
		}
		select { // a stream of a cluster that was made just now has no leader yet
		case <-time.After(declarePause):
		case <-ctx.Done():
			return err
		}
	}
}

func (l *Log) checkCreatedOnce(ctx context.Context) error {
	first, err := l.Commands(ctx, 1, 1)
	if err == nil && len(first) == 0 {
		if err = l.create(ctx); err == nil {
			first, err = l.Commands(ctx, 1, 1)
		}
	}
	if err != nil {
		return err
	}
	if len(first) == 0 || first[0].Seq != 1 {
		return fmt.Errorf("stream %s does not begin with its first message", events.ControlStream)
	}
	es, err := first[0].Events()
	if err != nil {
		return fmt.Errorf("stream %s: %w", events.ControlStream, err)
	}
	created, err := events.As[events.HubCreated](es[0])
	if err != nil {
		return fmt.Errorf("stream %s: %w", events.ControlStream, err)
	}
	if created.Partitions != events.Partitions {
		return fmt.Errorf("the log was made with %d partitions by version %s, this version needs %d",
			created.Partitions, created.Version, events.Partitions)
	}
	return nil
}

// create writes the first message of the control stream. Another process may
// have been faster.
func (l *Log) create(ctx context.Context) error {
	info, err := l.Info(ctx)
	if err != nil {
		return err
	}
	if info.Last > 0 {
		return fmt.Errorf("stream %s is empty though %s has %d messages: it was lost or replaced",
			events.ControlStream, events.TrafficStream, info.Last)
	}
	e, err := events.New(events.Head{At: time.Now(), Node: l.cfg.Node, Tenant: events.NoTenant},
		events.HubCreated{Partitions: events.Partitions, Version: l.cfg.Version})
	if err != nil {
		return err
	}
	c, err := events.NewCommand(e)
	if err != nil {
		return err
	}
	if _, err = l.AppendControl(ctx, 0, c); errors.Is(err, events.ErrConflict) {
		return nil
	}
	return err
}
