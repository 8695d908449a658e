package fakellm

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// number is a count that may be absent; 0 is a value.
type number struct {
	set bool
	n   int64
}

// or is the number, or fallback when absent.
func (n number) or(fallback int64) int64 {
	if n.set {
		return n.n
	}
	return fallback
}

// A plan is what one request gets: a directive after its dice were cast. The zero plan is a
// well-behaved vendor.
type plan struct {
	latency, first, delay        time.Duration
	cut, stall, fault, malformed number // content chunks before it happens
	status                       int
	after                        time.Duration
	afterDate                    bool
	reset, html, empty, context  bool
	filter, refusal, noEnd       bool
	noUsage, usageTwice          bool
	in, out                      number
	cached, write, write1h       number
	audioIn, imageIn, searches   number
	reasoning, chunk, split      number
	rpm, tpm                     number // limits a minute
}

// plan casts the dice of the directive; draw gives numbers in [0, 1).
func (d Directive) plan(draw func() float64) plan {
	var p plan
	for _, t := range d {
		if t.Probability < 1 && draw() >= t.Probability {
			continue
		}
		// A parsed term always applies: parsing tried it.
		_ = p.apply(t)
	}
	return p
}

func (p *plan) apply(t Term) error {
	if status, ok := statusOf(t.Name); ok {
		p.status, p.after, p.afterDate = status, t.After, t.Date
		return wantNoValue(t)
	}
	if flag := p.flag(t.Name); flag != nil {
		*flag = true
		return wantNoValue(t)
	}
	if wait := p.wait(t.Name); wait != nil {
		d, err := parseWait(t.Value)
		*wait = d
		return err
	}
	if at := p.position(t.Name); at != nil {
		*at = number{set: true, n: defaultPosition}
		if t.Value == "" {
			return nil
		}
		return at.parse(t.Value, maxTokens)
	}
	if count := p.count(t.Name); count != nil {
		return count.parse(t.Value, maxTokens)
	}
	return p.applyOther(t)
}

func (p *plan) applyOther(t Term) error {
	switch t.Name {
	case "huge":
		err := p.out.parse(t.Value, maxHugeKiB)
		p.out.n *= 1024 / bytesPerToken
		return err
	case "chunk", "split", "rpm", "tpm":
		n := map[string]*number{"chunk": &p.chunk, "split": &p.split, "rpm": &p.rpm, "tpm": &p.tpm}[t.Name]
		if err := n.parse(t.Value, maxTokens); err != nil {
			return err
		}
		if n.n == 0 {
			return errors.New("must be at least 1")
		}
		return nil
	case "usage":
		p.noUsage, p.usageTwice = t.Value == "none", t.Value == "twice"
		if !p.noUsage && !p.usageTwice {
			return fmt.Errorf("%q is neither none nor twice", t.Value)
		}
		return nil
	}
	return fmt.Errorf("unknown term %q", t.Name)
}

func (p *plan) flag(name string) *bool {
	switch name {
	case "reset":
		return &p.reset
	case "html":
		return &p.html
	case "empty":
		return &p.empty
	case "context":
		return &p.context
	case "filter":
		return &p.filter
	case "refusal":
		return &p.refusal
	case "noend":
		return &p.noEnd
	}
	return nil
}

func (p *plan) wait(name string) *time.Duration {
	switch name {
	case "latency":
		return &p.latency
	case "first":
		return &p.first
	case "delay":
		return &p.delay
	}
	return nil
}

func (p *plan) position(name string) *number {
	switch name {
	case "cut":
		return &p.cut
	case "stall":
		return &p.stall
	case "error":
		return &p.fault
	case "malformed":
		return &p.malformed
	}
	return nil
}

func (p *plan) count(name string) *number {
	switch name {
	case "in":
		return &p.in
	case "out":
		return &p.out
	case "cached":
		return &p.cached
	case "write":
		return &p.write
	case "write1h":
		return &p.write1h
	case "reasoning":
		return &p.reasoning
	case "audioin":
		return &p.audioIn
	case "imagein":
		return &p.imageIn
	case "searches":
		return &p.searches
	}
	return nil
}

func (n *number) parse(s string, limit int64) error {
	v, err := parseCount(s, limit)
	if err != nil {
		return err
	}
	*n = number{set: true, n: v}
	return nil
}

func wantNoValue(t Term) error {
	if t.Value != "" {
		return fmt.Errorf("takes no value, got %q", t.Value)
	}
	return nil
}

// refusalOf is the error the plan answers with instead of a reply, nil for none.
func (p *plan) refusalOf(c *call) *failure {
	switch {
	case p.context:
		return &failure{status: http.StatusBadRequest, reason: reasonContext}
	case p.refusal && c.filtered:
		return &failure{status: http.StatusBadRequest, reason: reasonFiltered}
	case p.status != 0:
		return &failure{status: p.status, after: p.after, afterDate: p.afterDate}
	case p.html:
		return &failure{status: http.StatusBadGateway}
	case p.fault.set && !c.stream:
		return &failure{status: http.StatusInternalServerError}
	}
	return nil
}
