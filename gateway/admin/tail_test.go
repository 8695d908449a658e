package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/auth"
)

// screen is a response that can be read while it is written.
type screen struct {
	mu     sync.Mutex
	header http.Header
	status int
	body   bytes.Buffer
}

func (s *screen) Header() http.Header { return s.header }
func (s *screen) Flush()              {}

func (s *screen) WriteHeader(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body.Write(b)
}

// shows gives what was written since the last time.
func (s *screen) shows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.body.Reset()
	return s.body.String()
}

// watch opens a live tail until the end of ctx.
func watch(ctx context.Context, h http.Handler, target string, header http.Header) (*screen, <-chan struct{}) {
	s, done := &screen{header: http.Header{}}, make(chan struct{})
	r := httptest.NewRequest("GET", target, nil).WithContext(ctx)
	r.Header = header.Clone()
	r.Header.Set("Authorization", "Bearer token")
	go func() {
		defer close(done)
		h.ServeHTTP(s, r)
	}()
	return s, done
}

func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got admin.TrafficFilter
		var after admin.Place
		send := make(chan int)
		h := newHandler(t, admin.Config{Tail: func(ctx context.Context, f admin.TrafficFilter, at admin.Place, emit func(admin.Place, any) error) error {
			got, after = f, at
			for seq := uint64(1); ; {
				select {
				case n := <-send:
					for range n {
						if err := emit(admin.Place{Seq: seq, Index: 3}, map[string]uint64{"n": seq}); err != nil {
							return err
						}
						seq++
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s, done := watch(ctx, h, "/api/v1/requests/stream?model=smart,fast&min_total_ms=5", http.Header{"Last-Event-Id": {"17.2"}})
		<-time.After(300 * time.Millisecond)
		synctest.Wait()
		if out := s.shows(); out != "retry: 2000\n\n" || s.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("at first: %q", out)
		}
		if diff := cmp.Diff(map[admin.Dimension][]string{"model": {"smart", "fast"}}, got.Where); diff != "" || after != (admin.Place{Seq: 17, Index: 2}) || got.MinTotal != 5*time.Millisecond || !got.Scope.Everyone {
			t.Errorf("asked for %+v after %v", got, after)
		}
		send <- 120
		<-time.After(400 * time.Millisecond)
		rows := s.shows()
		if strings.Count(rows, "data: ") != 50 || !strings.HasPrefix(rows, "id: 1.3\ndata: {\"n\":1}\n\nid: 2.3\n") {
			t.Errorf("%d rows: %s", strings.Count(rows, "data: "), rows)
		}
		<-time.After(time.Second)
		if out := s.shows(); out != "id: 120.3\nevent: hidden\ndata: {\"count\":70}\n\n" {
			t.Errorf("hidden: %q", out)
		}
		send <- 1
		<-time.After(500 * time.Millisecond)
		if out := s.shows(); out != "id: 121.3\ndata: {\"n\":121}\n\n" {
			t.Errorf("one more: %q", out)
		}
		<-time.After(16 * time.Second)
		if out := s.shows(); out != ": alive\n\n" {
			t.Errorf("in silence: %q", out)
		}
		cancel()
		<-done
	})
}

// TestTailEnds: a tail ends when its reader may see nothing any more, and when the
// log gives an error; what fails before anything was written has a status.
func TestTailEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := make(chan error)
		var revoked atomic.Bool
		a, err := admin.New(admin.Config{
			Operator: checkFunc(func() error {
				if revoked.Load() {
					return &gateway.Error{Kind: gateway.Unauthenticated, Public: "No more."}
				}
				return nil
			}),
			Status: func(context.Context) (any, error) { return nil, nil },
			Tail: func(ctx context.Context, _ admin.TrafficFilter, _ admin.Place, _ func(admin.Place, any) error) error {
				select {
				case err := <-fail:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		h := serveAdmin(t, a)
		const path = "/api/v1/requests/stream"
		s, done := watch(t.Context(), h, path, http.Header{})
		fail <- &gateway.Error{Kind: gateway.Invalid, Param: "after", Public: "Gone."}
		if <-done; s.status != 400 {
			t.Errorf("at once: status %d: %s", s.status, s.shows())
		}
		s, done = watch(t.Context(), h, path, http.Header{})
		<-time.After(time.Second)
		fail <- &gateway.Error{Kind: gateway.Unavailable, Public: "The log is away."}
		if <-done; !strings.Contains(s.shows(), `event: error`+"\n"+`data: {"code":"unavailable","detail":"The log is away."}`) {
			t.Errorf("later: status %d", s.status)
		}
		s, done = watch(t.Context(), h, path, http.Header{})
		<-time.After(30 * time.Second)
		revoked.Store(true)
		if <-done; !strings.Contains(s.shows(), "unauthenticated") {
			t.Errorf("revoked: status %d", s.status)
		}
		revoked.Store(false)
		ctx, cancel := context.WithCancel(t.Context())
		var open []<-chan struct{}
		for range 20 {
			_, done := watch(ctx, h, path, http.Header{})
			open = append(open, done)
		}
		synctest.Wait()
		s, done = watch(ctx, h, path, http.Header{})
		if <-done; s.status != 503 {
			t.Errorf("one too many: status %d", s.status)
		}
		cancel()
		for _, done := range open {
			<-done
		}
		for _, id := range []string{"x", "5", "0.1", "5.-1", "5.x"} {
			if w := ask(h, "GET", fmt.Sprintf("%s?after=%s", path, id)); w.Code != 400 || problem(t, w).Field != "after" {
				t.Errorf("after %s: status %d", id, w.Code)
			}
		}
	})
}

// checkFunc is an operator.
type checkFunc func() error

func (f checkFunc) Identify(*http.Request) (auth.Person, error) {
	return auth.Person{Name: "operator", Role: "admin"}, f()
}
