package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPriceWhatHadNone: usage of a model that the book learns of later is booked at
// its price, once, after a dry run that books nothing; and other prices show what
// they would have billed.
func TestPriceWhatHadNone(t *testing.T) {
	t.Parallel()
	const model = "gpt-fake+delay=5ms" // no price is configured for it
	v := startVendor(t)
	args := serveArgs(t, v)
	h := startHub(t, t.TempDir(), args...)
	for _, of := range []string{"slow-openai", "slow-openai", "fake-openai"} {
		if a, err := h.chat(t.Context(), of, false, "hello"); err != nil || !a.complete {
			t.Fatalf("answer %+v: %v", a, err)
		}
	}
	span := []string{"--data", h.data, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339), "--to", time.Now().Add(time.Hour).Format(time.RFC3339)}
	type report struct {
		Found, Corrected, Unknown, Done int
		Cost                            int64 `json:"cost_nano_usd"`
	}
	reprice := func(args ...string) (r report) {
		out, code := command(t, append(append([]string{"reprice"}, span...), args...)...)
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
			t.Fatalf("reprice %v: exit %d, %v: %s", args, code, err, out)
		}
		return r
	}
	eventually(t, settleTimeout, "both are found without a price", func() error {
		if r := reprice("--correct", "--dry-run"); r != (report{Found: 2, Unknown: 2}) {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	h.configure(t, http.MethodPost, "prices", map[string]any{"model": model, "input": "2", "output": "4"}, nil)
	dry := reprice("--correct", "--dry-run")
	if dry.Corrected != 2 || dry.Cost == 0 {
		t.Errorf("dry run: %+v", dry)
	}
	if done := reprice("--correct"); done != dry {
		t.Errorf("booked %+v, the dry run said %+v", done, dry)
	}
	if again := reprice("--correct"); again.Corrected != 0 || again.Cost != 0 {
		t.Errorf("booked again: %+v", again)
	}
	eventually(t, settleTimeout, "the bill has them", func() error {
		var usage struct {
			Rows []struct {
				Group    map[string]string
				Cost     *int64 `json:"cost_nano_usd"`
				Unpriced int64
			}
		}
		if err := getJSON(h.url+"/api/v1/usage?group_by=upstream_model", h.token, &usage); err != nil {
			return err
		}
		for _, r := range usage.Rows {
			if r.Group["upstream_model"] == model && r.Cost != nil && *r.Cost == dry.Cost && r.Unpriced == 0 {
				return nil
			}
		}
		return errors.New(fmt.Sprint(usage.Rows))
	})
	if r := reprice("--correct"); r != (report{}) {
		t.Errorf("when the tables know it: %+v", r)
	}
	verified(t, h.data)
	out, code := command(t, append([]string{"reprice", "-o", "json", "--prices-at", time.Now().Add(-30 * time.Minute).Format(time.RFC3339)}, span...)...)
	var before struct {
		Totals struct {
			Unpriced int64 `json:"repriced_unpriced"`
		}
	}
	if err := json.Unmarshal([]byte(out), &before); err != nil || code != 0 || before.Totals.Unpriced != 3 {
		t.Errorf("by the prices before there were any: exit %d, %v: %s", code, err, out)
	}
	h.simulates(t, args[1])
}

// simulates runs what was recorded through the configuration that was in force, and
// through one in which another vendor answers for a model.
func (h *hub) simulates(t *testing.T, config string) {
	t.Helper()
	simulate := func(file string) (r struct {
		Requests, Exact, Moved, Unpriced int
		Billed                           int64 `json:"billed_nano_usd"`
		Least                            int64 `json:"least_nano_usd"`
		Most                             int64 `json:"most_nano_usd"`
	}) {
		out, code := command(t, "simulate", "--data", h.data, "-f", file, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339), "-o", "json")
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
			t.Fatalf("simulate: exit %d, %v: %s", code, err, out)
		}
		return r
	}
	if r := simulate(config); r.Requests != 3 || r.Exact != 3 || r.Moved != 0 || r.Unpriced != 2 || r.Least != r.Most || r.Least >= r.Billed {
		t.Errorf("as it was, without the later price: %+v", r)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "draft.yaml")
	text = bytes.ReplaceAll(text, []byte("provider: openai, model: gpt-fake+delay=5ms"), []byte("provider: anthropic, model: claude-fake"))
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := simulate(other); r.Requests != 3 || r.Exact != 1 || r.Moved != 2 || r.Unpriced != 0 || r.Least == 0 || r.Most < r.Least {
		t.Errorf("by another vendor: %+v", r)
	}
}
