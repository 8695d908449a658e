package control

import (
	"context"
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Created is an object that was made, and the virtual keys that got a secret with it.
type Created struct {
	Outcome
	Ref  Ref
	Keys []NewKey
}

// Create gives the command that adds an object, see [Draft.Create]. A virtual key
// that has no secret gets one.
func (p *Plane) Create(ctx context.Context, by By, sort events.Sort, holder string, spec []byte) (Created, error) {
	var out Created
	var err error
	made := keysMade{}
	out.Outcome, err = p.Do(ctx, by, func(d *Draft) error {
		var err error
		if out.Ref, err = d.Create(sort, holder, spec); err != nil {
			return err
		}
		return d.completeKeys(made)
	})
	if err == nil && !by.DryRun {
		out.Keys = made.inForce(p.opened.Load().plan)
	}
	return out, err
}

// completeKeys gives every key that has none a secret.
func (d *Draft) completeKeys(made keysMade) error {
	for _, r := range d.plan.order {
		one := d.plan.parts[r]
		if keyOf(one.doc) == nil || one == d.now.plan.parts[r] {
			continue
		}
		with, err := d.complete(one, "", made)
		if err != nil {
			return err
		}
		d.set(with)
	}
	return nil
}

// maxOverlap bounds how long a secret works beside the one that has replaced it.
const maxOverlap = 30 * 24 * time.Hour

// Roll gives a virtual key or a token a new secret. The one it had works for overlap
// longer.
func (p *Plane) Roll(ctx context.Context, by By, r Ref, match Match, overlap time.Duration) (Created, error) {
	if overlap < 0 || overlap > maxOverlap {
		return Created{}, &gateway.Error{Kind: gateway.Invalid, Param: "overlap", Public: fmt.Sprintf("The overlap must be 0 to %s.", maxOverlap)}
	}
	out := Created{Ref: r}
	made := keysMade{}
	until := moment(p.cfg.Now().Add(overlap).UTC().Truncate(time.Second).Format(time.RFC3339))
	var err error
	out.Outcome, err = p.Do(ctx, by, func(d *Draft) error {
		one, err := d.find(r, match)
		if err != nil {
			return err
		}
		var previous *previousDoc
		if overlap > 0 {
			previous = &previousDoc{Key: suppliedKey{hash: keyOf(one.doc).digest()}, Until: until}
		}
		switch doc := one.doc.(type) {
		case *keyDoc:
			key := *doc
			if key.State == keyRevoked {
				return errRevoked(r)
			}
			key.Previous = previous
			key.Key.set(made.secret(r))
			key.ID, key.Issuer = publicID(publicPart(key.Key.Reveal())), reference(d.by.Rights.User) // who learns the secret
			d.set(&part{Ref: r, doc: &key})
		case *tokenDoc:
			token := *doc
			token.Previous = previous
			token.Key.set(made.secret(r))
			d.set(&part{Ref: r, doc: &token})
		}
		return nil
	})
	if err == nil && !by.DryRun {
		out.Keys = made.inForce(p.opened.Load().plan)
	}
	return out, err
}
