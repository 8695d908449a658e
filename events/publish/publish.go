package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// DefaultMaxPending is how many bytes may wait for acknowledgement before
// [Publisher.Admit] refuses.
const DefaultMaxPending = 64 << 20

// DefaultPatience is how long the log may take to acknowledge a message before it
// goes to the outbox.
const DefaultPatience = 250 * time.Millisecond

// DefaultHeartbeat is how long a partition may hear nothing of a node that lives.
// A fold takes a node for lost after a multiple of it.
const DefaultHeartbeat = time.Minute

// statusTimeout bounds how long a question about the outbox may take.
const statusTimeout = time.Second

// ErrBacklog: too much waits to be acknowledged, or log or outbox have no space
// left or do not work; new requests should be refused.
var ErrBacklog = errors.New("too many facts wait for the log")

// Config configures a [Publisher].
type Config struct {
	Log        events.Appender
	Node       events.NodeID
	Epoch      events.Epoch // of this process start; no other publisher may ever use it
	Logger     *slog.Logger
	MaxPending int64 // bytes, 0 is [DefaultMaxPending]

	Outbox    events.Outbox // of this node alone; nil: wait for the log, as long as it takes
	Patience  time.Duration // how long the log may take before the outbox does, 0 is [DefaultPatience]
	Heartbeat time.Duration // longest silence of a partition, 0 is [DefaultHeartbeat], negative is for ever
}

// Publisher publishes the facts of one epoch of one node. All its methods may be
// called at once.
type Publisher struct {
	cfg   Config
	lanes [events.Partitions]lane

	ctx     context.Context // of all appends and puts; ended when Close gives up
	cancel  context.CancelFunc
	closed  atomic.Bool
	closing chan struct{} // closed when Close begins
	started atomic.Bool
	running sync.WaitGroup // senders and heartbeats

	full                  atomic.Bool           // the log's last answer was that it has no space
	stuck                 atomic.Int64          // lanes whose next message neither log nor outbox takes
	refusal               atomic.Pointer[error] // the outbox's last
	lostEvents, lostBytes atomic.Int64          // given up by Close

	drainOnce sync.Once
	draining  sync.WaitGroup
	caughtUp  chan struct{} // closed when the outbox holds nothing of older epochs
	filled    chan struct{} // the outbox may hold more than before
	flushed   chan struct{} // closed when nothing will be put into the outbox any more
	detoured  atomic.Bool   // messages went to the outbox since it was last empty
}

// New makes a publisher. It sends nothing before the first Publish and must be closed.
func New(cfg Config) (*Publisher, error) {
	if cfg.Log == nil || cfg.Logger == nil {
		return nil, errors.New("publish: Log and Logger must be set")
	}
	first := events.Message{ID: events.MessageID{Node: cfg.Node, Epoch: cfg.Epoch, Counter: 1}, Count: 1, Data: []byte("\n")}
	if err := first.Check(); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if cfg.Patience < 0 {
		return nil, fmt.Errorf("publish: Patience %s is negative", cfg.Patience)
	}
	if cfg.MaxPending == 0 {
		cfg.MaxPending = DefaultMaxPending
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = DefaultHeartbeat
	}
	p := &Publisher{
		cfg: cfg, closing: make(chan struct{}),
		caughtUp: make(chan struct{}), filled: make(chan struct{}, 1), flushed: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for i := range p.lanes {
		l := &p.lanes[i]
		l.next = events.MessageID{Node: cfg.Node, Epoch: cfg.Epoch, Partition: events.Partition(i), Counter: 1}
		l.outbox = cfg.Outbox != nil
		l.older = l.outbox
	}
	return p, nil
}

// Publish queues e for its tenant's partition and returns at once; the receipt
// tells when the outbox keeps it and when the log has it. It fails only if e cannot be encoded or the
// publisher is closed. Events of one tenant are kept in the order of the calls.
func (p *Publisher) Publish(e events.Event) (*Receipt, error) {
	return p.PublishTo(events.PartitionOf(e.Tenant), e)
}

// PublishTo is Publish to a given partition, for facts that concern all of them.
func (p *Publisher) PublishTo(to events.Partition, e events.Event) (*Receipt, error) {
	if int(to) >= len(p.lanes) {
		return nil, fmt.Errorf("publish %s: no partition %s", e.ID, to)
	}
	line, err := encode(e)
	if err != nil {
		return nil, err
	}
	return p.enqueue(&p.lanes[to], line, false)
}

func encode(e events.Event) ([]byte, error) {
	line, err := e.Encode()
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", e.ID, err)
	}
	if len(line) > events.MaxEventSize {
		return nil, fmt.Errorf("publish %s: %d bytes, more than %d", e.ID, len(line), events.MaxEventSize)
	}
	if bytes.IndexByte(line, '\n') >= 0 {
		return nil, fmt.Errorf("publish %s: a line break inside the event", e.ID)
	}
	return line, nil
}

// enqueue adds line to the lane's open message and sees to it that a sender runs.
// The last event of a lane closes it.
func (p *Publisher) enqueue(l *lane, line []byte, last bool) (*Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("publish: %w", events.ErrClosed)
	}
	l.closed = last
	r := l.add(line)
	if l.outbox {
		p.startDrain()
	}
	if !l.sending {
		l.sending = true
		p.running.Go(func() { p.send(l) })
	}
	return r, nil
}

// Pending describes what waits in memory: neither the log nor the outbox has it.
type Pending struct {
	Events int64
	Bytes  int64
	Oldest time.Duration // age of the oldest, 0 if nothing waits
}

// Pending tells what waits in memory now.
func (p *Publisher) Pending() Pending {
	var sum Pending
	oldest := int64(0)
	for i := range p.lanes {
		l := &p.lanes[i]
		sum.Events += l.events.Load()
		sum.Bytes += l.bytes.Load()
		if since := l.since.Load(); since != 0 && (oldest == 0 || since < oldest) {
			oldest = since
		}
	}
	if oldest != 0 {
		sum.Oldest = max(time.Since(time.Unix(0, oldest)), 0)
	}
	return sum
}

// Admit tells whether a new request may be taken: [ErrBacklog] if its facts
// would join too long a queue. The facts of running requests are never refused.
func (p *Publisher) Admit() error {
	if p.full.Load() {
		return fmt.Errorf("%w: %w", ErrBacklog, events.ErrFull)
	}
	if p.stuck.Load() > 0 {
		return fmt.Errorf("%w: outbox: %w", ErrBacklog, *p.refusal.Load())
	}
	var pending int64
	for i := range p.lanes {
		pending += p.lanes[i].bytes.Load()
	}
	if pending >= p.cfg.MaxPending {
		return fmt.Errorf("%w: %d bytes", ErrBacklog, pending)
	}
	return nil
}
