package simulate

import (
	"cmp"
	"slices"

	"github.com/llm-hub/llm-hub/events"
)

// Report is what a simulation came to.
type Report struct {
	Draft     string           `json:"draft"` // version of its catalog
	Requests  int              `json:"requests"`
	Exact     int              `json:"exact"` // of these, whose cost is known to the nano-dollar
	Moved     int              `json:"moved"` // would go to another target, or to none
	Billed    int64            `json:"billed_nano_usd"`
	Least     int64            `json:"least_nano_usd"` // by the draft
	Most      int64            `json:"most_nano_usd"`
	Unpriced  int              `json:"unpriced"` // requests that the draft has no price for
	WasSo     int64            `json:"billed_unpriced"`
	RefusedBy []Refusal        `json:"refused"` // by the draft, most first
	Targets   []TargetChoice   `json:"targets"` // by the draft's order of names
	Ratios    map[string]Range `json:"ratios"`  // of the models that were compared, per million of the estimate
	Model     []string         `json:"only_a_model"`
}

// Refusal is how many requests would be refused for one reason: between the worlds of
// least and most tokens.
type Refusal struct {
	Reason string `json:"reason"`
	Least  int    `json:"least"`
	Most   int    `json:"most"`
}

// TargetChoice is how many requests went to a target, and how many would.
type TargetChoice struct {
	events.Target
	Was   int   `json:"was"`
	Would int   `json:"would"`
	Least int64 `json:"least_nano_usd"`
	Most  int64 `json:"most_nano_usd"`
}

func newReport(draft string) Report {
	return Report{Draft: draft, RefusedBy: []Refusal{}, Targets: []TargetChoice{}, Ratios: map[string]Range{}, Model: []string{
		"a target that was not asked then is taken to answer, with as much text as the one that did",
		"its tokens are between what both models made of the same estimates",
		"limits are counted without the rounding of leases and without concurrency",
		"cooldowns are those of then; the draft causes none of its own",
		"requests that were refused then are not among these: nothing is known of what they would have used",
	}}
}

func (r *Report) add(q *Request, c Choice, refusedLeast string) {
	r.Requests++
	r.Billed += c.Billed
	r.Least += c.Least
	r.Most += c.Most
	r.WasSo += q.Unpriced
	if c.Exact {
		r.Exact++
	}
	if c.Was != c.Would {
		r.Moved++
	}
	if c.Unpriced {
		r.Unpriced++
	}
	if refusedLeast != "" {
		r.refusal(refusedLeast).Least++
	}
	if c.Refused != "" {
		r.refusal(c.Refused).Most++
	}
	if c.Was != (events.Target{}) {
		r.target(c.Was).Was++
	}
	if c.Would != (events.Target{}) {
		t := r.target(c.Would)
		t.Would++
		t.Least += c.Least
		t.Most += c.Most
	}
}

func (r *Report) refusal(reason string) *Refusal {
	i := slices.IndexFunc(r.RefusedBy, func(f Refusal) bool { return f.Reason == reason })
	if i < 0 {
		i = len(r.RefusedBy)
		r.RefusedBy = append(r.RefusedBy, Refusal{Reason: reason})
	}
	return &r.RefusedBy[i]
}

func (r *Report) target(t events.Target) *TargetChoice {
	i := slices.IndexFunc(r.Targets, func(c TargetChoice) bool { return c.Target == t })
	if i < 0 {
		i = len(r.Targets)
		r.Targets = append(r.Targets, TargetChoice{Target: t})
	}
	return &r.Targets[i]
}

// Report is what the requests until now came to.
func (s *Simulation) Report() Report {
	r := s.report
	slices.SortFunc(r.RefusedBy, func(a, b Refusal) int { return cmp.Or(b.Most-a.Most, cmp.Compare(a.Reason, b.Reason)) })
	slices.SortFunc(r.Targets, func(a, b TargetChoice) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Credential, b.Credential), cmp.Compare(a.Target.Model, b.Target.Model))
	})
	for _, t := range r.Targets {
		r.Ratios[t.Target.Model] = s.cfg.Ratios.Of(t.Target.Model)
	}
	for i := range r.RefusedBy { // a limit may refuse more where others have refused less before
		f := &r.RefusedBy[i]
		f.Least, f.Most = min(f.Least, f.Most), max(f.Least, f.Most)
	}
	return r
}
