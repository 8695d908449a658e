package responses_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
)

// section is a section of every transcript in a directory.
func section(f *testing.F, dir, name string) []string {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("%s: %v", dir, err)
	}
	var all []string
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, text, ok := strings.Cut(string(raw), "-- "+name+" --\n"); ok {
			text, _, _ = strings.Cut(text, "\n-- ")
			all = append(all, text)
		}
	}
	return all
}

// played is a stream as a client gets it, and whether it ended well.
func played(s provider.Stream) (body string, whole bool) {
	var b strings.Builder
	for {
		chunk, err := s.Next()
		b.Write(chunk)
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			b.Write(s.Trailer(provider.Bill{Request: "r"}))
		default:
			b.Write(s.Abort(gateway.AsError(err)))
		}
		return b.String(), errors.Is(err, io.EOF)
	}
}

// fuzzStream holds that a stream comes out the same however it arrives, and that it is
// closed by the dialect's last event or by an error, never by both.
func fuzzStream(f *testing.F, dir string, vendor func() provider.Vendor, check func(t *testing.T, body string)) {
	for _, answer := range section(f, dir, "vendor answer") {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		open := func() *provider.Outbound {
			in, err := responses.ParseResponse([]byte(`{"model":"smart","input":"Hello?","stream":true,"tools":[{"type":"custom","name":"patch"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			out, err := vendor().Prepare(in, provider.Target{Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		body, whole := played(open().Stream(strings.NewReader(answer)))
		if again, _ := played(open().Stream(iotest.OneByteReader(strings.NewReader(answer)))); again != body {
			t.Errorf("by single bytes it is\n%s\nnot\n%s", again, body)
		}
		if broken := strings.Contains(body, "event: error\ndata: {\"type\":\"error\""); broken == whole {
			t.Errorf("whole: %t, broken: %t: %s", whole, broken, body)
		}
		check(t, body)
	})
}

func FuzzNativeStream(f *testing.F) {
	fuzzStream(f, "testdata/native", native, func(*testing.T, string) {})
}

// FuzzTranslatedStream also holds that whatever a vendor says becomes events as they are
// published, in their order.
func FuzzTranslatedStream(f *testing.F) {
	published, err := openapi.Load()
	if err != nil {
		f.Fatal(err)
	}
	fuzzStream(f, "testdata/chat", over(chatWire), func(t *testing.T, body string) {
		if err := published.Stream(endpoint, body); err != nil {
			t.Error(err)
		}
		checkEvents(t, body)
	})
}

// FuzzRequest holds that whatever a client sends is refused with a reason, or becomes a
// request that is JSON, for every kind of vendor; and that what stands alone still does.
func FuzzRequest(f *testing.F) {
	for _, dir := range []string{"testdata/chat", "testdata/native", "testdata/anthropic"} {
		for _, body := range section(f, dir, "client request") {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		in, err := responses.ParseResponse([]byte(body))
		if err != nil {
			if gateway.AsError(err).Kind != gateway.Invalid || gateway.AsError(err).Public == "" {
				t.Errorf("refused with %v", err)
			}
			return
		}
		for dir, p := range players() {
			out, err := p.Vendor().Prepare(in, provider.Target{Model: "m"})
			if err != nil && gateway.AsError(err).Kind != gateway.Invalid {
				t.Errorf("%s: refused with %v", dir, err)
			}
			if err == nil && !json.Valid(out.Body) {
				t.Errorf("%s: asked %s", dir, out.Body)
			}
		}
		responses.References(in.Body)
		alone := responses.Expand(in.Body, []json.RawMessage{json.RawMessage(`{"role":"user","content":"before"}`)}, nil)
		if again, err := responses.ParseResponse(alone); err != nil || again.Previous != "" || again.Model != in.Model {
			t.Errorf("expanded: %v: %s", err, alone)
		}
		for _, item := range itemsOf(t, responses.Input(in.Body)) {
			if listed, id := responses.Listed(item, "made"); !json.Valid(listed) || id == "" {
				t.Errorf("listed: %q, %s", id, listed)
			}
		}
	})
}

func itemsOf(t *testing.T, list json.RawMessage) []json.RawMessage {
	t.Helper()
	var items []json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	return items
}
