package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What TestStreams does, and what it allows.
const (
	fewStreams      = 30
	manyStreams     = 120
	manyStreamsFull = 1000
	// streamMemory bounds what a stream adds to live heap and stacks, in bytes, with
	// connections of HTTP/1.1 on both sides, which cost most: 26 KiB of it are stacks.
	streamMemory = 64 << 10

	slowReaders = 3
	slowAnswer  = 16 << 20 // bytes that the vendor would send to each: more than the kernel takes on the way
	slowMemory  = 8 << 20  // bytes of the process's memory for all of them
)

// collect makes the collector look often at what is alive.
const collect = "GOGC=20"

// TestStreams: a thousand streams at once, or fewer in the short form, come whole and cost
// little, and clients that do not read keep the vendor waiting, not the gateway's memory.
func TestStreams(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	args := serveArgs(t, v)
	addModels(t, args[1], "stream", "chunk=1+delay="+sized("40ms", "200ms"), calm, "chunk=1+delay=1s", "huge", fmt.Sprintf("chunk=1024+huge=%d", slowAnswer>>10))
	h := startTidyHub(t, args...)
	n := sized(manyStreams, manyStreamsFull)
	few := h.crowd(t, v, fewStreams, "stream") // what any number needs is not counted
	many := h.crowd(t, v, n, "stream")
	each := (many - few) / int64(n-fewStreams)
	t.Logf("live: %d KiB with %d streams, %d KiB with %d: %d KiB each", few>>10, fewStreams, many>>10, n, each>>10)
	if n == manyStreamsFull && each > streamMemory { // of few streams the collector's noise is most
		t.Errorf("a stream costs %d KiB, want at most %d", each>>10, streamMemory>>10)
	}
	h.slowReaders(t, v)
	verified(t, h.data)
}

// startTidyHub starts a hub that collects its garbage often.
func startTidyHub(t *testing.T, args ...string) *hub {
	t.Helper()
	data := t.TempDir()
	cmd := exec.Command(filepath.Join(binDir, "llm-hub"), hubArgs(data, args...)...)
	cmd.Env = append(os.Environ(), collect)
	h := &hub{process: startCommand(t, cmd), data: data}
	h.waitReady()
	return h
}

// addModels adds models to a configuration: pairs of a name, to which the vendor's is
// added, and how the vendor misbehaves.
func addModels(t *testing.T, path string, pairs ...string) {
	t.Helper()
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	models := "models:\n"
	for i := 0; i < len(pairs); i += 2 {
		for vendor, model := range map[string]string{"openai": "gpt-fake", "anthropic": "claude-fake", "gemini": "gemini-fake"} {
			models += fmt.Sprintf("  - {name: %s-%s, targets: [{provider: %[2]s, model: %s+%s}]}\n", pairs[i], vendor, model, pairs[i+1])
		}
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(config), "models:\n", models, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// calm is a model whose streams last so long that all of them run at once on any machine.
const calm = "calm"

// crowd runs n streams of a model at once, checks what each gets, and gives the memory that
// the hub needs while all of them run. If the first have ended before the last have begun,
// it tries again with calm ones.
func (h *hub) crowd(t *testing.T, v *vendor, n int, model string) (used int64) {
	t.Helper()
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() {
			text := fmt.Sprintf("Stream %05d says: %s", i, strings.Repeat("äöü 🌊 ", 15))
			a, err := h.chat(context.Background(), model+"-"+[]string{"openai", "anthropic", "gemini"}[i%3], true, text)
			if err != nil || !a.complete || a.failed {
				t.Errorf("stream %d: %v, complete: %t: %s", i, err, a.complete, a.body)
				return
			}
			if said := said(a.body); !strings.HasSuffix(said, text) {
				t.Errorf("stream %d: got %q, want %q", i, said, text)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		clients.Wait()
		close(done)
	}()
	most := 0
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			if most < n && model != calm {
				return h.crowd(t, v, n, calm)
			}
			if most < n {
				t.Errorf("only %d of %d streams ran at once", most, n)
			}
			return used
		case <-tick.C:
			var l ledger
			if err := getJSON(v.url+"/_fake/ledger?limit=1", "", &l); err != nil {
				t.Fatal(err)
			}
			if most = max(most, l.InFlight); l.InFlight < n {
				continue
			}
			if now := h.live(t); used == 0 || now < used { // what is more is the garbage of their beginnings
				used = now
			}
		}
	}
}

// said is the text of a stream of chat completions.
func said(stream string) string {
	var b strings.Builder
	for line := range strings.Lines(stream) {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || json.Unmarshal([]byte(data), &chunk) != nil {
			continue
		}
		for _, c := range chunk.Choices {
			b.WriteString(c.Delta.Content)
		}
	}
	return b.String()
}

// live is what of the process's memory is not garbage, in bytes: heap and stacks.
func (h *hub) live(t *testing.T) int64 {
	t.Helper()
	var sum float64
	for _, name := range []string{"go_gc_heap_live_bytes", "go_memstats_stack_inuse_bytes"} {
		n, err := h.metricValue(name)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return int64(sum)
}

// slowReaders asks for long answers and does not read them: the vendor must come to a halt,
// and go on when they are read after all.
func (h *hub) slowReaders(t *testing.T, v *vendor) {
	t.Helper()
	before := h.live(t)
	answers := make([]*http.Response, slowReaders)
	for i := range answers {
		body := fmt.Sprintf(`{"model":"huge-%s","stream":true,"max_tokens":100000000,"messages":[{"role":"user","content":"Hi."}]}`, []string{"openai", "anthropic", "gemini"}[i%3])
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+hubKey)
		if answers[i], err = http.DefaultClient.Do(req); err != nil {
			t.Fatal(err)
		}
		defer answers[i].Body.Close()
	}
	<-time.After(time.Second) // in which much would have come, if anybody took it
	var l ledger
	if err := getJSON(v.url+"/_fake/ledger?limit=1", "", &l); err != nil {
		t.Fatal(err)
	}
	if l.InFlight != slowReaders {
		t.Errorf("the vendor is still sending %d of %d answers: somebody has taken the others", l.InFlight, slowReaders)
	}
	if grown := h.live(t) - before; grown > slowMemory {
		t.Errorf("%d slow readers cost %d KiB", slowReaders, grown>>10)
	}
	var readers sync.WaitGroup
	for i, r := range answers {
		readers.Go(func() {
			var a answer
			err := a.readStream(r.Body)
			if n := len(said(a.body)); err != nil || !a.complete || n < slowAnswer {
				t.Errorf("slow reader %d: %v, complete: %t, %d bytes: %s", i, err, a.complete, n, a.body[max(0, len(a.body)-outputTail):])
			}
		})
	}
	readers.Wait()
}
