package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// How an append or a put is repeated.
const (
	attemptTimeout = 5 * time.Second
	// putTimeout is short because the disk is this node's own: one that does not answer
	// is full or sick, and new requests are to be refused soon.
	putTimeout   = time.Second
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// putGap is the least time between two messages of a partition into the outbox.
// What comes meanwhile leaves together: a disk is faster than most logs, and what
// it takes one by one the log must take one by one.
const putGap = 10 * time.Millisecond

// send delivers the lane's packets, one at a time, until none is left.
func (p *Publisher) send(l *lane) {
	for k := l.take(); k != nil; k = l.take() {
		var err error
		if p.cfg.Outbox == nil {
			err = p.insist(l, k.message())
		} else {
			err = p.deliver(l, k)
		}
		if err != nil {
			lost := l.giveUp(k, err)
			p.lostEvents.Add(lost.Events)
			p.lostBytes.Add(lost.Bytes)
		}
		l.recycle(k)
	}
}

// insist offers m until the log has it. It fails only when Close gives up; then
// no later message is offered either, so that no counter is left out.
func (p *Publisher) insist(l *lane, m events.Message) error {
	backoff, began := firstBackoff, time.Now()
	for attempt := 1; ; attempt++ {
		if p.ctx.Err() != nil {
			return fmt.Errorf("not sent: %w", events.ErrClosed)
		}
		err := p.attempt(p.ctx, l, m)
		if err == nil {
			p.logRecovery(m, attempt, began)
			return nil
		}
		if attempt == 1 {
			p.cfg.Logger.Warn("log did not acknowledge; the same message is sent again until it does",
				"message", m.ID.String(), "events", m.Count, "error", err)
		}
		if !pause(p.ctx, backoff) {
			return fmt.Errorf("gave up after %d attempts: %w", attempt, err)
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (p *Publisher) logRecovery(m events.Message, attempts int, began time.Time) {
	if attempts > 1 {
		p.cfg.Logger.Info("log acknowledges again", "message", m.ID.String(), "attempts", attempts, "after", time.Since(began))
	}
}

// attempt offers m to the log once and notes the answer.
func (p *Publisher) attempt(ctx context.Context, l *lane, m events.Message) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	ack, err := p.cfg.Log.Append(ctx, m)
	if full := errors.Is(err, events.ErrFull); full != p.full.Load() {
		p.full.Store(full)
	}
	if err != nil {
		l.missed()
		return err
	}
	l.acknowledge(m.ID, ack)
	return nil
}

// deliver returns once the log or the outbox has k, and tries both in turn until
// then. It fails only when Close gives up; then nothing later is sent either.
func (p *Publisher) deliver(l *lane, k *packet) error {
	m, began := k.message(), time.Now()
	for round, backoff := 1, firstBackoff; ; round, backoff = round+1, min(2*backoff, maxBackoff) {
		if p.ctx.Err() != nil {
			return fmt.Errorf("not sent: %w", events.ErrClosed)
		}
		noLog := p.offer(l, m)
		if noLog == nil {
			return nil
		}
		noOutbox := p.put(l, k, m)
		if noOutbox == nil {
			if round > 1 {
				p.cfg.Logger.Info("outbox takes messages again", "message", m.ID.String(), "after", time.Since(began))
			}
			pause(p.ctx, putGap)
			return nil
		}
		p.refusal.Store(&noOutbox)
		if round == 1 {
			p.cfg.Logger.Error("neither log nor outbox took a message; both are tried again until one does, and new requests are refused",
				"message", m.ID.String(), "events", m.Count, "log", noLog, "outbox", noOutbox)
			p.stuck.Add(1)
			defer p.stuck.Add(-1)
		}
		if !pause(p.ctx, backoff) {
			return fmt.Errorf("gave up after %d rounds: log: %w; outbox: %w", round, noLog, noOutbox)
		}
	}
}

// errBehind: the outbox holds messages that come first.
var errBehind = errors.New("the outbox comes first")

// offer gives the log Patience to take m, unless the outbox comes first and the
// log is away. It is nil once the log has m.
func (p *Publisher) offer(l *lane, m events.Message) error {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.Patience)
	defer cancel()
	err := errBehind
	for backoff := firstBackoff; ; backoff *= 2 {
		switch l.await(ctx, m.ID.Counter) {
		case arrived:
			return nil
		case detour:
			return err
		}
		if err = p.attempt(ctx, l, m); err == nil || !pause(ctx, backoff) {
			return err
		}
	}
}

// put puts k into the outbox. Also after an error it may be there, so the drain
// looks in any case.
func (p *Publisher) put(l *lane, k *packet, m events.Message) error {
	if p.ctx.Err() != nil {
		return events.ErrClosed
	}
	ctx, cancel := context.WithTimeout(p.ctx, putTimeout)
	defer cancel()
	err := p.cfg.Outbox.Put(ctx, m)
	if err == nil {
		l.keep(k)
		if !p.detoured.Swap(true) {
			p.cfg.Logger.Warn("log out of reach; facts go to the outbox until it is back", "message", m.ID.String())
		}
	}
	select {
	case p.filled <- struct{}{}:
	default:
	}
	return err
}

// pause waits for d and tells whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
