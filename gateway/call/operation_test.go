package call_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// prophet is a vendor with an ability that others lack.
type prophet struct {
	openai.Vendor
	dropped []string
	mute    bool
}

func (p prophet) foretell(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if p.mute {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "It cannot be asked this."}
	}
	out, err := p.Prepare(in, t)
	if err == nil {
		out.Dropped = p.dropped
	}
	return out, err
}

func foretelling(v provider.Vendor) call.Prepare {
	if p, ok := v.(prophet); ok {
		return p.foretell
	}
	return nil
}

// twoVendors are a plain one, preferred, and a prophet behind it.
func twoVendors(dropped ...string) func(kind string) provider.Vendor {
	return func(kind string) provider.Vendor {
		if kind == "prophet" {
			return prophet{dropped: dropped}
		}
		return openai.Vendor{}
	}
}

// withProphet adds a target of a prophet behind the first; the fake stands for both.
func withProphet() []control.Target {
	seer := &control.Provider{Name: "seer", Kind: "prophet", Credentials: []*control.Credential{
		{Provider: "seer", Name: "s", APIKey: control.NewSecret("sk-s"), Weight: 1},
	}}
	return []control.Target{
		{Model: "gpt-fake", Priority: 1, Weight: 1},
		{Provider: seer, Model: "gpt-fake", Priority: 2, Weight: 1},
	}
}

func TestUnableVendorsAreSkipped(t *testing.T) {
	targets := withProphet()
	h := newHub(t, settings{
		targets: targets, vendors: twoVendors(),
		asks: func(r *call.Request) { r.Endpoint, r.Operation = "prophecies", call.Operation{Of: foretelling} },
	})
	targets[1].Provider.BaseURL = h.vendor.URL + "/v1"
	a := h.ask(false)
	if a.status != 200 || a.header.Get("x-llmhub-provider") != "seer" {
		t.Fatalf("status %d by %q: %s", a.status, a.header.Get("x-llmhub-provider"), a.body)
	}
	all := h.facts(1)
	admitted := only[events.RequestAdmitted](t, all)
	want := []events.Skipped{{Target: events.Target{Provider: "one", Credential: "a", Model: "gpt-fake"}, Reason: route.ReasonUnable}}
	if diff := cmp.Diff(want, admitted.Decision.Skipped); diff != "" || admitted.Endpoint != "prophecies" {
		t.Errorf("endpoint %q, skipped: %s", admitted.Endpoint, diff)
	}
	if u := only[events.UsageRecorded](t, all); u.Source != events.FromVendor || u.Target.Provider != "seer" {
		t.Errorf("usage %+v", u)
	}
}

func TestNobodyIsAble(t *testing.T) {
	h := newHub(t, settings{vendors: twoVendors(), asks: func(r *call.Request) { r.Operation = call.Operation{Of: foretelling} }})
	a := h.ask(false)
	if e := errorOf(t, a.body); a.status != 400 || e["code"] != "unsupported_operation" || e["param"] != "model" {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if r := only[events.RequestRejected](t, h.rejections()); r.Reason != "unable" || r.Status != a.status {
		t.Errorf("refused for %s, %d", r.Reason, r.Status)
	}
	if n := h.fake.Ledger(0, 1).Totals.Requests; n != 0 {
		t.Errorf("the vendor was called %d times", n)
	}
}

func TestLocalAnswer(t *testing.T) {
	local := func(r *call.Request) {
		r.Operation = call.Operation{Of: foretelling, Wordless: true, Free: true, Local: func(input int64) []byte {
			if input < 3 || input > 30 {
				t.Errorf("%d tokens", input)
			}
			return []byte("{}")
		}}
	}
	perMinute := accounting.Limit{Of: accounting.OfRequests, Per: accounting.Minute, Max: 1, Mode: accounting.Hard}
	h := newHub(t, settings{vendors: twoVendors(), asks: local, limits: []accounting.Limit{perMinute}})
	a := h.ask(false)
	if a.status != 200 || a.body != "{}" || a.header.Get(call.HeaderEstimated) != "true" || a.header.Get("x-llmhub-attempts") != "0" {
		t.Fatalf("status %d: %s %v", a.status, a.body, a.header)
	}
	all := h.facts(1)
	if len(all.of(events.UsageRecordedKind)) != 0 {
		t.Error("usage was recorded")
	}
	if f := only[events.RequestFinished](t, all); f.Outcome != events.Completed || f.Status != 200 || f.Attempts != 0 {
		t.Errorf("end %+v", f)
	}
	if a := h.ask(false); a.status != http.StatusTooManyRequests {
		t.Errorf("status %d: limits do not hold", a.status)
	}
}

// TestLocalInstead: an able vendor that cannot be asked this is none.
func TestLocalInstead(t *testing.T) {
	h := newHub(t, settings{
		vendors: func(string) provider.Vendor { return prophet{mute: true} },
		asks: func(r *call.Request) {
			r.Operation = call.Operation{Of: foretelling, Free: true, Local: func(int64) []byte { return []byte("{}") }}
		},
	})
	if a := h.ask(false); a.status != 200 || a.body != "{}" || a.header.Get(call.HeaderEstimated) != "true" {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if n := h.fake.Ledger(0, 1).Totals.Requests; n != 0 {
		t.Errorf("the vendor was called %d times", n)
	}
}

func TestFreeCall(t *testing.T) {
	h := newHub(t, settings{asks: func(r *call.Request) { r.Operation = call.Operation{Free: true} }})
	if a := h.ask(false); a.status != 200 || a.header.Get("x-llmhub-cost") != "0" {
		t.Fatalf("status %d, cost %q: %s", a.status, a.header.Get("x-llmhub-cost"), a.body)
	}
	all := h.facts(1)
	if len(all.of(events.UsageRecordedKind)) != 0 {
		t.Error("usage was recorded")
	}
	if e := only[events.RequestAdmitted](t, all).Estimate; e.Usage != (events.Usage{}) || e.CostNanoUSD == nil || *e.CostNanoUSD != 0 {
		t.Errorf("reserved %+v", e)
	}
}

func TestDropped(t *testing.T) {
	seer := func(strict bool, dropped ...string) settings {
		return settings{
			vendors: func(string) provider.Vendor { return prophet{dropped: dropped} },
			asks: func(r *call.Request) {
				r.Inbound.Strict, r.Operation = strict, call.Operation{Of: foretelling}
			},
		}
	}
	tests := map[string]struct {
		settings
		status int
		header string
		param  any
	}{
		"nothing":         {seer(true), 200, "", nil},
		"told of":         {seer(false, "seed", "tools[0].strict"), 200, "seed, tools[0].strict", nil},
		"odd":             {seer(false, "a\nb"), 200, "_", nil},
		"endless":         {seer(false, strings.Repeat("x", 100), strings.Repeat("y", 1000)), 200, strings.Repeat("x", 100) + ", ...", nil},
		"refused instead": {seer(true, "seed", "n"), 400, "", "seed"},
	}
	for name, test := range tests {
		for _, stream := range []bool{false, true} {
			h := newHub(t, test.settings)
			a := h.ask(stream)
			if a.status != test.status || a.header.Get("x-llmhub-dropped") != test.header {
				t.Errorf("%s: status %d, dropped %q: %s", name, a.status, a.header.Get("x-llmhub-dropped"), a.body)
				continue
			}
			if test.status == 400 {
				if e := errorOf(t, a.body); e["param"] != test.param || h.fake.Ledger(0, 1).Totals.Requests != 0 {
					t.Errorf("%s: %v", name, e)
				}
			}
		}
	}
}

// TestEstimatedUsageIsTold: where a dialect wants a usage and the vendor gave none, the
// client reads what is booked.
func TestEstimatedUsageIsTold(t *testing.T) {
	telling := func(in *provider.Inbound, target provider.Target) (*provider.Outbound, error) {
		out, err := openai.Vendor{}.Prepare(in, target)
		if err != nil {
			return nil, err
		}
		out.Unary = func([]byte) (provider.Reply, error) {
			return provider.Reply{WithUsage: func(u events.Usage) []byte { return fmt.Appendf(nil, "%d", u.Input) }}, nil
		}
		return out, nil
	}
	h := newHub(t, settings{asks: func(r *call.Request) {
		r.Operation = call.Operation{Of: func(provider.Vendor) call.Prepare { return telling }, Wordless: true}
	}})
	a := h.ask(false)
	u := only[events.UsageRecorded](t, h.facts(1))
	if u.Source != events.Estimated || u.Charge.Usage.Input == 0 || a.body != fmt.Sprint(u.Charge.Usage.Input) {
		t.Errorf("booked %+v, told %s", u, a.body)
	}
	if a.header.Get(call.HeaderEstimated) != "true" {
		t.Errorf("not marked: %v", a.header)
	}
}
