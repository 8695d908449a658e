package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/llm-hub/llm-hub/events"
)

// Object is one object of the configuration as the log has it.
type Object struct {
	Ref
	Doc    json.RawMessage // sealed
	Origin string
	Seq    uint64 // of the command that set it last
	First  uint64 // of the command that made it
	order  int    // in that command
}

// State is the fold of the control stream up to a message. It is never changed.
type State struct {
	Seq  uint64 // of the message, 0: none
	Hash string // of it

	// Signed is the message up to which all is signed, 0: none; Signers are the keys.
	Signed  uint64
	Signers []string // in base64, each once
	count   uint64   // of events

	objects  map[Ref]Object
	shredded map[string]events.TenantID // data keys that are to be destroyed, with their tenants
	done     map[string]uint64          // sequence by the idempotency of its command
}

// NewState is the fold of nothing.
func NewState() *State {
	return &State{objects: map[Ref]Object{}, shredded: map[string]events.TenantID{}, done: map[string]uint64{}}
}

// Next folds the messages that follow. It fails if one does not follow: the chain
// is broken, or an event says of an object what was not so.
func (s *State) Next(cs ...events.Command) (*State, error) {
	next := &State{Seq: s.Seq, Hash: s.Hash, Signed: s.Signed, Signers: s.Signers, count: s.count, objects: maps.Clone(s.objects), shredded: maps.Clone(s.shredded), done: maps.Clone(s.done)}
	for _, c := range cs {
		if err := next.fold(c); err != nil {
			return nil, fmt.Errorf("control message %d: %w", c.Seq, err)
		}
	}
	return next, nil
}

func (s *State) fold(c events.Command) error {
	if c.Seq != s.Seq+1 {
		return fmt.Errorf("comes after %d", s.Seq)
	}
	if c.Prev != s.Hash {
		return errors.New("is not chained to the message before it")
	}
	es, err := c.Events()
	if err != nil {
		return err
	}
	before := *s
	s.Seq, s.Hash = c.Seq, c.Hash()
	s.count += uint64(len(es))
	for i, e := range es {
		if e.Kind == events.HubCreatedKind {
			continue
		}
		if e.Kind == events.AuditSignedKind {
			if err := s.checkpoint(before, e); err != nil {
				return err
			}
			continue
		}
		change, err := events.ChangeOf(e)
		if err != nil {
			return err
		}
		if err := s.apply(e, change, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) apply(e events.Event, c events.Change, order int) error {
	ref := Ref{c.Sort, e.Tenant, c.Object}
	had, exists := s.objects[ref]
	if !bytes.Equal(had.Doc, c.Before) {
		return fmt.Errorf("event %s: %s was not what it says it was", e.ID, ref)
	}
	if c.Idempotency != "" {
		s.done[c.Idempotency] = s.Seq
	}
	for _, id := range c.Shredded {
		s.shredded[id] = e.Tenant
	}
	if c.After == nil {
		delete(s.objects, ref)
		return nil
	}
	o := Object{Ref: ref, Doc: c.After, Origin: c.Origin, Seq: s.Seq, First: had.First, order: had.order}
	if !exists {
		o.First, o.order = s.Seq, order
	}
	s.objects[ref] = o
	return nil
}

// Object finds an object.
func (s *State) Object(r Ref) (Object, bool) {
	o, ok := s.objects[r]
	return o, ok
}

// Configured tells whether somebody configured vendors or models, so that there is
// no need to look for any.
func (s *State) Configured() bool {
	for r, o := range s.objects {
		if (r.Sort == events.ProviderSort || r.Sort == events.ModelSort) && (o.Origin == OriginFile || o.Origin == OriginAPI) {
			return true
		}
	}
	return false
}

// Objects are all objects in the order of [events.Sorts], those of a sort as they
// were made.
func (s *State) Objects() []Object {
	rank := map[events.Sort]int{}
	for i, sort := range events.Sorts() {
		rank[sort] = i
	}
	return slices.SortedFunc(maps.Values(s.objects), func(a, b Object) int {
		if d := rank[a.Sort] - rank[b.Sort]; d != 0 {
			return d
		}
		if a.First != b.First {
			return int(int64(a.First) - int64(b.First))
		}
		return a.order - b.order
	})
}
