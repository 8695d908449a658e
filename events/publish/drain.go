package publish

import (
	"context"
	"slices"
	"sync"

	"github.com/llm-hub/llm-hub/events"
)

// drainPage is how many messages of the outbox are in memory at once; they have
// at most [events.MaxMessageBytes] each.
const drainPage = 64

// drain carries what the outbox holds to the log, oldest first.
type drain struct {
	p       *Publisher
	seq     uint64 // the log has everything up to here
	trimmed uint64 // and this much of it is forgotten
}

// run drains until the publisher is flushed and nothing is left, or Close gives up.
func (d *drain) run() {
	p, backoff, flushed := d.p, firstBackoff, false
	for p.ctx.Err() == nil {
		more, err := d.page()
		switch {
		case err != nil:
			if backoff == firstBackoff && p.ctx.Err() == nil {
				p.cfg.Logger.Error("outbox does not work; it is tried again until it does", "error", err)
			}
			pause(p.ctx, backoff)
			backoff = min(2*backoff, maxBackoff)
			continue
		case more:
		case flushed:
			return
		default:
			flushed = d.idle()
		}
		backoff = firstBackoff
	}
}

// idle waits until there may be more to drain, and tells whether the last of it
// was put.
func (d *drain) idle() (flushed bool) {
	p := d.p
	if p.detoured.Swap(false) {
		p.cfg.Logger.Info("outbox is drained")
	}
	select {
	case <-p.filled:
	case <-p.flushed:
		return true
	case <-p.ctx.Done():
	}
	return false
}

// page carries the next page to the log and forgets it; more is false if there
// was nothing.
func (d *drain) page() (more bool, err error) {
	p := d.p
	ctx, cancel := context.WithTimeout(p.ctx, attemptTimeout)
	defer cancel()
	page, err := p.cfg.Outbox.After(ctx, d.seq, drainPage)
	if err != nil {
		return false, err
	}
	if len(page) > 0 {
		if err := p.forward(page); err != nil {
			return false, err
		}
		d.seq = page[len(page)-1].Seq
	}
	if len(page) == 0 || slices.ContainsFunc(page, func(m events.Stored) bool { return m.ID.Epoch == p.cfg.Epoch }) {
		d.markCaughtUp()
	}
	return len(page) > 0, d.trim()
}

// trim forgets what the log has.
func (d *drain) trim() error {
	if d.trimmed == d.seq {
		return nil
	}
	ctx, cancel := context.WithTimeout(d.p.ctx, attemptTimeout)
	defer cancel()
	if err := d.p.cfg.Outbox.Trim(ctx, d.seq); err != nil {
		return err
	}
	d.trimmed = d.seq
	return nil
}

// forward carries page to the log: the messages of each partition one after the
// other, the partitions beside each other.
func (p *Publisher) forward(page []events.Stored) error {
	var perPartition [events.Partitions][]events.Message
	for _, m := range page {
		perPartition[m.ID.Partition] = append(perPartition[m.ID.Partition], m.Message)
	}
	var (
		wg   sync.WaitGroup
		errs [events.Partitions]error
	)
	for i, ms := range perPartition {
		if len(ms) > 0 {
			wg.Go(func() { errs[i] = p.forwardInOrder(&p.lanes[i], ms) })
		}
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) forwardInOrder(l *lane, ms []events.Message) error {
	for _, m := range ms {
		if l.inLog(m.ID) {
			continue // the log took it while the outbox did
		}
		if err := p.insist(l, m); err != nil {
			return err
		}
	}
	return nil
}

// markCaughtUp notes that the log has everything that older epochs left.
func (d *drain) markCaughtUp() {
	p := d.p
	select {
	case <-p.caughtUp:
		return
	default:
	}
	if d.seq > 0 {
		p.cfg.Logger.Info("the log has what older epochs left in the outbox")
	}
	for i := range p.lanes {
		p.lanes[i].caughtUp()
	}
	close(p.caughtUp)
}

// OutboxStatus describes the outbox.
type OutboxStatus struct {
	events.Fill
	Active bool  // facts of some partition go through the outbox
	Err    error // why Fill is not known
}

// Outbox tells what the outbox holds now. Without one it is zero.
func (p *Publisher) Outbox() OutboxStatus {
	var s OutboxStatus
	if p.cfg.Outbox == nil {
		return s
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	s.Fill, s.Err = p.cfg.Outbox.Fill(ctx)
	for i := range p.lanes {
		s.Active = s.Active || p.lanes[i].active()
	}
	return s
}
