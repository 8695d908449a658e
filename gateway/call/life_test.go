package call_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

// TestNoCommentsInAnArray: JSON has none.
func TestNoCommentsInAnArray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, call.Strict, streaming(40*time.Second, says(1)))
		b.array = true
		w := b.serve(t.Context(), "r1", true)
		if _, text := w.got(); strings.Contains(text, "keep-alive") || !strings.HasPrefix(w.header.Get("Content-Type"), "application/json") {
			t.Errorf("%v: %q", w.header, text)
		}
	})
}

func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, call.Strict, streaming(40*time.Second, says(1)))
		w := b.serve(t.Context(), "r1", true)
		// A comment each 15 s: two in each silence of 40 s, five in the last of 80 s
		// (the client did not ask for the usage chunk).
		if _, text := w.got(); strings.Count(text, ": keep-alive\n\n") != 9 || !strings.HasSuffix(text, "[DONE]\n\n") {
			t.Errorf("%d comments in %q", strings.Count(text, ": keep-alive"), text)
		}
		b.facts()
	})
}

func TestTimeouts(t *testing.T) {
	chunks := streaming(time.Millisecond, says(1))
	stalled := script{kind: "text/event-stream", steps: append(chunks.steps[:2:2], step{wait: time.Hour})}
	tests := map[string]struct {
		scripts []script
		after   time.Duration
		kind    string
	}{
		"first byte of every vendor": {[]script{whole(time.Hour)}, 3 * time.Minute, "upstream_timeout"},
		"first byte after the header": {[]script{{kind: "text/event-stream", steps: []step{{wait: time.Hour}}}},
			3 * time.Minute, "upstream_timeout"},
		"idle": {[]script{stalled}, time.Minute, "upstream_timeout"},
		"total": {[]script{streaming(50*time.Second, says(1), says(1), says(1), says(1), says(1), says(1), says(1), says(1), says(1), says(1))},
			10 * time.Minute, "upstream_timeout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, call.Strict, test.scripts...)
				began := time.Now()
				b.serve(t.Context(), "r1", !strings.HasPrefix(name, "first byte of"))
				if took := time.Since(began).Round(time.Second); took != test.after {
					t.Errorf("it took %s, want %s", took, test.after)
				}
				if end := only[events.RequestFinished](t, b.facts()); end.Outcome != events.Failed || end.Error != test.kind {
					t.Errorf("end: %+v", end)
				}
			})
		})
	}
}

func TestCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, call.Strict, streaming(2*time.Second, says(1), says(1), says(1), says(2000), says(1)))
		b.serve(t.Context(), "r1", true)
		f := b.facts()
		marks := f.of(events.UsageCheckpointKind)
		if len(marks) < 2 {
			t.Fatalf("%d checkpoints: %v", len(marks), f.kinds())
		}
		seen := map[events.ID]bool{}
		for i, e := range marks {
			c, err := events.As[events.UsageCheckpoint](e)
			if err != nil || c.N != i+1 || c.Charge.Usage.Input == 0 || seen[e.ID] {
				t.Errorf("checkpoint %d: %+v, %v", i, c, err)
			}
			seen[e.ID] = true
		}
		last, _ := events.As[events.UsageCheckpoint](marks[len(marks)-1])
		if last.Charge.Usage.Output < 2000 {
			t.Errorf("the last checkpoint knows %d tokens", last.Charge.Usage.Output)
		}
	})
}

// TestCheckpointInAPause: what has come before the vendor pauses is on the log
// while it does, and once.
func TestCheckpointInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paused := streaming(0, says(300))
		for i := 2; i < len(paused.steps); i++ {
			paused.steps[i].wait = 17 * time.Second
		}
		b := newBubble(t, call.Strict, paused)
		began := time.Now()
		b.serve(t.Context(), "r1", true)
		f := b.facts()
		mark := only[events.UsageCheckpoint](t, f)
		after := f.of(events.UsageCheckpointKind)[0].At.Sub(began)
		if after.Round(time.Second) != 5*time.Second || mark.Charge.Usage.Output != 300 || mark.Charge.Usage.Input == 0 {
			t.Errorf("after %s: %+v", after, mark.Charge.Usage)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	long := func(tokens int) script {
		s := streaming(0)
		for range 1000 {
			s.steps = append(s.steps[:1:1], append([]step{{wait: time.Second, data: says(tokens)}}, s.steps[1:]...)...)
		}
		return s
	}
	tests := map[string]struct {
		tokens int
		want   time.Duration // after the client hung up
	}{
		"by time":   {1, 30 * time.Second},
		"by tokens": {1024, 4 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, call.Strict, long(test.tokens))
				const patience = 10*time.Second + time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				began := time.Now()
				b.serve(ctx, "r1", true)
				if took := time.Since(began) - patience; took.Round(time.Second) != test.want {
					t.Errorf("it went on for %s, want %s", took, test.want)
				}
				f := b.facts()
				usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
				if usage.Source != events.Estimated || end.Outcome != events.Cancelled || b.engine.Drains() != 0 {
					t.Errorf("usage %+v, end %+v, %d drains", usage, end, b.engine.Drains())
				}
			})
		})
	}
}

func TestDrainsOfANodeAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, call.Strict, whole(20*time.Second))
		ctx, cancel := context.WithCancel(t.Context())
		const n = call.MaxDrains + 5
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { b.serve(ctx, fmt.Sprint("r", i), false) })
		}
		<-time.After(time.Second)
		cancel()
		synctest.Wait()
		if got := b.engine.Drains(); got != call.MaxDrains {
			t.Errorf("%d drains at once, want %d", got, call.MaxDrains)
		}
		wg.Wait()
		sources := map[events.Source]int{}
		for _, e := range b.facts().of(events.UsageRecordedKind) {
			u, _ := events.As[events.UsageRecorded](e)
			sources[u.Source]++
		}
		if sources[events.FromVendor] != call.MaxDrains || sources[events.Estimated] != 5 || b.engine.Drains() != 0 {
			t.Errorf("usage by source %v, %d drains are left", sources, b.engine.Drains())
		}
	})
}

func TestLogOutOfReach(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(mode(stream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := whole(time.Second)
				if stream {
					answer = streaming(time.Second, says(1))
				}
				b := newBubble(t, call.Strict, answer)
				release := b.log.Hold()
				began := time.Now()
				w := b.serve(t.Context(), "r1", stream)
				if took := time.Since(began); took != 10*time.Minute {
					t.Errorf("it waited %s", took)
				}
				if status, text := w.got(); status != 0 || text != "" || gateway.AsError(w.err).Kind != gateway.Unavailable {
					t.Errorf("the client got %d, %q, %v", status, text, w.err)
				}
				release()
				f := b.facts()
				usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
				if usage.Charge.Usage.Input == 0 || end.Outcome != events.Failed || end.Status != http.StatusServiceUnavailable {
					t.Errorf("usage %+v, end %+v", usage, end)
				}
			})
		})
	}
}

func TestLogLostBeforeTheEndOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, call.Strict, streaming(time.Second, says(1)))
		held := make(chan func(), 1)
		go func() {
			<-time.After(2500 * time.Millisecond)
			held <- b.log.Hold()
		}()
		w := b.serve(t.Context(), "r1", true)
		_, text := w.got()
		if strings.Contains(text, "[DONE]") || !strings.Contains(text, `"code":"unavailable"`) || !strings.Contains(text, ": keep-alive") {
			t.Errorf("the client got %q", text)
		}
		(<-held)()
		f := b.facts()
		if end := only[events.RequestFinished](t, f); end.Outcome != events.Failed || end.Error != "unavailable" {
			t.Errorf("end: %+v", end)
		}
		if usage := only[events.UsageRecorded](t, f); usage.Source != events.FromVendor {
			t.Errorf("usage: %+v", usage)
		}
	})
}

// explosive is a vendor whose own code panics.
type explosive struct{ provider.Vendor }

func (e explosive) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	out, err := e.Vendor.Prepare(in, t)
	if err != nil {
		return nil, err
	}
	if in.Stream {
		stream := out.Stream
		out.Stream = func(r io.Reader) provider.Stream { return &explosiveStream{Stream: stream(r)} }
		return out, nil
	}
	out.Unary = func([]byte) (provider.Reply, error) {
		panic("boom") //nolint:forbidigo // what the test is about
	}
	return out, nil
}

type explosiveStream struct {
	provider.Stream
	calls int
}

func (s *explosiveStream) Next() ([]byte, error) {
	if s.calls++; s.calls > 2 {
		panic("boom") //nolint:forbidigo // what the test is about
	}
	return s.Stream.Next()
}

func TestPanic(t *testing.T) {
	vendors := func(kind string) provider.Vendor { return explosive{realVendor(kind)} }
	for _, stream := range []bool{false, true} {
		t.Run(mode(stream), func(t *testing.T) {
			h := newHub(t, settings{vendors: vendors, targets: misbehaving("delay=1ms")})
			a := h.ask(stream)
			f := h.facts(1)
			end := only[events.RequestFinished](t, f)
			if end.Outcome != events.Failed || end.Error != "internal" {
				t.Errorf("end: %+v", end)
			}
			if !stream {
				if a.status != 500 || errorOf(t, a.body)["code"] != "internal_error" {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				return
			}
			if strings.Contains(a.body, "[DONE]") || !strings.Contains(a.body, "internal_error") || len(f.of(events.UsageRecordedKind)) != 1 {
				t.Errorf("the client got %s, the log %v", a.body, f.kinds())
			}
		})
	}
}

// TestEveryPathEndsOnce throws random faults at random requests and asks the
// books what a client and an auditor would ask.
func TestEveryPathEndsOnce(t *testing.T) {
	const rounds, requests = 60, 8
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomRound(t, rand.New(rand.NewPCG(uint64(round), 1)), requests) })
		})
	}
}

func randomRound(t *testing.T, r *rand.Rand, requests int) {
	ack := []call.Ack{call.Strict, call.FirstByte, call.Async}[r.IntN(3)]
	var scripts []script
	for range requests * 3 {
		scripts = append(scripts, randomScript(r))
	}
	b := newBubble(t, ack, scripts...)
	if r.IntN(2) == 0 {
		b.catalog.Tenants["acme"].OnDisconnect = "cancel"
	}
	for range r.IntN(4) {
		b.log.FailAppend(events.ErrUnavailable, r.IntN(2) == 0)
	}
	if r.IntN(3) == 0 {
		release := b.log.Hold()
		time.AfterFunc(rand.N(2*time.Minute), release)
	}
	screens := make([]*screen, requests)
	var wg sync.WaitGroup
	for i := range requests {
		w := &screen{header: http.Header{}, breaks: r.IntN(2) * r.IntN(8)}
		stream, patience := r.IntN(2) == 0, time.Hour
		if r.IntN(2) == 0 {
			patience = time.Duration(r.Int64N(int64(20 * time.Second)))
		}
		screens[i] = w
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			b.serveOn(ctx, w, fmt.Sprint("r", i), stream)
		})
	}
	wg.Wait()
	checkBooks(t, b, ack, screens)
}

func randomScript(r *rand.Rand) script {
	wait := time.Duration(r.Int64N(int64(15 * time.Second)))
	statuses := []int{429, 500, 503, 529, 401, 400, 404}
	switch r.IntN(9) {
	case 0:
		return script{refuse: errors.New("connection refused")}
	case 1:
		return script{wait: wait, status: statuses[r.IntN(len(statuses))], kind: "application/json", steps: []step{{data: `{"error":{"message":"no"}}`}}}
	case 2:
		return script{wait: time.Hour}
	case 3:
		return script{wait: wait, kind: "text/html", steps: []step{{data: "<html>"}}}
	case 4, 5:
		return whole(wait)
	}
	s := streaming(wait/4, says(r.IntN(3)), says(r.IntN(1500)), says(1))
	cut := r.IntN(2 * len(s.steps))
	switch {
	case cut >= len(s.steps):
	case r.IntN(2) == 0:
		s.steps = append(s.steps[:cut], step{err: io.ErrUnexpectedEOF})
	default:
		s.steps = append(s.steps[:cut], step{wait: time.Hour})
	}
	return s
}

func checkBooks(t *testing.T, b *bubble, ack call.Ack, screens []*screen) {
	t.Helper()
	byRequest := map[events.RequestID]facts{}
	seen := map[events.ID]bool{}
	for _, e := range b.facts() {
		if seen[e.ID] {
			t.Errorf("event %s twice", e.ID)
		}
		seen[e.ID] = true
		byRequest[e.Request] = append(byRequest[e.Request], e)
		if e.WindowAt.IsZero() || e.Tenant != "acme" {
			t.Errorf("event %s: window_at %s, tenant %q", e.ID, e.WindowAt, e.Tenant)
		}
	}
	for i, w := range screens {
		f := byRequest[events.RequestID(fmt.Sprint("r", i))]
		if len(f.of(events.RequestRejectedKind)) == 1 && len(f) == 1 {
			continue // every credential cooled down: refused, not admitted
		}
		checkRequest(t, ack, f, w)
	}
	checkReleased(t, b.admitter)
	if drains := b.engine.Drains(); drains != 0 {
		t.Errorf("%d drains are left", drains)
	}
}

func checkRequest(t *testing.T, ack call.Ack, f facts, w *screen) {
	t.Helper()
	kinds := f.kinds()
	if len(f) < 2 || kinds[0] != events.RequestAdmittedKind || kinds[len(kinds)-1] != events.RequestFinishedKind ||
		len(f.of(events.RequestAdmittedKind, events.RequestFinishedKind)) != 2 {
		t.Fatalf("the facts of a request are %v", kinds)
	}
	end, err := events.As[events.RequestFinished](f[len(f)-1])
	if err != nil {
		t.Fatal(err)
	}
	status, text := w.got()
	whole := status == 200 && (strings.Contains(text, "[DONE]") || strings.HasPrefix(text, "{"))
	usage := f.of(events.UsageRecordedKind)
	switch {
	case end.Outcome == events.Completed && (!whole || len(usage) == 0):
		t.Errorf("completed, but the client has %d %q, and usage %d", status, text, len(usage))
	case whole && len(usage) == 0:
		t.Errorf("the client has a whole answer that is not on the books: %v", kinds)
	case whole && end.Outcome == events.Failed:
		t.Errorf("failed, but the client has a whole answer")
	case end.Outcome == events.Failed && status == 200 && w.breaks == 0 && !strings.Contains(text, `"error"`):
		t.Errorf("a silent end: %q", text)
	case status != 0 && end.Status != status:
		t.Errorf("the client saw status %d, the log says %d", status, end.Status)
	}
	if len(f.of(events.AttemptFailedKind)) > end.Attempts || end.Attempts > 3 || len(usage) > end.Attempts {
		t.Errorf("%d attempts: %v", end.Attempts, kinds)
	}
}

// canned is a vendor that always answers the same.
type canned string

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(string(c))), Request: r}, nil
}

// TestErrorWithUsage: what a vendor counts it bills, whatever it answers.
func TestErrorWithUsage(t *testing.T) {
	h := newHub(t, settings{transport: canned(
		`{"error":{"message":"no","type":"invalid_request_error"},"usage":{"prompt_tokens":7,"completion_tokens":3}}`,
	)})
	if a := h.ask(false); a.status != 400 {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	got := only[events.UsageRecorded](t, h.facts(1))
	if got.Source != events.FromVendor || got.Charge.Usage != (events.Usage{Input: 7, Output: 3}) {
		t.Errorf("recorded %+v", got)
	}
}
