package publish_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/publish"
)

// sink acknowledges everything and keeps nothing.
type sink struct{}

func (sink) Append(context.Context, events.Message) (events.Ack, error) {
	return events.Ack{Seq: 1}, nil
}

// BenchmarkPublish measures what a request pays to hand one fact over.
func BenchmarkPublish(b *testing.B) {
	for _, tenants := range []int{1, 64} {
		b.Run(fmt.Sprintf("tenants=%d", tenants), func(b *testing.B) {
			facts := make([]events.Event, tenants)
			for i := range facts {
				facts[i] = fact(b, events.TenantID(fmt.Sprintf("tenant%d", i)), i)
			}
			p := newPublisher(b, sink{})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for n := 0; pb.Next(); n++ {
					if _, err := p.Publish(facts[n%tenants]); err != nil {
						b.Error(err)
						return
					}
				}
			})
			if err := p.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPublishWait measures one fact from its publication to its receipt.
func BenchmarkPublishWait(b *testing.B) {
	e := fact(b, acme, 0)
	p := newPublisher(b, sink{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := publishAndWait(b.Context(), p, e); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func publishAndWait(ctx context.Context, p *publish.Publisher, e events.Event) (events.Ack, error) {
	r, err := p.Publish(e)
	if err != nil {
		return events.Ack{}, err
	}
	return r.Wait(ctx)
}
