package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/events/natslog"
	"github.com/llm-hub/llm-hub/events/natslog/clustertest"
	"github.com/llm-hub/llm-hub/events/publish"
)

const hookSecret = "hook-secret-0123456789-0123456789"

// hook is a receiver of alerts that fails the first time it is called.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	calls int
	names []string // of the alerts it took, in order
	wrong error    // the first thing that was not as it should be
}

func startHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if h.calls == 1 {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		err = errors.New("wrong signature")
	}
	var posted struct {
		Text  string
		Alert struct{ Name string }
	}
	err = errors.Join(err, json.Unmarshal(body, &posted))
	if err == nil && (posted.Text == "" || posted.Alert.Name == "") {
		err = fmt.Errorf("not an alert: %s", body)
	}
	h.wrong = errors.Join(h.wrong, err)
	h.names = append(h.names, posted.Alert.Name)
}

func (h *hook) took(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.names {
		if n == name {
			return h.wrong
		}
	}
	return fmt.Errorf("no alert %q in %v", name, h.names)
}

// TestMend goes the way of an operator whose books need a hand: an event that
// cannot be applied is told of, shown and applied again when it can be; a vendor's
// invoice that differs is booked as a correction, once; and the books stay exact.
func TestMend(t *testing.T) {
	v, cluster, hook := startVendor(t), clustertest.Start(t, clustertest.Options{Nodes: 1}), startHook(t)
	config := withSettings(t, writeConfig(t, v.url), fmt.Sprintf("  webhooks: [{url: %q, secret: %s}]\n", hook.URL, hookSecret))
	h := startHub(t, t.TempDir(), "--config", config, "--nats-url", cluster.URL(), "--allow-private-cidrs", "127.0.0.0/8")

	publishPoison(t, cluster.URL())
	eventually(t, settleTimeout, "the alert is delivered", func() error { return hook.took("dead_letter") })
	out, code := command(t, "replay", "--data", h.data, "--dead-letters")
	if code != 0 || strings.Count(out, "dead letter") != 1 || !strings.Contains(out, "was recorded before") {
		t.Fatalf("dead letters: exit %d\n%s", code, out)
	}
	if out, code := command(t, "replay", "--data", h.data, "--dead-letters", "--apply"); code != 0 || !strings.Contains(out, `"at"`) {
		t.Fatalf("apply: exit %d\n%s", code, out)
	}
	verified(t, h.data)
	if _, code := command(t, "replay", "--data", h.data, "--dead-letters", "--apply", "--from", "7"); code == 0 {
		t.Error("a dead letter that is not there was applied")
	}

	a, err := h.chat(t.Context(), "fake-openai", false, "hello")
	if err != nil || !a.complete {
		t.Fatalf("answer %+v: %v", a, err)
	}
	order := map[string]any{
		"tenant": "acme", "request": a.request, "attempt": 1, "n": 1, "reason": "vendor_invoice",
		"delta": map[string]any{"usage": map[string]int64{"output": 3}, "cost_nano_usd": 30_000},
	}
	first, again := h.correct(t, order), h.correct(t, order)
	if first.Seq == 0 || first.Done || !again.Done || again.Seq != first.Seq || again.Event != first.Event {
		t.Errorf("corrected %+v, then %+v", first, again)
	}
	verified(t, h.data)
	story, _ := command(t, "replay", "--data", h.data, "--request", a.request)
	if n := strings.Count(story, "usage.corrected"); n != 1 {
		t.Errorf("%d corrections on the log\n%s", n, story)
	}
	if err := h.interrupt(); err != nil {
		t.Errorf("stop: %v\n%s", err, h.out)
	}
}

type corrected struct {
	Event string
	Seq   uint64
	Done  bool
}

func (h *hub) correct(t *testing.T, order any) (c corrected) {
	t.Helper()
	body, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, h.url+"/api/v1/corrections", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(answer, &c) != nil {
		t.Fatalf("correction: %d %s %v", resp.StatusCode, answer, err)
	}
	return c
}

// withSettings is the configuration with more lines under settings, its last part.
func withSettings(t *testing.T, config, lines string) string {
	t.Helper()
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(path, append(b, lines...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// publishPoison publishes a request whose usage is recorded twice while it runs:
// the second record cannot be applied. Once the request has ended it can be.
func publishPoison(t *testing.T, url string) {
	t.Helper()
	log, err := natslog.Open(t.Context(), natslog.Config{
		URL: url, Class: natslog.Durable, Node: "poisoner", Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p, err := publish.New(publish.Config{
		Log: log, Node: "poisoner", Epoch: "0192f0c1-2222-7000-8000-000000000001", Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = p.Start(t.Context(), "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	who := events.Principal{Key: "ci", Model: "fake-openai"}
	target := events.Target{Provider: "openai", Credential: "main", Model: "gpt-fake"}
	recorded := events.UsageRecorded{
		Principal: who, Attempt: 1, Target: target, Source: events.FromVendor,
		Charge: events.Charge{Usage: events.Usage{Input: 5, Output: 2}, CostNanoUSD: new(int64(70))},
	}
	for _, body := range []events.Body{
		events.RequestAdmitted{Principal: who, Endpoint: "chat.completions", Decision: events.Decision{Plan: []events.Target{target}}},
		recorded, recorded,
		events.RequestFinished{Principal: who, Endpoint: "chat.completions", Outcome: events.Completed, Target: target, Attempts: 1},
	} {
		e, err := events.New(events.Head{At: now, Node: "poisoner", Tenant: "acme", Request: "poisoned", WindowAt: now, Attempt: 1}, body)
		if err == nil {
			_, err = p.Publish(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
