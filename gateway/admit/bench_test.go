package admit

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/embedded"
)

// BenchmarkAdmit is the life of one admission under limits of five scopes, the leases sufficing.
func BenchmarkAdmit(b *testing.B) {
	a := loaded(b, nil)
	day, minute := limit(accounting.Day, accounting.OfTokens, 1<<60), limit(accounting.Minute, accounting.OfRequests, 1<<60)
	month := limit(accounting.Month, accounting.OfCost, 1<<60)
	r := ask(noon, 100)
	r.Scopes = []Scoped{
		{accounting.Scope{Kind: accounting.TenantScope, ID: "acme"}, []accounting.Limit{month}},
		{accounting.Scope{Kind: accounting.UserScope, ID: "acme/u"}, []accounting.Limit{day}},
		{keyScope, []accounting.Limit{minute, day, month}},
		{accounting.Scope{Kind: accounting.ModelScope, ID: "smart"}, []accounting.Limit{day}},
		{accounting.Scope{Kind: accounting.CredentialScope, ID: "openai/main"}, []accounting.Limit{minute}},
	}
	for i, s := range r.Scopes {
		a.put(b, s.Scope, "acme", counter(uint64(i+1), noon, accounting.Totals{Requests: 5, Usage: events.Usage{Input: 5}}))
	}
	b.Run("admit and release", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			res, refusal := a.Admit(b.Context(), r)
			if refusal != nil {
				b.Fatal(refusal.Public())
			}
			res.Release()
		}
	})
	b.Run("whole life", func(b *testing.B) {
		b.ReportAllocs()
		done := newReceipt()
		done.ack(1)
		used := charge(90)
		for b.Loop() {
			res, refusal := a.Admit(b.Context(), r)
			if refusal != nil {
				b.Fatal(refusal.Public())
			}
			res.Admitted(done)
			res.Settle(used, done)
			res.Release()
		}
	})
}

// BenchmarkLeases takes leases of one hot scope from four nodes that each want
// nothing else: every lease is a compare-and-set that the other three contend for.
func BenchmarkLeases(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmarkLeases(b, memlog.New().Leases()) })
	for _, class := range []natslog.Class{natslog.Dev, natslog.Durable} {
		b.Run("nats/"+string(class), func(b *testing.B) {
			logger := slog.New(slog.DiscardHandler)
			server, err := embedded.Start(embedded.Config{Dir: b.TempDir(), Class: class, MaxBytes: 1 << 30, Logger: logger})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(server.Close)
			log, err := natslog.Open(b.Context(), natslog.Config{Server: server, Class: class, Node: "n1", Version: "bench", Logger: logger})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(log.Close)
			benchmarkLeases(b, log.Leases())
		})
	}
}

func benchmarkLeases(b *testing.B, leases events.Bucket) {
	const nodes = 4
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range nodes {
		a, err := New(Config{
			Counters: never{}, Leases: leases, Node: events.NodeID(fmt.Sprintf("n%d", i)), Epoch: "e1",
			Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		})
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			for range (b.N + nodes - 1) / nodes {
				if err := a.takeLease(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leases/s")
}

// takeLease spends one more token of the key than is held, and waits for the lease on it.
func (a *Admitter) takeLease() error {
	acc := a.account(keyScope)
	for {
		acc.mu.Lock()
		l := acc.lease(limit(accounting.Life, accounting.OfTokens, 1<<60), newWindows(noon))
		l.await(1)
		x := a.exchange(acc)
		acc.mu.Unlock()
		<-x.done
		if x.err != nil {
			return x.err
		}
		acc.mu.Lock()
		took := l.held > l.mine
		if took {
			l.mine++
		}
		acc.mu.Unlock()
		if took {
			return nil
		}
	}
}
