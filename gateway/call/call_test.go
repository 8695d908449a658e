package call_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
)

func TestAnswer(t *testing.T) {
	for name, stream := range map[string]bool{"unary": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, settings{limits: []accounting.Limit{perMinute(accounting.OfRequests, 10)}})
			a := h.ask(stream)
			if a.status != 200 || a.err != nil {
				t.Fatalf("status %d, %v: %s", a.status, a.err, a.body)
			}
			f := h.facts(1)
			want := []events.Kind{events.RequestAdmittedKind, events.UsageRecordedKind, events.RequestFinishedKind}
			if diff := cmp.Diff(want, f.kinds()); diff != "" {
				t.Error(diff)
			}
			usage, end := only[events.UsageRecorded](t, f), only[events.RequestFinished](t, f)
			billed := h.fake.Ledger(0, 1).Totals
			if usage.Charge.Usage.InputTotal() != billed.Input || usage.Charge.Usage.OutputTotal() != billed.Output || billed.Output == 0 {
				t.Errorf("recorded %+v, the vendor billed %+v", usage.Charge.Usage, billed.Usage)
			}
			if usage.Source != events.FromVendor || end.Outcome != events.Completed || end.Status != 200 || end.Finish != "stop" || end.FirstByteNS <= 0 {
				t.Errorf("usage %+v, end %+v", usage, end)
			}
			checkHeaders(t, a, stream)
		})
	}
}

func checkHeaders(t *testing.T, a answer, stream bool) {
	t.Helper()
	want := map[string]string{
		"X-Llmhub-Logical-Model": "smart", "X-Llmhub-Provider": "one", "X-Llmhub-Attempts": "1",
		"X-Ratelimit-Remaining-Requests": "9",
	}
	for name, value := range want {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if !stream {
		if cost := a.header.Get("X-Llmhub-Cost"); !strings.HasPrefix(cost, "0.0000") || a.header.Get("X-Litellm-Response-Cost") != cost {
			t.Errorf("cost is %q", cost)
		}
		return
	}
	if !strings.Contains(a.body, `"cost_nano_usd":`) || !strings.HasSuffix(a.body, "data: [DONE]\n\n") {
		t.Errorf("the stream ends with %q", a.body[max(0, len(a.body)-200):])
	}
}

func perMinute(of accounting.Of, most int64) accounting.Limit {
	return accounting.Limit{Per: accounting.Minute, Of: of, Max: most, Mode: accounting.Hard}
}

func TestLimitRefuses(t *testing.T) {
	h := newHub(t, settings{limits: []accounting.Limit{perMinute(accounting.OfRequests, 1)}})
	if a := h.ask(false); a.status != 200 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	a := h.ask(false)
	limit, _ := errorOf(t, a.body)["limit"].(map[string]any)
	if a.status != 429 || errorOf(t, a.body)["code"] != "rate_limit_exceeded" || limit["of"] != "requests" || a.header.Get("Retry-After") == "" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if a.header.Get("X-Ratelimit-Limit-Requests") != "1" || a.header.Get("X-Ratelimit-Remaining-Requests") != "0" {
		t.Errorf("headers: %v", a.header)
	}
	rejected := only[events.RequestRejected](t, h.rejections())
	if rejected.Reason != "limit" || rejected.Limit == nil || rejected.Limit.Scope != "key" || rejected.Count != 1 || rejected.Status != a.status {
		t.Errorf("rejected: %+v", rejected)
	}
}

// TestConnectTimeout: the target's own bound holds, not the transport's.
func TestConnectTimeout(t *testing.T) {
	loopback, err := outbound.ParseAllowList("test", "127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	transport := outbound.New(outbound.Config{Allow: loopback, Connect: time.Nanosecond})
	t.Cleanup(transport.CloseIdleConnections)
	h := newHub(t, settings{transport: transport})
	if a := h.ask(false); a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestLimitOfACredential(t *testing.T) {
	h := newHub(t, settings{})
	p := h.provider("one", h.vendor.URL+"/v1", "a", "b")
	p.Credentials[0].Limits = []accounting.Limit{perMinute(accounting.OfRequests, 1)}
	p.Credentials[1].Limits = []accounting.Limit{perMinute(accounting.OfRequests, 1)}
	h = newHub(t, settings{targets: []control.Target{{Provider: p, Model: "gpt-fake", Priority: 1, Weight: 1}}})
	used := map[string]int{}
	for range 2 {
		if a := h.ask(false); a.status != 200 {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}
	a := h.ask(false)
	if a.status != 429 || errorOf(t, a.body)["code"] != "upstream_rate_limited" || a.header.Get("Retry-After") == "" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	f := h.facts(3)
	for _, e := range f.of(events.UsageRecordedKind) {
		u, _ := events.As[events.UsageRecorded](e)
		used[u.Target.Credential]++
	}
	if used["a"] != 1 || used["b"] != 1 || len(f.of(events.AttemptFailedKind)) != 0 {
		t.Errorf("used %v: %v", used, f.kinds())
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		model, code, reason string
		status              int
	}{
		"unknown model":     {"absent", "model_not_found", "unknown_model", 404},
		"model not allowed": {"secret", "model_not_allowed", "model_not_allowed", 403},
		"no name at all":    {"a name\nwith lines", "model_not_found", "unknown_model", 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, settings{})
			res, err := h.postModel(t.Context(), test.model, false)
			if err != nil {
				t.Fatal(err)
			}
			a := read(res)
			if e := errorOf(t, a.body); a.status != test.status || e["code"] != test.code || e["param"] != "model" {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			rejected := only[events.RequestRejected](t, h.rejections())
			if rejected.Reason != test.reason || strings.ContainsAny(rejected.Model, " \n") || rejected.Key != "ci" || rejected.Status != a.status {
				t.Errorf("rejected: %+v", rejected)
			}
		})
	}
}

func TestEndpointNotAllowed(t *testing.T) {
	for _, endpoint := range []string{"chat.completions", "embeddings"} {
		h := newHub(t, settings{asks: func(r *call.Request) {
			key := *r.Key
			key.Endpoints = map[string]bool{endpoint: true}
			r.Key, r.Endpoint = &key, "chat.completions"
		}})
		a := h.ask(false)
		if allowed := endpoint == "chat.completions"; (a.status == 200) != allowed {
			t.Errorf("may use %s: status %d: %s", endpoint, a.status, a.body)
		} else if !allowed && (a.status != 403 || only[events.RequestRejected](t, h.rejections()).Reason != "endpoint_not_allowed") {
			t.Errorf("may use %s: status %d: %s", endpoint, a.status, a.body)
		}
	}
}

func TestAtOnce(t *testing.T) {
	h := newHub(t, settings{targets: misbehaving("delay=1ms+500:p=0.2", "429:p=0.2", "")})
	const n = 40
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			res, err := h.post(t.Context(), i%2 == 0)
			if err != nil {
				t.Error(err)
				return
			}
			if a := read(res); a.status != 200 || a.err != nil {
				t.Errorf("status %d, %v: %s", a.status, a.err, a.body)
			}
		})
	}
	wg.Wait()
	var recorded, billed int64
	for _, e := range h.facts(n).of(events.UsageRecordedKind) {
		u, _ := events.As[events.UsageRecorded](e)
		recorded += u.Charge.Usage.Total()
	}
	usage := h.fake.Ledger(0, 0).Totals
	if billed = usage.Input + usage.Output; billed != recorded {
		t.Errorf("recorded %d tokens, the vendor billed %d", recorded, billed)
	}
}
