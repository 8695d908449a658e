package natslog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/llm-hub/llm-hub/events"
)

// DefaultOutboxBytes bounds an outbox that is not told otherwise.
const DefaultOutboxBytes = 256 << 20

// idHeader holds the id of a message in the outbox. It is not the header of the
// server's own dedupe window, which forgets by the clock, and remembers what was
// trimmed.
const idHeader = "Hub-Id"

// OutboxConfig says which outbox to open.
type OutboxConfig struct {
	Server   Server // an embedded server that serves nothing else, of the class durable
	MaxBytes int64  // the outbox may hold, 0 is [DefaultOutboxBytes]
	Logger   *slog.Logger
}

// Outbox implements [events.Outbox] as a stream on the node's own disk. It must be
// the only one on its stream; all its methods may be called at once.
type Outbox struct {
	client
	stream jetstream.Stream
	max    uint64

	turn  chan struct{} // holds a token while nobody puts or trims; guards what follows
	known bool          // held and last are what the stream holds
	held  map[events.MessageID]uint64
	last  uint64 // sequence given last
}

// OpenOutbox connects, declares the stream and reads what it holds. It must be closed.
func OpenOutbox(ctx context.Context, cfg OutboxConfig) (*Outbox, error) {
	if cfg.Server == nil || cfg.Logger == nil || cfg.MaxBytes < 0 {
		return nil, errors.New("open outbox: Server and Logger must be set, and MaxBytes not negative")
	}
	o := &Outbox{turn: make(chan struct{}, 1), held: map[events.MessageID]uint64{}}
	o.turn <- struct{}{}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := o.open(ctx, cfg); err != nil {
		o.Close()
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	return o, nil
}

func (o *Outbox) open(ctx context.Context, cfg OutboxConfig) error {
	if err := o.connect(Config{Server: cfg.Server, Node: "outbox", Logger: cfg.Logger}); err != nil {
		return err
	}
	maxBytes := cmp.Or(cfg.MaxBytes, DefaultOutboxBytes)
	streams, err := o.declare(ctx, []jetstream.StreamConfig{{
		Name: events.OutboxStream, Subjects: []string{events.OutboxPattern},
		Description: "what the log could not be told yet",
		Storage:     jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: 1,
		MaxBytes: maxBytes, Discard: jetstream.DiscardNew, // a full outbox refuses; forgetting would falsify the books
		Duplicates: controlDedupe, // nothing in it is looked for
	}})
	if err != nil {
		return err
	}
	o.stream, o.max = streams[events.OutboxStream], uint64(maxBytes)
	return o.know(ctx)
}

// Put implements [events.Outbox].
func (o *Outbox) Put(ctx context.Context, m events.Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	done, err := o.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := o.know(ctx); err != nil {
		return err
	}
	if _, twice := o.held[m.ID]; twice {
		return nil
	}
	ack, err := o.publish(ctx, &nats.Msg{
		Subject: events.OutboxPrefix + m.ID.Partition.String(),
		Header: nats.Header{
			idHeader:                        {m.ID.String()},
			countHeader:                     {strconv.Itoa(m.Count)},
			jetstream.ExpectedLastSeqHeader: {strconv.FormatUint(o.last, 10)}, // a put that was given up may still arrive
		},
		Data: m.Data,
	})
	if err != nil {
		err = o.failed("put "+m.ID.String(), err)
		o.known = false
		if errors.Is(err, events.ErrConflict) { // what was given up has arrived: nothing was written now
			err = fmt.Errorf("%w: %w", events.ErrUnavailable, err)
		}
		return err
	}
	o.held[m.ID], o.last = ack.Sequence, ack.Sequence
	return nil
}

// take waits until nobody else puts or trims.
func (o *Outbox) take(ctx context.Context) (done func(), err error) {
	select {
	case <-o.turn:
		return func() { o.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("outbox: %w: %w", events.ErrUnavailable, ctx.Err())
	}
}

// know reads what the stream holds beyond what is known of it, if the last put
// left open whether it was done.
func (o *Outbox) know(ctx context.Context) error {
	if o.known {
		return nil
	}
	if sick := o.server.Healthy(); errors.Is(sick, events.ErrFull) {
		return fmt.Errorf("outbox: %w", sick) // it would not answer
	}
	info, err := o.describe(ctx, o.stream)
	if err != nil {
		return err
	}
	left := int(info.State.LastSeq - min(o.last, info.State.LastSeq))
	err = o.scan(ctx, o.after(o.last, left), func(m rawMessage) {
		o.held[stored(m, idHeader).ID] = m.Seq
	})
	if err != nil {
		return err
	}
	o.last, o.known = info.State.LastSeq, true
	return nil
}

func (o *Outbox) after(seq uint64, limit int) scanRange {
	return scanRange{events.OutboxStream, events.OutboxPattern, seq + 1, limit}
}

// After implements [events.Outbox].
func (o *Outbox) After(ctx context.Context, seq uint64, limit int) ([]events.Stored, error) {
	var out []events.Stored
	err := o.scan(ctx, o.after(seq, limit), func(m rawMessage) { out = append(out, stored(m, idHeader)) })
	return out, err
}

// Trim implements [events.Outbox].
func (o *Outbox) Trim(ctx context.Context, seq uint64) error {
	done, err := o.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := o.know(ctx); err != nil {
		return err
	}
	seq = min(seq, o.last) // the server would go on behind a higher one
	ctx, cancel := o.whileConnected(ctx)
	defer cancel()
	if err := o.stream.Purge(ctx, jetstream.WithPurgeSequence(seq+1)); err != nil {
		return o.failed("trim outbox", err)
	}
	for id, at := range o.held {
		if at <= seq {
			delete(o.held, id)
		}
	}
	return nil
}

// Fill implements [events.Outbox].
func (o *Outbox) Fill(ctx context.Context) (events.Fill, error) {
	info, err := o.describe(ctx, o.stream)
	if err != nil {
		return events.Fill{}, err
	}
	f := events.Fill{Messages: info.State.Msgs, Bytes: info.State.Bytes, Max: o.max}
	if f.Messages > 0 {
		f.Oldest = info.State.FirstTime
	}
	return f, nil
}
