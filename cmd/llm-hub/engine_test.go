package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEngineKilledUnderLoad kills the ClickHouse engine while requests are made:
// they go on, the tables lag and say so, and catch up by themselves.
func TestEngineKilledUnderLoad(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	h := startHub(t, t.TempDir(), serveArgs(t, v)...)
	done := make(chan []answer, 1)
	go func() { done <- h.load(150, 2, []string{"fake-openai", "fake-anthropic", "slow-gemini"}) }()

	first := h.enginePID()
	if first == 0 { // which would be every process of this test
		t.Fatal("the engine does not run")
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, settleTimeout, "the engine is back", func() error {
		if now := h.enginePID(); now == first || now == 0 {
			return fmt.Errorf("pid %d", now)
		}
		return nil
	})
	for i, a := range <-done {
		if !a.complete {
			t.Errorf("request %d: %+v", i, a)
		}
	}
	resp, err := http.Get(h.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`llmhub_fold_behind_messages{fold="tables"}`, `llmhub_fold_lag_seconds{fold="tables"}`, "llmhub_engine_restarts 1"} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	h.drained()
	verified(t, h.data)
}

// enginePID reads the engine's process from /readyz; 0 while it is down.
func (h *hub) enginePID() int {
	h.t.Helper()
	pid := 0
	eventually(h.t, startTimeout, "readyz", func() error {
		resp, err := http.Get(h.url + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var ready struct {
			Checks map[string]struct {
				Detail struct {
					PID int
				}
			}
		}
		if err := json.NewDecoder(resp.Body).Decode(&ready); err != nil {
			return err
		}
		engine, ok := ready.Checks["engine"]
		if !ok {
			return errors.New("no engine in readyz")
		}
		pid = engine.Detail.PID
		return nil
	})
	return pid
}

// TestWithoutEngine: an engine that does not start costs the answers about usage,
// never a request, and the tables catch up when it starts again.
func TestWithoutEngine(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	data := t.TempDir()
	engine := filepath.Join(data, "clickhouse")
	if err := os.WriteFile(engine, []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := serveArgs(t, v)
	h := startHub(t, data, args...)
	if a, err := h.chat(context.Background(), "fake-openai", false, "hello"); err != nil || !a.complete {
		t.Errorf("chat: %+v, %v", a, err)
	}
	if _, _, err := h.usageTotals("model"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("usage: %v, want a 503", err)
	}
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(engine); err != nil {
		t.Fatal(err)
	}
	h = startHub(t, data, args...)
	h.drained()
	verified(t, data)
	if in, out, err := h.usageTotals("model"); err != nil || in == 0 || out == 0 {
		t.Errorf("usage after the engine is back: %d in, %d out, %v", in, out, err)
	}
}
