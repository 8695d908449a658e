package main_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/clustertest"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// short and long are the figures of a campaign: in every run, and with
// LLMHUB_TEST_FULL set.
func sized[N any](short, long N) N {
	if os.Getenv("LLMHUB_TEST_FULL") != "" {
		return long
	}
	return short
}

// campaignRand makes the random choices of one campaign from the seed that
// [killSeed] prints.
func campaignRand(t *testing.T) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(killSeed(t), 0))
}

// tenantDoc is one tenant of a campaign's hub.yaml, with one virtual key.
type tenantDoc struct {
	name   string
	limits []string // flow mappings, as {per: month, requests: 50}
	extra  string   // further fields of the tenant, a line
}

// keyOf is the virtual key of a campaign's tenant.
func keyOf(tenant string) string { return "campaign-key-0123456789-0123456789-" + tenant }

// vendorModels are the three families of wire formats and a model of each.
var vendorModels = []struct{ provider, base, model string }{
	{"openai", "/openai/v1", "gpt-fake"}, {"anthropic", "/anthropic", "claude-fake"}, {"gemini", "/gemini", "gemini-fake"},
}

// nanoPerToken is what every model of a campaign costs, in nano-USD.
const nanoPerToken = 1000

// campaignConfig writes a hub.yaml with one logical model for each vendor family,
// fake-<vendor>, whose vendor model is asked for with directive. Tokens
// cost [nanoPerToken] each.
func campaignConfig(t *testing.T, vendorURL, directive string, tenants ...tenantDoc) string {
	t.Helper()
	var providers, models, prices, people strings.Builder
	for _, v := range vendorModels {
		model := v.model
		if directive != "" {
			model += "+" + directive
		}
		fmt.Fprintf(&providers, "  - {name: %[1]s, kind: %[1]s, base_url: %[2]q, credentials: [{name: main, api_key: fake-%[1]s}]}\n",
			v.provider, vendorURL+v.base)
		fmt.Fprintf(&models, "  - {name: fake-%s, targets: [{provider: %s, model: %q}]}\n", v.provider, v.provider, model)
		fmt.Fprintf(&prices, "    - {model: %q, input: %q, output: %q}\n", model, "1", "1")
	}
	for _, d := range tenants {
		fmt.Fprintf(&people, "  - name: %s\n    limits: [%s]\n    keys: [{name: main, key: %s}]\n", d.name, strings.Join(d.limits, ", "), keyOf(d.name))
		if d.extra != "" {
			fmt.Fprintf(&people, "    %s\n", d.extra)
		}
	}
	path := filepath.Join(t.TempDir(), "hub.yaml")
	text := "providers:\n" + providers.String() + "models:\n" + models.String() + "tenants:\n" + people.String() +
		"settings:\n  time_zone: " + steadyZone() + "\n  prices:\n" + prices.String()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventsOf reads the log through the command line; flags choose the server and
// narrow what is read.
func eventsOf(t *testing.T, flags ...string) []events.Event {
	t.Helper()
	out, code := command(t, append([]string{"replay", "--format", "jsonl"}, flags...)...)
	if code != 0 {
		t.Fatalf("replay: exit %d", code)
	}
	var all []events.Event
	for line := range strings.Lines(out) {
		var r struct{ Event events.Event }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("replay: %v: %s", err, line)
		}
		all = append(all, r.Event)
	}
	return all
}

// accountsOf adds events up by request.
func accountsOf(t *testing.T, all []events.Event) map[string]*account {
	t.Helper()
	accounts := map[string]*account{}
	for _, e := range all {
		id := string(e.Request)
		if id == "" {
			continue
		}
		if accounts[id] == nil {
			accounts[id] = &account{}
		}
		accounts[id].add(t, e)
	}
	return accounts
}

// paces are the times of a campaign's processes, short enough to see leases end
// and work change hands.
var paces = []string{"--lease-ttl", "1s", "--owner-ttl", "2s", "--heartbeat", "1s", "--verify-every", "0"}

// fleet is a hub of several processes on a cluster of three NATS processes.
type fleet struct {
	t      *testing.T
	nats   *clustertest.Cluster
	vendor *vendor
	config string
	dir    string
	log    *natslog.Log // the test's own look into the streams and buckets
	nodes  []*node
}

// node is one process of a fleet. It may be killed and restarted while it is used.
type node struct {
	f       *fleet
	data    string
	args    []string
	started *hub                // by the test
	hub     atomic.Pointer[hub] // that was ready last, for clients
}

// startFleet starts the cluster and a vendor that is asked for with directive.
func startFleet(t *testing.T, directive string, tenants ...tenantDoc) *fleet {
	t.Helper()
	f := &fleet{t: t, nats: clustertest.Start(t, clustertest.Options{}), vendor: startVendor(t), dir: t.TempDir()}
	f.config = campaignConfig(t, f.vendor.url, directive, tenants...)
	log, err := natslog.Open(t.Context(), natslog.Config{
		URL: f.nats.URL(), Class: natslog.HA, Node: "n-test", Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	f.log = log
	return f
}

// add launches one process of the roles; see ready.
func (f *fleet) add(roles string, args ...string) *node {
	f.t.Helper()
	n := &node{f: f, data: filepath.Join(f.dir, fmt.Sprintf("%s-%d", roles, len(f.nodes)))}
	n.args = append(f.args(roles), args...)
	n.start()
	f.nodes = append(f.nodes, n)
	return n
}

// args are the flags of a process of the roles.
func (f *fleet) args(roles string) []string {
	return append([]string{
		"--roles", roles, "--nats-url", f.nats.URL(), "--log-class", "ha",
		"--config", f.config, "--allow-private-cidrs", "127.0.0.0/8", "--master-key-file", filepath.Join(f.dir, "master.key"),
	}, paces...)
}

// ready waits until every process is.
func (f *fleet) ready() {
	f.t.Helper()
	for _, n := range f.nodes {
		if n.started != n.hub.Load() {
			n.started.waitReady()
			n.hub.Store(n.started)
		}
	}
}

func (n *node) start() {
	n.f.t.Helper()
	n.started = launchHub(n.f.t, n.data, n.args...)
}

func (n *node) kill() { n.started.kill() }

// id is the name of the process on the log.
func (n *node) id() string {
	n.f.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.data, "node"))
	if err != nil {
		n.f.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// eventsFrom reads the log from a sequence on, past every process. What was sent
// again after the log's dedupe window is there twice, to the byte; it counts once.
func (f *fleet) eventsFrom(seq uint64) ([]events.Event, error) {
	var all []events.Event
	seen := map[string]bool{}
	err := replay.Run(f.t.Context(), f.log, replay.Filter{From: replay.Bound{Seq: seq}}, func(r replay.Record) error {
		var e events.Event
		if err := json.Unmarshal(r.Event, &e); err != nil || seen[string(r.Event)] {
			return err
		}
		seen[string(r.Event)] = true
		all = append(all, e)
		return nil
	})
	return all, err
}

// settled waits until every admitted request has its end and the counter of every
// tenant holds what the log says, and returns the events of the log.
func (f *fleet) settled() []events.Event {
	f.t.Helper()
	var all []events.Event
	eventually(f.t, settleTimeout, "the books are complete", func() (err error) {
		if all, err = f.eventsFrom(1); err != nil {
			return err
		}
		if err := ended(f.t, all); err != nil {
			return err
		}
		for tenant, want := range spentOf(f.t, all) {
			got, err := f.counted(tenant)
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("tenant %s: counted %+v, the log says %+v", tenant, got, want)
			}
		}
		return nil
	})
	return all
}

// ended fails while a request that was admitted has no end.
func ended(t *testing.T, all []events.Event) error {
	t.Helper()
	for id, a := range accountsOf(t, all) {
		if a.admitted > 0 && a.ends == 0 {
			return fmt.Errorf("request %s has no end", id)
		}
	}
	return nil
}

// spent is what a tenant has used; cost in nano-USD.
type spent struct{ requests, input, output, cost int64 }

// spentOf adds up what the log books on each tenant. The estimate an orphan is
// charged holds until the vendor's count comes after all.
func spentOf(t *testing.T, all []events.Event) map[events.TenantID]spent {
	t.Helper()
	sums := map[events.TenantID]spent{}
	estimates := map[events.RequestID]events.Charge{}
	for _, e := range all {
		if e.Request == "" {
			continue
		}
		s := sums[e.Tenant]
		switch e.Kind {
		case events.RequestAdmittedKind:
			s.requests++
		case events.UsageRecordedKind:
			s = s.plus(body[events.UsageRecorded](t, e).Charge, 1).plus(estimates[e.Request], -1)
			delete(estimates, e.Request)
		case events.RequestOrphanedKind:
			b := body[events.RequestOrphaned](t, e)
			s, estimates[e.Request] = s.plus(b.Charge, 1), b.Charge
		}
		sums[e.Tenant] = s
	}
	return sums
}

func (s spent) plus(c events.Charge, sign int64) spent {
	s.input += sign * c.Usage.InputTotal()
	s.output += sign * c.Usage.OutputTotal()
	if c.CostNanoUSD != nil {
		s.cost += sign * *c.CostNanoUSD
	}
	return s
}

// counted is what the counter of a tenant says.
func (f *fleet) counted(tenant events.TenantID) (spent, error) {
	key := events.CounterKey(events.PartitionOf(tenant), string(accounting.TenantScope), string(tenant))
	entry, err := f.log.Get(f.t.Context(), key)
	if err != nil || entry.Value == nil {
		return spent{}, err
	}
	var c accounting.Counter
	if err := json.Unmarshal(entry.Value, &c); err != nil {
		return spent{}, fmt.Errorf("%s: %w", key, err)
	}
	return spent{c.Life.Requests, c.Life.Usage.InputTotal(), c.Life.Usage.OutputTotal(), c.Life.Cost}, nil
}

// held is what the lease key says is spent or held of a limit, in its latest window.
func (f *fleet) held(key string, per accounting.Per, of accounting.Of) (int64, error) {
	entry, err := f.log.Leases().Get(f.t.Context(), key)
	if err != nil {
		return 0, err
	}
	var lease struct {
		Pools []struct {
			Per     accounting.Per
			Of      accounting.Of
			Window  string
			Seeded  int64
			Holders map[string]struct{ Granted, Returned int64 }
		}
	}
	if err := json.Unmarshal(entry.Value, &lease); err != nil {
		return 0, fmt.Errorf("%s: %w: %q", key, err, entry.Value)
	}
	held, latest := int64(0), ""
	for _, p := range lease.Pools {
		if p.Per != per || p.Of != of || p.Window < latest {
			continue
		}
		held, latest = p.Seeded, p.Window
		for _, h := range p.Holders {
			held += h.Granted - h.Returned
		}
	}
	return held, nil
}

// checkBooks holds what must be true after everything came back.
func (f *fleet) checkBooks(replies []reply, via *node) {
	f.t.Helper()
	f.ready()
	all := f.settled()
	verified(f.t, via.data)
	var answers []answer
	for _, r := range replies {
		answers = append(answers, r.answer)
	}
	if complete, _ := audit(f.t, accountsOf(f.t, all), readLedger(f.t, f.vendor.url), answers); complete == 0 {
		f.t.Error("no answer is complete: the campaign showed nothing")
	}
	f.checkCounters()
}

// checkCounters reads the messages of the log: of every epoch and partition each
// from the first to the last is there.
func (f *fleet) checkCounters() {
	f.t.Helper()
	info, err := f.log.Info(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	cursor, err := f.log.Read(f.t.Context(), events.Range{To: info.Last})
	if err != nil {
		f.t.Fatal(err)
	}
	defer cursor.Close()
	type lane struct {
		epoch     events.Epoch
		partition events.Partition
	}
	last := map[lane]uint64{}
	for m := range cursor.C() {
		l := lane{m.ID.Epoch, m.ID.Partition}
		if m.ID.Counter > last[l]+1 {
			f.t.Errorf("sequence %d is %s: what follows %d is missing", m.Seq, m.ID, last[l])
		}
		last[l] = max(last[l], m.ID.Counter)
	}
	if err := cursor.Err(); err != nil {
		f.t.Error(err)
	}
}
