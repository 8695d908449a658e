package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// How an append is repeated.
const (
	attemptTimeout = 5 * time.Second
	firstBackoff   = 50 * time.Millisecond
	maxBackoff     = 2 * time.Second
)

// send sends the lane's packets, one at a time, until none is left.
func (p *Publisher) send(l *lane) {
	for {
		packet, id := l.take()
		if packet == nil {
			return
		}
		ack, err := p.append(events.Message{ID: id, Count: packet.count, Data: packet.data})
		l.settle(packet, ack, err)
	}
}

// append offers m until the log has it. It fails only when Close gives up; then
// no later message is offered either, so that no counter is left out.
func (p *Publisher) append(m events.Message) (events.Ack, error) {
	backoff, began := firstBackoff, time.Now()
	for attempt := 1; ; attempt++ {
		if p.ctx.Err() != nil {
			return events.Ack{}, fmt.Errorf("message %s: not sent: %w", m.ID, events.ErrClosed)
		}
		ack, err := p.attempt(m)
		if err == nil {
			p.logRecovery(m, attempt, began)
			return ack, nil
		}
		if attempt == 1 {
			p.cfg.Logger.Warn("log did not acknowledge; the same message is sent again until it does",
				"message", m.ID.String(), "events", m.Count, "error", err)
		}
		select {
		case <-time.After(backoff):
		case <-p.ctx.Done():
			return events.Ack{}, fmt.Errorf("message %s: gave up after %d attempts: %w", m.ID, attempt, err)
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (p *Publisher) logRecovery(m events.Message, attempts int, began time.Time) {
	if attempts > 1 {
		p.cfg.Logger.Info("log acknowledges again", "message", m.ID.String(), "attempts", attempts, "after", time.Since(began))
	}
}

func (p *Publisher) attempt(m events.Message) (events.Ack, error) {
	ctx, cancel := context.WithTimeout(p.ctx, attemptTimeout)
	defer cancel()
	ack, err := p.cfg.Log.Append(ctx, m)
	if full := errors.Is(err, events.ErrFull); full != p.full.Load() {
		p.full.Store(full)
	}
	return ack, err
}

// Start announces the epoch in every partition, which closes the node's older
// ones, and waits until the log has it.
func (p *Publisher) Start(ctx context.Context, version string) error {
	p.started.Store(true)
	receipts, err := p.publishToAll(events.NodeStarted{Epoch: p.cfg.Epoch, Version: version}, false)
	if err != nil {
		return err
	}
	for _, r := range receipts {
		if _, err := r.Wait(ctx); err != nil {
			return fmt.Errorf("announce epoch %s: %w", p.cfg.Epoch, err)
		}
	}
	return nil
}

// Close publishes the end of the epoch, if it was announced, takes nothing more
// and waits until the log has everything. When ctx ends first it gives up, and
// the error says how much the log did not acknowledge. Only the first call counts.
func (p *Publisher) Close(ctx context.Context) error {
	defer p.cancel()
	if p.closed.Swap(true) {
		return nil
	}
	if err := p.end(); err != nil {
		return err
	}
	flushed := make(chan struct{})
	go func() {
		p.running.Wait()
		close(flushed)
	}()
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
	}
	left := p.Pending()
	p.cancel()
	<-flushed
	if left.Events == 0 {
		return nil
	}
	return fmt.Errorf("close: %d events (%d bytes) were not acknowledged: %w", left.Events, left.Bytes, ctx.Err())
}

// end closes every lane, with the last event of the epoch if it had a first.
func (p *Publisher) end() error {
	if p.started.Load() {
		_, err := p.publishToAll(events.NodeStopped{Epoch: p.cfg.Epoch}, true)
		return err
	}
	for i := range p.lanes {
		l := &p.lanes[i]
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
	}
	return nil
}

// publishToAll publishes a fact about the node to every partition.
func (p *Publisher) publishToAll(body events.Body, last bool) ([]*Receipt, error) {
	e, err := events.New(events.Head{At: time.Now(), Node: p.cfg.Node, Tenant: events.NoTenant, Epoch: p.cfg.Epoch}, body)
	if err != nil {
		return nil, err
	}
	line, err := encode(e)
	if err != nil {
		return nil, err
	}
	receipts := make([]*Receipt, 0, len(p.lanes))
	for i := range p.lanes {
		r, err := p.enqueue(&p.lanes[i], line, last)
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, r)
	}
	return receipts, nil
}
