package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	go func() { done <- h.load(300, 2, []string{"fake-openai", "fake-anthropic", "slow-gemini"}) }()

	first := h.enginePID()
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
