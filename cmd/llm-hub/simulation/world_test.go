package simulation_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway/admit"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// shape is how hard a world is.
type shape struct {
	nodes   int
	traffic time.Duration // how long requests come
	between time.Duration // two requests at one node, on average
	crash   float64       // of a node, in place of a request
	outage  float64       // of a node's wire, in place of a request
	overrun float64       // share of answers beyond their cap
	odds    int           // one in so many calls of a bucket fails
	ttl     time.Duration // of leases
	tables  bool          // the tables are filled too
	outbox  bool          // nodes have one
	weather
}

// world is one hub and all around it.
type world struct {
	t       *testing.T
	seed    uint64
	shape   shape
	logger  *slog.Logger
	metrics *record.Metrics
	began   time.Time
	log     *memlog.Log
	vendor  *vendor
	catalog *control.Catalog
	keys    []*control.Key
	targets []events.Target
	nodes   []*node
	under   flights            // what is under way in the network
	parts   []events.Partition // that anything happens in

	mu       sync.Mutex
	rng      *rand.Rand
	calm     bool // the network is well from now on
	epochs   int
	requests int
	running  map[accounting.Scope]int64 // at once, in living processes
	ended    map[events.Epoch]bool      // in order
	rows     tables.Rows
	lent     []string // every commit of leases, for [world.dump]
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{
		t: t, seed: seed, rng: rng, logger: slog.New(slog.DiscardHandler), vendor: &vendor{bills: map[events.RequestID]*bill{}},
		running: map[accounting.Scope]int64{}, ended: map[events.Epoch]bool{},
	}
	<-time.After(between(rng, 1, time.Hour))
	if rng.IntN(2) == 0 { // windows end under way
		ends := time.Now().Truncate(time.Minute).Add(time.Minute)
		<-time.After(max(0, time.Until(ends)-between(rng, 1, 6*time.Second)))
	}
	w.began, w.log = time.Now(), memlog.New()
	var err error
	if w.metrics, err = record.NewMetrics(prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	some := func(p, most float64) float64 { // often none
		if rng.Float64() < p {
			return 0
		}
		return rng.Float64() * most
	}
	w.shape = shape{
		nodes: 1 + rng.IntN(4), traffic: between(rng, 2*time.Second, 10*time.Second), between: between(rng, 100*time.Millisecond, 800*time.Millisecond),
		outbox: rng.IntN(2) == 0, ttl: between(rng, time.Second, 4*time.Second),
		crash: some(0.3, 0.1), outage: some(0.5, 0.1), overrun: some(0.5, 0.5), odds: 3 + rng.IntN(40), tables: rng.IntN(4) == 0,
		weather: weather{lost: some(0.3, 0.2), unanswered: some(0.3, 0.2), late: some(0.5, 0.1), twice: some(0.3, 0.2)},
	}
	w.furnish()
	return w
}

// furnish makes the catalog: who may use what, and how much of it.
func (w *world) furnish() {
	zone := time.FixedZone("simulated", int(between(w.rng, -12*time.Hour, 14*time.Hour)/time.Minute)*60)
	w.catalog = &control.Catalog{
		Location: zone, Tenants: map[events.TenantID]*control.Tenant{}, Models: map[string]*control.Model{}, Providers: map[string]*control.Provider{},
	}
	p := &control.Provider{Name: "one", Kind: "openai"}
	for _, name := range []string{"a", "b", "c"} {
		c := &control.Credential{Provider: p.Name, Name: name, Weight: 1, Limits: w.limits(0.3)}
		p.Credentials = append(p.Credentials, c)
		w.targets = append(w.targets, events.Target{Provider: p.Name, Credential: name, Model: "m"})
	}
	w.catalog.Providers[p.Name] = p
	for _, name := range []string{"smart", "fast"} {
		w.catalog.Models[name] = &control.Model{Name: name, Limits: w.limits(0.3)}
	}
	apart := rand.New(rand.NewPCG(w.seed, narrowStream))
	for _, id := range []events.TenantID{"acme", "bolt", "cord"}[:1+w.rng.IntN(3)] {
		t := &control.Tenant{ID: id, Limits: w.limits(0.5)}
		u := &control.User{ID: "u1", Limits: w.limits(0.3)}
		t.Users = []*control.User{u}
		t.ModelLimits = map[string][]accounting.Limit{"smart": limits(apart, 0.2)}
		t.Keys = []*control.Key{{Tenant: t, Name: "k1", User: u, Limits: w.limits(0.5)}, {Tenant: t, Name: "k2", Limits: w.limits(0.5)}}
		w.catalog.Tenants[id] = t
		w.keys = append(w.keys, t.Keys...)
		if p := events.PartitionOf(id); !slices.Contains(w.parts, p) {
			w.parts = append(w.parts, p)
		}
	}
}

// narrowStream is a source of its own, so that worlds that once found something
// stay as they were: none of [regressions] has a limit of a model in a tenant.
const narrowStream = 2985

func (w *world) limits(p float64) []accounting.Limit { return limits(w.rng, p) }

// limits are none or a few small ones.
func limits(rng *rand.Rand, p float64) []accounting.Limit {
	if rng.Float64() >= p {
		return nil
	}
	var out []accounting.Limit
	for range 1 + rng.IntN(2) {
		of := []accounting.Of{
			accounting.OfRequests, accounting.OfTokens, accounting.OfInputTokens, accounting.OfOutputTokens, accounting.OfCost, accounting.OfConcurrency,
		}[rng.IntN(6)]
		most := map[accounting.Of]int64{
			accounting.OfRequests: 40, accounting.OfTokens: 10_000, accounting.OfInputTokens: 3000, accounting.OfOutputTokens: 8000,
			accounting.OfCost: 5_000_000, accounting.OfConcurrency: 6,
		}[of]
		l := accounting.Limit{
			Per: []accounting.Per{accounting.Minute, accounting.Minute, accounting.Hour, accounting.Month, accounting.Life}[rng.IntN(5)],
			Of:  of, Max: 1 + rng.Int64N(most), Mode: accounting.Hard,
		}
		if of == accounting.OfConcurrency {
			l.Per = ""
		}
		if rng.IntN(6) == 0 {
			l.Mode = []accounting.Mode{accounting.Soft, accounting.Shadow}[rng.IntN(2)]
		}
		out = append(out, l)
	}
	return out
}

// run lets traffic happen, then lets everything come to rest.
func (w *world) run() {
	stopWatching := w.watchCounters()
	projectors := w.startProjectors()
	var living sync.WaitGroup
	for i := range w.shape.nodes {
		n := &node{world: w, id: events.NodeID(fmt.Sprintf("n%d", i+1)), rng: w.newRNG()}
		if w.shape.outbox {
			n.box = memlog.NewOutbox(64 << 20)
		}
		w.nodes = append(w.nodes, n)
		living.Go(n.live)
	}
	living.Wait()
	w.setCalm()
	projectors.calm()
	w.tidy(projectors)
	for _, n := range w.nodes {
		n.stop()
	}
	w.under.wait()
	projectors.settle()
	projectors.stop()
	w.under.wait()
	stopWatching()
}

// tidy waits until every request has ended and what died is buried: who is over is
// known once the projectors have folded it, however often their bucket fails.
func (w *world) tidy(projectors *projectors) {
	for _, n := range w.nodes {
		<-n.serves.announced
		n.serves.requests.Wait()
	}
	w.under.wait()
	projectors.settle()
	<-time.After(3*w.shape.ttl + 5*time.Second)
}

// now is the time since the beginning.
func (w *world) now() time.Duration { return time.Since(w.began) }

// weather is how the network is now.
func (w *world) weather() weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm {
		return weather{}
	}
	return w.shape.weather
}

func (w *world) setCalm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calm = true
}

// newRNG makes a source of its own for whoever asks.
func (w *world) newRNG() *rand.Rand {
	w.mu.Lock()
	defer w.mu.Unlock()
	return rand.New(rand.NewPCG(w.seed, w.rng.Uint64()))
}

// newEpoch is in the form of a UUIDv7, so that later ones sort after earlier ones.
func (w *world) newEpoch() events.Epoch {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epochs++
	ms := time.Now().UnixMilli()
	return events.Epoch(fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, w.epochs))
}

// newRequest is somebody's.
func (w *world) newRequest(g *gateway, rng *rand.Rand) *request {
	w.mu.Lock()
	w.requests++
	id := events.RequestID(fmt.Sprintf("00000000-0000-7000-9000-%012d", w.requests))
	w.mu.Unlock()
	key := w.keys[rng.IntN(len(w.keys))]
	r := &request{gateway: g, rng: rng, key: key}
	r.info.ID, r.info.Tenant, r.info.Endpoint, r.info.At = id, key.Tenant.ID, "chat.completions", time.Now().In(w.catalog.Location)
	r.info.Principal = events.Principal{Key: key.Name, Model: []string{"smart", "fast"}[rng.IntN(2)]}
	if key.User != nil {
		r.info.Principal.User = key.User.ID
	}
	r.estimate = price(events.Usage{Input: 1 + rng.Int64N(100), Output: 1 + rng.Int64N(400)})
	for _, i := range rng.Perm(len(w.targets)) {
		r.plan = append(r.plan, w.targets[i])
	}
	return r
}

func (w *world) credential(t events.Target) *control.Credential {
	for _, c := range w.catalog.Providers[t.Provider].Credentials {
		if c.Name == t.Credential {
			return c
		}
	}
	return nil
}

// runs counts a request that begins against limits of concurrency, until done is
// called.
func (w *world) runs(g *gateway, scopes []admit.Scoped) (done func()) {
	if _, dead := g.wire.state(); dead {
		return func() {}
	}
	change := func(by int64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range scopes {
			w.running[s.Scope] += by
			for _, l := range s.Limits {
				if n := w.running[s.Scope]; l.Of == accounting.OfConcurrency && l.Mode == accounting.Hard && n > l.Max {
					w.errorf("%s %s: %d requests at once, the limit is %d", s.Scope.Kind, s.Scope.ID, n, l.Max)
				}
			}
		}
	}
	change(1)
	return func() { change(-1) }
}

// holds checks an acknowledgement: the log has usage of the request there.
func (w *world) holds(seq uint64, id events.RequestID) {
	m, err := w.log.At(context.Background(), seq)
	if err != nil || !bytes.Contains(m.Data, []byte(string(id)+":usage.recorded")) {
		w.errorf("usage of %s was acknowledged at %d, and is not there: %v", id, seq, err)
	}
}

func (w *world) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d: "+format, append([]any{w.seed}, args...)...)
}

// lend notes a commit of leases; one that failed may be done all the same.
func (w *world) lend(by events.Epoch, puts []events.Put, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range puts {
		w.lent = append(w.lent, fmt.Sprintf("%s %s after %d by %s, %v: %s", w.now(), p.Key, p.Rev, by, err, p.Value))
	}
}

// dump prints the log, a line for each message, and what was lent.
func (w *world) dump() {
	for _, l := range w.lent {
		w.t.Log(l)
	}
	ctx := context.Background()
	info, err := w.log.Info(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.Last; seq++ {
		m, err := w.log.At(ctx, seq)
		if err != nil {
			w.t.Fatal(err)
		}
		lines, _ := m.Lines()
		var ids []string
		for _, line := range lines {
			if e, err := events.Decode(line); err == nil {
				ids = append(ids, string(e.ID))
			}
		}
		w.t.Logf("%d %s %s %v", seq, m.Time.Sub(w.began), m.ID, ids)
	}
}
