package publish

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Start carries to the log what older epochs left in the outbox, then announces
// the epoch in every partition, which closes the node's older ones, and waits
// until the log has it. While the log is away it waits.
func (p *Publisher) Start(ctx context.Context, version string) error {
	if err := p.drainOlder(ctx); err != nil {
		return fmt.Errorf("carry what is left in the outbox to the log: %w", err)
	}
	p.started.Store(true)
	receipts, err := p.publishToAll(events.NodeStarted{Epoch: p.cfg.Epoch, Version: version}, false)
	if err != nil {
		return err
	}
	if p.cfg.Heartbeat > 0 {
		p.whileOpen(func() { p.running.Go(p.beat) })
	}
	for _, r := range receipts {
		if _, err := r.Wait(ctx); err != nil {
			return fmt.Errorf("announce epoch %s: %w", p.cfg.Epoch, err)
		}
	}
	return nil
}

func (p *Publisher) drainOlder(ctx context.Context) error {
	if p.cfg.Outbox == nil {
		return nil
	}
	p.whileOpen(p.startDrain)
	select {
	case <-p.caughtUp:
		return nil
	case <-p.closing:
		return events.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whileOpen calls start unless Close waits already for what it would start.
func (p *Publisher) whileOpen(start func()) {
	l := &p.lanes[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		start()
	}
}

// startDrain sees to it that the outbox is drained. The mu of a lane that is not
// closed is held.
func (p *Publisher) startDrain() {
	p.drainOnce.Do(func() {
		p.draining.Go((&drain{p: p}).run)
	})
}

// Close publishes the end of the epoch, if it was announced, takes nothing more
// and waits until the log has everything. When ctx ends first it gives up: what
// the outbox keeps is left to the next start and no error; if there is more, the
// error says how much. Only the first call counts.
func (p *Publisher) Close(ctx context.Context) error {
	defer p.cancel()
	if p.closed.Swap(true) {
		return nil
	}
	close(p.closing)
	if err := p.end(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		p.running.Wait() // nothing is put into the outbox any more
		close(p.flushed)
		p.draining.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		p.cancel()
		<-done
	}
	for i := range p.lanes {
		p.lanes[i].abandon()
	}
	if lost := p.lostEvents.Load(); lost > 0 {
		return fmt.Errorf("close: %d events (%d bytes) were not acknowledged: %w", lost, p.lostBytes.Load(), ctx.Err())
	}
	return nil
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
	line, err := p.aboutNode(body, 0)
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

// aboutNode encodes a fact about the node, the n-th of its kind.
func (p *Publisher) aboutNode(body events.Body, n int) ([]byte, error) {
	e, err := events.New(events.Head{At: time.Now(), Node: p.cfg.Node, Tenant: events.NoTenant, Epoch: p.cfg.Epoch, N: n}, body)
	if err != nil {
		return nil, err
	}
	return encode(e)
}

// beat sends a heartbeat to every partition that heard nothing for Heartbeat,
// until Close. A partition that has anything under way needs none: it is heard of
// when that arrives.
func (p *Publisher) beat() {
	next := p.cfg.Heartbeat
	for n := 1; ; n++ {
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-p.closing:
			timer.Stop()
			return
		}
		line, err := p.aboutNode(events.NodeHeartbeat{Epoch: p.cfg.Epoch}, n)
		if err != nil {
			p.cfg.Logger.Error("no heartbeat can be made", "error", err)
			return
		}
		next = p.beatOnce(line)
	}
}

// beatOnce sends line to the partitions that are due and returns when the next will be.
func (p *Publisher) beatOnce(line []byte) (next time.Duration) {
	next = p.cfg.Heartbeat
	now := time.Now()
	for i := range p.lanes {
		l := &p.lanes[i]
		silent := now.Sub(time.Unix(0, l.latest.Load()))
		if silent < p.cfg.Heartbeat {
			next = min(next, p.cfg.Heartbeat-silent)
			continue
		}
		if l.events.Load() > 0 || l.active() {
			continue
		}
		if _, err := p.enqueue(l, line, false); err != nil {
			return next // it is being closed
		}
	}
	return next
}
