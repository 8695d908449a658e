package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestResponses: what goes on from an answer finds the vendor, and the very credential,
// that keeps it, also after a restart, and what the hub keeps itself; no other tenant
// does; nothing of it can be read on the disk; and the books say what the vendor says.
func TestResponses(t *testing.T) {
	t.Parallel()
	const strangerKey = "stranger-key-0123456789-0123456789-0123"
	v := startVendor(t)
	args := serveArgs(t, v)
	config, err := os.ReadFile(args[1])
	if err != nil {
		t.Fatal(err)
	}
	more := strings.NewReplacer(
		"settings:\n", "settings:\n  retention: {content_days: 1}\n",
		"tenants:\n", "tenants:\n  - {name: stranger, keys: [{name: ci, key: "+strangerKey+"}]}\n",
	).Replace(string(config))
	if err := os.WriteFile(args[1], []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	h := startHub(t, data, args...)
	var kept []keptResponse
	for _, vendor := range []string{"openai", "anthropic", "gemini"} {
		for i := range 4 { // both credentials of OpenAI serve some
			kept = append(kept, h.respond(t, hubKey, fmt.Sprintf(`{"model":"fake-%s","input":"s3cretword-%d","stream":%t}`, vendor, i, i%2 == 1)))
		}
	}
	h.drained()
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	h = startHub(t, data, args...)
	for _, k := range kept {
		again := h.respond(t, hubKey, fmt.Sprintf(`{"model":%q,"input":"more","previous_response_id":%q}`, k.model, k.ID))
		if again.Usage.Input <= 2 {
			t.Errorf("%s: only %d tokens of prompt, what was said before is not among them", k.model, again.Usage.Input)
		}
		status, body := h.ask(t, strangerKey, fmt.Sprintf(`{"model":%q,"input":"more","previous_response_id":%q}`, k.model, k.ID))
		if status != http.StatusBadRequest || !strings.Contains(body, "previous_response_not_found") {
			t.Errorf("%s: a stranger got %d: %s", k.model, status, body)
		}
	}
	for _, vendor := range []string{"openai", "anthropic", "gemini"} {
		if _, body := h.ask(t, hubKey, fmt.Sprintf(`{"model":"cut-%s","input":"some words","stream":true}`, vendor)); !strings.Contains(body, "event: error") || strings.Contains(body, "event: response.completed") {
			t.Errorf("%s: a cut stream ends in %s", vendor, body)
		}
	}
	h.drained()
	checkResponseBooks(t, readLedger(t, v.url), books(t, data))
	verified(t, data)
	if err := h.interrupt(); err != nil {
		t.Fatal(err)
	}
	checkUnreadable(t, data, "s3cretword")
}

// keptResponse is what a client knows of a response.
type keptResponse struct {
	model string
	ID    string `json:"id"`
	Usage struct {
		Input int64 `json:"input_tokens"`
	} `json:"usage"`
}

// respond asks for a response, streamed or not, which must be whole.
func (h *hub) respond(t *testing.T, key, body string) keptResponse {
	t.Helper()
	status, answer := h.ask(t, key, body)
	if at := strings.LastIndex(answer, "event: response.completed\ndata: "); at >= 0 {
		var last struct{ Response json.RawMessage }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(answer[at:], "event: response.completed\ndata: ")), &last); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		answer = string(last.Response)
	}
	var k keptResponse
	if err := json.Unmarshal([]byte(answer), &k); err != nil || status != http.StatusOK || k.ID == "" {
		t.Fatalf("%s: status %d, %v: %s", body, status, err, answer)
	}
	var asked struct{ Model string }
	if err := json.Unmarshal([]byte(body), &asked); err != nil {
		t.Fatal(err)
	}
	k.model = asked.Model
	return k
}

func (h *hub) ask(t *testing.T, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, h.url+"/v1/responses", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// checkResponseBooks compares the books with the vendor's ledger, request by request.
func checkResponseBooks(t *testing.T, l ledger, all map[string]*account) {
	t.Helper()
	served := servedByRequest(l)
	if len(served) < 24 {
		t.Errorf("the vendor knows of %d requests", len(served))
	}
	for id, s := range served {
		a := all[id]
		if a == nil || a.ends != 1 || a.records != 1 {
			t.Errorf("%s, %s: on the books %+v", id, s.Model, a)
			continue
		}
		cut := strings.Contains(s.Outcome, "cut")
		switch {
		case cut && (a.output == 0 || a.output > s.Output || !a.estimated):
			t.Errorf("%s, %s: a cut stream of %d tokens is on the books as %+v", id, s.Model, s.Output, a)
		case !cut && (a.input != s.Input || a.output != s.Output || a.estimated):
			t.Errorf("%s, %s: %d in, %d out, on the books %+v", id, s.Model, s.Input, s.Output, a)
		}
	}
}

// checkUnreadable fails if a text is in any file.
func checkUnreadable(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte(text)) {
			t.Errorf("%q is in %s", text, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
