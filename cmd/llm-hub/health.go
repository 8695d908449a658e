package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/llm-hub/llm-hub/gateway/web"
)

// A check tells whether a part is ready. detail is shown either way; err is why it is not.
type check struct {
	name     string
	required bool // a failing check that is not required is shown but keeps the server ready
	run      func(context.Context) (detail any, err error)
}

// health answers /healthz, /readyz and /metrics for every role.
type health struct {
	mu       sync.Mutex
	checks   []check
	stopping bool
	registry *prometheus.Registry
}

const checkTimeout = 2 * time.Second

func newHealth(reg *prometheus.Registry) *health { return &health{registry: reg} }

func (h *health) add(c check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, c)
}

// drain makes the server not ready, so that balancers stop sending.
func (h *health) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = true
}

// handler serves the three paths; metrics only where asked for.
func (h *health) handler(metrics bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", h.ready)
	if metrics {
		mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{}))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		web.Protect(w.Header())
		mux.ServeHTTP(w, r)
	})
}

type checkResult struct {
	Ready    bool   `json:"ready"`
	Required bool   `json:"required"`
	Error    string `json:"error,omitempty"`
	Detail   any    `json:"detail,omitempty"`
}

func (c check) result(ctx context.Context) checkResult {
	detail, err := c.run(ctx)
	r := checkResult{Ready: err == nil, Required: c.required, Detail: detail}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	h.mu.Lock()
	checks, stopping := h.checks, h.stopping
	h.mu.Unlock()

	all := make([]checkResult, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() { all[i] = c.result(ctx) }) // at once: stores that do not answer cost time
	}
	running.Wait()
	results := make(map[string]checkResult, len(checks))
	ok := !stopping && len(checks) > 0
	for i, c := range checks {
		results[c.name] = all[i]
		ok = ok && (all[i].Ready || !c.required)
	}
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]any{"ready": ok, "stopping": stopping, "checks": results})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody to tell
}
