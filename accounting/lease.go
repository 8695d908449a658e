package accounting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// HolderID names who holds leases: `<node>.<epoch>`.
type HolderID string

// NewHolderID is the holder that one life of a node is.
func NewHolderID(n events.NodeID, e events.Epoch) HolderID {
	return HolderID(string(n) + "." + string(e))
}

// Epoch is the life of the node that holds.
func (h HolderID) Epoch() events.Epoch {
	return events.Epoch(h[strings.LastIndexByte(string(h), '.')+1:])
}

// Leases are the leases on the hard limits of one scope: the value of its key in
// the bucket of leases, which alone decides those limits. Gateways replace it by
// compare-and-set. The zero Leases has lent nothing.
type Leases struct {
	Pools []Pool `json:"pools"`
}

// Pool is what one limit allows in one window, and who holds it:
// Seeded and what all holders hold are together at most Max, unless more was spent
// than any estimate said or Max was lowered; then nobody is given more.
type Pool struct {
	Per     Per               `json:"per,omitempty"` // empty for concurrency
	Of      Of                `json:"of"`
	Window  string            `json:"window,omitempty"` // label, empty for life and concurrency
	Max     int64             `json:"max"`              // of the limit when somebody last asked
	Seeded  int64             `json:"seeded"`           // spent in the window by whoever is no holder
	Holders map[HolderID]Held `json:"holders,omitempty"`
}

// Held is what one holder has: all it has spent in the window, all it has reserved,
// and what it may spend still.
type Held struct {
	Granted  int64     `json:"granted"`
	Returned int64     `json:"returned,omitempty"` // of Granted
	Until    time.Time `json:"until"`              // it spends nothing of it later without asking again
}

// Amount is what is held.
func (h Held) Amount() int64 { return h.Granted - h.Returned }

// DecodeLeases reads the value of a lease key; none is the zero Leases.
func DecodeLeases(value []byte) (Leases, error) {
	var l Leases
	if len(value) == 0 {
		return l, nil
	}
	d := json.NewDecoder(bytes.NewReader(value))
	if err := d.Decode(&l); err != nil {
		return Leases{}, fmt.Errorf("leases: %w", err)
	}
	if _, err := d.Token(); err == nil {
		return Leases{}, errors.New("leases: more than one value")
	}
	for i := range l.Pools {
		p := &l.Pools[i]
		if err := p.check(); err != nil {
			return Leases{}, fmt.Errorf("leases: pools[%d]: %w", i, err)
		}
		if l.find(p.Of, p.window()) != i {
			return Leases{}, fmt.Errorf("leases: pools[%d]: there twice", i)
		}
	}
	return l, nil
}

func (p *Pool) check() error {
	l := Limit{Per: p.Per, Of: p.Of, Max: p.Max, Mode: Hard}
	if err := l.Validate(); err != nil {
		return err
	}
	if p.Of == OfConcurrency && p.window() != (Window{}) || p.Per == Life && p.Window != "" {
		return fmt.Errorf("window: %s %q is none of %s", p.Per, p.Window, p.Of)
	}
	if p.Seeded < 0 {
		return fmt.Errorf("seeded: %d is negative", p.Seeded)
	}
	for id, h := range p.Holders {
		if h.Returned < 0 || h.Granted < h.Returned {
			return fmt.Errorf("holders: %s: returned %d of %d", id, h.Returned, h.Granted)
		}
	}
	return nil
}

// Clone makes a copy that shares nothing.
func (l Leases) Clone() Leases {
	l.Pools = slices.Clone(l.Pools)
	for i := range l.Pools {
		l.Pools[i].Holders = maps.Clone(l.Pools[i].Holders)
	}
	return l
}

// Encode makes the value of the lease key. Equal leases have equal values.
func (l Leases) Encode() ([]byte, error) {
	value, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("leases: %w", err)
	}
	return value, nil
}

func (p *Pool) window() Window { return Window{Per: p.Per, Label: p.Window} }

func (l *Leases) find(of Of, w Window) int {
	return slices.IndexFunc(l.Pools, func(p Pool) bool { return p.Of == of && p.window() == w })
}

// Open finds the pool of a limit in a window, or makes it. Of each kind of limit
// the pools of the two latest windows are kept; for an older window it is nil. Of
// concurrency w is the zero Window.
func (l *Leases) Open(of Of, w Window) *Pool {
	if i := l.find(of, w); i >= 0 {
		return &l.Pools[i]
	}
	oldest, others := -1, 0
	for i := range l.Pools {
		if p := &l.Pools[i]; p.Of != of || p.Per != w.Per {
			continue
		}
		if others++; oldest < 0 || l.Pools[i].Window < l.Pools[oldest].Window {
			oldest = i
		}
	}
	fresh := Pool{Per: w.Per, Of: of, Window: w.Label}
	const kept = 2
	if others < kept {
		l.Pools = append(l.Pools, fresh)
		return &l.Pools[len(l.Pools)-1]
	}
	if w.Label < l.Pools[oldest].Window {
		return nil
	}
	l.Pools[oldest] = fresh
	return &l.Pools[oldest]
}

// Holders are all holders of all pools, in order.
func (l *Leases) Holders() []HolderID {
	var out []HolderID
	for i := range l.Pools {
		for id := range l.Pools[i].Holders {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Claimed is what is spent, reserved or lent, by everybody.
func (p *Pool) Claimed() int64 { return p.Others("") }

// Others is what is spent, reserved or lent by everybody but h.
func (p *Pool) Others(h HolderID) int64 {
	sum := p.Seeded
	for id, held := range p.Holders {
		if id != h {
			sum = plus(sum, held.Amount())
		}
	}
	return sum
}

// active counts the holders whose time is not up, h in any case.
func (p *Pool) active(h HolderID, now time.Time) int64 {
	n := int64(1)
	for id, held := range p.Holders {
		if id != h && held.Until.After(now) {
			n++
		}
	}
	return n
}

// plus adds two amounts of which the first is not negative, at most as far as an int64 goes.
func plus(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
