package call_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// wires are the vendors' dialects: the kind of a provider and its path at the fake.
func wires() map[string]string {
	return map[string]string{"openai": "/openai/v1", "anthropic": "/anthropic", "gemini": "/gemini"}
}

// wireHub is a hub before a vendor of a kind that answers with 120 tokens in 24 chunks.
func wireHub(t *testing.T, kind, onDisconnect, directive string) *hub {
	t.Helper()
	p := &control.Provider{Name: "one", Kind: kind, Credentials: []*control.Credential{
		{Provider: "one", Name: "a", APIKey: control.NewSecret("sk-a"), Weight: 1},
	}}
	h := newHub(t, settings{
		onDisconnect: onDisconnect, vendors: vendors.Adapters(),
		targets: []control.Target{{Provider: p, Model: "gpt-fake", Priority: 1, Weight: 1}},
	})
	p.BaseURL = h.vendor.URL + wires()[kind]
	if err := h.fake.SetBehavior(fakellm.Rule{Directive: directive}); err != nil {
		t.Fatal(err)
	}
	return h
}

// leave reads a stream byte by byte and hangs up when what has come says so.
func leave(t *testing.T, h *hub, when func(text string) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := h.post(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	for one := make([]byte, 1); !when(text.String()); {
		n, err := res.Body.Read(one)
		text.Write(one[:n])
		if err != nil {
			t.Fatalf("the client read %q: %v", text.String(), err)
		}
	}
}

// leaveEarly hangs up when the vendor has the request, before the client has
// anything.
func leaveEarly(t *testing.T, h *hub) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		res, err := h.post(ctx, true)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	for h.fake.Ledger(0, 0).InFlight == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("hung up with %v", err)
	}
}

// billed gives what was recorded of the one request, and what its vendor booked.
func billed(t *testing.T, h *hub) (got events.UsageRecorded, vendor fakellm.Usage) {
	t.Helper()
	f := h.facts(1)
	if err := h.fake.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end := only[events.RequestFinished](t, f); end.Outcome != events.Cancelled && end.Outcome != events.Completed {
		t.Errorf("end %+v", end)
	}
	return only[events.UsageRecorded](t, f), h.fake.Ledger(0, 0).Totals.Usage
}

// near tells whether a is within 2 % of b.
func near(a, b int64) bool { return 50*max(a-b, b-a) <= b }

// TestHangUpAnywhere: wherever a client leaves a stream, what is drained is billed
// as the vendor books it, and what is cancelled is billed.
func TestHangUpAnywhere(t *testing.T) {
	positions := map[string]func(text string) bool{
		"after the header":         func(string) bool { return true },
		"after the last delta":     func(s string) bool { return strings.Contains(s, `"finish_reason":"stop"`) },
		"one byte before the end":  func(s string) bool { return strings.HasSuffix(s, "[DONE]\n") },
		"in the middle of a delta": func(s string) bool { return strings.Count(s, `"content":"`) == 5 },
	}
	const slow = "latency=20ms+delay=1ms+out=120+chunk=5"
	for kind := range wires() {
		for _, policy := range []string{"drain", "cancel"} {
			t.Run(kind+" "+policy+" at byte 0", func(t *testing.T) {
				h := wireHub(t, kind, policy, slow)
				leaveEarly(t, h)
				checkBilled(t, h, policy)
			})
			for name, when := range positions {
				t.Run(kind+" "+policy+" "+name, func(t *testing.T) {
					h := wireHub(t, kind, policy, slow)
					leave(t, h, when)
					checkBilled(t, h, policy)
				})
			}
		}
	}
}

func checkBilled(t *testing.T, h *hub, policy string) {
	t.Helper()
	got, vendor := billed(t, h)
	in, out := got.Charge.Usage.InputTotal(), got.Charge.Usage.OutputTotal()
	if in == 0 || got.Charge.CostNanoUSD == nil || *got.Charge.CostNanoUSD == 0 {
		t.Errorf("charged %+v", got.Charge)
	}
	if policy == "drain" && (!near(in, vendor.Input) || !near(out, vendor.Output) || got.Source != events.FromVendor) {
		t.Errorf("recorded %+v, the vendor booked %+v", got, vendor)
	}
}

// TestCutStreams: a vendor that breaks off has booked what it generated.
func TestCutStreams(t *testing.T) {
	for kind := range wires() {
		for _, directive := range []string{"out=400+chunk=5+cut=60", "out=400+chunk=5+noend+usage=none", "out=400+usage=none+error=30+chunk=5"} {
			t.Run(kind+" "+directive, func(t *testing.T) {
				h := wireHub(t, kind, "drain", directive)
				if res, err := h.post(t.Context(), true); err != nil {
					t.Fatal(err)
				} else if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("status %d: %v", res.StatusCode, err)
				} else {
					_ = res.Body.Close()
				}
				f := h.facts(1)
				if err := h.fake.Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
				u, vendor := only[events.UsageRecorded](t, f).Charge.Usage, h.fake.Ledger(0, 0).Totals.Usage
				if !near(u.InputTotal(), vendor.Input) || !near(u.OutputTotal(), vendor.Output) {
					t.Errorf("recorded %+v, the vendor booked %+v", u, vendor)
				}
			})
		}
	}
}

// TestFailedAttemptIsBilled: an answer that broke off is a row of its own, beside
// that of the attempt that helped.
func TestFailedAttemptIsBilled(t *testing.T) {
	h := newHub(t, settings{targets: misbehaving("cut+out=40", "")})
	if a := h.ask(false); a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	f := h.facts(1)
	var rows []events.UsageRecorded
	for _, e := range f.of(events.UsageRecordedKind) {
		u, err := events.As[events.UsageRecorded](e)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, u)
	}
	failed := only[events.AttemptFailed](t, f)
	if len(rows) != 2 || rows[0].Attempt != 1 || rows[0].Source != events.Estimated || rows[0].Charge.Usage.OutputTotal() == 0 ||
		rows[1].Attempt != 2 || rows[1].Source != events.FromVendor || failed.Attempt != 1 {
		t.Errorf("rows %+v, failure %+v", rows, failed)
	}
}
