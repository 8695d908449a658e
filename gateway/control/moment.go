package control

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// Moment is the configuration as it was in force at an instant.
type Moment struct {
	Seq uint64 // of the last control message until then, 0: none

	plane  *Plane
	then   *opened
	rights Rights // of whoever looks at its objects
}

// As is the moment for the eyes of somebody: objects that they may not see are not there.
func (m *Moment) As(rights Rights) *Moment {
	seen := *m
	seen.rights = rights
	return &seen
}

// Now is what is in force.
func (p *Plane) Now() *Moment {
	now := p.opened.Load()
	return &Moment{Seq: now.state.Seq, plane: p, then: now}
}

// At folds the control stream up to an instant of the log's clock. What a removed
// tenant had said of people is destroyed with its data key; their ids stay.
func (p *Plane) At(ctx context.Context, t time.Time) (*Moment, error) {
	m := &Moment{plane: p}
	state, err := m.fold(ctx, func(c events.Command) bool { return !c.Time.After(t) })
	if err != nil {
		return nil, err
	}
	return m, m.open(ctx, state)
}

// fold is the state of the messages up to the first that is not within.
func (m *Moment) fold(ctx context.Context, within func(events.Command) bool) (*State, error) {
	state := NewState()
	for {
		page, err := m.plane.cfg.Stream.Commands(ctx, state.Seq+1, pageSize)
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		n := 0
		for n < len(page) && within(page[n]) {
			n++
		}
		if n > 0 {
			if state, err = state.Next(page[:n]...); err != nil {
				return nil, err
			}
		}
		if n < len(page) || len(page) == 0 {
			m.Seq = state.Seq
			return state, nil
		}
	}
}

func (m *Moment) open(ctx context.Context, state *State) (err error) {
	with := tools{vault: m.plane.cfg.Vault, kinds: m.plane.cfg.Loader.Kinds, past: true}
	m.then, err = openPlan(ctx, state, nil, with)
	return err
}

// Views are the objects of a sort, see [Plane.Views].
func (m *Moment) Views(sort events.Sort, tenant events.TenantID) ([]View, error) {
	return m.then.views(sort, tenant, m.rights)
}

// View is one object. Its error is a *gateway.Error.
func (m *Moment) View(r Ref) (View, error) { return m.then.view(r, m.rights) }

// Export is what [Plane.Export] wrote then.
func (m *Moment) Export(ctx context.Context) ([]byte, error) {
	return m.then.plan.export(ctx, m.plane.cfg.Vault)
}

// Catalog is what was in force. Between two messages of one command it is what was
// before the command, as it was on every node. It calls no vendor.
func (m *Moment) Catalog(ctx context.Context) (*Catalog, error) {
	catalog, err := m.plane.cfg.Loader.catalog(m.then.plan)
	if err == nil {
		return catalog, nil
	}
	whole, cut, err2 := m.wholeCommands(ctx)
	if err2 != nil || !cut {
		return nil, errors.Join(err, err2)
	}
	before := &Moment{plane: m.plane}
	state, err := before.fold(ctx, func(c events.Command) bool { return c.Seq <= whole })
	if err != nil {
		return nil, err
	}
	if err := before.open(ctx, state); err != nil {
		return nil, err
	}
	return m.plane.cfg.Loader.catalog(before.then.plan)
}

// wholeCommands is the last message before the command of the moment's last one,
// and whether that command goes on after it.
func (m *Moment) wholeCommands(ctx context.Context) (seq uint64, cut bool, err error) {
	page, err := m.plane.cfg.Stream.Commands(ctx, m.Seq, 2)
	if err != nil || len(page) < 2 {
		return 0, false, err
	}
	request, err := requestOf(page[0])
	if err != nil {
		return 0, false, err
	}
	if next, err := requestOf(page[1]); err != nil || next != request {
		return 0, false, err
	}
	for seq = m.Seq - 1; seq > 0; seq-- {
		page, err := m.plane.cfg.Stream.Commands(ctx, seq, 1)
		if err != nil || len(page) == 0 {
			return 0, false, err
		}
		if before, err := requestOf(page[0]); err != nil || before != request {
			return seq, true, err
		}
	}
	return 0, true, nil
}

func requestOf(c events.Command) (events.RequestID, error) {
	es, err := c.Events()
	if err != nil {
		return "", err
	}
	return es[0].Request, nil
}

// openPast is open for an object that may belong to somebody who is gone.
func (p *part) openPast(ctx context.Context, vault Vault) error {
	return walk(reflect.ValueOf(p.doc).Elem(), "", func(field string, v private) error {
		text, ok := strings.CutPrefix(v.reveal(), sealedPrefix)
		if !ok {
			return nil
		}
		s, err := vault.Open(ctx, p.at(field), text)
		switch _, personal := v.(interface{ personal() }); {
		case err == nil:
			v.put(s.Reveal())
		case !personal || ctx.Err() != nil || errors.Is(err, events.ErrUnavailable):
			return &gateway.Error{Kind: gateway.Unavailable, Public: fmt.Sprintf("The %s cannot be opened at present.", p.Ref), Cause: err}
		default:
			v.put(destroyedPrefix + p.ID)
		}
		return nil
	})
}
