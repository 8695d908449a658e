package main

import (
	"errors"
	"testing"
	"time"
)

// cellOf is a cell of n requests that all took the same time, in a second.
func cellOf(l *lane, round, n int, each, cpu time.Duration) *cell {
	c := &cell{lane: l, scenario: scenario{clients: 1}, round: round, cpu: cpu, clientCPU: cpu / 2}
	c.tally = &tally{sent: n + 1, whole: n + 1, measured: n, elapsed: time.Second}
	for range n {
		c.latencies = append(c.latencies, each)
		c.firsts = append(c.firsts, each/2)
	}
	return c
}

func TestSummarize(t *testing.T) {
	direct, floor := &lane{name: directLane}, &lane{name: floorLane, process: &process{}}
	fast := &lane{name: "strict", process: &process{}}
	lanes := []*lane{direct, floor, fast}
	var cells []*cell
	for round := range 3 {
		slower := time.Duration(round+1) * time.Microsecond // the machine gets slower round by round
		cells = append(cells,
			cellOf(direct, round, 1000, 10*slower, 0),
			cellOf(floor, round, 499, 50*slower, 200*time.Millisecond),
			cellOf(fast, round, 249, 30*slower, 50*time.Millisecond))
	}
	cells[2].engineCPU = 75 * time.Millisecond
	cells[2].torn = 2
	cells[5].unsettled = true
	other := cellOf(fast, 0, 5, time.Hour, time.Hour)
	other.scenario.stream = true
	rows := summarize(append(cells, other), scenario{clients: 1}, lanes)
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, c := range []struct {
		name      string
		got, want figure
	}{
		{"direct adds nothing", rows[0].AddedP50, known(0)},
		{"direct has no process", rows[0].CPU, figure{}},
		{"direct's share", rows[0].OfDirect, known(1)},
		{"median of differences: 40, 80, 120", rows[1].AddedP50, known(80)},
		{"tail", rows[1].AddedP99, known(80)},
		{"share of direct", rows[1].OfDirect, known(0.499)},
		{"600 ms over 1,500 requests", rows[1].CPU, known(400)},
		{"client", rows[1].ClientCPU, known(200)},
		{"floor of floor", rows[1].OfFloor, known(1)},
		{"no engine", rows[1].EngineCPU, figure{}},
		{"20, 40, 60", rows[2].AddedP50, known(40)},
		{"first byte: 10, 20, 30", rows[2].AddedFirst, known(20)},
		{"150 ms over 750 requests", rows[2].CPU, known(200)},
		{"half the floor", rows[2].OfFloor, known(0.5)},
		{"engine", rows[2].EngineCPU, known(100)},
		{"no events when unary", rows[2].Events, figure{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if r := rows[2]; r.Torn != 2 || r.Unsettled != 1 || r.Requests != 750 {
		t.Errorf("%+v", r)
	}
}

func TestFewRequestsTellNoCost(t *testing.T) {
	l := &lane{name: "strict", process: &process{}}
	rows := summarize([]*cell{cellOf(l, 0, minTail-2, time.Millisecond, time.Second)}, scenario{clients: 1}, []*lane{l})
	if rows[0].CPU.known || rows[0].AddedP50.known || !rows[0].P50.known {
		t.Errorf("%+v", rows[0])
	}
}

func TestStreamsTellEventsASecond(t *testing.T) {
	l := &lane{name: directLane}
	c := cellOf(l, 0, 10, time.Millisecond, 0)
	c.scenario.stream = true
	c.events = 660
	c.elapsed = 2 * time.Second
	if got := summarize([]*cell{c}, c.scenario, []*lane{l})[0].Events; got != known(330) {
		t.Errorf("%v", got)
	}
}

func TestMemoryLoaded(t *testing.T) {
	m := &memory{Lane: "strict"}
	m.addLoaded([]*cell{
		{lane: &lane{name: "strict"}, resident: 5, engineRSS: 70},
		{lane: &lane{name: "strict"}, resident: 9, engineRSS: 60},
		{lane: &lane{name: "async"}, resident: 99, engineRSS: 99},
	})
	if m.Loaded != 9 || m.EngineLoaded != 70 {
		t.Errorf("%+v", m)
	}
}

func TestProblems(t *testing.T) {
	torn := &tally{sent: 5, torn: 1, why: errors.New("because")}
	got := problems([]*cell{
		{lane: &lane{name: floorLane}, tally: torn},
		{lane: &lane{name: "strict"}, tally: &tally{sent: 5, whole: 5}},
		{lane: &lane{name: "strict"}, scenario: scenario{clients: 1}, round: 1, tally: torn},
	})
	if len(got) != 1 || got[0] != "unary/1/instant, strict, round 2: 0 failed, 1 torn of 5: because" {
		t.Errorf("%q", got)
	}
}

func TestRotated(t *testing.T) {
	lanes := []*lane{{name: "a"}, {name: "b"}, {name: "c"}}
	for round, want := range []string{"abc", "bca", "cab", "abc"} {
		got := ""
		for _, l := range rotated(lanes, round) {
			got += l.name
		}
		if got != want {
			t.Errorf("round %d: %s, want %s", round, got, want)
		}
	}
}
