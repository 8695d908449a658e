package fakellm_test

import (
	"math"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
)

func TestVector(t *testing.T) {
	one, again, other := fakellm.Vector("one", 50), fakellm.Vector("one", 50), fakellm.Vector("other", 50)
	var length, same, different float64
	for i := range one {
		length += float64(one[i]) * float64(one[i])
		same += float64(one[i]) * float64(again[i])
		different += float64(one[i]) * float64(other[i])
	}
	if math.Abs(length-1) > 1e-5 || math.Abs(same-1) > 1e-5 || math.Abs(different) > 0.9 {
		t.Errorf("length %f, same %f, different %f", length, same, different)
	}
}

// TestOthersAreBooked: embeddings and completions are billed, counts are not.
func TestOthersAreBooked(t *testing.T) {
	inWorld(t, fakellm.Config{}, func(w *world) {
		for _, name := range []string{"embed_tokens", "complete"} {
			if g := w.do(others(fakellm.OpenAI)[name]); g.status != 200 {
				t.Errorf("%s: %d %s", name, g.status, g.body)
			}
		}
		w.do(others(fakellm.Anthropic)["count"])
		if r := w.record(); r.Model != "m" || r.Input != 4 || r.Output != 6 {
			t.Errorf("booked %+v", r)
		}
		if totals := w.fake.Ledger(0, 0).Totals; totals.Requests != 2 || totals.Input != 8 || totals.Output != 6 {
			t.Errorf("booked %+v", totals)
		}
	})
}
