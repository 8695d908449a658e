package main

import (
	"encoding/json"
	"slices"
	"time"
)

// minTail is how many values a 99th percentile needs: with fewer it is just the largest.
const minTail = 100

// A figure is a measured number, or the knowledge that it could not be measured. The zero figure
// is unknown.
type figure struct {
	value float64
	known bool
}

func known(v float64) figure { return figure{value: v, known: true} }

// micros is a duration as a figure in microseconds.
func micros(d time.Duration) figure { return known(float64(d) / float64(time.Microsecond)) }

func (f figure) minus(g figure) figure {
	if !f.known || !g.known {
		return figure{}
	}
	return known(f.value - g.value)
}

// over is the ratio of two figures; by nothing it is unknown.
func (f figure) over(g figure) figure {
	if !f.known || !g.known || g.value == 0 {
		return figure{}
	}
	return known(f.value / g.value)
}

// MarshalJSON writes an unknown figure as null.
func (f figure) MarshalJSON() ([]byte, error) {
	if !f.known {
		return []byte("null"), nil
	}
	return json.Marshal(f.value)
}

// median of figures; unknown if one of them is, or if there is none.
func median(figures []figure) figure {
	values := make([]float64, len(figures))
	for i, f := range figures {
		if !f.known {
			return figure{}
		}
		values[i] = f.value
	}
	if len(values) == 0 {
		return figure{}
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return known(values[middle])
	}
	return known((values[middle-1] + values[middle]) / 2)
}

// percentile gives the nearest-rank percentile, 1 to 100, of sorted durations, in microseconds.
// One whose tail would hold no value of its own is unknown.
func percentile(sorted []time.Duration, percent int) figure {
	n := len(sorted)
	if n == 0 || (percent == 99 && n < minTail) {
		return figure{}
	}
	rank := (n*percent + 99) / 100 // rounded up, from 1
	return micros(sorted[max(rank, 1)-1])
}
