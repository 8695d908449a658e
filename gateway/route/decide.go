package route

import (
	"fmt"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// MaxAttempts bounds the vendor calls of one request.
const MaxAttempts = 3

// Priority is the strategy that tries targets by their configured priority.
const Priority = "priority"

// Reasons for leaving a candidate out.
const (
	ReasonCooldown = "cooldown" // the vendor rate limits this credential for this model
	ReasonDisabled = "disabled" // the vendor does not accept this credential, or has no such model for it
	ReasonForced   = "forced"   // an operator has said to leave the credential alone
	// ReasonHeadroom: the vendor has said that this credential's limits leave too
	// little for the request. Such a candidate may stand at the end of the plan all
	// the same, as a last resort.
	ReasonHeadroom = "headroom"
	ReasonUnable   = "unable" // the vendor cannot do what is asked, whatever the credential
	// ReasonElsewhere: what the request goes on from is kept for another credential.
	ReasonElsewhere = "elsewhere"
)

// Inputs are all that a decision depends on.
type Inputs struct {
	Catalog string // version, for the record
	Model   *control.Model
	State   State
	Short   []Short         // candidates with too little room for the request
	Unable  map[string]bool // providers, by name, that cannot do what is asked
	// Kept is who keeps what the request goes on from, and so the only one that may be
	// asked, by provider and credential; nil: anyone may.
	Kept *events.Target
	Seed uint64
	Now  time.Time
}

// Step is one place to try.
type Step struct {
	Provider   *control.Provider
	Credential *control.Credential
	Model      string // the vendor's name of the model
	Timeouts   control.Timeouts
	LastResort bool // its limits leave too little, but no other candidate is left
}

// Target names the step in events.
func (s Step) Target() events.Target {
	return events.Target{Provider: s.Provider.Name, Credential: s.Credential.Name, Model: s.Model}
}

// Plan is an ordered choice of at most [MaxAttempts] steps, no two of which use
// the same credential for the same model. However many credentials the first
// target has, the last step is of another target if one can be used.
type Plan struct {
	Steps    []Step
	Decision events.Decision
}

// Hopeless tells whether no candidate of the model is able to do what is asked.
func (p Plan) Hopeless() bool {
	skipped := p.Decision.Skipped
	unable := func(s events.Skipped) bool { return s.Reason == ReasonUnable }
	able := func(s events.Skipped) bool { return !unable(s) }
	return len(p.Steps) == 0 && slices.ContainsFunc(skipped, unable) && !slices.ContainsFunc(skipped, able)
}

// Elsewhere tells whether no candidate keeps what the request goes on from.
func (p Plan) Elsewhere() bool {
	elsewhere := func(s events.Skipped) bool { return s.Reason == ReasonElsewhere }
	other := func(s events.Skipped) bool { return !elsewhere(s) }
	return len(p.Steps) == 0 && slices.ContainsFunc(p.Decision.Skipped, elsewhere) && !slices.ContainsFunc(p.Decision.Skipped, other)
}

// RetryAt is the time at which the first of the candidates that were left out
// for the vendor's rate limits may be used again; false if none was.
func (p Plan) RetryAt() (time.Time, bool) {
	var at time.Time
	for _, s := range p.Decision.Skipped {
		if s.Reason != ReasonDisabled && s.Reason != ReasonUnable && s.Reason != ReasonElsewhere && (at.IsZero() || s.Until.Before(at)) {
			at = s.Until
		}
	}
	return at, !at.IsZero()
}

// Decide orders the candidates of a model. Candidates ranked behind a full plan
// are neither planned nor skipped, unless the plan is of one target only and they
// are of another. Those that are short of room are skipped, and take what places
// of the plan no other candidate takes. The error names a strategy it does not know.
func Decide(in Inputs) (Plan, error) {
	ranked, err := rank(in)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{
		Steps: make([]Step, 0, MaxAttempts),
		Decision: events.Decision{
			Catalog: in.Catalog, Strategy: in.Model.Strategy, Seed: in.Seed, Plan: make([]events.Target, 0, MaxAttempts),
		},
	}
	var short []Step
	for _, s := range ranked {
		t := s.Target()
		if p.knows(t) || p.full() && !p.turns(t) {
			continue
		}
		if b, blocked := in.blocked(t); blocked {
			p.Decision.Skipped = append(p.Decision.Skipped, events.Skipped{Target: t, Reason: b.Reason, Until: b.Until})
			if b.Reason == ReasonHeadroom {
				s.LastResort = true
				short = append(short, s)
			}
			continue
		}
		if p.full() {
			p.Steps, p.Decision.Plan = p.Steps[:MaxAttempts-1], p.Decision.Plan[:MaxAttempts-1]
		}
		p.add(s)
		if p.full() && p.mixed() {
			break
		}
	}
	for _, s := range short[:min(len(short), MaxAttempts-len(p.Steps))] {
		p.add(s)
	}
	return p, nil
}

// blocked tells whether t is left out, and why.
func (in *Inputs) blocked(t events.Target) (Block, bool) {
	if in.Kept != nil && (t.Provider != in.Kept.Provider || t.Credential != in.Kept.Credential) {
		return Block{Reason: ReasonElsewhere}, true
	}
	if in.Unable[t.Provider] {
		return Block{Reason: ReasonUnable}, true
	}
	if b, blocked := in.State.Blocked(t, in.Now); blocked {
		return b, true
	}
	for _, s := range in.Short {
		if s.Target == t {
			return Block{Reason: ReasonHeadroom, Until: s.Until}, true
		}
	}
	return Block{}, false
}

func (p *Plan) add(s Step) {
	p.Steps = append(p.Steps, s)
	p.Decision.Plan = append(p.Decision.Plan, s.Target())
}

func (p *Plan) full() bool { return len(p.Steps) == MaxAttempts }

// turns tells whether t is of another target than the plan begins with.
func (p *Plan) turns(t events.Target) bool {
	first := p.Decision.Plan[0]
	return t.Provider != first.Provider || t.Model != first.Model
}

// mixed tells whether the plan has more than one target.
func (p *Plan) mixed() bool { return slices.ContainsFunc(p.Decision.Plan, p.turns) }

// knows tells whether t is planned or skipped already: a model may name a target
// more than once.
func (p *Plan) knows(t events.Target) bool {
	return slices.Contains(p.Decision.Plan, t) ||
		slices.ContainsFunc(p.Decision.Skipped, func(s events.Skipped) bool { return s.Target == t })
}

// Again gives the inputs that d was decided on. The model must be that of the
// catalog version d names, and now the time of the decision.
func Again(d events.Decision, m *control.Model, now time.Time) Inputs {
	in := Inputs{Catalog: d.Catalog, Model: m, State: stateOf(d.Skipped), Unable: map[string]bool{}, Seed: d.Seed, Now: now}
	for _, s := range d.Skipped {
		switch s.Reason {
		case ReasonHeadroom:
			in.Short = append(in.Short, Short{Target: s.Target, Until: s.Until})
		case ReasonUnable:
			in.Unable[s.Provider] = true
		case ReasonElsewhere:
			in.Kept = keptIn(d)
		}
	}
	return in
}

// keptIn is who kept what a request went on from: the one that was not left out for
// that.
func keptIn(d events.Decision) *events.Target {
	if len(d.Plan) > 0 {
		return &d.Plan[0]
	}
	for _, s := range d.Skipped {
		if s.Reason != ReasonElsewhere {
			return &s.Target
		}
	}
	return &events.Target{}
}

// rank orders every candidate of the model, usable or not: a strategy is an
// order, and nothing else.
func rank(in Inputs) ([]Step, error) {
	switch in.Model.Strategy {
	case Priority:
		return byPriority(in.Model, in.Seed), nil
	default:
		return nil, fmt.Errorf("model %s: unknown strategy %q", in.Model.Name, in.Model.Strategy)
	}
}
