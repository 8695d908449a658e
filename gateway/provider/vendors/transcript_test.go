package vendors_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// transcripts has a folder for every kind of vendor.
const transcripts = "testdata/transcripts"

// adapterOf is the adapter of a kind with a fixed clock and ids that count.
func adapterOf(kind string) provider.Vendor {
	n := 0
	ids := func() string {
		n++
		return strconv.Itoa(n)
	}
	return vendors.AdapterFor(kind, map[provider.Dialect]chat.Client{
		provider.OpenAI:    openai.Client{Now: func() time.Time { return time.Unix(1_760_000_000, 0) }, NewID: ids},
		provider.Anthropic: anthropic.Client{NewID: ids},
	})
}

// TestTranscripts plays what every kind of vendor says in its own way: a whole answer,
// a stream and errors, to an application that speaks OpenAI. A kind without fails.
func TestTranscripts(t *testing.T) {
	for _, info := range vendors.List() {
		t.Run(info.Kind, func(t *testing.T) {
			dir := filepath.Join(transcripts, info.Kind)
			for _, name := range []string{"unary.txt", "stream.txt", "errors.tsv"} {
				if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
					t.Errorf("the kind has no transcript: %v", err)
				}
			}
			player := providertest.Player{Parse: openai.ParseChat, Vendor: func() provider.Vendor { return adapterOf(info.Kind) }, Update: *update}
			player.Play(t, dir)
			checkErrors(t, adapterOf(info.Kind), filepath.Join(dir, "errors.tsv"))
		})
	}
}

// checkErrors reads lines of a status, a header or "-", a body, and what must be
// understood of it, with tabs between.
func checkErrors(t *testing.T, v provider.Vendor, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) < 3 {
			t.Fatalf("%s: %q has no status, header and body", path, line)
		}
		status, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		if name, value, ok := strings.Cut(fields[1], ": "); ok {
			h.Set(name, value)
		}
		f := v.Failure(status, h, []byte(fields[2]))
		understood := fmt.Sprintf("%s after %s: %s", f.Class, f.RetryAfter, f.Message)
		fmt.Fprintf(&out, "%s\t%s\n", strings.Join(fields[:3], "\t"), understood)
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), out.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}
