package query_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/projector/query"
)

// slow is a store whose statements take until they are let go or their caller goes.
type slow struct {
	mu      sync.Mutex
	running map[string]int // by the first tenant of the scope
	release chan struct{}
}

func (s *slow) Query(ctx context.Context, _ string, params map[string]any, _ func(func(...any) error) error) error {
	who := ""
	if scope, ok := params["scope"].([]string); ok {
		who = scope[0]
	}
	s.count(who, 1)
	defer s.count(who, -1)
	select {
	case <-s.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) count(who string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[who] += n
}

func (s *slow) of(who string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[who]
}

// TestTurns: a tenant who asks ten times at once has three statements running, so that
// others are served; who waits too long is told so; whoever goes away takes no turn.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{running: map[string]int{}, release: make(chan struct{})}
		turns := query.InTurn(store)
		ended := make(chan error, 20)
		ask := func(ctx context.Context, scope ...string) {
			params := map[string]any{}
			if len(scope) > 0 {
				params["scope"] = scope
			}
			go func() { ended <- turns.Query(ctx, "SELECT 1", params, nil) }()
			synctest.Wait()
		}
		gone, leave := context.WithCancel(t.Context())
		for range 3 {
			ask(t.Context(), "greedy")
		}
		for range 7 {
			ask(gone, "greedy")
		}
		ask(t.Context(), "modest")
		ask(t.Context())
		ask(t.Context())
		if g, m, e := store.of("greedy"), store.of("modest"), store.of(""); g != 3 || m != 1 || e != 2 {
			t.Errorf("%d of the greedy, %d of the modest, %d of everyone's run, want 3, 1 and 2", g, m, e)
		}
		leave()
		synctest.Wait()
		for range 7 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("whoever went away got %v", err)
			}
		}
		ask(t.Context(), "late") // all turns are taken
		began := time.Now()
		if err := <-ended; !errors.Is(err, query.ErrBusy) || time.Since(began) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		close(store.release)
		for range 6 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		ask(t.Context(), "greedy")
		if err := <-ended; err != nil {
			t.Errorf("when all have ended: %v", err)
		}
	})
}
