package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
)

const tasksConfig = `providers:
  - {name: openai, kind: openai, base_url: "%[1]s/openai/v1", credentials: [{name: main, api_key: k-1}, {name: spare, api_key: k-2}]}
  - {name: anthropic, kind: anthropic, base_url: "%[1]s/anthropic", credentials: [{name: main, api_key: k-3}]}
models:
  - {name: reader, targets: [{provider: openai, model: tts-1}]}
  - {name: speaker, targets: [{provider: anthropic, model: claude-fake, priority: 1}, {provider: openai, model: gpt-4o-mini-tts, priority: 2}]}
  - {name: listener, targets: [{provider: openai, model: "whisper-1+429:after=1", priority: 1}, {provider: openai, model: whisper-1, priority: 2}]}
  - {name: writer, targets: [{provider: openai, model: gpt-4o-transcribe}]}
  - {name: painter, targets: [{provider: openai, model: gpt-image-1}]}
  - {name: sketcher, targets: [{provider: openai, model: dall-e-3}]}
  - {name: censor, targets: [{provider: openai, model: omni-moderation-latest}]}
  - {name: mute, targets: [{provider: anthropic, model: claude-fake}]}
tenants: [{name: acme, keys: [{name: ci, key: %[2]s}]}]
settings: {prices: [{model: tts-1, characters: "15"}, {model: dall-e-3, images: "0.04"}]}
`

// recording is a WAV file of silence, of so many ms.
func recording(ms int) []byte {
	const bytesPerMS = 32
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
	return append(binary.LittleEndian.AppendUint32(head, uint32(ms*bytesPerMS)), make([]byte, ms*bytesPerMS)...)
}

// upload is a form whose file comes before all else, as JavaScript's clients write it.
func upload(t *testing.T, field string, file []byte, fields ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, "file.bin")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(file)
	for i := 0; i < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

// task asks for one and reads the answer.
func (h *hub) task(path, kind string, body []byte) (status int, header http.Header, answer string) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.url+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+hubKey)
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Errorf("%s: %v", path, err)
	}
	return resp.StatusCode, resp.Header, string(all)
}

// TestTasksAgreeWithVendor asks for everything that is no text: the books are what the
// vendor's own ledger says, class by class.
func TestTasksAgreeWithVendor(t *testing.T) {
	t.Parallel()
	v := startVendor(t)
	config := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, tasksConfig, v.url, hubKey), 0o600); err != nil {
		t.Fatal(err)
	}
	h := startHub(t, t.TempDir(), "--config", config, "--allow-private-cidrs", "127.0.0.0/8")
	const words = "Hello there."
	sound := string(fakellm.Sound(words, 0, len(words))) + "end"
	form := func(path, field string, file []byte, fields ...string) func() (int, http.Header, string) {
		return func() (int, http.Header, string) {
			kind, body := upload(t, field, file, fields...)
			return h.task(path, kind, body)
		}
	}
	object := func(path, body string) func() (int, http.Header, string) {
		return func() (int, http.Header, string) { return h.task(path, "application/json", []byte(body)) }
	}
	for name, tt := range map[string]struct {
		ask    func() (int, http.Header, string)
		status int
		kind   string
		has    string
	}{
		"speech":            {object("audio/speech", `{"model":"reader","input":"`+words+`","voice":"alloy"}`), 200, "audio/mpeg", sound},
		"speech in events":  {object("audio/speech", `{"model":"speaker","input":"`+words+`","voice":"alloy","stream_format":"sse"}`), 200, "text/event-stream; charset=utf-8", "speech.audio.done"},
		"nobody can speak":  {object("audio/speech", `{"model":"mute","input":"a","voice":"alloy"}`), 400, "application/json", "unsupported_operation"},
		"moderation":        {object("moderations", `{"model":"censor","input":"violence"}`), 200, "application/json", `"flagged": true`},
		"image":             {object("images/generations", `{"model":"painter","prompt":"A cat."}`), 200, "application/json", "b64_json"},
		"image in events":   {object("images/generations", `{"model":"painter","prompt":"A cat.","stream":true,"partial_images":1}`), 200, "text/event-stream; charset=utf-8", "image_generation.completed"},
		"images by piece":   {object("images/generations", `{"model":"sketcher","prompt":"A cat.","n":3}`), 200, "application/json", "b64_json"},
		"edit":              {form("images/edits", "image[]", make([]byte, 300_000), "prompt", "A hat.", "model", "painter"), 200, "application/json", "usage"},
		"variation":         {form("images/variations", "image", make([]byte, 100), "model", "sketcher", "n", "2"), 200, "application/json", "b64_json"},
		"recording":         {form("audio/transcriptions", "file", recording(90_000), "model", "listener"), 200, "application/json", "heard 2880044 bytes"},
		"subtitles":         {form("audio/transcriptions", "file", recording(1500), "model", "listener", "response_format", "srt"), 200, "text/plain; charset=utf-8", "-->"},
		"recording, tokens": {form("audio/transcriptions", "file", recording(2000), "model", "writer", "stream", "true"), 200, "text/event-stream; charset=utf-8", "transcript.text.done"},
		"translation":       {form("audio/translations", "file", recording(700), "model", "listener"), 200, "application/json", "heard 22444 bytes"},
		"no model":          {form("audio/translations", "file", recording(1)), 400, "application/json", "'model' is missing"},
	} {
		status, header, body := tt.ask()
		if status != tt.status || header.Get("Content-Type") != tt.kind || !strings.Contains(body, tt.has) {
			t.Errorf("%s: status %d, %s: %.300q", name, status, header.Get("Content-Type"), body)
		}
	}
	(sdk{"tasks", "openai-sdk", filepath.Join("node_modules", "openai"), []string{"node", "tasks.mjs"}}).run(t, h)
	h.drained()
	verified(t, h.data)
	if left, err := os.ReadDir(filepath.Join(h.data, "forms")); err != nil || len(left) > 0 {
		t.Errorf("forms are left: %v, %v", left, err)
	}

	var billed struct {
		Totals fakellm.Totals `json:"totals"`
	}
	if err := getJSON(v.url+"/_fake/ledger", "", &billed); err != nil {
		t.Fatal(err)
	}
	var booked struct {
		Totals struct {
			Usage    events.Usage
			Unpriced int64
		}
	}
	to := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	if err := getJSON(h.url+"/api/v1/usage?to="+to, h.token, &booked); err != nil {
		t.Fatal(err)
	}
	got, l := booked.Totals.Usage, billed.Totals.Usage
	want := events.Usage{
		Input: l.Input - l.AudioInput - l.ImageInput, AudioInput: l.AudioInput, ImageInput: l.ImageInput,
		Output: l.Output - l.AudioOutput - l.ImageOutput, AudioOutput: l.AudioOutput, ImageOutput: l.ImageOutput,
		Images: l.Images, AudioMS: l.AudioMS, Characters: l.Characters,
	}
	if diff := cmp.Diff(want, got); diff != "" || booked.Totals.Unpriced != 0 {
		t.Errorf("%d unpriced (-the vendor's ledger +our books):\n%s", booked.Totals.Unpriced, diff)
	}
}
