package record

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/events"
)

// classOK is the class of an attempt that gave a whole answer.
const classOK = "ok"

// Metrics are the gateway's own figures. No label holds a tenant, user or key.
type Metrics struct {
	requests        *prometheus.CounterVec   // model, provider, outcome
	duration        *prometheus.HistogramVec // model, outcome
	firstByte       *prometheus.HistogramVec // model, provider
	attempts        *prometheus.CounterVec   // provider, class
	tokens          *prometheus.CounterVec   // provider, class
	units           *prometheus.CounterVec   // provider, class
	refused         *prometheus.CounterVec   // reason
	inflight        prometheus.Gauge
	unauthenticated prometheus.Counter
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: counter("requests_total", "Requests that ended, by outcome.", "model", "provider", "outcome"),
		duration: histogram("request_duration_seconds", "Time from admission to end.", "model", "outcome"),
		firstByte: histogram("first_byte_seconds", "Time from admission to the first byte of the vendor's answer.",
			"model", "provider"),
		attempts: counter("attempts_total", "Vendor calls, by how they ended.", "provider", "class"),
		tokens:   counter("tokens_total", "Tokens recorded, by class of usage.", "provider", "class"),
		units:    counter("units_total", "Images, searches, calls, milliseconds and characters recorded, by class of usage.", "provider", "class"),
		refused:  counter("refusals_total", "Requests refused before any vendor was called.", "reason"),
		inflight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "inflight_requests", Help: "Requests admitted and not ended.",
		}),
		unauthenticated: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "unauthenticated_total", Help: "Requests without a valid key.",
		}),
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.duration, m.firstByte, m.attempts, m.tokens, m.units, m.refused, m.inflight, m.unauthenticated,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

const namespace = "llmhub"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// histogram covers 5 ms to 11 min, the range between a cached answer and the
// longest total time-out.
func histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	const first, factor, buckets = 0.005, 2.2, 16
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, factor, buckets),
	}, labels)
}

// Unauthenticated counts a request without a valid key.
func (m *Metrics) Unauthenticated() { m.unauthenticated.Inc() }

func (m *Metrics) attempt(provider, class string) {
	m.attempts.WithLabelValues(provider, class).Inc()
}

func (m *Metrics) usage(provider string, u events.Usage) {
	classes := events.Classes()
	for i, n := range u.Amounts() {
		if n <= 0 {
			continue
		}
		into := m.units
		if classes[i].Unit == events.TokenUnit {
			into = m.tokens
		}
		into.WithLabelValues(provider, classes[i].Name).Add(float64(n))
	}
}

func (m *Metrics) finish(f events.RequestFinished) {
	m.inflight.Dec()
	outcome := string(f.Outcome)
	m.requests.WithLabelValues(f.Model, f.Target.Provider, outcome).Inc()
	m.duration.WithLabelValues(f.Model, outcome).Observe(float64(f.TotalNS) / 1e9)
	if f.FirstByteNS > 0 {
		m.firstByte.WithLabelValues(f.Model, f.Target.Provider).Observe(float64(f.FirstByteNS) / 1e9)
	}
	if f.Outcome == events.Completed {
		m.attempt(f.Target.Provider, classOK)
	}
}
