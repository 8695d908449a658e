package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/events"
)

// plan is a whole configuration as its objects, opened: what is in force, or a
// draft of what shall be. Parts in it are replaced, never changed.
type plan struct {
	parts  map[Ref]*part
	origin map[Ref]string
	order  []Ref // as [State.Objects] has them; what is new comes last
}

func newPlan() *plan { return &plan{parts: map[Ref]*part{}, origin: map[Ref]string{}} }

func (p *plan) clone() *plan {
	return &plan{parts: maps.Clone(p.parts), origin: maps.Clone(p.origin), order: slices.Clone(p.order)}
}

func (p *plan) set(one *part, origin string) {
	if p.parts[one.Ref] == nil {
		p.order = append(p.order, one.Ref)
	}
	p.parts[one.Ref], p.origin[one.Ref] = one, origin
}

// remove takes an object away, and what belongs to it.
func (p *plan) remove(r Ref) {
	p.order = slices.DeleteFunc(p.order, func(o Ref) bool {
		inside := o == r || r.Sort == events.TenantSort && o.Tenant == r.Tenant && o.Sort != events.TenantSort ||
			r.Sort == events.ProviderSort && (o.Sort == events.CredentialSort || o.Sort == events.CooldownSort) && OwnerOf(o.ID) == r.ID ||
			r.Sort == events.CredentialSort && o.Sort == events.CooldownSort && strings.HasPrefix(o.ID+"/", r.ID+"/")
		if inside {
			delete(p.parts, o)
			delete(p.origin, o)
		}
		return inside
	})
}

// sorted are the parts in the order of the sorts.
func (p *plan) sorted() []*part {
	out := make([]*part, 0, len(p.order))
	for _, s := range events.Sorts() {
		for _, r := range p.order {
			if r.Sort == s {
				out = append(out, p.parts[r])
			}
		}
	}
	return out
}

// change is one difference between what is in force and a draft.
type change struct {
	Ref
	before Object // zero: there is none
	old    *part  // opened, nil: there is none
	after  *part  // nil: removed
	origin string
}

// changes are what leads from p, which state says, to draft: what is set in the
// order of the sorts, so that nothing refers to what is not there yet, then what
// is removed, in the opposite order.
func (p *plan) changes(state *State, draft *plan) ([]change, error) {
	var out, removed []change
	for _, one := range draft.sorted() {
		had := p.parts[one.Ref]
		same, err := equal(had, one)
		if err != nil {
			return nil, err
		}
		if !same || p.origin[one.Ref] != draft.origin[one.Ref] {
			out = append(out, change{Ref: one.Ref, before: state.objects[one.Ref], old: had, after: one, origin: draft.origin[one.Ref]})
		}
	}
	for _, one := range p.sorted() {
		if draft.parts[one.Ref] == nil {
			removed = append(removed, change{Ref: one.Ref, before: state.objects[one.Ref], old: one, origin: p.origin[one.Ref]})
		}
	}
	slices.Reverse(removed)
	return append(out, removed...), nil
}

func equal(a, b *part) (bool, error) {
	if a == nil || b == nil || a == b {
		return a == b, nil
	}
	first, err := a.plain()
	if err != nil {
		return false, err
	}
	second, err := b.plain()
	return first == second, err
}

// openPlan decodes and opens what state holds. What known holds already, for the
// same commands, is taken from there.
func openPlan(ctx context.Context, state *State, known *opened, with tools) (*opened, error) {
	out := &opened{state: state, plan: newPlan()}
	for _, o := range state.Objects() {
		one, err := openObject(ctx, o, known, with, out.plan)
		if err != nil {
			return nil, err
		}
		out.plan.set(one, o.Origin)
	}
	return out, nil
}

// opened is a state and its objects, opened.
type opened struct {
	state *State
	plan  *plan
}

// tools are what objects are opened with.
type tools struct {
	vault Vault
	kinds []Kind
	past  bool // what cannot be opened any more is no error, see [part.openPast]
}

func openObject(ctx context.Context, o Object, known *opened, with tools, so *plan) (*part, error) {
	one := &part{Ref: o.Ref, doc: newDoc(o.Sort)}
	if o.Sort == events.CredentialSort {
		if p := so.parts[Ref{events.ProviderSort, events.NoTenant, OwnerOf(o.ID)}]; p != nil {
			one.host = hostOf(p.doc.(*providerDoc), with.kinds)
		}
	}
	if known != nil {
		had, ok := known.state.objects[o.Ref]
		if before := known.plan.parts[o.Ref]; ok && had.Seq == o.Seq && before != nil && before.host == one.host {
			return before, nil
		}
	}
	if err := decodeDoc(o, one.doc); err != nil {
		return nil, err
	}
	if with.past {
		return one, one.openPast(ctx, with.vault)
	}
	return one, one.open(ctx, with.vault)
}

// decodeDoc reads an object of the log into doc.
func decodeDoc(o Object, doc any) error {
	d := &document{name: o.Ref.String(), places: map[string]place{}, literal: true}
	d.readInto(o.Doc, doc)
	if err := d.wrong.err(); err != nil {
		return fmt.Errorf("the log holds what this version does not understand: %w", err)
	}
	return nil
}

// view is an object as operators may see it.
func (p *part) view() (json.RawMessage, error) {
	if p == nil {
		return nil, nil
	}
	return encoder{private: shown, short: true}.json(p.doc)
}
