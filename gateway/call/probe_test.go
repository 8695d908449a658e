package call_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// vendorOf serves one vendor's lists of models and refuses everything else.
func vendorOf(t *testing.T, path, list string, header http.Header) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range header {
			if r.Header.Get(name) != header.Get(name) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		if r.Method != http.MethodGet || r.URL.Path != path {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(list)) // a client that is gone misses nothing
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func probeStep(kind, base, model string) route.Step {
	return route.Step{
		Provider:   &control.Provider{Name: "p", Kind: kind, BaseURL: base},
		Credential: &control.Credential{Provider: "p", Name: "k", APIKey: control.NewSecret("sk-1")}, Model: model,
	}
}

// TestModels: the vendors that have a list are asked for it in their own words.
func TestModels(t *testing.T) {
	h := newHub(t, settings{vendors: vendors.Adapters()})
	for kind, tt := range map[string]struct {
		base, path, list string
		header           http.Header
	}{
		"openai":    {"/v1", "/v1/models", `{"data":[{"id":"b"},{"id":"a"}]}`, http.Header{"Authorization": {"Bearer sk-1"}}},
		"anthropic": {"", "/v1/models", `{"data":[{"id":"a"},{"id":"b"}],"has_more":false}`, http.Header{"X-Api-Key": {"sk-1"}}},
		"gemini":    {"", "/v1beta/models", `{"models":[{"name":"models/a"},{"name":"models/b"}]}`, http.Header{"X-Goog-Api-Key": {"sk-1"}}},
		"cohere":    {"", "/v1/models", `{"models":[{"name":"a"},{"name":"b"}]}`, http.Header{"Authorization": {"Bearer sk-1"}}},
	} {
		base := vendorOf(t, tt.path, tt.list, tt.header) + tt.base
		names, p, err := h.engine.Models(t.Context(), probeStep(kind, base, ""))
		if err != nil || !slices.Equal(names, []string{"a", "b"}) || p.Status != 200 || p.Failure.Class != "" {
			t.Errorf("%s: %v, %+v, %v", kind, names, p, err)
		}
		wrong := probeStep(kind, base, "")
		wrong.Credential.APIKey = control.NewSecret("sk-2")
		if _, p, err := h.engine.Models(t.Context(), wrong); err != nil || p.Failure.Class != provider.BadCredential {
			t.Errorf("%s with another key: %+v, %v", kind, p, err)
		}
	}
	if _, _, err := h.engine.Models(t.Context(), probeStep("bedrock", "https://b.test", "")); gateway.AsError(err).Code != "no_list" {
		t.Errorf("bedrock: %v", err)
	}
}

// TestProbe: a test call goes the way of every call, and leaves nothing behind.
func TestProbe(t *testing.T) {
	h := newHub(t, settings{vendors: vendors.Adapters()})
	for kind, base := range map[string]string{"openai": "/openai/v1", "anthropic": "/anthropic", "gemini": "/gemini", "cohere": "/cohere"} {
		p, err := h.engine.Probe(t.Context(), probeStep(kind, h.vendor.URL+base, "some-model"))
		if err != nil || p.Failure.Class != "" || p.Status != 200 || p.Usage == nil || p.Usage.Output == 0 || p.Took <= 0 {
			t.Errorf("%s: %+v, %v", kind, p, err)
		}
	}
	p, err := h.engine.Probe(t.Context(), probeStep("openai", h.vendor.URL+"/openai/v1", "some-model+429"))
	if err != nil || p.Failure.Class != provider.RateLimited || p.Status != 429 {
		t.Errorf("%+v, %v", p, err)
	}
	if n := h.cooldowns.State().Blocking(time.Now()); n != 0 {
		t.Errorf("%d targets cool down after test calls", n)
	}
	gone := probeStep("openai", "http://127.0.0.1:1/v1", "m")
	if p, err = h.engine.Probe(t.Context(), gone); err != nil || p.Failure.Class != provider.Connection || p.Status != 0 {
		t.Errorf("nobody there: %+v, %v", p, err)
	}
	if info, err := h.log.Info(t.Context()); err != nil || info.Last != 0 {
		t.Errorf("on the log: %+v, %v", info, err)
	}
}
