package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/llm-hub/llm-hub/events"
)

// How a bucket marks a key that is absent: deleted by us, or lapsed.
const (
	operationHeader = "KV-Operation"
	deleteOperation = "DEL"
)

// listTries is how many readers a list may take.
const listTries = 3

// bucket is a bucket made as a stream, because only so are atomic commits allowed.
type bucket struct {
	client *client
	name   string
	prefix string // of the subjects of its keys
	stream jetstream.Stream
}

func newBucket(c *client, name string, stream jetstream.Stream) bucket {
	return bucket{client: c, name: name, prefix: keyPrefix(name), stream: stream}
}

// Bucket is a bucket whose entries may lapse.
type Bucket struct{ bucket }

// PutFor implements [events.Lapsing]. The server counts in whole seconds, so ttl
// is rounded up to one.
func (b Bucket) PutFor(ctx context.Context, p events.Put, ttl time.Duration) (uint64, error) {
	if err := events.CheckPuts([]events.Put{p}); err != nil {
		return 0, err
	}
	if ttl < time.Second || p.Value == nil {
		return 0, fmt.Errorf("put %s for %s: it needs a value and at least a second", p.Key, ttl)
	}
	msg := b.putMessage(p)
	msg.Header.Set(jetstream.MsgTTLHeader, (ttl + time.Second - 1).Truncate(time.Second).String())
	ack, err := b.client.publish(ctx, msg)
	if err != nil {
		return 0, b.client.failed("put "+p.Key, err)
	}
	return ack.Sequence, nil
}

// Get implements [events.Bucket].
func (b bucket) Get(ctx context.Context, key string) (events.Entry, error) {
	if !events.ValidKey(key) {
		return events.Entry{}, fmt.Errorf("key %q is not valid", key)
	}
	m, err := b.client.leaderGet(ctx, bucketPrefix+b.name, getRequest{LastBySubject: b.prefix + key})
	if err != nil {
		if err = b.client.failed("read key "+key, err); errors.Is(err, events.ErrNoMessage) {
			return events.Entry{Key: key}, nil
		}
		return events.Entry{}, err
	}
	return b.entry(m.Subject, m.header, m.Data, m.Seq), nil
}

// entry makes the entry of what the stream holds.
func (b bucket) entry(subject string, h nats.Header, data []byte, seq uint64) events.Entry {
	e := events.Entry{Key: strings.TrimPrefix(subject, b.prefix), Rev: seq}
	if h.Get(operationHeader) == "" && h.Get(jetstream.MarkerReasonHeader) == "" {
		e.Value = append([]byte{}, data...) // an empty value is not a deleted key
	}
	return e
}

// Commit implements [events.Bucket].
func (b bucket) Commit(ctx context.Context, puts []events.Put) (uint64, error) {
	if err := events.CheckPuts(puts); err != nil {
		return 0, err
	}
	msgs := make([]*nats.Msg, len(puts))
	for i, p := range puts {
		msgs[i] = b.putMessage(p)
	}
	what := "commit " + puts[0].Key
	if len(msgs) == 1 { // a batch of one would only cost more
		ack, err := b.client.publish(ctx, msgs[0])
		if err != nil {
			return 0, b.client.failed(what, err)
		}
		return ack.Sequence, nil
	}
	ctx, cancel := b.client.whileConnected(ctx)
	defer cancel()
	// Without an acknowledgement of the first message: a refusal is told at the end as well.
	ack, err := jetstreamext.PublishMsgBatch(ctx, b.client.js, msgs, jetstreamext.BatchFlowControl{})
	if err != nil {
		return 0, b.client.failed(what, err)
	}
	return ack.Sequence, nil
}

func (b bucket) putMessage(p events.Put) *nats.Msg {
	msg := nats.NewMsg(b.prefix + p.Key)
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(p.Rev, 10))
	if p.Value == nil {
		msg.Header.Set(operationHeader, deleteOperation)
	}
	msg.Data = p.Value
	return msg
}

// Created implements [events.Bucket].
func (b bucket) Created(ctx context.Context) (time.Time, error) {
	info, err := b.client.describe(ctx, b.stream)
	if err != nil {
		return time.Time{}, err
	}
	return info.Created, nil
}

// List implements [events.Bucket].
func (b bucket) List(ctx context.Context, prefix string) ([]events.Entry, error) {
	ctx, cancel := b.client.lifetime(ctx)
	defer cancel(nil)
	present := map[string]events.Entry{}
	w, err := b.watcher(ctx, prefix, func(e events.Entry) error {
		if e.Key == "" {
			return errRangeEnd
		}
		present[e.Key] = e
		return nil
	})
	if err != nil {
		return nil, err
	}
	// In a cluster a reader may be lost as soon as it is made; while the connection
	// holds another one is worth the try.
	connected := b.client.link.current()
	for range listTries {
		if err = w.feed.session(ctx); errors.Is(err, errRangeEnd) || ctx.Err() != nil || connected.Err() != nil {
			break
		}
	}
	if !errors.Is(err, errRangeEnd) {
		return nil, b.client.failed("list "+prefix, err)
	}
	entries := make([]events.Entry, 0, len(present))
	for _, e := range present {
		if e.Value != nil {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b events.Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}

// Watch implements [events.Watchable]. It ends when the bucket is made anew.
func (b bucket) Watch(ctx context.Context, prefix string) (<-chan events.Entry, error) {
	created, err := b.Created(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := b.client.lifetime(ctx)
	out := make(chan events.Entry)
	w, err := b.watcher(ctx, prefix, func(e events.Entry) error {
		select {
		case out <- e:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err != nil {
		cancel(nil)
		return nil, err
	}
	w.feed.same = func(ctx context.Context) error { return b.stillOf(ctx, created) }
	go func() {
		defer close(out)
		defer cancel(nil)
		if err := w.feed.run(ctx); ctx.Err() == nil {
			b.client.log.Error("watching ended", "bucket", b.name, "prefix", prefix, "error", err)
		}
	}()
	return out, nil
}

// stillOf ends a feed of a bucket that was made anew: revisions begin at 1 again, so
// what changes there comes before the place the feed has reached.
func (b bucket) stillOf(ctx context.Context, created time.Time) error {
	now, err := b.Created(ctx)
	if err == nil && !now.Equal(created) {
		err = stop{fmt.Errorf("bucket %s was made anew at %s", b.name, now.UTC())}
	}
	return err
}

// watcher gives the keys under a prefix to a function: the present ones, an
// entry with an empty key, then every change.
type watcher struct {
	bucket  bucket
	feed    *feed
	prefix  string
	give    func(events.Entry) error
	last    uint64          // highest revision at the start
	seen    uint64          // highest revision delivered
	initial bool            // the present keys are not all given yet
	given   map[string]bool // while they are not, by key
	left    uint64          // of the present keys, by the server's count
}

func (b bucket) watcher(ctx context.Context, prefix string, give func(events.Entry) error) (*watcher, error) {
	// The server filters whole parts between dots, the rest is done here.
	subject := b.prefix + prefix[:strings.LastIndexByte(prefix, '.')+1] + ">"
	// What delivers may be a replica that lags. The leader says how far it must have come.
	last, err := b.client.leaderGet(ctx, bucketPrefix+b.name, getRequest{LastBySubject: subject})
	if err != nil {
		if err = b.client.failed("read keys "+prefix, err); !errors.Is(err, events.ErrNoMessage) {
			return nil, err
		}
	}
	w := &watcher{bucket: b, prefix: prefix, give: give, last: last.Seq, initial: true, given: map[string]bool{}}
	w.feed = &feed{client: b.client, stream: b.stream, opened: w.opened, deliver: w.deliver, start: jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, FilterSubject: subject,
	}}
	return w, nil
}

func (w *watcher) opened(info *jetstream.ConsumerInfo) error {
	w.left = info.NumPending
	return w.endInitial()
}

func (w *watcher) deliver(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
	e := w.bucket.entry(msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream)
	// A key that is deleted is no key at the start, unless a replica that lags has told of it.
	gone := w.initial && e.Value == nil && e.Rev <= w.last && !w.given[e.Key]
	if strings.HasPrefix(e.Key, w.prefix) && !gone {
		if w.initial {
			w.given[e.Key] = true
		}
		if err := w.give(e); err != nil {
			return err
		}
	}
	// Under a stream of changes the server's pending count may never be seen at
	// 0, so what is left of the start is counted down as well.
	w.left = min(max(w.left, 1)-1, meta.NumPending)
	w.seen = e.Rev
	return w.endInitial()
}

func (w *watcher) endInitial() error {
	if !w.initial || w.left > 0 || w.seen < w.last {
		return nil
	}
	w.initial, w.given = false, nil
	return w.give(events.Entry{})
}
