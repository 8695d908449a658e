package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// inProcess calls a handler without a network, so that a test's clock is also its.
type inProcess struct {
	http.Handler
	faults []func() (*http.Response, error) // what the calls after the first get, until they are used up
	calls  int
}

// RoundTrip implements http.RoundTripper.
func (p *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.calls++; p.calls > 1 && len(p.faults) > 0 {
		fault := p.faults[0]
		p.faults = p.faults[1:]
		return fault()
	}
	ctx, cancel := context.WithCancel(r.Context())
	reader, writer := io.Pipe()
	w := &piped{header: http.Header{}, status: make(chan int, 1), PipeWriter: writer}
	go func() {
		defer writer.Close()
		p.ServeHTTP(w, r.WithContext(ctx))
		w.WriteHeader(http.StatusOK)
	}()
	return &http.Response{StatusCode: <-w.status, Header: w.header, Body: body{reader, cancel}, Request: r}, nil
}

// piped is a response that is read while it is written.
type piped struct {
	*io.PipeWriter
	header http.Header
	status chan int
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) Flush()              {}

func (p *piped) WriteHeader(status int) {
	select {
	case p.status <- status:
	default: // it has been said
	}
}

// body ends the request when its reader goes.
type body struct {
	*io.PipeReader
	gone context.CancelFunc
}

func (b body) Close() error {
	b.gone()
	return b.PipeReader.Close()
}

// follow is a port of a tail: what it does at each connection, the last time and again.
type follow func(ctx context.Context, after admin.Place, emit func(seq uint64) error) error

// tailing is a client of the API's own handler, over a log that is followed by turns.
func tailing(t *testing.T, turns ...follow) (*client.Client, *inProcess) {
	t.Helper()
	a, err := admin.New(admin.Config{
		Operator: operator{}, Status: func(context.Context) (any, error) { return nil, errors.New("not here") },
		Tail: func(ctx context.Context, _ admin.TrafficFilter, after admin.Place, emit func(admin.Place, any) error) error {
			turn := turns[0]
			turns = turns[1:]
			return turn(ctx, after, func(seq uint64) error {
				return emit(admin.Place{Seq: seq, Index: 1}, client.RequestRow{ID: "r", Seq: seq})
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := web.New(web.Config{Logger: slog.New(slog.DiscardHandler), Guards: a.Guards()})
	if err == nil {
		err = s.Mount(a.Routes()...)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &inProcess{Handler: s}
	return connect(t, "http://hub.test", &http.Client{Transport: p}), p
}

// sends makes a turn that sends rows, and a second later does as end says.
func sends(from, to uint64, end error) follow {
	return func(_ context.Context, _ admin.Place, emit func(uint64) error) error {
		for seq := from; seq <= to; seq++ {
			if err := emit(seq); err != nil {
				return err
			}
		}
		<-time.After(1500 * time.Millisecond)
		return end
	}
}

// after makes a turn that must go on after a place.
func after(t *testing.T, want admin.Place, turn follow) follow {
	return func(ctx context.Context, got admin.Place, emit func(uint64) error) error {
		if got != want {
			t.Errorf("goes on after %v, want %v", got, want)
		}
		return turn(ctx, got, emit)
	}
}

// TestTail: a tail goes on after its last row, shown or not, when the connection broke,
// and ends when the hub says why.
func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := tailing(t,
			after(t, admin.Place{Seq: 7}, sends(11, 12, context.Canceled)),
			after(t, admin.Place{Seq: 12, Index: 1}, sends(13, 72, context.Canceled)),
			after(t, admin.Place{Seq: 72, Index: 1}, sends(73, 73, &gateway.Error{Kind: gateway.Forbidden, Public: "No more."})),
		)
		p.faults = []func() (*http.Response, error){
			func() (*http.Response, error) { return nil, errors.New("connection refused") },
			func() (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusBadGateway, Body: io.NopCloser(strings.NewReader("a proxy's words"))}, nil
			},
		}
		var got []uint64
		hidden, last, began := 0, "", time.Now()
		var failed error
		for row, err := range c.Tail(t.Context(), client.TailQuery{After: "7.0"}) {
			if err != nil {
				failed = err
				continue
			}
			if last = row.Place; row.Hidden > 0 {
				hidden += row.Hidden
				continue
			}
			got = append(got, row.Seq)
		}
		var want []uint64
		for seq := uint64(11); seq <= 62; seq++ {
			want = append(want, seq)
		}
		if diff := cmp.Diff(append(want, 73), got); diff != "" || hidden != 10 || last != "73.1" {
			t.Errorf("last %s, hidden %d, rows (-want +got):\n%s", last, hidden, diff)
		}
		if e, ok := errors.AsType[*client.Error](failed); !ok || e.Code != string(gateway.Forbidden) || e.Error() != "No more." {
			t.Errorf("ended with %v", failed)
		}
		if d := time.Since(began); d < 12*time.Second { // 4 waits of 2 s
			t.Errorf("came back too soon: all took %v", d)
		}
	})
}

// TestTailEnds: with its reader, with its context, and when it cannot begin.
func TestTailEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := func(ctx context.Context, _ admin.Place, emit func(uint64) error) error {
			if err := emit(1); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}
		c, p := tailing(t, waits, waits)
		for _, err := range c.Tail(t.Context(), client.TailQuery{}) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var failed error
		for _, err := range c.Tail(ctx, client.TailQuery{}) {
			cancel()
			failed = err
		}
		if !errors.Is(failed, context.Canceled) || p.calls != 2 {
			t.Errorf("%d calls, ended with %v", p.calls, failed)
		}
		for _, err := range c.Tail(t.Context(), client.TailQuery{After: "yesterday"}) {
			refused(t, 400, "", err)
		}
		refusing := connect(t, "http://hub.test", &http.Client{Transport: refuse{}})
		n := 0
		for _, err := range refusing.Tail(t.Context(), client.TailQuery{}) {
			if n++; err == nil || !strings.Contains(err.Error(), "nobody listens") {
				t.Errorf("at an address where nobody is: %v", err)
			}
		}
		if n != 1 {
			t.Errorf("%d times", n)
		}
	})
}

type refuse struct{}

// RoundTrip implements http.RoundTripper.
func (refuse) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody listens")
}
