package admit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
)

var _ Receipt = (*publish.Receipt)(nil)

// noon is a Wednesday.
var noon = time.Date(2026, 11, 18, 12, 0, 30, 0, time.UTC)

var keyScope = accounting.Scope{Kind: accounting.KeyScope, ID: "acme/ci"}

// receipt is acknowledged by hand.
type receipt struct {
	kept, done chan struct{}
	seq        uint64
	err        error
}

// newReceipt is of a fact that an outbox has.
func newReceipt() *receipt {
	r := &receipt{kept: make(chan struct{}), done: make(chan struct{})}
	close(r.kept)
	return r
}

func (r *receipt) ack(seq uint64) { r.seq = seq; close(r.done) }

func (r *receipt) Kept() <-chan struct{} { return r.kept }

func (r *receipt) Err() error { return r.err }

func (r *receipt) Done() <-chan struct{} { return r.done }

func (r *receipt) Wait(context.Context) (events.Ack, error) {
	<-r.done
	return events.Ack{Seq: r.seq}, r.err
}

type never struct{}

func (never) Get(_ context.Context, key string) (events.Entry, error) {
	return events.Entry{Key: key}, nil
}

func (never) Watch(ctx context.Context, _ string) (<-chan events.Entry, error) {
	ch := make(chan events.Entry)
	context.AfterFunc(ctx, func() { close(ch) })
	return ch, nil
}

// loaded makes an admitter that has read empty counters.
func loaded(t testing.TB, out *bytes.Buffer) *Admitter {
	t.Helper()
	h := slog.DiscardHandler
	if out != nil {
		h = slog.NewTextHandler(out, nil)
	}
	a, err := New(Config{
		Counters: never{}, Leases: memlog.New().Leases(), Node: "n1", Epoch: "e1", Logger: slog.New(h), Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	a.loaded.Store(true)
	return a
}

func limit(per accounting.Per, of accounting.Of, most int64) accounting.Limit {
	return accounting.Limit{Per: per, Of: of, Max: most, Mode: accounting.Hard}
}

func ask(at time.Time, tokens int64, limits ...accounting.Limit) Request {
	cost := tokens * 1000
	return Request{
		Tenant: "acme", At: at, Scopes: []Scoped{{Scope: keyScope, Limits: limits}},
		Estimate: events.Charge{Usage: events.Usage{Input: tokens / 2, Output: tokens - tokens/2}, CostNanoUSD: &cost},
	}
}

func charge(tokens int64) events.Charge {
	cost := tokens * 1000
	return events.Charge{Usage: events.Usage{Input: tokens}, CostNanoUSD: &cost}
}

// used reads what counts against a limit of a scope.
func (a *Admitter) used(t testing.TB, s accounting.Scope, l accounting.Limit, at time.Time) int64 {
	t.Helper()
	acc := a.account(s)
	acc.mu.Lock()
	defer acc.mu.Unlock()
	if err := acc.refresh(); err != nil {
		t.Fatal(err)
	}
	return acc.used(l, newWindows(at))
}

// put installs a counter as the watch does.
func (a *Admitter) put(t testing.TB, s accounting.Scope, tenant events.TenantID, c accounting.Counter) {
	t.Helper()
	value, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	a.install(s, events.PartitionOf(tenant), value, 1)
}

func counter(seq uint64, at time.Time, totals accounting.Totals) accounting.Counter {
	var c accounting.Counter
	c.Add(&accounting.Entry{At: accounting.Position{Seq: seq}, WindowAt: at, Totals: totals})
	return c
}

// TestLimits admits against a counter, by every span and unit.
func TestLimits(t *testing.T) {
	before := accounting.Totals{Requests: 9, Attempts: 8, Usage: events.Usage{Input: 40, CacheRead: 20, Output: 30, Reasoning: 5}, Cost: 90_000}
	for _, per := range []accounting.Per{accounting.Minute, accounting.Hour, accounting.Day, accounting.Week, accounting.Month, accounting.Life} {
		for _, tt := range []struct {
			of   accounting.Of
			want int64 // used and asked for together
		}{
			{accounting.OfRequests, 10}, {accounting.OfTokens, 105}, {accounting.OfInputTokens, 65}, {accounting.OfOutputTokens, 40}, {accounting.OfCost, 100_000},
		} {
			t.Run(string(per)+" "+string(tt.of), func(t *testing.T) {
				a := loaded(t, nil)
				a.put(t, keyScope, "acme", counter(5, noon, before))
				if res, refusal := a.Admit(t.Context(), ask(noon, 10, limit(per, tt.of, tt.want))); refusal != nil {
					t.Fatalf("a limit of %d refuses: %v", tt.want, refusal.Public())
				} else {
					res.Release()
				}
				if _, refusal := a.Admit(t.Context(), ask(noon, 10, limit(per, tt.of, tt.want-1))); refusal == nil {
					t.Errorf("a limit of %d lets pass", tt.want-1)
				}
				later := noon.AddDate(0, 2, 0)
				_, refusal := a.Admit(t.Context(), ask(later, 10, limit(per, tt.of, tt.want-1)))
				if refused := refusal != nil; refused != (per == accounting.Life) {
					t.Errorf("two months later: refused %t", refused)
				}
			})
		}
	}
}

func TestConcurrencyLimit(t *testing.T) {
	a := loaded(t, nil)
	l := accounting.Limit{Of: accounting.OfConcurrency, Max: 2, Mode: accounting.Hard}
	first, _ := a.Admit(t.Context(), ask(noon, 1, l))
	second, _ := a.Admit(t.Context(), ask(noon, 1, l))
	_, refusal := a.Admit(t.Context(), ask(noon, 1, l))
	if first == nil || second == nil || refusal == nil {
		t.Fatal("want two and no more")
	}
	e := refusal.Public()
	if e.Kind != gateway.RateLimited || e.RetryAfter != time.Second || e.Public != "Limit of the key: 2 requests at once; all of them are running." {
		t.Errorf("%+v", e)
	}
	first.Release()
	first.Release() // counts once
	if _, refusal := a.Admit(t.Context(), ask(noon, 1, l)); refusal != nil {
		t.Errorf("after one ended: %v", refusal.Public())
	}
	if _, refusal := a.Admit(t.Context(), ask(noon, 1, l)); refusal == nil {
		t.Error("a second release counted")
	}
}

func TestRefusal(t *testing.T) {
	tests := []struct {
		name   string
		limit  accounting.Limit
		kind   gateway.Kind
		text   string
		retry  time.Duration
		detail string
	}{
		{
			"requests", limit(accounting.Minute, accounting.OfRequests, 60), gateway.RateLimited,
			"Limit of the key: 60 requests per minute. Used: 60, left: 0; this request may need 1. The limit resets at 2026-11-18T12:01:00Z.", 30 * time.Second,
			`{"limit":{"scope":"key","per":"minute","of":"requests","limit":60,"used":60,"left":0,"resets_at":"2026-11-18T12:01:00Z"}}`,
		},
		{
			"cost", limit(accounting.Month, accounting.OfCost, 1_500_000_000), gateway.OverBudget,
			"Limit of the key: $1.5 per month. Used: $1.49999, left: $0.00001; this request may need $0.0001. The limit resets at 2026-12-01T00:00:00Z.", 12*24*time.Hour + 12*time.Hour - 30*time.Second,
			`{"limit":{"scope":"key","per":"month","of":"cost","limit":1500000000,"used":1499990000,"left":10000,"resets_at":"2026-12-01T00:00:00Z"}}`,
		},
		{
			"larger than the limit", limit(accounting.Day, accounting.OfTokens, 99), gateway.RateLimited,
			"Limit of the key: 99 tokens per day. Used: 30, left: 69; this request may need 100. It does not fit into the limit at all.", 0,
			`{"limit":{"scope":"key","per":"day","of":"tokens","limit":99,"used":30,"left":69,"resets_at":"2026-11-19T00:00:00Z"}}`,
		},
		{
			"for life", limit(accounting.Life, accounting.OfOutputTokens, 60), gateway.RateLimited,
			"Limit of the key: 60 output tokens for life. Used: 20, left: 40; this request may need 50.", 0,
			`{"limit":{"scope":"key","per":"life","of":"output_tokens","limit":60,"used":20,"left":40}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := loaded(t, nil)
			a.put(t, keyScope, "acme", counter(5, noon, accounting.Totals{Requests: 60, Usage: events.Usage{Input: 10, Output: 20}, Cost: 1_499_990_000}))
			res, refusal := a.Admit(t.Context(), ask(noon, 100, tt.limit))
			if res != nil || refusal == nil {
				t.Fatal("not refused")
			}
			e := refusal.Public()
			detail, err := json.Marshal(e.Detail)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.text, tt.detail, string(tt.kind), tt.retry.String()}, []string{e.Public, string(detail), string(e.Kind), e.RetryAfter.String()}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			event := refusal.Event()
			if event.Scope != "key" || event.Max != tt.limit.Max || event.Per != string(tt.limit.Per) || event.Of != string(tt.limit.Of) {
				t.Errorf("event %+v", event)
			}
		})
	}
}

// TestRefusalLeavesNothing: when the third scope refuses, the first two have given nothing.
func TestRefusalLeavesNothing(t *testing.T) {
	a := loaded(t, nil)
	l, tight := limit(accounting.Day, accounting.OfTokens, 1000), limit(accounting.Day, accounting.OfTokens, 5)
	tenant := accounting.Scope{Kind: accounting.TenantScope, ID: "acme"}
	r := ask(noon, 10)
	r.Scopes = []Scoped{{tenant, []accounting.Limit{l}}, {keyScope, []accounting.Limit{l, tight}}}
	if _, refusal := a.Admit(t.Context(), r); refusal == nil || refusal.Event().Max != 5 {
		t.Fatal("not refused by the tight limit")
	}
	for _, s := range []accounting.Scope{tenant, keyScope} {
		acc := a.account(s)
		if n := a.used(t, s, l, noon); n != 0 || acc.running != 0 || len(acc.own) != 0 {
			t.Errorf("%v: used %d, %d running", s, n, acc.running)
		}
	}
}

func TestSoftAndShadowLetPass(t *testing.T) {
	for _, mode := range []accounting.Mode{accounting.Soft, accounting.Shadow} {
		var out bytes.Buffer
		a := loaded(t, &out)
		l := limit(accounting.Minute, accounting.OfRequests, 1)
		l.Mode = mode
		for range 5 {
			if _, refusal := a.Admit(t.Context(), ask(noon, 1, l)); refusal != nil {
				t.Fatalf("%s refuses", mode)
			}
		}
		if n := strings.Count(out.String(), "limit exceeded"); n != 1 {
			t.Errorf("%s: told %d times in a minute:\n%s", mode, n, &out)
		}
		for range 2 {
			_, _ = a.Admit(t.Context(), ask(noon.Add(time.Minute), 1, l))
		}
		if n := strings.Count(out.String(), "limit exceeded"); n != 2 {
			t.Errorf("%s: told %d times in two minutes", mode, n)
		}
	}
}

// world is what an observer of everything knows, to compare an admitter with.
type world struct {
	t       *testing.T
	a       *Admitter
	rng     *rand.Rand
	limits  []accounting.Limit
	now     time.Time
	truth   []accounting.Totals // by request: what it holds and has used
	at      []time.Time
	windows []*windows // of at
	running []*flight
	queue   []*fact // published, in order
	acked   int     // facts of queue that are acknowledged
	folded  int     // facts of queue that the counter holds
	counter accounting.Counter
}

type fact struct {
	receipt *receipt
	at      time.Time
	totals  accounting.Totals
}

type flight struct {
	*Reservation
	n    int // index in truth
	held accounting.Totals
}

func (w *world) begin() {
	tokens := w.rng.Int64N(50)
	r := ask(w.now, tokens, w.limits...)
	res, refusal := w.a.Admit(w.t.Context(), r)
	if refusal != nil {
		w.t.Fatal(refusal.Public())
	}
	held := accounting.Totals{Requests: 1, Attempts: 1, Usage: r.Estimate.Usage, Cost: *r.Estimate.CostNanoUSD}
	w.truth, w.at, w.windows = append(w.truth, held), append(w.at, w.now), append(w.windows, newWindows(w.now))
	f := &flight{Reservation: res, n: len(w.truth) - 1, held: held}
	w.running = append(w.running, f)
	res.Admitted(w.publish(w.now, accounting.Totals{Requests: 1}))
	f.held.Requests = 0
}

func (w *world) publish(at time.Time, t accounting.Totals) *receipt {
	r := newReceipt()
	if n := len(w.queue); n > 0 && n > w.acked && w.rng.IntN(2) == 0 {
		r = w.queue[n-1].receipt // leaves in the same message
	}
	w.queue = append(w.queue, &fact{r, at, t})
	return r
}

// end lets one request use more or less than it asked for, or nothing.
func (w *world) end() {
	if len(w.running) == 0 {
		return
	}
	i := w.rng.IntN(len(w.running))
	f := w.running[i]
	w.running = append(w.running[:i], w.running[i+1:]...)
	w.truth[f.n] = accounting.Totals{Requests: 1}
	for range w.rng.IntN(3) {
		c := charge(w.rng.Int64N(80))
		used := accounting.Totals{Attempts: 1, Usage: c.Usage, Cost: *c.CostNanoUSD}
		f.Settle(c, w.publish(w.at[f.n], used))
		w.truth[f.n] = w.truth[f.n].Plus(used)
	}
	f.Release()
}

// ack acknowledges the oldest message that is not.
func (w *world) ack() {
	if w.acked == len(w.queue) {
		return
	}
	r := w.queue[w.acked].receipt
	r.ack(uint64(w.acked + 1))
	for w.acked < len(w.queue) && w.queue[w.acked].receipt == r {
		w.acked++
	}
}

// fold counts up to some acknowledged message and shows the counter.
func (w *world) fold() {
	if w.folded == w.acked {
		return
	}
	to := w.folded + 1 + w.rng.IntN(w.acked-w.folded)
	for to < w.acked && w.queue[to].receipt == w.queue[to-1].receipt {
		to++ // a message is folded as a whole
	}
	for i := w.folded; i < to; i++ {
		w.counter.Add(&accounting.Entry{
			At: accounting.Position{Seq: w.queue[i].receipt.seq, Index: i}, WindowAt: w.queue[i].at, Totals: w.queue[i].totals,
		})
	}
	w.folded = to
	w.a.put(w.t, keyScope, "acme", w.counter)
}

func (w *world) check(step int) {
	now := newWindows(w.now)
	for _, l := range w.limits {
		var want int64
		for i, truth := range w.truth {
			if w.windows[i].of(l.Per) == now.of(l.Per) {
				want += l.Used(truth)
			}
		}
		if got := w.a.used(w.t, keyScope, l, w.now); got != want {
			w.t.Fatalf("step %d: %s per %s: used %d, want %d", step, l.Of, l.Per, got, want)
		}
	}
}

// TestCountsOnce lets requests, the log and the fold run against each other at
// random; after every step the admitter knows exactly what was reserved and used.
func TestCountsOnce(t *testing.T) {
	for seed := range uint64(15) {
		w := &world{t: t, a: loaded(t, nil), rng: rand.New(rand.NewPCG(seed, 1)), now: noon}
		for _, per := range []accounting.Per{accounting.Minute, accounting.Hour, accounting.Life} {
			for _, of := range []accounting.Of{accounting.OfRequests, accounting.OfTokens, accounting.OfCost} {
				w.limits = append(w.limits, limit(per, of, 1<<40))
			}
		}
		for step := range 400 {
			switch w.rng.IntN(8) {
			case 0, 1:
				w.begin()
			case 2, 3:
				w.end()
			case 4, 5:
				w.ack()
			case 6:
				w.fold()
			case 7:
				w.now = w.now.Add(time.Duration(w.rng.IntN(20)) * time.Second)
			}
			w.check(step)
		}
		for len(w.running) > 0 {
			w.end()
		}
		for w.folded < len(w.queue) {
			w.ack()
			w.fold()
		}
		w.check(-1)
		if acc := w.a.account(keyScope); len(acc.own) != 0 || acc.shards[0].parts != nil || acc.running != 0 {
			t.Fatalf("left over when all is folded: %+v", acc)
		}
	}
}

// TestFoldBeforeAcknowledgement: the counter may hold a fact before its receipt
// says where it is. Then it counts twice, but only until the receipt does.
func TestFoldBeforeAcknowledgement(t *testing.T) {
	a, l := loaded(t, nil), limit(accounting.Day, accounting.OfRequests, 10)
	res, _ := a.Admit(t.Context(), ask(noon, 1, l))
	r := newReceipt()
	res.Admitted(r)
	a.put(t, keyScope, "acme", counter(7, noon, accounting.Totals{Requests: 1}))
	if n := a.used(t, keyScope, l, noon); n != 2 {
		t.Errorf("not acknowledged: %d, want 2", n)
	}
	r.ack(7)
	if n := a.used(t, keyScope, l, noon); n != 1 {
		t.Errorf("acknowledged: %d, want 1", n)
	}
}

// TestUnknownFateStaysCounted: a fact whose publisher gave up may or may not be on the log.
func TestUnknownFateStaysCounted(t *testing.T) {
	a, l := loaded(t, nil), limit(accounting.Day, accounting.OfRequests, 10)
	res, _ := a.Admit(t.Context(), ask(noon, 1, l))
	r := newReceipt()
	r.err = errors.New("closed")
	res.Admitted(r)
	r.ack(0)
	res.Release()
	if n := a.used(t, keyScope, l, noon); n != 1 {
		t.Errorf("used %d, want 1", n)
	}
}

// TestGivesBackWhatIsDurable: until the end of a request is durable the log may
// charge its whole estimate, so that stays reserved; what runs at once does not.
func TestGivesBackWhatIsDurable(t *testing.T) {
	tests := map[string]struct {
		err  error // the publisher gave up
		want int64 // tokens used once the fate of the end is known
	}{
		"durable":  {want: 20},
		"given up": {err: errors.New("closed"), want: 60},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := loaded(t, nil)
				tokens, atOnce := limit(accounting.Day, accounting.OfTokens, 100), limit("", accounting.OfConcurrency, 1)
				res, refusal := a.Admit(t.Context(), ask(noon, 60, tokens, atOnce))
				if refusal != nil {
					t.Fatal(refusal.Public())
				}
				res.Admitted(newReceipt())
				res.Settle(charge(20), newReceipt())
				end := &receipt{kept: make(chan struct{}), err: test.err}
				res.Ended(end)
				res.Release()
				synctest.Wait()
				if n := a.used(t, keyScope, tokens, noon); n != 60 {
					t.Errorf("before the end is durable %d tokens are used, want 60", n)
				}
				if n := a.used(t, keyScope, atOnce, noon); n != 0 {
					t.Errorf("%d requests run", n)
				}
				close(end.kept)
				synctest.Wait()
				if n := a.used(t, keyScope, tokens, noon); n != test.want {
					t.Errorf("after it %d tokens are used, want %d", n, test.want)
				}
			})
		})
	}
}

// TestShardsAddUp: a model's usage is counted by partition.
func TestShardsAddUp(t *testing.T) {
	a, l := loaded(t, nil), limit(accounting.Day, accounting.OfRequests, 10)
	model := accounting.Scope{Kind: accounting.ModelScope, ID: "smart"}
	tenants := []events.TenantID{"acme", "globex", "initech"}
	seen := map[events.Partition]bool{}
	for i, tenant := range tenants {
		seen[events.PartitionOf(tenant)] = true
		a.put(t, model, tenant, counter(uint64(i+1), noon, accounting.Totals{Requests: 2}))
	}
	if len(seen) != len(tenants) {
		t.Fatal("the tenants of the test share a partition")
	}
	r := Request{Tenant: "acme", At: noon, Scopes: []Scoped{{model, []accounting.Limit{l}}}}
	res, refusal := a.Admit(t.Context(), r)
	if refusal != nil {
		t.Fatal(refusal.Public())
	}
	fact := newReceipt()
	res.Admitted(fact)
	res.Release()
	fact.ack(9)
	a.put(t, model, "globex", counter(20, noon, accounting.Totals{Requests: 3})) // of another partition: holds nothing of ours
	if n := a.used(t, model, l, noon); n != 8 {
		t.Errorf("used %d, want 8", n)
	}
	a.put(t, model, "acme", counter(9, noon, accounting.Totals{Requests: 3}))
	if n := a.used(t, model, l, noon); n != 8 {
		t.Errorf("used %d, want 8", n)
	}
}

func TestCredentialCountsAttempts(t *testing.T) {
	a := loaded(t, nil)
	cred := &control.Credential{Limits: []accounting.Limit{limit(accounting.Minute, accounting.OfRequests, 3)}}
	target := events.Target{Provider: "openai", Credential: "main", Model: "gpt"}
	scopes := CredentialScopes(cred, target)
	a.put(t, scopes[0].Scope, "acme", counter(1, noon, accounting.Totals{Attempts: 2, Failures: 1}))
	r := Request{Tenant: "acme", At: noon, Scopes: scopes}
	res, refusal := a.Admit(t.Context(), r)
	if refusal != nil {
		t.Fatal(refusal.Public())
	}
	res.Settle(events.Charge{}, newReceipt())
	res.Release()
	if _, refusal := a.Admit(t.Context(), r); refusal == nil || refusal.Event().Scope != "credential" {
		t.Error("a fourth call of the vendor is let pass")
	}
	if CredentialScopes(&control.Credential{}, target) != nil {
		t.Error("a credential without limits has a scope")
	}
}

func TestScopes(t *testing.T) {
	l := func(n int64) []accounting.Limit {
		return []accounting.Limit{limit(accounting.Day, accounting.OfRequests, n)}
	}
	c := &control.Catalog{Models: map[string]*control.Model{"smart": {Limits: l(4)}, "free": {}}}
	user := &control.User{ID: "u_1", Limits: l(2)}
	narrow := map[string][]accounting.Limit{"smart": l(5), "free": l(6)}
	k := &control.Key{Tenant: &control.Tenant{ID: "acme", Limits: l(1), ModelLimits: narrow}, Name: "ci", User: user, Limits: l(3)}
	k.Team = &control.Team{Name: "red", Limits: l(7)}
	want := []Scoped{
		{accounting.Scope{Kind: accounting.TenantScope, ID: "acme"}, l(1)}, {accounting.Scope{Kind: accounting.TeamScope, ID: "acme/red"}, l(7)},
		{accounting.Scope{Kind: accounting.UserScope, ID: "acme/u_1"}, l(2)},
		{accounting.Scope{Kind: accounting.KeyScope, ID: "acme/ci"}, l(3)}, {accounting.Scope{Kind: accounting.TenantModelScope, ID: "acme/smart"}, l(5)},
		{accounting.Scope{Kind: accounting.ModelScope, ID: "smart"}, l(4)},
	}
	if diff := cmp.Diff(want, Scopes(c, k, events.Principal{User: "u_1", Team: "red", Key: "ci", Model: "smart"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	bare := &control.Key{Tenant: &control.Tenant{ID: "acme"}, Name: "ci"}
	if got := Scopes(c, bare, events.Principal{Key: "ci", Model: "free"}); got != nil {
		t.Errorf("without limits: %v", got)
	}
	if got := Scopes(c, bare, events.Principal{Key: "ci", Model: "smart"}); len(got) != 1 {
		t.Errorf("of the model only: %v", got)
	}
}

func TestDescribe(t *testing.T) {
	a := loaded(t, nil)
	shadow := limit(accounting.Minute, accounting.OfRequests, 1)
	shadow.Mode = accounting.Shadow
	res, refusal := a.Admit(t.Context(), ask(noon, 100, limit(accounting.Day, accounting.OfRequests, 50), limit(accounting.Minute, accounting.OfRequests, 10), shadow,
		limit(accounting.Life, accounting.OfTokens, 1000), limit(accounting.Month, accounting.OfCost, 1<<40)))
	if refusal != nil {
		t.Fatal(refusal.Public())
	}
	h := http.Header{}
	res.Describe(h)
	want := http.Header{
		"X-Ratelimit-Limit-Requests": {"10"}, "X-Ratelimit-Remaining-Requests": {"9"}, "X-Ratelimit-Reset-Requests": {"30s"},
		"X-Ratelimit-Limit-Tokens": {"1000"}, "X-Ratelimit-Remaining-Tokens": {"900"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	free, _ := a.Admit(t.Context(), Request{Tenant: "acme", At: noon})
	h = http.Header{}
	free.Describe(h)
	free.Admitted(newReceipt())
	free.Settle(charge(1), newReceipt())
	free.Release()
	if len(h) != 0 {
		t.Errorf("without limits: %v", h)
	}
}

// TestDescribeOfRefusal: the headers tell of the key's limits, whichever limit refused.
func TestDescribeOfRefusal(t *testing.T) {
	a := loaded(t, nil)
	tenant := accounting.Scope{Kind: accounting.TenantScope, ID: "acme"}
	r := ask(noon, 100, limit(accounting.Minute, accounting.OfRequests, 1), limit(accounting.Day, accounting.OfTokens, 1000))
	if _, refusal := a.Admit(t.Context(), r); refusal != nil {
		t.Fatal(refusal.Public())
	}
	want := http.Header{
		"X-Ratelimit-Limit-Requests": {"1"}, "X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {"30s"},
		"X-Ratelimit-Limit-Tokens": {"1000"}, "X-Ratelimit-Remaining-Tokens": {"900"}, "X-Ratelimit-Reset-Tokens": {"11h59m30s"},
	}
	ofTenant := r
	ofTenant.Scopes = append([]Scoped{{Scope: tenant, Limits: []accounting.Limit{limit(accounting.Day, accounting.OfTokens, 1)}}}, r.Scopes...)
	for name, r := range map[string]Request{"key": r, "tenant": ofTenant} {
		_, refusal := a.Admit(t.Context(), r)
		if refusal == nil {
			t.Fatalf("%s: admitted", name)
		}
		h := http.Header{}
		refusal.Describe(h)
		if diff := cmp.Diff(want, h); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFailsClosedUntilLoaded(t *testing.T) {
	a := loaded(t, nil)
	a.loaded.Store(false)
	_, refusal := a.Admit(t.Context(), ask(noon, 1, limit(accounting.Day, accounting.OfRequests, 10)))
	if refusal == nil || refusal.Event() != nil {
		t.Fatalf("refusal %+v", refusal)
	}
	if e := refusal.Public(); e.Kind != gateway.Unavailable || e.RetryAfter == 0 {
		t.Errorf("%+v", e)
	}
	soft := limit(accounting.Day, accounting.OfRequests, 10)
	soft.Mode = accounting.Soft
	for _, l := range []accounting.Limit{soft, {Of: accounting.OfConcurrency, Max: 1, Mode: accounting.Hard}} {
		res, refusal := a.Admit(t.Context(), ask(noon, 1, l))
		if refusal != nil {
			t.Fatalf("%+v refuses", l)
		}
		res.Release()
	}
	if _, refusal := a.Admit(t.Context(), Request{Tenant: "acme", At: noon}); refusal != nil {
		t.Error("a request without limits is refused")
	}
}

// TestConcurrentAdmissionHolds: however many ask at once, no more than the limit is given.
func TestConcurrentAdmissionHolds(t *testing.T) {
	a := loaded(t, nil)
	tenant := accounting.Scope{Kind: accounting.TenantScope, ID: "acme"}
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				r := ask(noon, 10)
				key := accounting.Scope{Kind: accounting.KeyScope, ID: "acme/" + string(rune('a'+i%3))}
				r.Scopes = []Scoped{
					{tenant, []accounting.Limit{limit(accounting.Day, accounting.OfTokens, 10_000)}},
					{key, []accounting.Limit{limit(accounting.Day, accounting.OfRequests, 500)}},
				}
				if res, refusal := a.Admit(t.Context(), r); refusal == nil {
					admitted.Add(1)
					res.Admitted(newReceipt())
					res.Settle(charge(10), newReceipt())
					res.Release()
				}
			}
		})
	}
	wg.Wait()
	if n := admitted.Load(); n != 1000 {
		t.Errorf("admitted %d, want 1000", n)
	}
}

// TestMemoryIsBounded: facts that no fold takes are kept by the minute, and all
// are forgotten once it does.
func TestMemoryIsBounded(t *testing.T) {
	a, l := loaded(t, nil), limit(accounting.Day, accounting.OfRequests, 1<<40)
	const minutes, each = 5, 3000
	seq := uint64(0)
	for m := range minutes {
		at := noon.Add(time.Duration(m) * time.Minute)
		for range each {
			res, refusal := a.Admit(t.Context(), ask(at, 1, l))
			if refusal != nil {
				t.Fatal(refusal.Public())
			}
			r := newReceipt()
			res.Admitted(r)
			seq++
			r.ack(seq)
			res.Release()
		}
	}
	acc := a.account(keyScope)
	if n := len(acc.shards[0].parts); n > maxParts+1 {
		t.Errorf("%d parts are kept", n)
	}
	if len(acc.own) != minutes {
		t.Errorf("%d minutes are kept", len(acc.own))
	}
	if n := a.used(t, keyScope, l, noon); n != minutes*each {
		t.Errorf("used %d, want %d", n, minutes*each)
	}
	a.put(t, keyScope, "acme", counter(seq, noon, accounting.Totals{Requests: minutes * each}))
	if n := a.used(t, keyScope, l, noon); n != minutes*each || len(acc.own) != 0 || acc.shards[0].parts != nil {
		t.Errorf("folded: used %d, %d minutes kept", n, len(acc.own))
	}
}

// counted is a receipt that never comes; it counts how often it is asked.
type counted struct {
	receipt
	asked *int
}

func (r *counted) Done() <-chan struct{} {
	*r.asked++
	return r.receipt.Done()
}

// TestLongOutageIsCheap: facts that no log takes for long are not looked through
// again with every one that is added.
func TestLongOutageIsCheap(t *testing.T) {
	a, l := loaded(t, nil), limit(accounting.Day, accounting.OfRequests, 1<<40)
	l.Mode = accounting.Soft
	asked := 0
	const facts = 10 * maxParts
	for range facts {
		res, refusal := a.Admit(t.Context(), ask(noon, 1, l))
		if refusal != nil {
			t.Fatal(refusal.Public())
		}
		res.Admitted(&counted{receipt{done: make(chan struct{})}, &asked})
		res.Release()
	}
	if asked > 8*facts {
		t.Errorf("asked %d times about %d facts", asked, facts)
	}
}

func TestUnreadableCounterIsTold(t *testing.T) {
	var out bytes.Buffer
	a := loaded(t, &out)
	l := limit(accounting.Day, accounting.OfRequests, 5)
	a.put(t, keyScope, "acme", counter(1, noon, accounting.Totals{Requests: 5}))
	a.used(t, keyScope, l, noon)
	a.install(keyScope, events.PartitionOf("acme"), []byte("{"), 1)
	if _, refusal := a.Admit(t.Context(), ask(noon, 1, l)); refusal == nil {
		t.Error("the last good counter is forgotten")
	}
	if !strings.Contains(out.String(), "counter cannot be read") {
		t.Errorf("logged %q", &out)
	}
}

// bucket is a watched bucket driven by hand.
type bucket struct {
	never
	watches chan chan events.Entry
	fails   atomic.Int64 // watches that fail first
}

func (b *bucket) Watch(ctx context.Context, prefix string) (<-chan events.Entry, error) {
	if b.fails.Add(-1) >= 0 {
		return nil, errors.New("out of reach")
	}
	if prefix == events.OverPrefix {
		return never{}.Watch(ctx, prefix)
	}
	if prefix != events.CounterPrefix {
		return nil, errors.New("prefix " + prefix)
	}
	ch := make(chan events.Entry)
	select {
	case b.watches <- ch:
	case <-ctx.Done():
		close(ch)
	}
	return ch, nil
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{watches: make(chan chan events.Entry)}
		b.fails.Store(2)
		a, err := New(Config{
			Counters: b, Leases: memlog.New().Leases(), Node: "n1", Epoch: "e1", Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		l := limit(accounting.Day, accounting.OfRequests, 100)
		value := func(n int64) []byte {
			data, err := json.Marshal(counter(uint64(n), noon, accounting.Totals{Requests: n}))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		p := events.PartitionOf("acme")
		key, gone := events.CounterKey(p, "key", "acme/ci"), events.CounterKey(p, "key", "acme/gone")
		goneScope := accounting.Scope{Kind: accounting.KeyScope, ID: "acme/gone"}

		first := <-b.watches
		first <- events.Entry{Key: key, Value: value(5), Rev: 1}
		first <- events.Entry{Key: gone, Value: value(5), Rev: 2}
		first <- events.Entry{Key: "c.bad", Value: value(5), Rev: 3}
		synctest.Wait()
		if a.Loaded() {
			t.Error("loaded before all values came")
		}
		first <- events.Entry{}
		first <- events.Entry{Key: key, Value: value(7), Rev: 4}
		synctest.Wait()
		if n := a.used(t, keyScope, l, noon); !a.Loaded() || n != 7 {
			t.Errorf("loaded %t, used %d, want 7", a.Loaded(), n)
		}
		close(first)

		second := <-b.watches
		second <- events.Entry{Key: key, Value: value(8), Rev: 5}
		second <- events.Entry{}
		synctest.Wait()
		if n, m := a.used(t, keyScope, l, noon), a.used(t, goneScope, l, noon); n != 8 || m != 0 {
			t.Errorf("after the second watch: used %d and %d, want 8 and 0", n, m)
		}
		second <- events.Entry{Key: key}
		synctest.Wait()
		if n := a.used(t, keyScope, l, noon); n != 0 {
			t.Errorf("deleted: used %d", n)
		}
		cancel()
		close(second)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := Config{
		Counters: never{}, Leases: memlog.New().Leases(), Node: "n1", Epoch: "e1", TTL: time.Second, Logger: slog.Default(), Now: time.Now,
	}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"Counters": func(c *Config) { c.Counters = nil },
		"Leases":   func(c *Config) { c.Leases = nil },
		"Node":     func(c *Config) { c.Node = "" },
		"Epoch":    func(c *Config) { c.Epoch = "" },
		"TTL":      func(c *Config) { c.TTL = time.Millisecond },
		"Logger":   func(c *Config) { c.Logger = nil },
		"Now":      func(c *Config) { c.Now = nil },
	} {
		bad := good
		spoil(&bad)
		if a, err := New(bad); err == nil || a != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
