package admit

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

// Limits of the runs in trouble.
const (
	troubleMinute  = 1500
	troubleLife    = 3000
	troubleRunning = 5
)

// truth is what an observer of everything knows of the key.
type truth struct {
	t  *testing.T
	mu sync.Mutex

	most    int64 // of the limit for life, the highest that it ever was
	claimed map[string]int64
	over    map[string]int64 // spent beyond estimates
	running int
	refused map[string]int
	done    int
}

// add counts what is reserved or spent in the minute of at and for life.
func (w *truth) add(at time.Time, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	minute := accounting.WindowAt(at, accounting.Minute).Label
	for label, most := range map[string]int64{minute: troubleMinute, "": w.most} {
		w.claimed[label] += n
		if w.claimed[label] > most+w.over[label] {
			w.t.Errorf("%q: %d reserved and spent, the limit is %d, beyond estimates were %d", label, w.claimed[label], most, w.over[label])
		}
	}
}

func (w *truth) exceed(at time.Time, n int64) {
	w.mu.Lock()
	w.over[accounting.WindowAt(at, accounting.Minute).Label] += n
	w.over[""] += n
	w.mu.Unlock()
	w.add(at, n)
}

func (w *truth) run(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running += n; w.running > troubleRunning {
		w.t.Errorf("%d run at once", w.running)
	}
}

func (w *truth) note(refusal *Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if refusal == nil {
		w.done++
		return
	}
	w.refused[string(refusal.Public().Kind)]++
}

// client sends requests to a node, one after the other, until stop is closed.
func (n *node) client(w *truth, life func() int64, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(n.c.within(700 * time.Millisecond)):
		}
		estimate := int64(1 + n.c.intn(40))
		r := n.ask(estimate, limit(accounting.Minute, accounting.OfTokens, troubleMinute), lifeTokens(life()),
			accounting.Limit{Of: accounting.OfConcurrency, Max: troubleRunning, Mode: accounting.Hard})
		res, refusal := n.Admit(context.Background(), r)
		w.note(refusal)
		if refusal != nil {
			continue
		}
		w.run(1)
		w.add(r.At, estimate)
		died := false
		select {
		case <-stop:
			died = true
		case <-time.After(n.c.within(3 * time.Second)):
		}
		w.run(-1)
		if died { // the orphan is charged what was estimated
			n.publish(keyScope, r.At, accounting.Totals{Attempts: 1, Usage: r.Estimate.Usage})
			return
		}
		n.end(w, res, estimate)
	}
}

// end lets a request have used less than was estimated, or a little more.
func (n *node) end(w *truth, res *Reservation, estimate int64) {
	used := int64(n.c.intn(int(estimate) + 1))
	if n.c.intn(10) == 0 {
		used = estimate + 3
		w.exceed(res.at, 3)
	}
	if n.c.intn(8) == 0 { // it was cancelled
		w.add(res.at, -min(used, estimate))
		if used > estimate {
			w.add(res.at, -3)
		}
		w.add(res.at, min(used, estimate)-estimate)
		res.Release()
		return
	}
	n.use(res, used)
	w.add(res.at, min(0, used-estimate))
}

// TestLeasesHoldInTrouble lets four nodes with wrong clocks serve under limits
// that they share, over a slow store that breaks, while nodes are cut off, die and
// are replaced and a limit is raised: at no moment is more reserved and spent than
// the limits and what was spent beyond estimates. When all is over the pool for
// life knows exactly what was spent, and nobody holds more.
func TestLeasesHoldInTrouble(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { trouble(t, seed) })
		})
	}
}

// member is a node and its clients.
type member struct {
	*node
	stop chan struct{}
	wg   sync.WaitGroup
}

func (m *member) end() {
	close(m.stop)
	m.wg.Wait()
}

func trouble(t *testing.T, seed uint64) {
	c := newCluster(t, seed)
	c.trouble, c.lag = true, 20*time.Millisecond
	w := &truth{t: t, most: troubleLife, claimed: map[string]int64{}, over: map[string]int64{}, refused: map[string]int{}}
	life := func() int64 {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.most
	}
	join := func() *member {
		m := &member{node: c.node(c.within(4*time.Second) - 2*time.Second), stop: make(chan struct{})}
		for range 4 {
			m.wg.Go(func() { m.client(w, life, m.stop) })
		}
		return m
	}
	members := []*member{join(), join(), join(), join()}
	for range 20 {
		pause(c.within(12 * time.Second))
		n := c.intn(len(members))
		m := members[n]
		switch c.intn(4) {
		case 0: // dies
			m.cancel()
			m.end()
			c.finish(m.epoch, keyScope)
			members[n] = join()
		case 1:
			m.cut.set(true)
			pause(c.within(10 * time.Second))
			m.cut.set(false)
		case 2:
			w.mu.Lock()
			w.most += 200
			w.mu.Unlock()
		}
	}
	for _, m := range members {
		m.end()
		c.finish(m.epoch, keyScope) // its last requests were left as orphans
		m.cancel()
	}
	c.trouble = false
	last := c.node(0)
	pause(30 * time.Second)
	last.mustRefuse(last.ask(1, lifeTokens(0)))
	check(c, w)
}

// check compares the pools with the truth when all is over.
func check(c *cluster, w *truth) {
	c.t.Helper()
	leases := c.leases(keyScope)
	for _, p := range leases.Pools {
		switch got := p.Claimed(); {
		case p.Of == accounting.OfConcurrency && got != 0:
			c.t.Errorf("%d requests are believed to run: %+v", got, p)
		case p.Per == accounting.Life && (got != w.claimed[""] || len(p.Holders) != 0):
			c.t.Errorf("for life %d are claimed, spent were %d: %+v", got, w.claimed[""], p)
		// a dead node's minute stays as it last told it: what it spent beyond estimates since is missing
		case p.Per == accounting.Minute && got < w.claimed[p.Window]-w.over[p.Window]:
			c.t.Errorf("%s: %d are claimed, spent were %d: %+v at %s", p.Window, got, w.claimed[p.Window], p, time.Now())
		}
	}
	if w.done < 60 || w.claimed[""] < troubleLife/4 {
		c.t.Errorf("only %d requests were served, of %d tokens; refused %v", w.done, w.claimed[""], w.refused)
	}
	c.t.Logf("%d served, %d refused as %v; %d spent", w.done, w.refused["rate_limited"], w.refused, w.claimed[""])
}
