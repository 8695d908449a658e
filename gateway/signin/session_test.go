package signin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/signin"
)

// clock is a time that tests move. It begins as the machine's, because entries of a
// bucket lapse by that.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now().UTC().Truncate(time.Second)} }

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

// soon waits until done is.
func soon(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// following makes the sessions of a node that is told of every change.
func following(t *testing.T, b signin.Bucket, c *clock) *signin.Sessions {
	t.Helper()
	s := signin.NewSessions(b, c.read, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	soon(t, "it does not follow", s.Following)
	return s
}

func embeddedBucket(t *testing.T) signin.Bucket {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	server, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Class: natslog.Dev, MaxBytes: embedded.MinBytes, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	l, err := natslog.Open(t.Context(), natslog.Config{Server: server, Class: natslog.Dev, MaxBytes: server.TrafficBytes(), Node: "n1", Version: "test", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l.Sessions()
}

// TestSessions holds what is promised of sessions over every kind of bucket.
func TestSessions(t *testing.T) {
	buckets := map[string]func(*testing.T) signin.Bucket{
		"memory":    func(*testing.T) signin.Bucket { return memlog.New().Sessions() },
		"JetStream": embeddedBucket,
	}
	for name, bucket := range buckets {
		t.Run(name, func(t *testing.T) {
			b := bucket(t)
			for name, run := range map[string]func(*testing.T, signin.Bucket){
				"of both nodes": sessionOfBothNodes, "idle": sessionIdle, "at most": sessionAtMost, "found out": sessionNotFound,
			} {
				t.Run(name, func(t *testing.T) { run(t, b) })
			}
		})
	}
}

func begin(t *testing.T, s *signin.Sessions) control.Secret {
	t.Helper()
	token, made, err := s.Begin(t.Context(), signin.Session{Account: "a_1", Epoch: 3, Tenant: "acme"})
	if err != nil || made.Made.IsZero() || made.Proven != made.Made {
		t.Fatalf("%+v, %v", made, err)
	}
	return token
}

// sessionOfBothNodes: one node begins it, another finds it and ends it.
func sessionOfBothNodes(t *testing.T, b signin.Bucket) {
	c := newClock()
	one, two := following(t, b, c), following(t, b, c)
	token := begin(t, one)
	for range 2 {
		for name, s := range map[string]*signin.Sessions{"one": one, "two": two} {
			if got, err := s.Find(t.Context(), token); err != nil || got.Account != "a_1" || got.Epoch != 3 || got.Tenant != "acme" {
				t.Fatalf("node %s: %+v, %v", name, got, err)
			}
		}
	}
	if err := two.End(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Find(t.Context(), token); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("where it was ended: %v", err)
	}
	soon(t, "the other node goes on with it", func() bool {
		_, err := one.Find(t.Context(), token)
		return errors.Is(err, signin.ErrNoSession)
	})
	if err := one.End(t.Context(), token); err != nil {
		t.Errorf("again: %v", err)
	}
}

func sessionIdle(t *testing.T, b signin.Bucket) {
	c := newClock()
	s := signin.NewSessions(b, c.read, slog.New(slog.DiscardHandler))
	used, idle := begin(t, s), begin(t, s)
	for range 3 {
		c.pass(signin.IdleTime - time.Second)
		if _, err := s.Find(t.Context(), used); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Find(t.Context(), idle); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("idle: %v", err)
	}
}

func sessionAtMost(t *testing.T, b signin.Bucket) {
	c := newClock()
	s := signin.NewSessions(b, c.read, slog.New(slog.DiscardHandler))
	token := begin(t, s)
	for range 14 {
		if _, err := s.Find(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		c.pass(signin.IdleTime - 1)
	}
	if _, err := s.Find(t.Context(), token); err != nil {
		t.Errorf("in its last hours: %v", err)
	}
	c.pass(time.Minute)
	if _, err := s.Find(t.Context(), token); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("after seven days of use: %v", err)
	}
}

func sessionNotFound(t *testing.T, b signin.Bucket) {
	s := signin.NewSessions(b, newClock().read, slog.New(slog.DiscardHandler))
	token := begin(t, s).Reveal()
	for _, wrong := range []string{"", "x", token[1:], token + "A", "s." + token, token[:42] + "=", fmt.Sprintf("%043d", 0)} {
		if _, err := s.Find(t.Context(), control.NewSecret(wrong)); !errors.Is(err, signin.ErrNoSession) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	list, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Key == token || string(e.Value) == token {
			t.Error("the token itself is kept")
		}
	}
}

// away is a bucket that cannot be asked.
type away struct {
	signin.Bucket
	mu   sync.Mutex
	gone bool
	asks int
}

func (a *away) set(gone bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = gone
}

func (a *away) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asks
}

func (a *away) Get(ctx context.Context, key string) (events.Entry, error) {
	a.mu.Lock()
	gone := a.gone
	a.asks++
	a.mu.Unlock()
	if gone {
		return events.Entry{}, events.ErrUnavailable
	}
	return a.Bucket.Get(ctx, key)
}

// TestSessionsAway: a node that cannot ask believes what it knows for a minute, and
// one that is not told of changes asks each time.
func TestSessionsAway(t *testing.T) { synctest.Test(t, sessionsAway) }

func sessionsAway(t *testing.T) {
	c, b := newClock(), &away{Bucket: memlog.New().Sessions()}
	s := following(t, b, c)
	token := begin(t, s)
	synctest.Wait() // it is told of that itself, and believes it from then on
	b.set(true)
	c.pass(time.Minute - 1)
	if _, err := s.Find(t.Context(), token); err != nil || b.asked() != 0 {
		t.Errorf("within a minute: %v, asked %d times", err, b.asked())
	}
	c.pass(1)
	if _, err := s.Find(t.Context(), token); !errors.Is(err, signin.ErrUnreachable) {
		t.Errorf("after a minute: %v", err)
	}
	b.set(false)
	if _, err := s.Find(t.Context(), token); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	alone := signin.NewSessions(b, c.read, slog.New(slog.DiscardHandler))
	before := b.asked()
	for range 3 {
		if _, err := alone.Find(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.asked() - before; n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}
