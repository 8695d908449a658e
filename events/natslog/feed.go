package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How a feed reads.
const (
	// feedMessages are asked for ahead of the reader: 32 MiB at most. Not limited by
	// bytes as well: the client has room for no more than these messages, and the
	// notice of the server that such a request is done would push one out.
	feedMessages     = 128
	feedExpiry       = 2 * time.Second  // of one request for messages
	feedHeartbeat    = time.Second      // a silent server is left after two
	feedInactive     = 30 * time.Second // the server forgets a reader that went away without a word
	feedBackoff      = 50 * time.Millisecond
	feedMaxBackoff   = 2 * time.Second
	feedCleanTimeout = time.Second
)

// errGap: a message did not arrive; the feed starts again behind the last that did.
var errGap = errors.New("delivery gap")

// stop ends a feed with the error it holds.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

// feed reads a stream in order, without gap or repetition, from one goroutine.
// The server keeps nothing of it but a consumer in memory: after any trouble the
// feed makes a new one behind the last message it delivered. (The client's own
// ordered consumer cannot be stopped while the server is away.)
type feed struct {
	client *client
	stream jetstream.Stream
	start  jetstream.ConsumerConfig // where to begin, and what to filter
	next   uint64                   // sequence behind the last delivered, 0 for none yet

	// opened, if set, hears of every new consumer; deliver gets the messages. An
	// error of theirs ends the feed.
	opened  func(*jetstream.ConsumerInfo) error
	same    func(context.Context) error // if set, tells by a stop that the stream is not the one it was
	deliver func(jetstream.Msg, *jetstream.MsgMetadata) error
}

// run reads until ctx ends, a callback fails or the stream is gone.
func (f *feed) run(ctx context.Context) error {
	backoff := feedBackoff
	for {
		reconnected := f.client.link.reconnection()
		before := f.next
		err := f.session(ctx)
		var end stop
		switch {
		case errors.As(err, &end):
			return end.error
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return f.client.failed("read", err)
		}
		f.client.log.Debug("reading starts again", "stream", f.stream.CachedInfo().Config.Name, "from", f.next, "error", err)
		if f.next != before || errors.Is(err, errGap) {
			backoff = feedBackoff
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-reconnected:
			backoff = feedBackoff
		case <-time.After(backoff):
			backoff = min(2*backoff, feedMaxBackoff)
		}
	}
}

// session reads from one consumer until something goes wrong.
func (f *feed) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.client.link.current(), cancel)() // the consumer may be gone with the server
	cons, err := f.consumer(ctx)
	if err != nil {
		return err
	}
	defer f.forget(cons.CachedInfo().Name)
	if f.same != nil {
		if err := f.same(ctx); err != nil {
			return err
		}
	}
	if f.opened != nil {
		if err := f.opened(cons.CachedInfo()); err != nil {
			return stop{err}
		}
	}
	messages, err := cons.Messages(
		jetstream.PullMaxMessages(feedMessages), jetstream.PullExpiry(feedExpiry),
		jetstream.PullHeartbeat(feedHeartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer messages.Stop()
	return f.receive(ctx, messages)
}

func (f *feed) receive(ctx context.Context, messages jetstream.MessagesContext) error {
	for want := uint64(1); ; want++ {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("message on %s: %w", msg.Subject(), err)
		}
		if meta.Sequence.Consumer != want {
			return errGap
		}
		if err := f.deliver(msg, meta); err != nil {
			return stop{err}
		}
		f.next = meta.Sequence.Stream + 1
	}
}

func (f *feed) consumer(ctx context.Context) (jetstream.Consumer, error) {
	cfg := f.start
	if f.next > 0 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, f.next
	}
	cfg.AckPolicy = jetstream.AckNonePolicy
	cfg.MemoryStorage = true
	cfg.Replicas = 1
	cfg.InactiveThreshold = feedInactive
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return f.stream.CreateConsumer(ctx, cfg)
}

// forget removes a consumer that is not needed any more. It is a courtesy: the
// server forgets it after a while by itself.
func (f *feed) forget(consumer string) {
	if !f.client.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(f.client.link.current(), feedCleanTimeout)
	defer cancel()
	_ = f.stream.DeleteConsumer(ctx, consumer)
}
