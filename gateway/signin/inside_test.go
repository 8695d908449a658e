package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/gateway"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// waitOf is how long an error says to wait; 0 of no error.
func waitOf(t *testing.T, err error) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	e := gateway.AsError(err)
	if e.Kind != gateway.RateLimited || e.RetryAfter <= 0 {
		t.Fatal(err)
	}
	return e.RetryAfter
}

func TestCommonIsInOrder(t *testing.T) {
	words := strings.Split(strings.TrimSuffix(common, "\n"), "\n")
	if len(words) < 10_000 || !sort.StringsAreSorted(words) {
		t.Fatalf("%d words", len(words))
	}
	for _, w := range words {
		if !isCommon(w) {
			t.Errorf("%q is not found", w)
		}
		if isCommon(w + "\x00") {
			t.Errorf("what follows %q is found", w)
		}
	}
}

// TestAccountThrottle: five tries, then one after each pause, which doubles.
func TestAccountThrottle(t *testing.T) {
	c := newClock()
	a := accountThrottle{memlog.New().Sessions(), c.read}
	try := func(who string) time.Duration { return waitOf(t, a.try(t.Context(), who)) }
	for i := range freeTries {
		if wait := try("ann"); wait != 0 {
			t.Fatalf("try %d must wait %s", i+1, wait)
		}
		c.pass(time.Second)
	}
	var waits []time.Duration
	for range 8 {
		wait := try("ann")
		c.pass(wait - time.Nanosecond)
		if try("ann") != time.Nanosecond {
			t.Fatal("it is let in too early")
		}
		c.pass(time.Nanosecond)
		if try("ann") != 0 {
			t.Fatal("it is not let in when it should")
		}
		waits = append(waits, wait)
	}
	want := "[29s 1m0s 2m0s 4m0s 8m0s 15m0s 15m0s 15m0s]"
	if got := fmt.Sprint(waits); got != want {
		t.Errorf("waits %s, want %s", got, want)
	}
	if try("bob") != 0 {
		t.Error("another account waits")
	}
	if err := a.forget(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	for range freeTries {
		if try("ann") != 0 {
			t.Error("a right password does not take the count away")
		}
	}
	c.pass(longest + triesSpan + time.Second)
	for range freeTries {
		if try("ann") != 0 {
			t.Error("it is never forgotten")
		}
	}
}

// TestAccountThrottleAtOnce: any number of nodes at once get no more tries.
func TestAccountThrottleAtOnce(t *testing.T) {
	c, bucket := newClock(), memlog.New().Sessions()
	var mu sync.Mutex
	let := 0
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if err := (accountThrottle{bucket, c.read}).try(context.Background(), "ann"); err == nil {
				mu.Lock()
				let++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if let == 0 || let > freeTries {
		t.Errorf("%d of 30 were let in", let)
	}
}

func TestAddressThrottle(t *testing.T) {
	c := newClock()
	a := newAddressThrottle(c.read)
	try := func(from string) time.Duration { return waitOf(t, a.try(from)) }
	for range addressBurst {
		if try("192.0.2.1:4000") != 0 {
			t.Fatal("a burst is not let in")
		}
	}
	if wait := try("192.0.2.1:4001"); wait != addressPause {
		t.Errorf("waits %s", wait)
	}
	if try("192.0.2.2:4000") != 0 {
		t.Error("another address waits")
	}
	c.pass(addressPause)
	if try("192.0.2.1:1") != 0 || try("[::ffff:192.0.2.1]:1") == 0 {
		t.Error("one more each pause")
	}
	for i := range addressBurst {
		if try(fmt.Sprintf("[2001:db8:0:1::%d]:80", i)) != 0 {
			t.Fatal("a burst is not let in")
		}
	}
	if try("[2001:db8:0:1:ffff::]:80") == 0 || try("[2001:db8:0:2::1]:80") != 0 {
		t.Error("a network is not one")
	}
	c.pass(time.Hour)
	for i := range maxAddresses {
		a.full[addressOf(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))] = c.read().Add(time.Minute)
	}
	for i := range addressBurst {
		_ = try(fmt.Sprintf("172.16.0.%d:1", i))
	}
	if try("172.17.0.1:1") == 0 || len(a.full) > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", len(a.full))
	}
	c.pass(time.Hour)
	if try("172.17.0.1:1") != 0 || len(a.full) > 2 {
		t.Errorf("an hour later %d addresses are remembered", len(a.full))
	}
}

// TestGate: two inside, twenty waiting, nobody else.
func TestGate(t *testing.T) {
	g := newGate(2, 3)
	leaves := make(chan func(), 5)
	enter := func() {
		leave, err := g.enter(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		leaves <- leave
	}
	enter()
	enter()
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(enter)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := g.enter(ctx)
		gone <- err
	}()
	for deadline := time.Now().Add(30 * time.Second); len(g.present) < 5; {
		if time.Now().After(deadline) {
			t.Fatalf("%d are present", len(g.present))
		}
		<-time.After(time.Millisecond)
	}
	if _, err := g.enter(t.Context()); waitOf(t, err) != time.Second {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone: %v", err)
	}
	for range 4 {
		(<-leaves)()
	}
	waiting.Wait()
	if len(g.present) != 0 || len(g.inside) != 0 {
		t.Errorf("%d are present, %d inside", len(g.present), len(g.inside))
	}
}

// TestOlderIsNotLearned: what a slow answer brings does not undo what a node was told.
func TestOlderIsNotLearned(t *testing.T) {
	c := newClock()
	s := NewSessions(memlog.New().Sessions(), c.read, slog.New(slog.DiscardHandler))
	s.set(true)
	token, made, err := s.Begin(t.Context(), Session{Account: "a_1"})
	if err != nil {
		t.Fatal(err)
	}
	key, _ := keyOf(token)
	before := s.known[key].rev
	over := made
	over.Over = true
	s.learn(key, over, before+1) // by the watch
	s.learn(key, made, before)   // by an answer that was on its way
	if _, err := s.Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("a session that has ended goes on: %v", err)
	}
}
