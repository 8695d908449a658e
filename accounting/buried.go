package accounting

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/events"
)

// Buried is the place of a dead event and whose it is. As long as a fold remembers
// it, the event can be applied again.
type Buried struct {
	Position
	Epoch events.Epoch `json:"epoch"`
}

// bury remembers a dead event, and forgets the oldest when there are too many.
func (f *Fold) bury(at Position, e events.Epoch) {
	f.buried = append(f.buried, Buried{at, e})
	f.buried = f.buried[max(0, len(f.buried)-maxBuried):]
	f.past = nil
}

// grave finds a dead event that is remembered.
func (f *Fold) grave(at Position) (i int, found bool) {
	return slices.BinarySearchFunc(f.buried, at, func(b Buried, p Position) int { return b.compare(p) })
}

var errDoomed = errors.New("could not be applied when it was folded first")

// isDoomed tells whether the event at a position was dead when the checkpoint was
// taken from which the fold was restarted.
func (f *Fold) isDoomed(at Position) bool {
	for len(f.doomed) > 0 && f.doomed[0].Less(at) {
		f.doomed = f.doomed[1:]
	}
	return len(f.doomed) > 0 && f.doomed[0] == at
}

// reapplied applies a dead event again, here, as what its own epoch said. To a fold
// in which nothing is dead at that place, because it could apply the event there or
// has done so since, it means nothing. After an error the event is as dead as before.
func (s *step) reapplied(_ events.Event, b events.DeadReapplied) error {
	at := Position{Seq: b.Seq, Index: b.Index}
	i, found := s.fold.grave(at)
	if !found {
		return nil
	}
	e, err := events.Decode([]byte(b.Raw))
	if err == nil && (e.Kind == events.DeadReappliedKind || strings.HasPrefix(string(e.Kind), "node.")) {
		err = fmt.Errorf("%s cannot be applied again", e.Kind)
	}
	if err == nil {
		err = s.speakingFor(s.author(s.fold.buried[i].Epoch, e.Node), e)
	}
	if err != nil {
		return fmt.Errorf("dead event at %d.%d: %w", b.Seq, b.Index, err)
	}
	s.fold.buried = slices.Delete(s.fold.buried, i, i+1)
	s.fold.past = nil
	return nil
}

// author finds the epoch that said a dead event. One that is forgotten was closed.
func (s *step) author(e events.Epoch, node events.NodeID) *producer {
	if p := s.fold.known(e, s.by.Partition, s.fold.now); p != nil {
		return p
	}
	return &producer{Producer: Producer{Node: node, Epoch: e, Partition: s.by.Partition, Closed: true}}
}

// speakingFor folds e as if p had said it.
func (s *step) speakingFor(p *producer, e events.Event) error {
	speaker := s.by
	s.by = p
	defer func() { s.by = speaker }()
	return s.event(e)
}
