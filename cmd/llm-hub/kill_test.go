package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Kills of TestKillUnderLoad: the first figure in every run, the second in the
// long campaign.
const (
	kills     = 8
	killsFull = 300
)

// killSeed makes the moments of a run; set LLMHUB_TEST_SEED to repeat one.
func killSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("LLMHUB_TEST_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatalf("LLMHUB_TEST_SEED: %v", err)
		}
	}
	t.Logf("LLMHUB_TEST_SEED=%d", seed)
	return seed
}

// TestKillUnderLoad kills the whole process at random moments while clients make
// requests, restarts it, and then asks for every single request: is it on the
// books, as what, and does that agree with what the client and the vendor saw?
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	n := kills
	if os.Getenv("LLMHUB_TEST_FULL") != "" {
		n = killsFull
	}
	rng := rand.New(rand.NewPCG(killSeed(t), 0))
	v := startVendor(t)
	data := t.TempDir()
	args := serveArgs(t, v)
	c := &clients{models: []string{
		"fake-openai", "fake-anthropic", "fake-gemini", "slow-openai", "slow-anthropic", "slow-gemini", "broken", "limited",
	}}
	for range n {
		h := startHub(t, data, args...)
		stop := c.run(h, rng.Uint64())
		<-time.After(time.Duration(50+rng.IntN(700)) * time.Millisecond)
		h.kill()
		stop()
	}
	h := startHub(t, data, args...)
	h.drained()
	verified(t, data)
	if complete, orphans := audit(t, books(t, data), readLedger(t, v.url), c.answers); complete == 0 || orphans == 0 {
		t.Errorf("the campaign showed nothing: %d complete answers, %d orphans", complete, orphans)
	}
	if err := h.interrupt(); err != nil {
		t.Error(err)
	}
	verified(t, data) // without a server
}

// clients make requests until they are stopped, and keep what they got.
type clients struct {
	models  []string
	mu      sync.Mutex
	answers []answer
}

const concurrentClients = 8

// run starts the clients; stop waits until each has the end of its request.
func (c *clients) run(h *hub, seed uint64) (stop func()) {
	var over atomic.Bool
	var running sync.WaitGroup
	for i := range concurrentClients {
		running.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			for !over.Load() {
				text := "please echo " + strings.Repeat("this ", rng.IntN(60))
				a, err := h.chat(context.Background(), c.models[rng.IntN(len(c.models))], rng.IntN(2) == 0, text)
				if err != nil && a.request == "" {
					return // no connection: the process is dead
				}
				c.mu.Lock()
				c.answers = append(c.answers, a)
				c.mu.Unlock()
			}
		})
	}
	return func() { over.Store(true); running.Wait() }
}

// audit holds what must be true of every request, whatever was killed when. It
// counts the answers that clients hold complete, and the requests cut by a death.
func audit(t *testing.T, accounts map[string]*account, l ledger, answers []answer) (complete, orphans int) {
	t.Helper()
	admitted := 0
	for id, a := range accounts {
		admitted += a.admitted
		switch {
		case a.admitted == 1 && a.ends != 1:
			t.Errorf("request %s was admitted and has %d ends", id, a.ends)
		case a.admitted > 1:
			t.Errorf("request %s was admitted %d times", id, a.admitted)
		}
		if a.outcome == events.Orphaned {
			orphans++
			if a.records == 0 {
				t.Errorf("request %s was cut by a kill and charged nothing", id)
			}
		}
	}
	served := servedByRequest(l)
	gotByte := map[string]bool{}
	for _, a := range answers {
		gotByte[a.request] = gotByte[a.request] || a.bytes > 0
		if !a.complete {
			continue
		}
		complete++
		want := served[a.request]
		got := accounts[a.request]
		switch {
		case got == nil:
			t.Errorf("request %s: the client has the whole answer, the log has nothing", a.request)
		case got.estimated || got.input != want.Input || got.output != want.Output:
			t.Errorf("request %s: the client has the whole answer; booked %+v, the vendor served %+v", a.request, got, want)
		}
	}
	unknown := 0
	for id := range served {
		if accounts[id] != nil {
			continue
		}
		unknown++
		if gotByte[id] {
			t.Errorf("request %s: the client got a byte, the log has nothing", id)
		}
	}
	t.Logf("%d requests admitted, %d answers complete and on the books to the token, %d cut by a kill and estimated, "+
		"%d vendor calls without an event (their clients got no byte)", admitted, complete, orphans, unknown)
	return complete, orphans
}
