package alerts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

const (
	// Bounds of the pause between two tries: the longest one may be at first, and at all.
	pauseFirst = time.Second
	pauseMax   = 5 * time.Minute
	// refusals is how often an alert may be refused before it is skipped.
	refusals = 3
)

// postman posts every alert to one webhook, one after the other.
type postman struct {
	cfg     DeliveryConfig
	client  *http.Client
	webhook Webhook
	log     *slog.Logger
	dismiss context.CancelFunc // ends its work

	mu     sync.Mutex
	status Delivery
}

func (d *Deliverer) newPostman(w Webhook) *postman {
	return &postman{
		cfg: d.cfg, client: d.client, webhook: w, log: d.cfg.Logger.With("webhook", w.name), status: Delivery{Webhook: w.name},
	}
}

func (p *postman) now() Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *postman) note(change func(*Delivery)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

// position is how far a webhook has come, as the bucket keeps it.
type position struct {
	Seq uint64    `json:"seq"` // everything up to here was taken or refused
	ID  events.ID `json:"id"`  // of the alert there: tells the stream from one made anew
}

// run delivers until the postman is dismissed. After an error of a store nothing
// in memory is trusted any more.
func (p *postman) run(ctx context.Context) {
	for tries := 0; ; tries++ {
		err := p.deliver(ctx, func() { tries = 0 })
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, events.ErrConflict) { // else another process delivers too
			p.log.Warn("alerts cannot be delivered for now", "error", err)
		}
		p.pause(ctx, tries)
	}
}

// deliver posts from the stored position on, until an error of a store. progress
// is called after each alert.
func (p *postman) deliver(ctx context.Context, progress func()) error {
	at, rev, err := p.load(ctx)
	if err != nil {
		return err
	}
	cursor, err := p.cfg.Alerts.FollowAlerts(ctx, at.Seq+1)
	if err != nil {
		return fmt.Errorf("read alerts from %d: %w", at.Seq+1, err)
	}
	defer cursor.Close()
	for m := range p.each(cursor) {
		e, err := eventOf(m)
		if err != nil {
			p.note(func(s *Delivery) { s.Skipped++ })
			p.log.Error("what is in the stream is no alert, it is skipped", "seq", m.Seq, "error", err)
		} else if err := p.insist(ctx, m.Seq, e); err != nil {
			return err
		}
		if rev, err = p.save(ctx, position{m.Seq, e.ID}, rev); err != nil {
			return err
		}
		progress()
	}
	return cmp.Or(ctx.Err(), cursor.Err(), events.ErrUnavailable)
}

// each gives the alerts of a cursor, and shows how old the one at hand is.
func (p *postman) each(cursor events.Cursor) iter.Seq[events.Stored] {
	return func(yield func(events.Stored) bool) {
		for {
			var m events.Stored
			var ok bool
			select {
			case m, ok = <-cursor.C():
			default:
				p.note(func(s *Delivery) { s.Oldest = time.Time{} })
				m, ok = <-cursor.C()
			}
			if !ok {
				return
			}
			p.note(func(s *Delivery) { s.Oldest = m.Time })
			if !yield(m) {
				return
			}
		}
	}
}

// eventOf is the event of a message of the stream.
func eventOf(m events.Stored) (events.Event, error) {
	e, err := events.Decode(bytes.TrimSuffix(m.Data, []byte{'\n'}))
	if err == nil && e.Kind != events.AlertRaisedKind {
		err = fmt.Errorf("event %s: is %s", e.ID, e.Kind)
	}
	return e, err
}

// load reads the position. One that the stream does not know is of another stream,
// or everything up to it is gone: the webhook starts at the oldest alert.
func (p *postman) load(ctx context.Context) (at position, rev uint64, err error) {
	key := p.webhook.positionKey()
	entry, err := p.cfg.Positions.Get(ctx, key)
	if err != nil {
		return at, 0, fmt.Errorf("read %s: %w", key, err)
	}
	if entry.Value == nil {
		return at, entry.Rev, nil
	}
	if err := json.Unmarshal(entry.Value, &at); err != nil {
		return at, 0, fmt.Errorf("read %s: %w", key, err)
	}
	held, err := p.cfg.Alerts.Alerts(ctx, at.Seq, 1)
	if err != nil {
		return at, 0, fmt.Errorf("read alert %d: %w", at.Seq, err)
	}
	if len(held) > 0 && held[0].Seq != at.Seq {
		return at, entry.Rev, nil // it is gone, what came later is there
	}
	if len(held) > 0 {
		if e, _ := eventOf(held[0]); e.ID == at.ID {
			return at, entry.Rev, nil
		}
	}
	return position{}, entry.Rev, nil
}

func (p *postman) save(ctx context.Context, at position, rev uint64) (uint64, error) {
	value, _ := json.Marshal(at) // numbers and strings always encode
	key := p.webhook.positionKey()
	rev, err := p.cfg.Positions.Commit(ctx, []events.Put{{Key: key, Value: value, Rev: rev}})
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", key, err)
	}
	return rev, nil
}

// insist posts an alert until it is taken, or refused once too often. The error
// is the context's.
func (p *postman) insist(ctx context.Context, seq uint64, e events.Event) error {
	refusedBefore := 0
	for tries := 0; ; tries++ {
		verdict, err := p.webhook.post(ctx, p.client, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.note(func(s *Delivery) { s.Err = err })
		if verdict == taken {
			p.note(func(s *Delivery) { s.Delivered++ })
			return nil
		}
		p.note(func(s *Delivery) { s.Failures++ })
		if verdict == refused {
			refusedBefore++
		}
		if refusedBefore == refusals {
			p.note(func(s *Delivery) { s.Skipped++ })
			p.log.Error("the receiver refuses an alert, it is skipped", "alert", e.ID, "seq", seq, "error", err)
			return nil
		}
		p.log.Warn("an alert was not taken, trying again", "alert", e.ID, "seq", seq, "tries", tries+1, "error", err)
		p.pause(ctx, tries)
	}
}

// pause waits before the next try, longer each time, and at random, so that many
// who wait for the same receiver do not come back together.
func (p *postman) pause(ctx context.Context, tries int) {
	longest := pauseMax
	const doublings = 9 // to pauseMax and beyond
	if tries < doublings {
		longest = min(longest, pauseFirst<<tries)
	}
	sleep(ctx, rand.N(longest)+time.Millisecond)
}

// sleep waits; it is false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
