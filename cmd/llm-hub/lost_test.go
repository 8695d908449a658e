package main_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
)

// lostAfter is how long a node of this test may be silent.
const lostAfter = 8 * time.Second

// TestLostNodes kills a gateway that never comes back and stops another for so long
// that it is taken for dead. Their requests are ended and charged, what they held
// is given back, the budget is used up by the one that lives, and the one that
// wakes up finds out and ends.
func TestLostNodes(t *testing.T) {
	t.Parallel()
	const budget, cut = 30, 8
	f := startFleet(t, "delay=100ms+chunk=1+out=100", tenantDoc{name: "hard", limits: []string{fmt.Sprintf("{per: life, requests: %d}", budget)}})
	alive, dead, asleep := f.add("gateway"), f.add("gateway"), f.add("gateway")
	projector := f.add("projector", "--dead-after", lostAfter.String())
	f.ready()

	var clients sync.WaitGroup
	for i := range cut {
		clients.Go(func() { _, _ = f.askHard(t.Context(), []*node{dead, asleep}[i%2]) }) // cut, all of them
	}
	eventually(t, settleTimeout, "the vendor is called", func() error {
		var l ledger
		err := getJSON(f.vendor.url+"/_fake/ledger?limit=0", "", &l)
		if err == nil && l.InFlight < cut {
			err = fmt.Errorf("%d calls in flight", l.InFlight)
		}
		return err
	})
	dead.kill()
	asleep.signal(t, syscall.SIGSTOP)
	f.eventuallyLost(dead, asleep)
	f.usesUp(alive, budget)
	eventually(t, promptly(givenBack), "nothing is held that was not spent", func() error {
		held, err := f.held(events.LeaseKey(string(accounting.TenantScope), "hard"), accounting.Life, accounting.OfRequests)
		if err == nil && held != budget {
			err = fmt.Errorf("%d are held", held)
		}
		return err
	})
	asleep.signal(t, syscall.SIGCONT)
	select {
	case <-asleep.started.exited:
	case <-time.After(settleTimeout):
		t.Fatal("a gateway that was taken for dead goes on")
	}
	clients.Wait()
	dead.start()
	asleep.start()
	f.ready()
	all := f.settled()
	if got := spentOf(t, all)["hard"]; got.requests != budget {
		t.Errorf("%d requests were admitted, the limit is %d", got.requests, budget)
	}
	verified(t, projector.data)
	f.checkCounters()
	if n := lostRequests(t, all); n != cut {
		t.Errorf("%d requests were ended and charged for nodes that were lost, want %d", n, cut)
	}
}

// lostRequests counts the requests that were ended for a lost node, and charged.
func lostRequests(t *testing.T, all []events.Event) int {
	t.Helper()
	n := 0
	for _, e := range all {
		if e.Kind != events.RequestOrphanedKind {
			continue
		}
		if b := body[events.RequestOrphaned](t, e); b.Reason == "node_lost" && b.Charge.Usage.Total() > 0 {
			n++
		}
	}
	return n
}

// askHard asks for a short answer under the hard limit.
func (f *fleet) askHard(ctx context.Context, n *node) (answer, error) {
	return n.hub.Load().chatAs(ctx, keyOf("hard"), map[string]any{
		"model": "fake-openai", "stream": true,
		"messages": []map[string]string{{"role": "user", "content": "hello"}},
	})
}

// eventuallyLost waits until the log says that the nodes are lost, and their
// requests have an end.
func (f *fleet) eventuallyLost(nodes ...*node) {
	f.t.Helper()
	eventually(f.t, settleTimeout, "the nodes are lost", func() error {
		all, err := f.eventsFrom(1)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if !saysLost(f.t, all, n.id()) {
				return fmt.Errorf("%s is not lost yet", n.id())
			}
		}
		return ended(f.t, all)
	})
}

func saysLost(t *testing.T, all []events.Event, node string) bool {
	t.Helper()
	for _, e := range all {
		if e.Kind == events.NodeLostKind && string(body[events.NodeLost](t, e).Node) == node {
			return true
		}
	}
	return false
}

// usesUp makes requests until the budget is used up, which all of its parts must
// be free for.
func (f *fleet) usesUp(n *node, budget int64) {
	f.t.Helper()
	eventually(f.t, settleTimeout, "the budget is used up", func() error {
		all, err := f.eventsFrom(1)
		if err != nil {
			return err
		}
		spent := spentOf(f.t, all)["hard"].requests
		if spent >= budget {
			return nil
		}
		var clients sync.WaitGroup
		for range budget - spent {
			clients.Go(func() {
				ctx, cancel := context.WithTimeout(f.t.Context(), time.Second) // long enough to be admitted
				defer cancel()
				a, err := f.askHard(ctx, n)
				if err == nil && a.status != http.StatusTooManyRequests {
					f.t.Errorf("status %d: %s", a.status, a.body)
				}
			})
		}
		clients.Wait()
		return fmt.Errorf("%d of %d are spent", spent, budget)
	})
}

// signal sends s to the process and its children.
func (n *node) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-n.started.cmd.Process.Pid, s); err != nil {
		t.Fatal(err)
	}
}
