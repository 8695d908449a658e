package projectortest

import (
	"fmt"

	"github.com/llm-hub/llm-hub/events"
)

// Deaths is the hardest that a snapshot may have to hold: a node that restarts so
// many times, then admits so many requests of one tenant and dies once more, and
// what ends them, published by another node. Their ids are random.
func (t *Traffic) Deaths(restarts, open int) []events.Message {
	var out []events.Message
	dying, living := t.nodes[0], t.nodes[1]
	start := func() {
		dying.open, dying.counters = nil, [events.Partitions]uint64{}
		dying.restarts++
		t.started(dying)
		out = append(out, t.pack(dying)...)
	}
	for range restarts {
		start()
	}
	p, ends := events.PartitionOf(t.tenant(0)), dying.epoch()
	who := events.Principal{Key: "key-0", Model: "smart"}
	for range open {
		h := events.Head{
			At: t.now, Node: dying.id, Tenant: t.tenant(0), WindowAt: t.now,
			Request: events.RequestID(fmt.Sprintf("%08x-%04x-7%03x-8%03x-%012x",
				t.rng.Uint32(), t.rng.Uint32()>>16, t.rng.IntN(1<<12), t.rng.IntN(1<<12), t.rng.Uint64()>>16)),
		}
		charge, target := t.charge(), t.target()
		dying.put(p, h, events.RequestAdmitted{
			Principal: who, Endpoint: "chat.completions", Estimate: charge, Decision: events.Decision{Plan: []events.Target{target}},
		})
		living.put(p, h, events.RequestOrphaned{
			Principal: who, Endpoint: "chat.completions", Reason: "epoch_closed", Epoch: ends, Target: target, Attempts: 1,
			Charge: charge, Basis: "estimate",
		})
	}
	out = append(out, t.pack(dying)...)
	start()
	return append(out, t.pack(living)...)
}
