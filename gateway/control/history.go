package control

import (
	"context"
	"fmt"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Rollback gives the command that makes an object what it was at a version: the
// sequence of the command that set it. The secret of a virtual key or token stays the
// one it has, so that none works again that was replaced. What does not fit the rest
// any more is refused.
func (p *Plane) Rollback(ctx context.Context, by By, r Ref, match Match, version uint64) (Created, error) {
	out := Created{Ref: r}
	then, err := p.version(ctx, r, version)
	if err != nil {
		return out, err
	}
	out.Outcome, err = p.Do(ctx, by, func(d *Draft) error {
		one, err := d.find(r, match)
		if err != nil {
			return err
		}
		back, err := restored(one, then)
		if err != nil {
			return err
		}
		if err := d.by.Rights.write(r, one.doc, back.doc); err != nil {
			return err
		}
		d.set(back)
		return nil
	})
	if e := gateway.AsError(err); err != nil && e.Kind == gateway.Invalid {
		return out, &gateway.Error{
			Kind: gateway.Conflict, Code: "does_not_fit", Param: e.Param, Detail: e.Detail, Cause: err,
			Public: fmt.Sprintf("Version %d of %s does not fit what is configured now: %s", version, r, e.Public),
		}
	}
	return out, err
}

// version is an object as a command of the log set it, opened.
func (p *Plane) version(ctx context.Context, r Ref, version uint64) (*part, error) {
	none := &gateway.Error{
		Kind: gateway.NotFound, Code: "no_such_version", Param: "to", Public: fmt.Sprintf("The %s has no version %d: its history lists those it has.", r, version),
	}
	if version == 0 || version > p.State().Seq {
		return nil, none
	}
	page, err := p.cfg.Stream.Commands(ctx, version, 1)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, c := range page {
		entries, err := c.Events()
		if err != nil || c.Seq != version {
			return nil, none
		}
		for _, e := range entries {
			if change, err := events.ChangeOf(e); err == nil && (Ref{change.Sort, e.Tenant, change.Object}) == r && change.After != nil {
				return p.reopen(ctx, Object{Ref: r, Doc: change.After})
			}
		}
	}
	return nil, none
}

// reopen opens an object of the past, as if it belonged to what there is now.
func (p *Plane) reopen(ctx context.Context, o Object) (*part, error) {
	now := p.opened.Load()
	one, err := openObject(ctx, o, nil, tools{vault: p.cfg.Vault, kinds: p.cfg.Loader.Kinds}, now.plan)
	if err != nil {
		return nil, &gateway.Error{
			Kind: gateway.Conflict, Code: "unreadable_version", Cause: err,
			Public: fmt.Sprintf("That version of %s cannot be used any more: its secrets were for another address or are destroyed, or it says what this version does not understand.", o.Ref),
		}
	}
	return one, nil
}

// restored is what an object was, with the secrets of keys that it has now.
func restored(now, then *part) (*part, error) {
	switch doc := then.doc.(type) {
	case *keyDoc:
		had, back := now.doc.(*keyDoc), *doc
		if had.State == keyRevoked && back.State != keyRevoked {
			return nil, errRevoked(now.Ref)
		}
		back.Key, back.ID, back.Previous, back.Issuer = had.Key, had.ID, had.Previous, had.Issuer
		return &part{Ref: now.Ref, doc: &back}, nil
	case *tokenDoc:
		had, back := now.doc.(*tokenDoc), *doc
		back.Key, back.Previous = had.Key, had.Previous
		return &part{Ref: now.Ref, doc: &back}, nil
	}
	return then, nil
}
