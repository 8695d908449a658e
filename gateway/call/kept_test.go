package call_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
)

// keeper is a vendor that keeps answers.
type keeper struct {
	openai.Vendor
	responses.Native
}

func keepers(string) provider.Vendor {
	return keeper{Vendor: openai.New(responses.New(openai.Vendor{}), openai.Traits{})}
}

// memory is what was to be remembered.
type memory struct {
	mu   sync.Mutex
	of   []events.Target
	kept []provider.Kept
}

func (m *memory) keep(_ context.Context, t events.Target, k provider.Kept) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of, m.kept = append(m.of, t), append(m.kept, k)
}

// responding asks through the Responses API.
func responding(t *testing.T, m *memory, change func(*call.Request)) func(*call.Request) {
	return func(r *call.Request) {
		body := `{"model":"smart","input":"Hello there"}`
		if r.Inbound.Stream {
			body = `{"model":"smart","input":"Hello there","stream":true}`
		}
		in, err := responses.ParseResponse([]byte(body))
		if err != nil {
			t.Error(err)
		}
		r.Inbound, r.Endpoint, r.Keep = in, "responses", m.keep
		if change != nil {
			change(r)
		}
	}
}

// TestKeep: who keeps an answer is remembered once it is whole, and not if it broke.
func TestKeep(t *testing.T) {
	for _, stream := range []bool{false, true} {
		for _, model := range []string{"gpt-fake", "gpt-fake+cut=1"} {
			m := &memory{}
			h := newHub(t, settings{
				vendors: keepers, asks: responding(t, m, nil), targets: []control.Target{{Model: model, Priority: 1, Weight: 1}},
			})
			a := h.ask(stream)
			h.facts(1)
			whole := !strings.Contains(model, "cut")
			if (len(m.kept) == 1) != whole {
				t.Fatalf("%s, streamed: %t: remembered %+v", model, stream, m.kept)
			}
			if !whole {
				continue
			}
			k := m.kept[0]
			if !k.ByVendor || !strings.Contains(a.body, k.ID) || len(k.Items) != 1 || m.of[0] != (events.Target{Provider: "one", Credential: "a", Model: model}) {
				t.Errorf("streamed: %t: %+v of %+v", stream, k, m.of[0])
			}
		}
	}
}

// TestKeptIsAsked: of several credentials the one that keeps what a request goes on
// from is asked, and if it is gone, none.
func TestKeptIsAsked(t *testing.T) {
	for credential, status := range map[string]int{"b": http.StatusOK, "gone": http.StatusBadRequest} {
		m := &memory{}
		p := &control.Provider{Name: "two"}
		for _, name := range []string{"a", "b", "c"} {
			p.Credentials = append(p.Credentials, &control.Credential{Provider: "two", Name: name, APIKey: control.NewSecret("sk-" + name), Weight: 1})
		}
		h := newHub(t, settings{
			vendors: keepers, targets: []control.Target{{Provider: p, Model: "gpt-fake", Priority: 1, Weight: 1}},
			asks: responding(t, m, func(r *call.Request) { r.Kept = &events.Target{Provider: "two", Credential: credential} }),
		})
		p.BaseURL = h.vendor.URL + "/v1"
		a := h.ask(false)
		if a.status != status {
			t.Fatalf("%s: status %d: %s", credential, a.status, a.body)
		}
		records := h.fake.Ledger(0, 9).Records
		if status == http.StatusOK {
			if len(records) != 1 || records[0].Key != "sk-b" {
				t.Errorf("asked %+v", records)
			}
			continue
		}
		if e := errorOf(t, a.body); len(records) != 0 || e["code"] != "previous_response_not_found" {
			t.Errorf("asked %+v: %v", records, e)
		}
		h.rejections()
	}
}

// TestKeptIsGone: an answer that its vendor does not have any more is nobody's fault.
func TestKeptIsGone(t *testing.T) {
	h := newHub(t, settings{vendors: keepers, asks: func(r *call.Request) {
		r.Inbound = &provider.Inbound{Dialect: provider.Responses, Model: "smart", Kept: &provider.KeptCall{Method: http.MethodGet, Path: "resp_gone"}}
		r.Kept = &events.Target{Provider: "one", Credential: "a"}
		r.Operation = call.Operation{Free: true, Wordless: true, Of: func(v provider.Vendor) call.Prepare {
			return v.(provider.AnswerKeeper).PrepareKept
		}}
	}})
	a := h.ask(false)
	if e := errorOf(t, a.body); a.status != http.StatusNotFound || e["code"] == nil {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if n := h.cooldowns.State().Blocking(time.Now()); n != 0 {
		t.Errorf("%d credentials are left alone for it", n)
	}
	h.facts(1)
}
