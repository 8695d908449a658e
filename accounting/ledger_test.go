package accounting_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

const (
	acme  events.TenantID = "acme"
	node1 events.NodeID   = "n1"
	node2 events.NodeID   = "n2"
)

// home is the partition of acme.
var home = events.PartitionOf(acme)

var (
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))
	who   = events.Principal{User: "ann", Key: "ci", Model: "smart"}
	first = events.Target{Provider: "openai", Credential: "main", Model: "gpt-fake"}
	next  = events.Target{Provider: "anthropic", Credential: "spare", Model: "claude-fake"}
)

// tape is a log in memory: it numbers messages as producers and the stream do.
type tape struct {
	t        testing.TB
	messages []events.Stored
	counters map[events.Epoch]uint64
	clock    time.Time
}

func newTape(t testing.TB) *tape {
	return &tape{t: t, counters: map[events.Epoch]uint64{}, clock: noon}
}

// fact is an event to be packed.
type fact struct {
	head events.Head
	body events.Body
}

// of makes a fact about a request of acme.
func of(request string, body events.Body) fact {
	return fact{events.Head{At: noon, Node: node1, Tenant: acme, Request: events.RequestID(request), WindowAt: noon}, body}
}

// say packs facts into the next message of an epoch, a second after the last.
func (tp *tape) say(epoch events.Epoch, facts ...fact) events.Stored {
	tp.t.Helper()
	lines := make([][]byte, len(facts))
	for i, f := range facts {
		e, err := events.New(f.head, f.body)
		if err != nil {
			tp.t.Fatal(err)
		}
		if lines[i], err = e.Encode(); err != nil {
			tp.t.Fatal(err)
		}
	}
	return tp.sayRaw(epoch, lines...)
}

func (tp *tape) sayRaw(epoch events.Epoch, lines ...[]byte) events.Stored {
	tp.counters[epoch]++
	node := node1
	if epoch[0] == 'f' { // the epochs of node2
		node = node2
	}
	return tp.append(events.Message{
		ID:    events.MessageID{Node: node, Epoch: epoch, Partition: events.PartitionOf(acme), Counter: tp.counters[epoch]},
		Count: len(lines), Data: append(bytes.Join(lines, []byte{'\n'}), '\n'),
	})
}

// append keeps a message, also one that was kept before.
func (tp *tape) append(m events.Message) events.Stored {
	tp.clock = tp.clock.Add(time.Second)
	s := events.Stored{Message: m, Seq: uint64(len(tp.messages) + 1), Time: tp.clock}
	tp.messages = append(tp.messages, s)
	return s
}

func mustApply(t testing.TB, f *accounting.Fold, m events.Stored) accounting.Applied {
	t.Helper()
	a, err := f.Apply(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func nano(n int64) *int64 { return &n }

func tokens(in, out, cost int64) events.Charge {
	return events.Charge{Usage: events.Usage{Input: in, Output: out}, CostNanoUSD: nano(cost), PriceVersion: "v"}
}

func unpriced(in, out int64) events.Charge {
	return events.Charge{Usage: events.Usage{Input: in, Output: out}}
}

func admitted() events.RequestAdmitted {
	return events.RequestAdmitted{
		Principal: who, Endpoint: "chat.completions", Stream: true, Estimate: tokens(10, 100, 1000),
		Decision: events.Decision{Plan: []events.Target{first, next}},
	}
}

func fellBack() events.RouteFallback {
	return events.RouteFallback{Principal: who, Attempt: 2, From: first, To: next, Reason: "server_error"}
}

func failed(attempt int) events.AttemptFailed {
	return events.AttemptFailed{Principal: who, Attempt: attempt, Target: first, Class: "server_error", Status: 500, Retryable: true}
}

func checkpoint(attempt, n int, c events.Charge) events.UsageCheckpoint {
	return events.UsageCheckpoint{Principal: who, Attempt: attempt, N: n, Target: first, Charge: c}
}

func recorded(attempt int, t events.Target, c events.Charge) events.UsageRecorded {
	return events.UsageRecorded{Principal: who, Attempt: attempt, Target: t, Source: events.FromVendor, Charge: c}
}

func finished() events.RequestFinished {
	return events.RequestFinished{
		Principal: who, Endpoint: "chat.completions", Outcome: events.Completed, Status: 200, Target: first, Attempts: 1,
	}
}

func started(epoch events.Epoch) fact {
	return fact{events.Head{At: noon, Node: node1, Tenant: events.NoTenant}, events.NodeStarted{Epoch: epoch, Version: "test"}}
}

func stopped(epoch events.Epoch) fact {
	return fact{events.Head{At: noon, Node: node1, Tenant: events.NoTenant}, events.NodeStopped{Epoch: epoch}}
}

func heartbeat(epoch events.Epoch) fact {
	return fact{events.Head{At: noon, Node: node2, Tenant: events.NoTenant}, events.NodeHeartbeat{Epoch: epoch}}
}

func reapplied(b events.DeadReapplied) fact {
	return fact{events.Head{At: noon, Node: node2, Tenant: events.NoTenant}, b}
}

func lost(epoch events.Epoch, heard time.Time) fact {
	h := events.Head{At: noon, Node: node2, Tenant: events.NoTenant, Epoch: epoch}
	return fact{h, events.NodeLost{Node: node1, Epoch: epoch, Heard: heard}}
}

// books adds entries up by scope, as counters do.
type books map[accounting.Scope]*accounting.Counter

func (b books) add(t testing.TB, a accounting.Applied) {
	t.Helper()
	for _, e := range a.Entries {
		for _, s := range e.Scopes {
			if b[s] == nil {
				b[s] = new(accounting.Counter)
			}
			if !b[s].Add(&e) {
				t.Errorf("scope %v refuses the entry of %s", s, e.Event)
			}
		}
	}
}
