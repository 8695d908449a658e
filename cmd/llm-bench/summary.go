package main

import "time"

// A row is what a lane did under a scenario, over all rounds. Times are in microseconds; added is
// against direct in the same round; a figure over rounds is their median; one per request is the
// sum of all rounds over the requests of all rounds.
type row struct {
	Scenario string `json:"scenario"`
	Lane     string `json:"lane"`

	PerSecond     figure `json:"requests_per_second"`
	OfDirect      figure `json:"share_of_direct"`
	P50           figure `json:"p50_us"`
	P99           figure `json:"p99_us"`
	AddedP50      figure `json:"added_p50_us"`
	AddedP99      figure `json:"added_p99_us"`
	First         figure `json:"first_byte_us"`
	AddedFirst    figure `json:"added_first_byte_us"`
	Events        figure `json:"events_per_second"`
	CPU           figure `json:"cpu_us_per_request"`
	OfFloor       figure `json:"cpu_of_floor"`
	EngineCPU     figure `json:"engine_cpu_us_per_request"`
	ClientCPU     figure `json:"client_cpu_us_per_request"`
	Requests      int    `json:"requests"`
	Failed        int    `json:"failed"`
	Torn          int    `json:"torn"`
	Unsettled     int    `json:"unsettled_cells"`
	hasOwnProcess bool
}

// speed is what is compared round by round.
type speed struct{ perSecond, events, p50, p99, first figure }

func (c *cell) speed() speed {
	elapsed := known(c.elapsed.Seconds())
	s := speed{
		perSecond: known(float64(c.measured)).over(elapsed),
		p50:       percentile(c.latencies, 50),
		p99:       percentile(c.latencies, 99),
		first:     percentile(c.firsts, 50),
	}
	if c.scenario.stream {
		s.events = known(float64(c.events)).over(elapsed)
	}
	return s
}

// summarize makes the rows of one scenario, in the order of the lanes.
func summarize(cells []*cell, s scenario, lanes []*lane) []*row {
	direct := map[int]speed{} // by round
	for _, c := range cells {
		if c.scenario == s && c.lane.name == directLane {
			direct[c.round] = c.speed()
		}
	}
	var rows []*row
	var floor figure
	for _, l := range lanes {
		var own []*cell
		for _, c := range cells {
			if c.scenario == s && c.lane == l {
				own = append(own, c)
			}
		}
		r := &row{Scenario: s.String(), Lane: l.name, hasOwnProcess: l.process != nil}
		r.addSpeeds(own, direct)
		r.addCosts(own)
		if l.name == floorLane {
			floor = r.CPU
		}
		rows = append(rows, r)
	}
	for _, r := range rows {
		r.OfFloor = r.CPU.over(floor)
	}
	return rows
}

func (r *row) addSpeeds(cells []*cell, direct map[int]speed) {
	over := func(f func(own, direct speed) figure) figure {
		var all []figure
		for _, c := range cells {
			all = append(all, f(c.speed(), direct[c.round]))
		}
		return median(all)
	}
	r.PerSecond = over(func(s, _ speed) figure { return s.perSecond })
	r.OfDirect = over(func(s, d speed) figure { return s.perSecond.over(d.perSecond) })
	r.Events = over(func(s, _ speed) figure { return s.events })
	r.P50 = over(func(s, _ speed) figure { return s.p50 })
	r.P99 = over(func(s, _ speed) figure { return s.p99 })
	r.First = over(func(s, _ speed) figure { return s.first })
	r.AddedP50 = over(func(s, d speed) figure { return s.p50.minus(d.p50) })
	r.AddedP99 = over(func(s, d speed) figure { return s.p99.minus(d.p99) })
	r.AddedFirst = over(func(s, d speed) figure { return s.first.minus(d.first) })
}

// addCosts sums. The processor time of fewer requests than minTail is mostly what the process does
// anyway, so it is not spread over them.
func (r *row) addCosts(cells []*cell) {
	var own, engine, client time.Duration
	for _, c := range cells {
		r.Requests += c.sent
		r.Failed += c.failed
		r.Torn += c.torn
		own += c.cpu
		engine += c.engineCPU
		client += c.clientCPU
		if c.unsettled {
			r.Unsettled++
		}
	}
	if r.Requests < minTail {
		return
	}
	requests := known(float64(r.Requests))
	r.ClientCPU = micros(client).over(requests)
	if r.hasOwnProcess {
		r.CPU = micros(own).over(requests)
	}
	if engine > 0 {
		r.EngineCPU = micros(engine).over(requests)
	}
}

// A memory is what a lane's process and its children hold, in bytes; loaded is the most seen at
// the end of a cell. Ready is how long it took to start; of idle time it used IdleCPU.
type memory struct {
	Lane         string `json:"lane"`
	ReadyMS      figure `json:"ready_ms"`
	Idle         int64  `json:"idle_bytes"`
	Loaded       int64  `json:"loaded_bytes"`
	EngineIdle   int64  `json:"engine_idle_bytes"`
	EngineLoaded int64  `json:"engine_loaded_bytes"`
	IdleCPU      figure `json:"idle_cpu_share"` // of one core, process and children
}

func (m *memory) addLoaded(cells []*cell) {
	for _, c := range cells {
		if c.lane.name == m.Lane {
			m.Loaded = max(m.Loaded, c.resident)
			m.EngineLoaded = max(m.EngineLoaded, c.engineRSS)
		}
	}
}
