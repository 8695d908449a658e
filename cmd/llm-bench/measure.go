package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// When a process counts as quiet behind a load: at most quietCPU in quietWindow. What it still
// does until then is counted to the load that caused it.
const (
	quietWindow = 250 * time.Millisecond
	quietCPU    = 2 * clockTick
	quietLimit  = 10 * time.Second // longer than that it is not waited for
)

// A lane is one way to the vendor.
type lane struct {
	name    string
	address string // host:port
	key     string // bearer of its requests
	process *process
	hub     *hub // nil: the lane is no hub

	whole int // answers its clients hold, over all cells
}

// Names of the lanes that are no hub.
const (
	directLane = "direct"
	floorLane  = "floor"
)

// judged tells that the lane must not fail a request. The floor is shown as it is.
func (l *lane) judged() bool { return l.name != floorLane }

// A cell is one lane under one scenario in one round.
type cell struct {
	lane     *lane
	scenario scenario
	round    int
	*tally

	cpu, engineCPU      time.Duration // of the lane's process and of its children
	clientCPU           time.Duration // of this process
	resident, engineRSS int64         // bytes, at the end of the load
	unsettled           bool          // still busy after quietLimit
}

// A bench is what is measured, and how long.
type bench struct {
	lanes     []*lane
	scenarios []scenario
	rounds    int
	duration  time.Duration // of a cell
	progress  func(string)
}

// run measures every lane under every scenario, round by round. The lanes of a scenario come right
// after each other, each round in another order, so that they share what the machine is doing.
func (b *bench) run(ctx context.Context) ([]*cell, error) {
	var cells []*cell
	for round := range b.rounds {
		b.progress(fmt.Sprintf("round %d of %d", round+1, b.rounds))
		for _, s := range b.scenarios {
			for _, l := range rotated(b.lanes, round) {
				c := &cell{lane: l, scenario: s, round: round}
				if err := c.measure(ctx, b.duration); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", s, l.name, err)
				}
				l.whole += c.whole
				cells = append(cells, c)
			}
		}
	}
	return cells, nil
}

// rotated is the lanes in the order of a round.
func rotated(lanes []*lane, round int) []*lane {
	at := round % len(lanes)
	return slices.Concat(lanes[at:], lanes[:at])
}

func (c *cell) measure(ctx context.Context, duration time.Duration) error {
	request, err := c.scenario.request(c.lane)
	if err != nil {
		return err
	}
	before, err := c.lane.usage()
	if err != nil {
		return err
	}
	clientBefore, err := selfCPU()
	if err != nil {
		return err
	}
	c.tally, err = load{
		address: c.lane.address, request: request, events: c.scenario.events(),
		clients: c.scenario.clients, duration: duration,
	}.run(ctx)
	if err != nil {
		return err
	}
	clientAfter, err := selfCPU()
	if err != nil {
		return err
	}
	c.clientCPU = clientAfter - clientBefore
	loaded, err := c.lane.usage()
	if err != nil {
		return err
	}
	c.resident, c.engineRSS = loaded.resident, loaded.below
	after, settled, err := c.lane.settle(ctx, loaded)
	if err != nil {
		return err
	}
	c.unsettled = !settled
	c.cpu, c.engineCPU = after.since(before)
	return nil
}

// usage of the lane's process; nothing when it has none.
func (l *lane) usage() (usageOf, error) {
	if l.process == nil {
		return usageOf{}, nil
	}
	return linuxProc.usage(l.process.cmd.Process.Pid)
}

// settle waits until a hub and its engine are quiet, because they go on folding behind a load, and
// gives their usage then. Without a hub there is nothing to wait for.
func (l *lane) settle(ctx context.Context, last usageOf) (now usageOf, settled bool, err error) {
	if l.hub == nil {
		return last, true, nil
	}
	tick := time.NewTicker(quietWindow)
	defer tick.Stop()
	for range int(quietLimit / quietWindow) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return usageOf{}, false, ctx.Err()
		}
		if now, err = l.usage(); err != nil {
			return usageOf{}, false, err
		}
		own, below := now.since(last)
		if own+below <= quietCPU {
			return now, true, nil
		}
		last = now
	}
	return last, false, nil
}

// syncCost is how long it takes to write a page and have it on disk, in dir: what a durable log
// pays for every message. The median of several, in microseconds.
func syncCost(dir string) (cost figure, err error) {
	const (
		writes = 31
		page   = 4 << 10 // bytes
	)
	f, err := os.CreateTemp(dir, "sync-*")
	if err != nil {
		return figure{}, fmt.Errorf("measure fsync: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var costs []figure
	for range writes {
		begin := time.Now()
		if _, err := f.Write(make([]byte, page)); err != nil {
			return figure{}, fmt.Errorf("measure fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return figure{}, fmt.Errorf("measure fsync: %w", err)
		}
		costs = append(costs, micros(time.Since(begin)))
	}
	return median(costs), nil
}
