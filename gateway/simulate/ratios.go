package simulate

import (
	"math"
	"math/bits"
	"slices"

	"github.com/llm-hub/llm-hub/events"
)

const (
	// perMillion is the unit of a ratio.
	perMillion = 1_000_000
	// leastEstimate is how many tokens an estimate must have to say something.
	leastEstimate = 16
	// samplesOf bounds what is kept of one model.
	samplesOf = 4096
	// spare is the share, in percent, that is left out at either end of the samples.
	spare = 5
)

// Ratios is how many prompt tokens vendors' models make of the same estimate, as
// measured from recorded requests. The zero Ratios has measured nothing.
type Ratios struct {
	samples map[string][]int64 // per million, by the vendor's name of the model
}

// Range is an interval of a ratio, per million.
type Range struct {
	Least    int64 `json:"least_per_million"`
	Most     int64 `json:"most_per_million"`
	Samples  int   `json:"samples"`
	Measured bool  `json:"measured"` // of this model; else of all that were
}

// Measure takes note of a recorded request.
func (r *Ratios) Measure(q *Request) {
	a, estimate := q.answer(), q.Estimate.Usage.InputTotal()
	if a == nil || estimate < leastEstimate || a.Usage.InputTotal() <= 0 {
		return
	}
	if r.samples == nil {
		r.samples = map[string][]int64{}
	}
	if of := r.samples[a.Target.Model]; len(of) < samplesOf {
		r.samples[a.Target.Model] = append(of, a.Usage.InputTotal()*perMillion/estimate)
	}
}

// Of is the range of a model. Of one that was never measured it is that of all, and
// without any it is 1 to 1, not measured.
func (r *Ratios) Of(model string) Range {
	if of := r.samples[model]; len(of) > 0 {
		return rangeOf(of, true)
	}
	out := Range{Least: perMillion, Most: perMillion}
	first := true
	for _, of := range r.samples {
		one := rangeOf(of, false)
		if first || one.Least < out.Least {
			out.Least = one.Least
		}
		if first || one.Most > out.Most {
			out.Most = one.Most
		}
		out.Samples += one.Samples
		first = false
	}
	return out
}

func rangeOf(samples []int64, measured bool) Range {
	sorted := slices.Sorted(slices.Values(samples))
	cut := len(sorted) * spare / 100
	return Range{Least: sorted[cut], Most: sorted[len(sorted)-1-cut], Samples: len(sorted), Measured: measured}
}

// between gives the least and most usage if model had been given what another was
// given, and had answered as much.
func (r *Ratios) between(u events.Usage, from, model string) (least, most events.Usage) {
	if from == model {
		return u, u
	}
	was, is := r.Of(from), r.Of(model)
	return scaled(u, is.Least, max(was.Most, 1), false), scaled(u, is.Most, max(was.Least, 1), true)
}

// scaled multiplies the classes that are tokens by num/den, rounded down or up.
func scaled(u events.Usage, num, den int64, up bool) events.Usage {
	for i, amount := range u.Refs() {
		if events.Classes()[i].Unit != events.TokenUnit {
			continue
		}
		high, low := bits.Mul64(uint64(max(0, *amount)), uint64(num))
		if high >= uint64(den) {
			*amount = math.MaxInt64
			continue
		}
		n, rest := bits.Div64(high, low, uint64(den))
		if up && rest > 0 {
			n++
		}
		*amount = int64(min(n, math.MaxInt64))
	}
	return u
}
