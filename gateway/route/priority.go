package route

import (
	"slices"

	"github.com/llm-hub/llm-hub/gateway/control"
)

// byPriority puts targets of lower priority first, and draws the order of those
// of one priority, and of the credentials of each target, by weight. A candidate
// that is left out later does not change the odds of the others.
func byPriority(m *control.Model, seed uint64) []Step {
	d := drawer{state: seed}
	targets := slices.Clone(m.Targets)
	slices.SortStableFunc(targets, func(a, b control.Target) int { return a.Priority - b.Priority })
	total := 0
	for _, t := range targets {
		total += len(t.Provider.Credentials)
	}
	out := make([]Step, 0, total)
	for len(targets) > 0 {
		n := 1
		for n < len(targets) && targets[n].Priority == targets[0].Priority {
			n++
		}
		shuffle(&d, targets[:n], func(t control.Target) int { return t.Weight })
		for _, t := range targets[:n] {
			out = appendSteps(out, &d, t)
		}
		targets = targets[n:]
	}
	return out
}

func appendSteps(out []Step, d *drawer, t control.Target) []Step {
	from := len(out)
	for _, c := range t.Provider.Credentials {
		out = append(out, Step{Provider: t.Provider, Credential: c, Model: t.Model, Timeouts: t.Timeouts})
	}
	shuffle(d, out[from:], func(s Step) int { return s.Credential.Weight })
	return out
}

// shuffle draws items one after the other without replacement, each with the
// odds of its weight; a weight below 1 counts as 1.
func shuffle[T any](d *drawer, items []T, weight func(T) int) {
	for i := 0; i < len(items)-1; i++ {
		pick := i + draw(d, items[i:], weight)
		chosen := items[pick]
		copy(items[i+1:pick+1], items[i:pick])
		items[i] = chosen
	}
}

// drawer is SplitMix64. The standard library's generators may change how they
// draw from a seed; a decision must come out the same for ever.
type drawer struct{ state uint64 }

func (d *drawer) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// draw gives the index of one item.
func draw[T any](d *drawer, items []T, weight func(T) int) int {
	total := uint64(0)
	for _, it := range items {
		total += uint64(max(1, weight(it)))
	}
	// The bias of the remainder is below 2^-32 for any sum of weights that fits 32 bits.
	left := d.next() % total
	for i, it := range items {
		w := uint64(max(1, weight(it)))
		if left < w {
			return i
		}
		left -= w
	}
	return len(items) - 1
}
