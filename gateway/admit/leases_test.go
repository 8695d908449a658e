package admit

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

func lifeTokens(most int64) accounting.Limit {
	return limit(accounting.Life, accounting.OfTokens, most)
}

// TestNodesShareALimit: two nodes admit exactly the limit, whatever the counters know.
func TestNodesShareALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		n := 0
		for range 30 {
			for _, node := range []*node{a, b} {
				if res, refusal := node.Admit(t.Context(), node.ask(10, l)); refusal == nil {
					node.use(res, 10)
					n++
				}
			}
		}
		pause(5 * time.Second)
		for range 30 {
			if res, refusal := b.Admit(t.Context(), b.ask(10, l)); refusal == nil {
				b.use(res, 10)
				n++
			}
		}
		if n != 10 {
			t.Errorf("%d admitted, want 10", n)
		}
	})
}

// TestIdleHeadroomComesBack: what one node holds and does not use is soon another's.
func TestIdleHeadroomComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.mustAdmit(a.ask(60, l)).Release()
		e := b.mustRefuse(b.ask(60, l)).Public()
		if e.Kind != gateway.RateLimited || e.RetryAfter != afterReturn {
			t.Errorf("%+v", e)
		}
		pause(e.RetryAfter)
		b.use(b.mustAdmit(b.ask(60, l)), 45)
		pause(e.RetryAfter)
		if n := c.claimed(keyScope, accounting.OfTokens); n != 45 {
			t.Errorf("%d claimed when all is settled, want 45", n)
		}
	})
}

// TestDeadNodeReturnsTheUnspent: what a dead node held counts until its epoch is
// over, then only what it spent.
func TestDeadNodeReturnsTheUnspent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.use(a.mustAdmit(a.ask(30, l)), 20)
		a.mustAdmit(a.ask(50, l)) // never ends
		a.cancel()
		pause(time.Hour)
		if e := b.mustRefuse(b.ask(31, l)).Public(); e.Kind != gateway.RateLimited {
			t.Errorf("before the end is known: %+v", e)
		}
		b.use(b.mustAdmit(b.ask(20, l)), 20)
		a.publish(keyScope, time.Now(), accounting.Totals{Attempts: 1, Usage: events.Usage{Input: 35}}) // of the orphan
		c.finish(a.epoch, keyScope)
		pause(5 * time.Second)
		if n := c.claimed(keyScope, accounting.OfTokens); n != 75 {
			t.Errorf("claimed %d, want 75", n)
		}
		if left := c.leases(keyScope); len(left.Holders()) != 1 {
			t.Errorf("holders %v", left.Holders())
		}
		b.mustRefuse(b.ask(26, l))
		b.mustAdmit(b.ask(25, l))
	})
}

// TestConcurrencyIsShared: what runs on any node counts, and dies with it.
func TestConcurrencyIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := accounting.Limit{Of: accounting.OfConcurrency, Max: 3, Mode: accounting.Hard}
		first := a.mustAdmit(a.ask(1, l))
		a.mustAdmit(a.ask(1, l))
		b.mustAdmit(b.ask(1, l))
		b.mustRefuse(b.ask(1, l))
		first.Release()
		pause(3 * time.Second)
		b.mustAdmit(b.ask(1, l))
		a.cancel()
		pause(time.Minute)
		b.mustRefuse(b.ask(1, l))
		c.finish(a.epoch, keyScope)
		pause(5 * time.Second)
		b.mustAdmit(b.ask(1, l))
	})
}

// TestFailsClosedWithoutLeases: while the store is away what is held may be used,
// no more; soft limits go on, and so does everything once the store is back.
func TestFailsClosedWithoutLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		l, soft := lifeTokens(1000), lifeTokens(1000)
		soft.Mode = accounting.Soft
		held := a.mustAdmit(a.ask(100, l))
		a.cut.set(true)
		held.Release()
		a.mustAdmit(a.ask(60, l)) // of what is held
		began := time.Now()
		e := a.mustRefuse(a.ask(60, l)).Public()
		if e.Kind != gateway.Unavailable || e.RetryAfter <= 0 || e.Public != textAway {
			t.Errorf("%+v", e)
		}
		if waited := time.Since(began); waited > patience {
			t.Errorf("waited for %s", waited)
		}
		if r := a.mustRefuse(a.ask(60, l)); r.Event() != nil {
			t.Errorf("blames limit %+v", r.Event())
		}
		a.mustAdmit(a.ask(60, soft)).Release()
		a.mustAdmit(a.ask(60)).Release()
		if e := a.mustRefuse(a.ask(1001, l)).Public(); e.Kind != gateway.RateLimited {
			t.Errorf("what never fits: %+v", e)
		}
		pause(time.Minute)
		a.cut.set(false)
		pause(2 * time.Second)
		a.mustAdmit(a.ask(60, l))
	})
}

// TestLeaseLapses: a node that cannot renew stops a margin before its time is up,
// however much it still holds.
func TestLeaseLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		l := lifeTokens(1_000_000)
		for range 20 {
			a.mustAdmit(a.ask(100, l))
			pause(100 * time.Millisecond)
		}
		a.cut.set(true)
		until := c.leases(keyScope).Pools[0].Holders[a.me].Until
		const every = 50 * time.Millisecond
		var stopped time.Duration // before the lease ends
		for refused := false; !refused; pause(every) {
			stopped = time.Until(until)
			_, refusal := a.Admit(t.Context(), a.ask(1, l))
			refused = refusal != nil
		}
		if held := a.account(keyScope).leases[0]; held.held-held.mine < 100 || stopped > a.margin()+2*every || stopped < a.margin()-2*every {
			t.Errorf("stopped %s before the lease ends with %d unspent", stopped, held.held-held.mine)
		}
	})
}

// TestCloseReturnsEverything: exactly what was spent stays.
func TestCloseReturnsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.use(a.mustAdmit(a.ask(90, l)), 12)
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := c.claimed(keyScope, accounting.OfTokens); n != 12 {
			t.Errorf("%d claimed, want 12", n)
		}
		b.mustAdmit(b.ask(88, l)).Release()
		if e := a.mustRefuse(a.ask(1, l)).Public(); e.Kind != gateway.Unavailable {
			t.Errorf("closed: %+v", e)
		}
		b.cut.set(true)
		if err := b.Close(t.Context()); err == nil {
			t.Error("closed without returning")
		}
	})
}

// TestLost: a node that everybody else takes for dead admits nothing any more.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		select {
		case <-a.Lost():
			t.Fatal("lost at once")
		default:
		}
		c.finish(a.epoch, keyScope)
		<-a.Lost()
		if e := a.mustRefuse(a.ask(1)).Public(); e.Kind != gateway.Unavailable {
			t.Errorf("%+v", e)
		}
	})
}

// TestLimitChanges: whatever is done to a limit, usage is kept.
func TestLimitChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		a.use(a.mustAdmit(a.ask(40, lifeTokens(100))), 40)
		b.use(b.mustAdmit(b.ask(40, lifeTokens(100))), 40)
		a.mustRefuse(a.ask(21, lifeTokens(100)))
		a.use(a.mustAdmit(a.ask(30, lifeTokens(110))), 30) // raised
		b.mustRefuse(b.ask(1, lifeTokens(100)))            // lowered
		a.mustRefuse(a.ask(1, lifeTokens(90)))
		pause(5 * time.Second)
		soft := lifeTokens(100) // removed for a while
		soft.Mode = accounting.Soft
		b.use(b.mustAdmit(b.ask(50, soft)), 50)
		pause(5 * time.Second)
		a.mustRefuse(a.ask(41, lifeTokens(200)))
		a.mustAdmit(a.ask(40, lifeTokens(200)))
		d := c.node(0) // younger than all of it
		d.mustRefuse(d.ask(1, lifeTokens(200)))
		d.mustAdmit(d.ask(1, lifeTokens(201)))
	})
}

// TestLimitCreatedInMidWindow: what was spent before counts, each once.
func TestLimitCreatedInMidWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		soft := lifeTokens(1)
		soft.Mode = accounting.Soft
		for _, n := range []*node{a, b} {
			n.use(n.mustAdmit(n.ask(20, soft)), 20)
		}
		pause(5 * time.Second)
		a.use(a.mustAdmit(a.ask(5, soft)), 5) // not counted yet
		a.mustRefuse(a.ask(56, lifeTokens(100)))
		b.mustRefuse(b.ask(56, lifeTokens(100)))
		a.mustAdmit(a.ask(30, lifeTokens(100)))
		b.mustAdmit(b.ask(25, lifeTokens(100)))
		if n := c.claimed(keyScope, accounting.OfTokens); n != 100 {
			t.Errorf("%d claimed, want 100", n)
		}
	})
}

// TestTightestLimitDecides: of two hard limits of a kind the lower one; a soft one leases nothing.
func TestTightestLimitDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		soft := lifeTokens(5)
		soft.Mode = accounting.Soft
		limits := []accounting.Limit{lifeTokens(100), lifeTokens(50), lifeTokens(50), soft}
		if r := a.mustRefuse(a.ask(51, limits...)); r.Event().Max != 50 {
			t.Errorf("refused by %+v", r.Event())
		}
		a.mustAdmit(a.ask(50, limits...))
		if pools := c.leases(keyScope).Pools; len(pools) != 1 || pools[0].Max != 50 {
			t.Errorf("pools %+v", pools)
		}
	})
}

// TestTruthFirst: what a request spent above its estimate is told, above the limit if need be.
func TestTruthFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.use(a.mustAdmit(a.ask(60, l)), 130)
		pause(time.Second)
		if n := c.claimed(keyScope, accounting.OfTokens); n != 130 {
			t.Errorf("%d claimed, want 130", n)
		}
		b.mustRefuse(b.ask(1, l))
	})
}

// TestEndsAfterItsWindow: a request settles in the window it was admitted in,
// also when the pool of that window is gone.
func TestEndsAfterItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		l := limit(accounting.Minute, accounting.OfTokens, 100)
		long := a.mustAdmit(a.ask(100, l))
		old := a.ask(10, l)
		for range 4 {
			pause(time.Minute)
			a.use(a.mustAdmit(a.ask(100, l)), 100)
			a.mustRefuse(a.ask(1, l))
		}
		a.mustRefuse(old) // by the counters: all of it is reserved
		a.use(long, 10)
		a.mustAdmit(old)
		pause(5 * time.Second)
		if pools := c.leases(keyScope).Pools; len(pools) != 2 || pools[1].Claimed() != 100 {
			t.Errorf("pools %+v", pools)
		}
		if n := len(a.account(keyScope).leases); n > 2 {
			t.Errorf("%d leases are remembered", n)
		}
	})
}

// TestUnknownCommit: a node believes it holds what the store surely gave it.
func TestUnknownCommit(t *testing.T) {
	for _, applied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, 1)
			a, b := c.node(0), c.node(0)
			l := lifeTokens(100)
			c.log.Leases().FailCommit(events.ErrUnavailable, applied)
			res := a.mustAdmit(a.ask(60, l))
			if n := c.claimed(keyScope, accounting.OfTokens); n != 60 {
				t.Errorf("applied %t: %d claimed, want 60", applied, n)
			}
			c.log.Leases().FailCommit(events.ErrUnavailable, applied)
			a.use(res, 10)
			pause(3 * time.Second)
			b.mustAdmit(b.ask(90, l))
			a.mustRefuse(a.ask(1, l))
		})
	}
}

// TestStoreBeginsAnew: leases that vanished are seeded from the counters, and
// every holder tells what it has.
func TestStoreBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.use(a.mustAdmit(a.ask(30, l)), 30)
		b.use(b.mustAdmit(b.ask(30, l)), 30)
		pause(3 * time.Second)
		c.log.Leases().RecreateBucket()
		a.mustAdmit(a.ask(20, l))
		b.mustRefuse(b.ask(21, l))
		b.mustAdmit(b.ask(20, l))
		if n := c.claimed(keyScope, accounting.OfTokens); n != 100 {
			t.Errorf("%d claimed, want 100", n)
		}
	})
}

// TestGarbageFailsClosed: a record that cannot be read is no licence.
func TestGarbageFailsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		if _, err := c.log.Leases().Commit(t.Context(), []events.Put{{Key: "l.key.acme/ci", Value: []byte("{")}}); err != nil {
			t.Fatal(err)
		}
		if e := a.mustRefuse(a.ask(1, lifeTokens(100))).Public(); e.Kind != gateway.Unavailable {
			t.Errorf("%+v", e)
		}
	})
}

// TestCallerGivesUp: a request waits no longer than its caller does.
func TestCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		a.cut.set(true)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, refusal := a.Admit(ctx, a.ask(1, lifeTokens(100))); refusal == nil || refusal.Public().Kind != gateway.Unavailable {
			t.Errorf("%+v", refusal)
		}
		if waited := time.Since(began); waited > 30*time.Millisecond {
			t.Errorf("waited for %s", waited)
		}
		pause(3 * time.Second)
	})
}

// TestBuriedAlive: a node that is cut off from the counters while others bury it
// cannot take leases again.
func TestBuriedAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.use(a.mustAdmit(a.ask(30, l)), 20)
		a.cancel() // it hears nothing more
		c.finish(a.epoch, keyScope)
		pause(5 * time.Second)
		b.mustAdmit(b.ask(80, l)).Release()
		if e := a.mustRefuse(a.ask(50, l)).Public(); e.Kind != gateway.Unavailable {
			t.Errorf("%+v", e)
		}
		select {
		case <-a.Lost():
		default:
			t.Error("does not know that it is lost")
		}
		if n := len(c.leases(keyScope).Pools[0].Holders); n > 1 {
			t.Errorf("%d holders", n)
		}
	})
}

// TestRefusesByAFreshRecord: what others gave back since is not refused.
func TestRefusesByAFreshRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		b.cancel() // it sweeps nothing, so it knows what it saw last
		l := lifeTokens(100)
		res := a.mustAdmit(a.ask(60, l))
		b.mustAdmit(b.ask(10, l))
		res.Release()
		pause(3 * time.Second)
		b.mustAdmit(b.ask(80, l))
	})
}

// TestWindowThatOthersLeftBehind: what is asked of a window that is over to others,
// but not to this node, is decided by the counters.
func TestWindowThatOthersLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := limit(accounting.Minute, accounting.OfTokens, 100)
		late := a.ask(10, l)
		for range 2 {
			pause(time.Minute)
			b.use(b.mustAdmit(b.ask(10, l)), 10)
		}
		began := time.Now()
		a.mustAdmit(late).Release()
		if waited := time.Since(began); waited >= patience {
			t.Errorf("waited for %s", waited)
		}
	})
}

// TestOldNewsOfAnEnd: who is over according to a bucket that has been made anew
// since keeps what it holds.
func TestOldNewsOfAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a, b := c.node(0), c.node(0)
		l := lifeTokens(100)
		a.mustAdmit(a.ask(60, l))
		a.cancel()
		b.over[partitionsOf(keyScope)[0]].Store(&accounting.Over{Epochs: []events.Epoch{a.epoch}})
		b.bury.Store(true)
		pause(3 * time.Second)
		b.mustRefuse(b.ask(41, l))
		b.mustAdmit(b.ask(40, l))
	})
}

// TestCloseDoesNotWaitForLong: with many scopes and a store that is away, Close leaves
// time for what is stopped after it.
func TestCloseDoesNotWaitForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1)
		a := c.node(0)
		for i := range 10 * exchanges {
			r := a.ask(10, lifeTokens(100))
			r.Scopes[0].Scope.ID = fmt.Sprintf("acme/k%d", i)
			a.mustAdmit(r).Release()
		}
		a.cut.set(true)
		began := time.Now()
		if err := a.Close(context.Background()); err == nil {
			t.Error("everything is returned, to a store that is away")
		}
		if took := time.Since(began); took > mostClosing {
			t.Errorf("took %s", took)
		}
	})
}
