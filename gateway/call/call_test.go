package call_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
)

func TestAnswer(t *testing.T) {
	for name, stream := range map[string]bool{"unary": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, settings{})
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
			if got := h.limits.last.Load().Usage; got != usage.Charge.Usage {
				t.Errorf("settled %+v", got)
			}
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
