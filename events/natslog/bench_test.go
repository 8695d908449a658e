package natslog_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/publish"
)

func benchLog(b *testing.B, class natslog.Class) *natslog.Log {
	b.Helper()
	s := startServer(b, b.TempDir(), class)
	b.Cleanup(s.Close)
	l := openLog(b, s)
	b.Cleanup(l.Close)
	return l
}

func benchEvent(b *testing.B, tenant events.TenantID) events.Event {
	b.Helper()
	e, err := events.New(events.Head{At: time.Now(), Node: "n1", Tenant: tenant, Request: "0192f0c1-7a3e-7c41-9b1e-3f2a6d5c4b3a"},
		events.RequestFinished{Endpoint: "chat.completions", Outcome: events.Completed, Status: 200, Finish: "stop", TotalNS: 4871220004})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// BenchmarkPublish measures events handed to the publisher by 64 callers, each
// waiting for the acknowledgement of its own.
func BenchmarkPublish(b *testing.B) {
	for _, class := range []natslog.Class{natslog.Dev, natslog.Durable} {
		for _, tenants := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/tenants=%d", class, tenants), func(b *testing.B) {
				p, err := publish.New(publish.Config{Log: benchLog(b, class), Node: "n1", Epoch: epoch, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				facts := make([]events.Event, tenants)
				for i := range facts {
					facts[i] = benchEvent(b, events.TenantID(fmt.Sprintf("tenant%d", i)))
				}
				b.ReportAllocs()
				b.SetParallelism(32)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for n := 0; pb.Next(); n++ {
						r, err := p.Publish(facts[n%tenants])
						if err == nil {
							_, err = r.Wait(b.Context())
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
				if err := p.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// BenchmarkAppend measures one message of one event, and how long its
// acknowledgement takes.
func BenchmarkAppend(b *testing.B) {
	for _, class := range []natslog.Class{natslog.Dev, natslog.Durable} {
		b.Run(string(class), func(b *testing.B) {
			l := benchLog(b, class)
			b.ReportAllocs()
			n := uint64(0)
			for b.Loop() {
				n++
				if _, err := l.Append(b.Context(), message(0, n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead measures how fast a rebuild may read messages of one event.
func BenchmarkRead(b *testing.B) {
	l := benchLog(b, natslog.Dev)
	const held = 20000
	for n := range uint64(held) {
		if _, err := l.Append(b.Context(), message(0, n+1)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := l.Read(b.Context(), events.Range{To: held})
		if err != nil {
			b.Fatal(err)
		}
		for range c.C() {
		}
		c.Close()
	}
	b.ReportMetric(held*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkCommit measures atomic commits of counters.
func BenchmarkCommit(b *testing.B) {
	for _, keys := range []int{1, 16, 200} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			l := benchLog(b, natslog.Durable)
			puts := make([]events.Put, keys)
			for i := range puts {
				puts[i] = events.Put{Key: fmt.Sprintf("c.00.key.acme/%d", i), Value: make([]byte, 500)}
			}
			for b.Loop() {
				last, err := l.Commit(b.Context(), puts)
				if err != nil {
					b.Fatal(err)
				}
				for i := range puts {
					puts[i].Rev = last - uint64(keys-1-i)
				}
			}
		})
	}
}
