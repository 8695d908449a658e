package main

import (
	"encoding/json"
	"testing"
	"time"
)

func figures(values ...float64) []figure {
	var all []figure
	for _, v := range values {
		all = append(all, known(v))
	}
	return all
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []figure
		want figure
	}{
		{"none", nil, figure{}},
		{"one", figures(7), known(7)},
		{"odd", figures(9, 1, 5), known(5)},
		{"even", figures(4, 1, 3, 2), known(2.5)},
		{"negative", figures(-3, -1, -2), known(-2)},
		{"one unknown", append(figures(8, 2), figure{}), figure{}},
	} {
		if got := median(c.in); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// upTo gives 1 us, 2 us, ... n us.
func upTo(n int) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(i+1) * time.Microsecond
	}
	return all
}

func TestPercentile(t *testing.T) {
	for _, c := range []struct {
		n, percent int
		want       figure
	}{
		{0, 50, figure{}},
		{1, 50, known(1)},
		{2, 50, known(1)},
		{3, 50, known(2)},
		{100, 50, known(50)},
		{101, 50, known(51)},
		{99, 99, figure{}}, // would be the largest
		{100, 99, known(99)},
		{1000, 99, known(990)},
		{1001, 99, known(991)},
		{7, 100, known(7)},
	} {
		if got := percentile(upTo(c.n), c.percent); got != c.want {
			t.Errorf("p%d of %d: %v, want %v", c.percent, c.n, got, c.want)
		}
	}
}

func TestFigureArithmetic(t *testing.T) {
	unknown := figure{}
	for _, c := range []struct {
		name      string
		got, want figure
	}{
		{"minus", known(5).minus(known(7)), known(-2)},
		{"minus unknown", known(5).minus(unknown), unknown},
		{"unknown minus", unknown.minus(known(5)), unknown},
		{"over", known(1).over(known(4)), known(0.25)},
		{"over nothing", known(1).over(known(0)), unknown},
		{"over unknown", known(1).over(unknown), unknown},
		{"micros", micros(1500 * time.Nanosecond), known(1.5)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestFigureJSON(t *testing.T) {
	b, err := json.Marshal([]figure{known(1.5), {}, known(0)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), "[1.5,null,0]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
