package call_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// limitedHub is a hub whose two credentials have limits that the vendor tells of;
// a nil transport is the usual one.
func limitedHub(t *testing.T, directive string, transport http.RoundTripper) *hub {
	t.Helper()
	p := &control.Provider{Name: "one", Kind: "openai"}
	for _, name := range []string{"a", "b"} {
		p.Credentials = append(p.Credentials, &control.Credential{
			Provider: "one", Name: name, APIKey: control.NewSecret("sk-" + name), Weight: 1,
		})
	}
	h := newHub(t, settings{transport: transport, targets: []control.Target{{Provider: p, Model: "gpt-fake", Priority: 1, Weight: 1}}})
	p.BaseURL = h.vendor.URL + "/v1"
	if err := h.fake.SetBehavior(fakellm.Rule{Directive: directive}); err != nil {
		t.Fatal(err)
	}
	return h
}

// meeting lets the first call go alone, and the others only once all are on their
// way: what the vendor says in between would spare the one credential too early, and
// the other one's limits are not known before it has answered once.
type meeting struct {
	http.Transport
	calls atomic.Int64
	all   int64
	met   chan struct{}
}

func (m *meeting) RoundTrip(r *http.Request) (*http.Response, error) {
	n := m.calls.Add(1)
	if n == m.all {
		close(m.met)
	}
	if n > 1 {
		select {
		case <-m.met:
		case <-r.Context().Done():
		}
	}
	return m.Transport.RoundTrip(r)
}

// checkSpared fails if a vendor refused anything, or was not used up to its limit.
func checkSpared(t *testing.T, h *hub, each int64, f facts) {
	t.Helper()
	ledger := h.fake.Ledger(0, 0)
	for key, used := range ledger.ByKey {
		if used.Requests != each || used.ByOutcome[fakellm.Complete] != each {
			t.Errorf("%s: %+v, want %d", key, used, each)
		}
	}
	if len(ledger.ByKey) != 2 || len(f.of(events.UpstreamRateLimitedKind, events.AttemptFailedKind)) != 0 {
		t.Errorf("keys %d, facts %v", len(ledger.ByKey), f.kinds())
	}
}

// TestVendorLimitsSteer: a credential is spared before its vendor refuses it, as
// long as there is another.
func TestVendorLimitsSteer(t *testing.T) {
	t.Run("one after the other", func(t *testing.T) {
		h := limitedHub(t, "rpm=5", nil)
		for i := range 10 {
			if a := h.ask(i%2 == 0); a.status != 200 {
				t.Fatalf("request %d: status %d: %s", i, a.status, a.body)
			}
		}
		f := h.facts(10)
		checkSpared(t, h, 5, f)
		last, err := events.As[events.RequestAdmitted](f.of(events.RequestAdmittedKind)[9])
		if err != nil {
			t.Fatal(err)
		}
		if s := last.Decision.Skipped; len(s) != 1 || s[0].Reason != route.ReasonHeadroom || s[0].Credential == last.Decision.Plan[0].Credential {
			t.Errorf("decision %+v", last.Decision)
		}
	})
	t.Run("at once", func(t *testing.T) {
		h := limitedHub(t, "rpm=5", &meeting{all: 10, met: make(chan struct{})})
		ask := func() {
			if a := h.ask(false); a.status != 200 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		}
		ask() // the first credential's limits are known from now on
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(ask)
		}
		wg.Wait()
		checkSpared(t, h, 5, h.facts(10))
	})
	t.Run("by tokens", func(t *testing.T) {
		h := limitedHub(t, "in=4+tpm=1000", nil) // a request may need 1,024 tokens of answer
		for range 2 {
			if a := h.ask(false); a.status != 200 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
		}
		checkSpared(t, h, 1, h.facts(2))
	})
}

// TestVendorHasTheLastWord: with nothing else left a credential is used against
// its own word, and its refusal is what the client hears of.
func TestVendorHasTheLastWord(t *testing.T) {
	h := limitedHub(t, "rpm=1", nil)
	for range 2 {
		if a := h.ask(false); a.status != 200 {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}
	if a := h.ask(false); a.status != 429 || a.header.Get("Retry-After") == "" || errorOf(t, a.body)["code"] != "upstream_rate_limited" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if n := len(h.facts(3).of(events.UpstreamRateLimitedKind)); n != 2 {
		t.Errorf("%d refusals of vendors, want one of each credential", n)
	}
}
