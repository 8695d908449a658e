package call_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// short are time-outs for vendors that are never going to answer.
func short() control.Timeouts {
	const d = 100 * time.Millisecond
	return control.Timeouts{Connect: d, FirstByte: d, Idle: d, Total: patient}
}

func TestFallback(t *testing.T) {
	tests := map[string]struct {
		directive string
		class     string
		status    int
		timeouts  control.Timeouts
		more      []events.Kind // beside the failure and the fallback
		unaryOnly bool
	}{
		"429":                {directive: "429:after=7", class: "rate_limited", status: 429, more: []events.Kind{events.UpstreamRateLimitedKind}},
		"500":                {directive: "500", class: "server_error", status: 500},
		"529":                {directive: "529", class: "server_error", status: 529},
		"401":                {directive: "401", class: "auth", status: 401},
		"html with a status": {directive: "html", class: "server_error", status: 502},
		"empty":              {directive: "empty", class: "bad_answer"},
		"reset":              {directive: "reset", class: "connection"},
		"no answer in time":  {directive: "latency=1h", class: "timeout", timeouts: short()},
		"no first byte":      {directive: "first=1h", class: "timeout", timeouts: short()},
		"malformed":          {directive: "malformed=0", class: "bad_answer", unaryOnly: true}, // a stream has begun before
	}
	for name, test := range tests {
		for _, stream := range []bool{false, true} {
			if stream && test.unaryOnly {
				continue
			}
			t.Run(name+mode(stream), func(t *testing.T) {
				h := newHub(t, settings{targets: misbehaving(test.directive, ""), timeouts: test.timeouts})
				a := h.ask(stream)
				if a.status != 200 || a.err != nil || a.header.Get("X-Llmhub-Attempts") != "2" {
					t.Fatalf("status %d, %v, attempts %s: %s", a.status, a.err, a.header.Get("X-Llmhub-Attempts"), a.body)
				}
				f := h.facts(1)
				want := append([]events.Kind{events.RequestAdmittedKind, events.AttemptFailedKind}, test.more...)
				want = append(want, events.RouteFallbackKind, events.UsageRecordedKind, events.RequestFinishedKind)
				if diff := cmp.Diff(want, f.kinds()); diff != "" {
					t.Error(diff)
				}
				failed, back := only[events.AttemptFailed](t, f), only[events.RouteFallback](t, f)
				if failed.Class != test.class || failed.Status != test.status || failed.Attempt != 1 || !failed.Retryable {
					t.Errorf("failed: %+v", failed)
				}
				if back.Attempt != 2 || back.Reason != test.class || back.From != failed.Target || back.To.Model != "gpt-fake" {
					t.Errorf("fallback: %+v", back)
				}
				end := only[events.RequestFinished](t, f)
				if end.Outcome != events.Completed || end.Attempts != 2 || end.Target != back.To {
					t.Errorf("end: %+v", end)
				}
			})
		}
	}
}

func mode(stream bool) string {
	if stream {
		return "/stream"
	}
	return "/unary"
}

func TestFallbackFromARefusedConnection(t *testing.T) {
	h := newHub(t, settings{})
	dead := h.provider("dead", deadAddress, "a")
	h = newHub(t, settings{targets: []control.Target{
		{Provider: dead, Model: "gpt-fake", Priority: 1, Weight: 1}, {Model: "gpt-fake", Priority: 2, Weight: 1},
	}})
	if a := h.ask(true); a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if failed := only[events.AttemptFailed](t, h.facts(1)); failed.Class != "connection" || failed.Target.Provider != "dead" {
		t.Errorf("failed: %+v", failed)
	}
}

func TestNextCredentialAndCooldown(t *testing.T) {
	h := newHub(t, settings{})
	h = newHub(t, settings{targets: []control.Target{{
		Provider: h.provider("one", h.vendor.URL+"/v1", "a", "b"), Model: "gpt-fake+429:after=60", Priority: 1, Weight: 1,
	}}})
	a := h.ask(false)
	if a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Fatalf("status %d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	f := h.facts(1)
	limited := f.of(events.UpstreamRateLimitedKind)
	if len(limited) != 2 {
		t.Fatalf("%d credentials cooled down, want both: %v", len(limited), f.kinds())
	}
	end := only[events.RequestFinished](t, f)
	if end.Outcome != events.Failed || end.Error != "upstream_limited" || end.Status != 429 || end.Attempts != 2 {
		t.Errorf("end: %+v", end)
	}
	// Now both are left alone: no vendor is called, and the request is refused.
	before := h.fake.Ledger(0, 0).Last
	if a := h.ask(false); a.status != 429 || errorOf(t, a.body)["code"] != "upstream_rate_limited" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if after := h.fake.Ledger(0, 0).Last; after != before {
		t.Errorf("the vendor was called %d times while it cools down", after-before)
	}
}

// TestMissingModel: the other models of a credential are served when its vendor
// does not know one.
func TestMissingModel(t *testing.T) {
	h := newHub(t, settings{targets: misbehaving("404", "")})
	for i, attempts := range []string{"2", "1"} {
		if a := h.ask(false); a.status != 200 || a.header.Get("X-Llmhub-Attempts") != attempts {
			t.Errorf("request %d: status %d after %s attempts: %s", i, a.status, a.header.Get("X-Llmhub-Attempts"), a.body)
		}
	}
}

// TestWaitsWithinTheTotal: no vendor is waited for longer than the request may take.
func TestWaitsWithinTheTotal(t *testing.T) {
	bounds := control.Timeouts{Connect: patient, FirstByte: patient, Idle: patient, Total: patient}
	h := newHub(t, settings{targets: misbehaving("503:after=3600"), timeouts: bounds})
	began := time.Now()
	a := h.ask(false)
	if took := time.Since(began); a.status != 502 || took > bounds.Total {
		t.Errorf("status %d after %s: %s", a.status, took, a.body)
	}
}

func TestTriesTheSameAgain(t *testing.T) {
	h := newHub(t, settings{targets: misbehaving("500")})
	a := h.ask(false)
	f := h.facts(1)
	if n := len(f.of(events.AttemptFailedKind)); a.status != 502 || n != 3 || a.header.Get("X-Llmhub-Attempts") != "3" {
		t.Errorf("status %d after %d attempts, the client is told %s", a.status, n, a.header.Get("X-Llmhub-Attempts"))
	}
	if n := len(f.of(events.RouteFallbackKind)); n != 0 {
		t.Errorf("%d fallbacks to the same target", n)
	}
}

func TestNoFallback(t *testing.T) {
	tests := map[string]struct {
		directive string
		status    int
		code      string
	}{
		"bad request":     {"400", 400, ""},
		"context length":  {"context", 400, "context_length_exceeded"},
		"unprocessable":   {"422", 400, ""},
		"payload refused": {"413", 400, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, settings{targets: misbehaving(test.directive, "")})
			a := h.ask(false)
			e := errorOf(t, a.body)
			if a.status != test.status || test.code != "" && e["code"] != test.code || e["type"] != "invalid_request_error" {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			f := h.facts(1)
			if len(f.of(events.RouteFallbackKind)) != 0 || only[events.RequestFinished](t, f).Attempts != 1 {
				t.Errorf("it fell back: %v", f.kinds())
			}
		})
	}
}

func TestStreamCut(t *testing.T) {
	for _, directive := range []string{"cut=2", "error=2", "malformed=2", "noend", "stall=2"} {
		t.Run(directive, func(t *testing.T) {
			h := newHub(t, settings{targets: misbehaving(directive, ""), timeouts: short()})
			a := h.ask(true)
			got := lines(a.body)
			if a.status != 200 || a.err != nil || len(got) < 2 {
				t.Fatalf("status %d, %v: %s", a.status, a.err, a.body)
			}
			if e := errorOf(t, got[len(got)-1]); e["message"] == "" {
				t.Errorf("the stream ends with %s", got[len(got)-1])
			}
			if strings.Contains(a.body, "[DONE]") || strings.Contains(a.body, `"finish_reason":"stop"`) {
				t.Errorf("the stream looks whole: %s", a.body)
			}
			f := h.facts(1)
			failed, usage, end := only[events.AttemptFailed](t, f), only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
			if failed.Class != "cut" || failed.Retryable || len(f.of(events.RouteFallbackKind)) != 0 {
				t.Errorf("failed: %+v", failed)
			}
			if usage.Source != events.Estimated || usage.Charge.Usage.Output == 0 || usage.Charge.Usage.Input == 0 {
				t.Errorf("usage: %+v", usage)
			}
			if end.Outcome != events.Failed || end.Status != 200 || end.Attempts != 1 {
				t.Errorf("end: %+v", end)
			}
		})
	}
}

func TestHangUp(t *testing.T) {
	t.Run("drain a stream", func(t *testing.T) {
		h := newHub(t, settings{targets: misbehaving("delay=5ms+out=200+chunk=10")})
		hangUpAfter(t, h, 1)
		f := h.facts(1)
		usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
		if usage.Source != events.FromVendor || usage.Charge.Usage.OutputTotal() != 200 || end.Outcome != events.Cancelled || end.Error != "cancelled" {
			t.Errorf("usage %+v, end %+v", usage, end)
		}
	})
	t.Run("cancel a stream", func(t *testing.T) {
		h := newHub(t, settings{targets: misbehaving("stall=1"), onDisconnect: "cancel"})
		hangUpAfter(t, h, 1)
		f := h.facts(1)
		usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
		if usage.Source != events.Estimated || usage.Charge.Usage.Input == 0 || end.Outcome != events.Cancelled {
			t.Errorf("usage %+v, end %+v", usage, end)
		}
	})
	t.Run("cancel before the first byte", func(t *testing.T) {
		h := newHub(t, settings{targets: misbehaving("latency=1h", ""), onDisconnect: "cancel"})
		hangUpBefore(t, h)
		f := h.facts(1)
		usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
		if usage.Source != events.Estimated || usage.Charge.Usage.Output != 0 || end.Outcome != events.Cancelled || end.Attempts != 1 || end.Status != 0 {
			t.Errorf("usage %+v, end %+v", usage, end)
		}
	})
	t.Run("drain a whole answer", func(t *testing.T) {
		h := newHub(t, settings{targets: misbehaving("latency=200ms")})
		hangUpBefore(t, h)
		f := h.facts(1)
		usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
		if usage.Source != events.FromVendor || end.Outcome != events.Cancelled {
			t.Errorf("usage %+v, end %+v", usage, end)
		}
	})
}

// hangUpAfter reads n bytes of a stream and hangs up.
func hangUpAfter(t *testing.T, h *hub, n int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := h.post(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, n); err != nil {
		t.Fatal(err)
	}
}

// hangUpBefore hangs up when the vendor has the request.
func hangUpBefore(t *testing.T, h *hub) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		res, err := h.post(ctx, false)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	for h.fake.Ledger(0, 0).InFlight == 0 {
		if ctx.Err() != nil {
			t.Fatal("the vendor was not called")
		}
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("hung up with %v", err)
	}
}

// TestCredentialLimitsOutOfReach: when it cannot be known whether a credential's
// limits leave room, the client is told to come again, not that a limit is reached.
func TestCredentialLimitsOutOfReach(t *testing.T) {
	h := newHub(t, settings{})
	if a := h.ask(false); a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	h.targets[0].Provider.Credentials[0].Limits = []accounting.Limit{
		{Per: accounting.Month, Of: accounting.OfRequests, Max: 10, Mode: accounting.Hard},
	}
	h.log.Leases().Away(events.ErrUnavailable)
	a := h.ask(false)
	h.log.Leases().Away(nil)
	if a.status != 503 || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "cannot be checked") {
		t.Errorf("status %d, retry after %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	for end := time.Now().Add(patient); h.ask(false).status != 200; {
		if time.Now().After(end) {
			t.Fatal("the store is back, and nobody is served")
		}
	}
}
