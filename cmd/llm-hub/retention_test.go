package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/projectortest"
)

// kept is what /api/v1/status says of it.
type kept struct{ Usage, Requests, Attempts, RollUps time.Time }

// keeps waits until the tables keep what settings say.
func (h *hub) keeps(what string, want func(kept) bool) kept {
	h.t.Helper()
	var s struct{ Tables struct{ Kept kept } }
	eventually(h.t, settleTimeout, what, func() error {
		s.Tables.Kept = kept{}
		if err := getJSON(h.url+"/api/v1/status", h.token, &s); err != nil {
			return err
		}
		if !want(s.Tables.Kept) {
			return fmt.Errorf("%+v", s.Tables.Kept)
		}
		return nil
	})
	return s.Tables.Kept
}

// TestRetention: settings let a running hub's tables go of what is older than a month.
// Answers, files and commands say so, the books are what the log says, and a rebuild with
// a longer setting has everything back.
func TestRetention(t *testing.T) {
	t.Parallel()
	data, from := t.TempDir(), time.Now().UTC().AddDate(0, -5, 0)
	traffic := projectortest.NewAt(from, 52, 5, 12*time.Hour)
	fillLog(t, data, func(add func(...events.Message)) {
		add(traffic.Messages(250)...)
		add(traffic.Finish()...)
	})
	h := startHub(t, data)
	h.drained()
	span := url.Values{"from": {from.AddDate(0, 0, -1).Format(time.DateOnly)}, "to": {time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)}}
	type answer struct {
		Totals struct{ Requests int64 }
		AsOf   struct {
			Kept time.Time `json:"kept_since"`
		} `json:"as_of"`
	}
	ask := func(path string) (a answer) {
		t.Helper()
		if err := getJSON(h.url+"/api/v1/"+path+"?"+span.Encode(), h.token, &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	all, requests := ask("usage"), ask("requests/histogram")
	if all.Totals.Requests < 50 || !all.AsOf.Kept.IsZero() || requests.Totals.Requests < 50 {
		t.Fatalf("before: %+v, %+v", all, requests)
	}

	h.configure(t, http.MethodPatch, "settings", map[string]any{"retention": map[string]any{"requests_months": 1, "attempts_months": 1, "usage_months": 1}}, nil)
	since := h.keeps("rows are let go", func(k kept) bool { return !k.Usage.IsZero() }).Requests
	if a := ask("usage"); a != all {
		t.Errorf("the roll-ups have %+v, want %+v", a, all)
	}
	if a := ask("latency"); a.AsOf.Kept.Before(since) { // a month may turn meanwhile
		t.Errorf("latency is kept since %s, want %s", a.AsOf.Kept, since)
	}
	cmd := exec.Command(filepath.Join(binDir, "llm-hub"), "export", "requests", "--data", data, "--from", span.Get("from"), "--to", span.Get("to"))
	var file, warning bytes.Buffer
	cmd.Stdout, cmd.Stderr = &file, &warning
	if err := cmd.Run(); err != nil || !strings.Contains(warning.String(), "what was admitted before ") || strings.Count(file.String(), "\n") >= int(requests.Totals.Requests) {
		t.Errorf("export: %v, %d lines, said %q", err, strings.Count(file.String(), "\n"), warning.String())
	}
	if out, code := command(t, "verify", "--data", data); code != 0 || !strings.Contains(out, "requests from ") {
		t.Errorf("verify: exit %d: %s", code, out)
	}

	h.configure(t, http.MethodPatch, "settings", map[string]any{"retention": map[string]any{"rollups_months": 1}}, nil)
	h.keeps("roll-ups are let go", func(k kept) bool { return !k.RollUps.IsZero() })
	if a := ask("usage"); a.AsOf.Kept.Before(since) || a.Totals.Requests >= all.Totals.Requests {
		t.Errorf("usage has %+v, want it from %s on", a, since)
	}
	verified(t, data)

	h.configure(t, http.MethodPatch, "settings", map[string]any{"retention": nil}, nil)
	if out, code := command(t, "rebuild", "--tables", "--data", data); code != 0 {
		t.Fatalf("rebuild: exit %d: %s", code, out)
	}
	h.keeps("everything is kept again", func(k kept) bool { return k == kept{} })
	if a, r := ask("usage"), ask("requests/histogram"); a != all || r != requests {
		t.Errorf("rebuilt: %+v, %+v, want %+v, %+v", a, r, all, requests)
	}
	verified(t, data)
}
