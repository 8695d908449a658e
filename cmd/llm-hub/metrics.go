package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/llm-hub/llm-hub/events/publish"
	"github.com/llm-hub/llm-hub/projector"
)

const namespace = "llmhub"

// gauge registers a value that is read when it is scraped.
func gauge(reg *prometheus.Registry, name, help string, value func() float64) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value))
}

// describePublisher shows what waits for the log's acknowledgement.
func describePublisher(reg *prometheus.Registry, p *publish.Publisher) {
	gauge(reg, "publish_pending_events", "Events that wait for the log's acknowledgement.", func() float64 { return float64(p.Pending().Events) })
	gauge(reg, "publish_pending_bytes", "Bytes that wait for the log's acknowledgement.", func() float64 { return float64(p.Pending().Bytes) })
	gauge(reg, "publish_oldest_seconds", "Age of the oldest event that waits.", func() float64 { return p.Pending().Oldest.Seconds() })
}

// describeOutbox shows what waits on this node's disk for an external log.
func describeOutbox(reg *prometheus.Registry, p *publish.Publisher) {
	gauge(reg, "outbox_messages", "Messages that wait in the outbox.", func() float64 { return float64(p.Outbox().Messages) })
	gauge(reg, "outbox_bytes", "Size of the outbox.", func() float64 { return float64(p.Outbox().Bytes) })
	gauge(reg, "outbox_max_bytes", "Largest size of the outbox.", func() float64 { return float64(p.Outbox().Max) })
	gauge(reg, "outbox_oldest_seconds", "Age of the oldest message in the outbox; 0: it is empty.", func() float64 {
		oldest := p.Outbox().Oldest
		if oldest.IsZero() {
			return 0
		}
		return time.Since(oldest).Seconds()
	})
	gauge(reg, "outbox_active", "1 while facts go through the outbox.", func() float64 { return truth(p.Outbox().Active) })
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// describeSpace shows how full the log is.
func describeSpace(reg *prometheus.Registry, s *spaceWatch) {
	gauge(reg, "log_bytes", "Size of the traffic stream.", func() float64 { return float64(s.used.Load()) })
	gauge(reg, "log_max_bytes", "Largest size of the traffic stream; 0: no bound.", func() float64 { return float64(s.limit.Load()) })
	gauge(reg, "log_alarm", "1 while the traffic stream is nearly full.", func() float64 { return truth(s.alarm()) })
}

// describeFold shows how far a fold is behind the log.
func describeFold(reg *prometheus.Registry, fold string, progress func() projector.Progress) {
	value := func(name, help string, f func(projector.Progress) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: name, Help: help, ConstLabels: prometheus.Labels{"fold": fold},
		}, func() float64 { return f(progress()) }))
	}
	value("fold_behind_messages", "Messages of the log that are not folded yet.", func(p projector.Progress) float64 { return float64(p.Behind()) })
	value("fold_lag_seconds", "Time since the log took the last message that is folded; 0 if there is nothing more.",
		func(p projector.Progress) float64 { return p.Lag(time.Now()).Seconds() })
	value("fold_sequence", "Sequence up to which everything is folded.", func(p projector.Progress) float64 { return float64(p.Seq) })
	value("fold_halted", "1 while the fold needs a rebuild or a partition is stopped.", func(p projector.Progress) float64 {
		return truth(p.State == projector.Halted || len(p.Gaps) > 0)
	})
}
