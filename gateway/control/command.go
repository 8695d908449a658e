package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// What an object is kept up by. A start takes away only what a start made.
const (
	OriginDemo        = "demo"
	OriginEnvironment = "environment"
	OriginFile        = "file" // serve --config, and apply
	OriginAPI         = "api"
)

// By says who gives a command, and how.
type By struct {
	Actor   string           // an id, never a name
	Cause   string           // like apply or keys.revoke
	Origin  string           // of what is set
	Request events.RequestID // of the command; must be unique
	// Idempotency is of what the client gave to be able to repeat the command: the
	// log takes one command of it. Empty: none.
	Idempotency string
	DryRun      bool // only tell what would change
	Rights      Rights
}

// Difference is one object that a command changes, as operators may see it.
type Difference struct {
	Ref
	Before json.RawMessage `json:"before,omitempty"` // absent: there is none
	After  json.RawMessage `json:"after,omitempty"`  // absent: removed
}

// Outcome says what became of a command.
type Outcome struct {
	Seq      uint64       `json:"seq"` // of the control stream, with the command in it
	Changes  []Difference `json:"changes"`
	Replayed bool         `json:"replayed,omitempty"` // the log had it already; nothing was changed now
}

// How often a command is tried against rivals, or while the log has no leader, as when
// all nodes of a new cluster start at once: some three seconds in all.
const (
	maxTries   = 10
	firstPause = 10 * time.Millisecond // it doubles
	mostPause  = time.Second           // up to this
)

// rest waits before a try: not before the first, and longer each time.
func rest(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(firstPause<<(try-1), mostPause)):
		return nil
	}
}

// Do gives a command: edit changes a draft of the whole configuration, which is
// then checked as a whole and appended. When a rival was faster, edit is called
// again with what is in force then. A draft without a difference appends nothing.
// After a nil error the change is in force on this node. Errors are *gateway.Error;
// after Unavailable the command may or may not be on the log.
func (p *Plane) Do(ctx context.Context, by By, edit func(*Draft) error) (Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.guarded(); err != nil {
		return Outcome{}, unavailable(err)
	}
	var last attempt
	for try := range maxTries {
		if err := rest(ctx, try); err != nil {
			return Outcome{}, unavailable(err)
		}
		landed, err := p.catchUp(ctx, by.Request)
		if err != nil {
			return Outcome{}, unavailable(err)
		}
		now := p.opened.Load()
		if landed && last.messages == 1 {
			last.Seq = now.state.Seq
			return last.Outcome, nil
		}
		if seq, done := now.state.done[by.Idempotency]; done {
			return Outcome{Seq: seq, Changes: []Difference{}, Replayed: true}, nil
		}
		last, err = p.try(ctx, by, now, edit)
		if errors.Is(err, events.ErrConflict) || errors.Is(err, events.ErrUnavailable) && ctx.Err() == nil {
			continue // look again: it may be there
		}
		return last.Outcome, err
	}
	return Outcome{}, &gateway.Error{Kind: gateway.Unavailable, Public: "Others change the configuration all the time, or the log cannot be reached; try again."}
}

// attempt is one try of a command.
type attempt struct {
	Outcome
	messages int // that it was to be
}

// try makes the command for what is in force now and appends it.
func (p *Plane) try(ctx context.Context, by By, now *opened, edit func(*Draft) error) (attempt, error) {
	draft := &Draft{plan: now.plan.clone(), now: now, by: by, kinds: p.cfg.Loader.Kinds}
	if err := edit(draft); err != nil {
		return attempt{}, err
	}
	if err := draft.allow(); err != nil {
		return attempt{}, err
	}
	draft.voidMoved()
	draft.settle()
	if err := draft.unlink(); err != nil {
		return attempt{}, err
	}
	changes, err := now.plan.changes(now.state, draft.plan)
	if err != nil {
		return attempt{}, err
	}
	out := attempt{Outcome: Outcome{Seq: now.state.Seq, Changes: []Difference{}}}
	for _, c := range changes {
		d, err := c.view()
		if err != nil {
			return attempt{}, err
		}
		out.Changes = append(out.Changes, d)
	}
	if len(changes) == 0 {
		return out, nil
	}
	if _, err := p.cfg.Loader.catalog(draft.plan); err != nil {
		return attempt{}, invalid(err)
	}
	if by.DryRun {
		return out, nil
	}
	commands, err := p.commands(ctx, by, changes)
	if err != nil {
		return attempt{}, err
	}
	out.messages = len(commands)
	if err := p.append(ctx, now.state.Seq, commands); err != nil {
		return out, err
	}
	if _, err := p.catchUp(ctx, ""); err != nil {
		return attempt{}, unavailable(err)
	}
	out.Seq = p.State().Seq
	return out, nil
}

func (c change) view() (Difference, error) {
	d := Difference{Ref: c.Ref}
	var err error
	if d.Before, err = c.old.view(); err != nil {
		return d, err
	}
	d.After, err = c.after.view()
	return d, err
}

// commands seals the changes and packs them into as few messages as they fit into.
func (p *Plane) commands(ctx context.Context, by By, changes []change) ([]events.Command, error) {
	var es []events.Event
	for i, c := range changes {
		body, err := p.body(ctx, by, c)
		if err != nil {
			return nil, err
		}
		e, err := events.New(events.Head{At: p.cfg.Now(), Node: p.cfg.Node, Tenant: c.Tenant, Request: by.Request, N: i + 1}, body)
		if err != nil {
			return nil, &gateway.Error{Kind: gateway.TooLarge, Public: fmt.Sprintf("What is said of %s is too much for one object.", c.Ref), Cause: err}
		}
		es = append(es, e)
	}
	return pack(es)
}

func (p *Plane) append(ctx context.Context, after uint64, commands []events.Command) (err error) {
	for _, c := range commands {
		if after, err = p.cfg.Stream.AppendControl(ctx, after, c); err != nil {
			return err
		}
	}
	return nil
}

// body says the change in the words of the log.
func (p *Plane) body(ctx context.Context, by By, c change) (events.Change, error) {
	body := events.Change{
		Sort: c.Sort, Object: c.ID, Actor: by.Actor, Cause: by.Cause, Origin: c.origin, Idempotency: by.Idempotency, Before: c.before.Doc,
	}
	var err error
	if c.after != nil {
		body.After, err = c.after.sealed(ctx, p.cfg.Vault, c.old, c.before)
	} else if c.Sort == events.TenantSort {
		body.Shredded, err = p.cfg.Shredder.DataKeys(ctx, c.Tenant)
	}
	return body, err
}

// pack divides events into commands.
func pack(es []events.Event) ([]events.Command, error) {
	var out []events.Command
	for len(es) > 0 {
		n, bytes := 0, 0
		for n < len(es) && n < events.MaxMessageEvents {
			line, err := es[n].Encode()
			if err != nil {
				return nil, err
			}
			if bytes += len(line) + 1; bytes > events.MaxMessageBytes {
				break
			}
			n++
		}
		c, err := events.NewCommand(es[:n]...)
		if err != nil {
			return nil, err
		}
		out, es = append(out, c), es[n:]
	}
	return out, nil
}

func unavailable(err error) error {
	if _, ok := errors.AsType[*gateway.Error](err); ok {
		return err
	}
	return &gateway.Error{Kind: gateway.Unavailable, Public: "The configuration cannot be changed at present.", Cause: err}
}

// invalid tells every mistake.
func invalid(err error) error {
	list := Mistakes(err)
	if len(list) == 0 {
		return &gateway.Error{Kind: gateway.Invalid, Public: err.Error(), Cause: err}
	}
	errs := make([]FieldError, len(list))
	for i, m := range list {
		errs[i] = FieldError{Field: m.Path, Detail: m.Text}
	}
	return &gateway.Error{Kind: gateway.Invalid, Param: list[0].Path, Public: list[0].Text, Detail: map[string]any{"errors": errs}, Cause: err}
}

// FieldError is one mistake in what was sent.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}
