package fakellm

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Match says which requests a rule is for; an empty field fits all.
type Match struct {
	Key    string `json:"key,omitempty"`
	Model  string `json:"model,omitempty"` // as sent, or without its directives
	Vendor Vendor `json:"vendor,omitempty"`
}

// A Rule ties a directive to requests, until it is cleared.
type Rule struct {
	Match     Match  `json:"match"`
	Directive string `json:"directive"`
	Times     int64  `json:"times,omitempty"` // only the first N requests it fits; 0: all
}

type activeRule struct {
	Rule
	directive Directive
	used      atomic.Int64
}

// take says whether the rule holds for a request, and counts it.
func (r *activeRule) take(v Vendor, key string, c *call) bool {
	m := r.Match
	if m.Vendor != "" && m.Vendor != v || m.Key != "" && m.Key != key ||
		m.Model != "" && m.Model != c.model && m.Model != c.baseModel() {
		return false
	}
	return r.Times == 0 || r.used.Add(1) <= r.Times
}

// behavior is the set of rules; reading it takes no lock.
type behavior struct {
	mu    sync.Mutex // held by writers
	rules atomic.Pointer[[]*activeRule]
}

func (b *behavior) load() []*activeRule {
	if p := b.rules.Load(); p != nil {
		return *p
	}
	return nil
}

// set adds a rule, or replaces the one with the same match.
func (b *behavior) set(r Rule) error {
	switch r.Match.Vendor {
	case "", OpenAI, Anthropic, Gemini, Cohere, Azure, Vertex, Bedrock:
	default:
		return fmt.Errorf("match.vendor: unknown vendor %q", r.Match.Vendor)
	}
	if r.Times < 0 {
		return fmt.Errorf("times: %d is negative", r.Times)
	}
	d, err := ParseDirective(r.Directive)
	if err != nil {
		return err
	}
	if len(d) == 0 {
		return errors.New("directive: is empty")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var next []*activeRule
	for _, old := range b.load() {
		if old.Match != r.Match {
			next = append(next, old)
		}
	}
	next = append(next, &activeRule{Rule: r, directive: d})
	b.rules.Store(&next)
	return nil
}

func (b *behavior) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules.Store(nil)
}

// find joins the directives of all rules that hold for a request.
func (b *behavior) find(v Vendor, key string, c *call) Directive {
	var d Directive
	for _, r := range b.load() {
		if r.take(v, key, c) {
			d = append(d, r.directive...)
		}
	}
	return d
}
