package verify_test

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/verify"
)

// BenchmarkVerifier compares a first run over 100,000 events, without tables, with
// one that has 1,000 new ones.
func BenchmarkVerifier(b *testing.B) {
	const old, fresh = 100_000, 1000
	log, traffic := memlog.New(), projectortest.New(18, 50, time.Second)
	for _, m := range traffic.Packed(old) {
		log.Inject(m)
	}
	cfg := verify.Config{Log: log, Bucket: log}
	verifier := func(b *testing.B) *verify.Verifier {
		v, err := verify.New(cfg)
		if err == nil {
			_, err = v.Run(b.Context(), nil)
		}
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			verifier(b)
		}
	})
	b.Run("later", func(b *testing.B) {
		v := verifier(b)
		for b.Loop() {
			b.StopTimer()
			for _, m := range traffic.Packed(fresh) {
				log.Inject(m)
			}
			b.StartTimer()
			if _, err := v.Run(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
