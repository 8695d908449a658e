// Package projectortest makes traffic for tests of the projector, and folds it
// the plain way, as the measure of what the folds must come to.
package projectortest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Start is when the traffic of a [Traffic] begins.
func Start() time.Time { return time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC) }

// Traffic makes the messages of a few nodes that serve a few tenants. Equal seeds
// make equal traffic. It is not safe for concurrent use.
type Traffic struct {
	rng     *rand.Rand
	tenants int
	now     time.Time
	step    time.Duration
	nodes   []*node
	n       int // requests made
}

// node is one epoch of one node.
type node struct {
	id       events.NodeID
	restarts int
	counters [events.Partitions]uint64
	pending  [events.Partitions][]events.Event // to be packed
	open     []*request
}

func (n *node) epoch() events.Epoch {
	return events.Epoch(fmt.Sprintf("%s-epoch-%d", n.id, n.restarts))
}

type request struct {
	head    events.Head
	who     events.Principal
	target  events.Target
	attempt int
	billed  bool
}

// New makes traffic of the given number of tenants. Time goes on by step from
// event to event.
func New(seed uint64, tenants int, step time.Duration) *Traffic {
	return NewAt(Start(), seed, tenants, step)
}

// NewAt makes traffic that begins at another time.
func NewAt(start time.Time, seed uint64, tenants int, step time.Duration) *Traffic {
	t := &Traffic{rng: rand.New(rand.NewPCG(seed, 1)), tenants: tenants, now: start, step: step}
	for _, id := range []events.NodeID{"n1", "n2"} {
		n := &node{id: id}
		t.nodes = append(t.nodes, n)
		t.started(n)
	}
	return t
}

// Messages makes messages that hold at least n events.
func (t *Traffic) Messages(n int) []events.Message {
	var out []events.Message
	for made := 0; made < n; {
		from := t.nodes[t.rng.IntN(len(t.nodes))]
		for range 1 + t.rng.IntN(20) {
			t.event(from)
		}
		for _, m := range t.pack(from) {
			made += m.Count
			out = append(out, m)
		}
	}
	return out
}

// Packed makes at least n events in messages as full as those of busy nodes.
func (t *Traffic) Packed(n int) []events.Message {
	for i := range n {
		t.event(t.nodes[i%len(t.nodes)])
	}
	var out []events.Message
	for _, from := range t.nodes {
		out = append(out, t.pack(from)...)
	}
	return out
}

// Finish ends all open requests.
func (t *Traffic) Finish() []events.Message {
	var out []events.Message
	for _, n := range t.nodes {
		for len(n.open) > 0 {
			t.goOn(n, n.open[0])
		}
		out = append(out, t.pack(n)...)
	}
	return out
}

// Restart lets a node die, with its requests open, and start again.
func (t *Traffic) Restart() []events.Message {
	n := t.nodes[t.rng.IntN(len(t.nodes))]
	n.open, n.counters, n.pending = nil, [events.Partitions]uint64{}, [events.Partitions][]events.Event{}
	n.restarts++
	t.started(n)
	return t.pack(n)
}

// Heartbeat lets the i-th node say in every partition that it is alive.
func (t *Traffic) Heartbeat(i int) []events.Message {
	n := t.nodes[i]
	for p := range events.Partition(events.Partitions) {
		n.put(p, events.Head{At: t.now, Node: n.id, Tenant: events.NoTenant, Epoch: n.epoch()}, events.NodeHeartbeat{Epoch: n.epoch()})
	}
	return t.pack(n)
}

// Epoch is the present epoch of the i-th node.
func (t *Traffic) Epoch(i int) events.Epoch { return t.nodes[i].epoch() }

// Garbage is a message that holds a line that is no event, and one that cannot be applied.
func (t *Traffic) Garbage() events.Message {
	n := t.nodes[0]
	p := events.PartitionOf(t.tenant(0))
	n.counters[p]++
	bad, _ := events.New(events.Head{At: t.now, Node: n.id, Tenant: t.tenant(0), Request: "r-bad", WindowAt: t.now},
		events.UsageRecorded{Attempt: 1}) // no key
	line, _ := bad.Encode()
	return events.Message{
		ID: events.MessageID{Node: n.id, Epoch: n.epoch(), Partition: p, Counter: n.counters[p]}, Count: 2,
		Data: append(append([]byte("{no event\n"), line...), '\n'),
	}
}

func (t *Traffic) tenant(i int) events.TenantID { return events.TenantID(fmt.Sprintf("tenant-%d", i)) }

func (t *Traffic) started(n *node) {
	for p := range events.Partition(events.Partitions) {
		h := events.Head{At: t.now, Node: n.id, Tenant: events.NoTenant, N: 1 + n.restarts}
		n.put(p, h, events.NodeStarted{Epoch: n.epoch(), Version: "test"})
	}
}

func (n *node) put(p events.Partition, h events.Head, b events.Body) {
	e, err := events.New(h, b)
	if err != nil {
		return // bodies made here are small and always encode
	}
	n.pending[p] = append(n.pending[p], e)
}

// event makes the next fact of a node: of a new request or of an open one.
func (t *Traffic) event(n *node) {
	const openAtMost = 12
	t.now = t.now.Add(t.step)
	if len(n.open) == 0 || len(n.open) < openAtMost && t.rng.IntN(3) == 0 {
		t.admit(n)
		return
	}
	t.goOn(n, n.open[t.rng.IntN(len(n.open))])
}

func (t *Traffic) admit(n *node) {
	t.n++
	tenant := t.tenant(t.rng.IntN(t.tenants))
	who := events.Principal{
		User: fmt.Sprintf("user-%d", t.rng.IntN(3)), Key: fmt.Sprintf("key-%d", t.rng.IntN(2)),
		Model: []string{"smart", "fast"}[t.rng.IntN(2)],
	}
	who.Team = []string{"", "red", "blue"}[(t.n/64+len(who.Key+who.Model))%3] // of a key that changes teams
	who.Tags = []string{"", "blue", "blue,green", "green,red"}[(t.n/16+len(who.User+who.Model))%4]
	h := events.Head{
		At: t.now, Node: n.id, Tenant: tenant, WindowAt: t.now,
		Request: events.RequestID(fmt.Sprintf("01890000-0000-7000-8000-%012d", t.n)),
	}
	if t.rng.IntN(20) == 0 {
		n.put(events.PartitionOf(tenant), h, events.RequestRejected{
			Principal: who, Endpoint: "chat.completions", Reason: "limit", Status: 429, Count: 1 + t.rng.IntN(5),
		})
		return
	}
	r := &request{head: h, who: who, target: t.target(), attempt: 1}
	n.open = append(n.open, r)
	n.put(events.PartitionOf(tenant), h, events.RequestAdmitted{
		Principal: who, Endpoint: "chat.completions", Stream: t.rng.IntN(2) == 0, Estimate: t.charge(),
		Decision: events.Decision{Plan: []events.Target{r.target}},
	})
}

func (t *Traffic) target() events.Target {
	return []events.Target{
		{Provider: "openai", Credential: "main", Model: "gpt-x"},
		{Provider: "openai", Credential: "spare", Model: "gpt-x"},
		{Provider: "anthropic", Credential: "main", Model: "claude-x"},
	}[t.rng.IntN(3)]
}

// charge is some usage; one in ten has no price.
func (t *Traffic) charge() events.Charge {
	u := events.Usage{
		Input: t.rng.Int64N(2000), CacheRead: t.rng.Int64N(100), CacheWrite: t.rng.Int64N(10),
		CacheWrite1h: t.rng.Int64N(10), Output: t.rng.Int64N(500), Reasoning: t.rng.Int64N(50),
	}
	if t.rng.IntN(10) == 0 { // of every class
		for _, amount := range u.Refs() {
			*amount += t.rng.Int64N(100)
		}
	}
	if t.rng.IntN(10) == 0 {
		return events.Charge{Usage: u}
	}
	in := events.PriceLine{Class: "input", Units: u.Input, NanoPerMillion: 150_000_000, CostNanoUSD: u.Input * 150}
	out := events.PriceLine{Class: "output", Units: u.Output, NanoPerMillion: 600_000_000, CostNanoUSD: u.Output * 600}
	cost := in.CostNanoUSD + out.CostNanoUSD
	return events.Charge{Usage: u, CostNanoUSD: &cost, PriceVersion: "p1", Lines: []events.PriceLine{in, out}}
}

// goOn makes the next fact of an open request.
func (t *Traffic) goOn(n *node, r *request) {
	h := r.head
	h.At, h.Attempt = t.now, r.attempt
	put := func(b events.Body) { n.put(events.PartitionOf(h.Tenant), h, b) }
	switch {
	case r.billed:
		h.Attempt = 0
		put(events.RequestFinished{
			Principal: r.who, Endpoint: "chat.completions", Outcome: events.Completed, Status: 200, Target: r.target,
			Attempts: r.attempt, Finish: "stop", FirstByteNS: t.rng.Int64N(1e9), TotalNS: t.rng.Int64N(1e10),
		})
		n.open = slices.DeleteFunc(n.open, func(o *request) bool { return o == r })
	case r.attempt < 3 && t.rng.IntN(6) == 0:
		put(events.AttemptFailed{Principal: r.who, Attempt: r.attempt, Target: r.target, Class: "rate_limited", Status: 429, Retryable: true, TotalNS: 1e6})
		put(events.UpstreamRateLimited{Principal: r.who, Attempt: r.attempt, Target: r.target, RetryAfter: 1000, Until: t.now.Add(time.Second)})
		from := r.target
		r.target = t.target()
		r.attempt++
		h.Attempt = r.attempt
		put(events.RouteFallback{Principal: r.who, Attempt: r.attempt, From: from, To: r.target, Reason: "rate_limited"})
	case t.rng.IntN(8) == 0:
		h.N = 1 + t.rng.IntN(1000)
		put(events.UsageCheckpoint{Principal: r.who, Attempt: r.attempt, N: h.N, Target: r.target, Charge: t.charge()})
	default:
		r.billed = true
		put(events.UsageRecorded{Principal: r.who, Attempt: r.attempt, Target: r.target, Source: events.FromVendor, Charge: t.charge()})
	}
}

// pack makes messages of what waits, at most one for each partition.
func (t *Traffic) pack(n *node) []events.Message {
	var out []events.Message
	for p := range n.pending {
		for waiting := range slices.Chunk(n.pending[p], events.MaxMessageEvents) {
			n.counters[p]++
			m := events.Message{
				ID:    events.MessageID{Node: n.id, Epoch: n.epoch(), Partition: events.Partition(p), Counter: n.counters[p]},
				Count: len(waiting),
			}
			for _, e := range waiting {
				line, _ := e.Encode() // made by events.New
				m.Data = append(append(m.Data, line...), '\n')
			}
			out = append(out, m)
		}
		n.pending[p] = nil
	}
	return out
}
