package simulate

import (
	"fmt"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// Why a request would be refused, besides the names of limits.
const (
	refusedKey      = "unknown_key"
	refusedModel    = "unknown_model"
	refusedList     = "not_allowed" // by the key's allow-lists
	refusedNobody   = "no_target"   // none is left that could be asked
	refusedVendors  = "failed"      // every target of the plan failed then, too
	refusedCredsFmt = "limit of credential "
)

// Config is what a simulation stands on.
type Config struct {
	Draft  *control.Catalog
	Ratios *Ratios
	// Before is what a scope had used in a window when the simulation begins.
	Before func(accounting.Scope, accounting.Window) accounting.Totals
}

// Simulation runs requests, in the order of their admission, through a draft. It is
// not safe for concurrent use.
type Simulation struct {
	cfg         Config
	least, most *world
	report      Report
}

// New begins a simulation.
func New(cfg Config) *Simulation {
	return &Simulation{cfg: cfg, least: newWorld(cfg.Before), most: newWorld(cfg.Before), report: newReport(cfg.Draft.Version)}
}

// world is what was used under one assumption.
type world struct {
	before func(accounting.Scope, accounting.Window) accounting.Totals
	used   map[scopeWindow]accounting.Totals
}

type scopeWindow struct {
	accounting.Scope
	accounting.Window
}

func newWorld(before func(accounting.Scope, accounting.Window) accounting.Totals) *world {
	if before == nil {
		before = func(accounting.Scope, accounting.Window) accounting.Totals { return accounting.Totals{} }
	}
	return &world{before: before, used: map[scopeWindow]accounting.Totals{}}
}

// refuses is the first hard limit that has no room for a charge.
func (w *world) refuses(scopes []admit.Scoped, want accounting.Totals, now time.Time) (why string) {
	for _, s := range scopes {
		for _, l := range s.Limits {
			if l.Of == accounting.OfConcurrency {
				continue
			}
			key := scopeWindow{s.Scope, accounting.WindowAt(now, l.Per)}
			used := w.before(key.Scope, key.Window).Plus(w.used[key])
			if l.Check(l.Used(used), l.Used(want), now).Refuse {
				return fmt.Sprintf("limit: %s %s %s per %s", s.Scope.Kind, s.Scope.ID, l.Of, l.Per)
			}
		}
	}
	return ""
}

// spend books what a request used, once for each span that a limit counts.
func (w *world) spend(scopes []admit.Scoped, t accounting.Totals, now time.Time) {
	for _, s := range scopes {
		seen := map[accounting.Per]bool{}
		for _, l := range s.Limits {
			if l.Of == accounting.OfConcurrency || seen[l.Per] {
				continue
			}
			seen[l.Per] = true
			key := scopeWindow{s.Scope, accounting.WindowAt(now, l.Per)}
			w.used[key] = w.used[key].Plus(t)
		}
	}
}

// Take runs one request.
func (s *Simulation) Take(q *Request) Choice {
	least, most := s.run(s.least, q, false), s.run(s.most, q, true)
	c := Choice{
		Request: q.ID, Was: q.went(), Would: most.target, Refused: most.refused, Exact: least.exact && most.exact && least.refused == most.refused,
		Billed: q.Billed, Least: min(least.cost, most.cost), Most: max(least.cost, most.cost), Unpriced: least.unpriced || most.unpriced,
	}
	s.report.add(q, c, least.refused)
	return c
}

// outcome is what became of a request in one world.
type outcome struct {
	target   events.Target
	refused  string
	cost     int64
	unpriced bool
	exact    bool
}

// run runs a request in a world, with the most tokens or the least.
func (s *Simulation) run(w *world, q *Request, most bool) outcome {
	draft := s.cfg.Draft
	now := q.At.In(draft.Location)
	key := keyOf(draft, q)
	model := draft.Models[q.Principal.Model]
	switch {
	case key == nil || key.Usable(q.At) != "":
		return outcome{refused: refusedKey, exact: true}
	case model == nil:
		return outcome{refused: refusedModel, exact: true}
	case !key.MayUse(model.Name) || !key.MayCall(q.Endpoint):
		return outcome{refused: refusedList, exact: true}
	}
	plan, err := route.Decide(route.Again(q.Decision, model, q.At))
	if err != nil || len(plan.Steps) == 0 {
		return outcome{refused: refusedNobody, exact: true}
	}
	scopes := admit.Scopes(draft, key, q.Principal)
	want := s.charge(plan.Steps[0], q.At, q.Estimate.Usage)
	want.Requests = 1
	if why := w.refuses(scopes, want, now); why != "" {
		return outcome{refused: why, exact: true}
	}
	return s.walk(w, q, walk{plan: plan, scopes: scopes, now: now, most: most})
}

// walk is a plan that is to be gone through.
type walk struct {
	plan   route.Plan
	scopes []admit.Scoped
	now    time.Time
	most   bool
}

// walk goes through a plan: what failed then fails again, and ends the request if it did
// so then; what was not asked then answers.
func (s *Simulation) walk(w *world, q *Request, by walk) outcome {
	out := outcome{refused: refusedVendors, exact: true}
	total := accounting.Totals{Requests: 1}
	for _, step := range by.plan.Steps {
		t := step.Target()
		own := admit.CredentialScopes(step.Credential, t)
		if why := w.refuses(own, s.charge(step, q.At, q.Estimate.Usage), by.now); why != "" {
			out.refused = refusedCredsFmt + step.Provider.Name + "/" + step.Credential.Name
			continue
		}
		again, known := s.attempt(q, t, by.most)
		used := s.charge(step, q.At, again.Usage)
		used.Attempts = 1
		w.spend(own, used, by.now)
		total = total.Plus(used)
		out.exact = out.exact && known
		if !again.Failed || again.Final {
			out.target, out.refused = t, ""
			break
		}
	}
	w.spend(by.scopes, total, by.now)
	out.cost, out.unpriced = total.Cost, total.Unpriced > 0
	return out
}

// attempt is what becomes of an attempt at a target, and whether that is known.
func (s *Simulation) attempt(q *Request, t events.Target, most bool) (again Attempt, known bool) {
	for _, a := range q.Attempts {
		if a.Target == t {
			return a, true
		}
	}
	a := q.answer()
	if a == nil { // nobody answered then: all that is known is what was expected
		if most {
			return Attempt{Usage: q.Estimate.Usage}, false
		}
		return Attempt{}, false
	}
	known = a.Target.Model == t.Model && !a.Failed // of what failed only a part is known
	least, top := s.cfg.Ratios.between(a.Usage, a.Target.Model, t.Model)
	if most {
		return Attempt{Usage: top}, known
	}
	return Attempt{Usage: least}, known
}

// charge is what usage counts and costs at a step, by the draft's prices.
func (s *Simulation) charge(step route.Step, at time.Time, u events.Usage) accounting.Totals {
	if u == (events.Usage{}) {
		return accounting.Totals{}
	}
	return accounting.ChargeTotals(s.cfg.Draft.Prices.Price(accounting.Item{Kind: step.Provider.Kind, Model: step.Model, At: at}, u))
}

func keyOf(c *control.Catalog, q *Request) *control.Key {
	tenant := c.Tenants[q.Tenant]
	if tenant == nil {
		return nil
	}
	for _, k := range tenant.Keys {
		if k.Name == q.Principal.Key {
			return k
		}
	}
	return nil
}
