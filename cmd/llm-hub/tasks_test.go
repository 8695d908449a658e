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
	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
)

const tasksConfig = `providers:
  - {name: openai, kind: openai, base_url: "%[1]s/openai/v1", credentials: [{name: main, api_key: k-1}, {name: spare, api_key: k-2}]}
  - {name: anthropic, kind: anthropic, base_url: "%[1]s/anthropic", credentials: [{name: main, api_key: k-3}]}
  - {name: azure, kind: azure, base_url: "%[1]s/azure", credentials: [{name: main, api_key: k-4}]}
  - {name: azure-dated, kind: azure, base_url: "%[1]s/azure", api_version: "2024-10-21", credentials: [{name: main, api_key: k-5}]}
models:
  - {name: reader, targets: [{provider: openai, model: tts-1}]}
  - {name: speaker, targets: [{provider: anthropic, model: claude-fake, priority: 1}, {provider: openai, model: gpt-4o-mini-tts, priority: 2}]}
  - {name: listener, targets: [{provider: openai, model: "whisper-1+429:after=1", priority: 1}, {provider: openai, model: whisper-1, priority: 2}]}
  - {name: writer, targets: [{provider: openai, model: gpt-4o-transcribe}]}
  - {name: painter, targets: [{provider: openai, model: gpt-image-1}]}
  - {name: sketcher, targets: [{provider: openai, model: dall-e-3}]}
  - {name: censor, targets: [{provider: openai, model: omni-moderation-latest}]}
  - {name: mute, targets: [{provider: anthropic, model: claude-fake}]}
  - {name: azure, targets: [{provider: azure, model: gpt-fake}]}
  - {name: azure-dated, targets: [{provider: azure-dated, model: gpt-fake}]}
tenants: [{name: acme, keys: [{name: ci, key: %[2]s}]}]
settings: {prices: [{model: tts-1, characters: "15"}, {model: dall-e-3, images: "0.04"}, {model: gpt-fake, input: "1", output: "2", audio_input: "1", image_input: "1", audio_output: "2", image_output: "2"}]}
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

// taskCase is something that is asked for, and what comes of it.
type taskCase struct {
	path, kind string
	body       []byte

	status int
	answer string // its kind
	has    string
	schema string // of its JSON, in OpenAI's description; "": the endpoint's only one
}

// object and form ask for a task.
func object(path, body string) taskCase {
	return taskCase{path: path, kind: "application/json", body: []byte(body), status: http.StatusOK}
}

func form(t *testing.T, path, field string, file []byte, fields ...string) taskCase {
	t.Helper()
	kind, body := upload(t, field, file, fields...)
	return taskCase{path: path, kind: kind, body: body, status: http.StatusOK}
}

const (
	inJSON   = "application/json"
	inEvents = "text/event-stream; charset=utf-8"
)

// gets is a case whose answer is known.
func (c taskCase) gets(answer, has string) taskCase {
	c.answer, c.has = answer, has
	return c
}

func (c taskCase) refused(has string) taskCase {
	c.status, c.answer, c.has = http.StatusBadRequest, inJSON, has
	return c
}

func (c taskCase) as(schema string) taskCase {
	c.schema = schema
	return c
}

func taskCases(t *testing.T) map[string]taskCase {
	t.Helper()
	const words = "Hello there."
	sound := string(fakellm.Sound(words, 0, len(words))) + "end"
	spoken, translated := "audio/transcriptions", "audio/translations"
	return map[string]taskCase{
		"speech":                object("audio/speech", `{"model":"reader","input":"`+words+`","voice":"alloy"}`).gets("audio/mpeg", sound),
		"speech in events":      object("audio/speech", `{"model":"speaker","input":"`+words+`","voice":"alloy","stream_format":"sse"}`).gets(inEvents, "speech.audio.done"),
		"nobody can speak":      object("audio/speech", `{"model":"mute","input":"a","voice":"alloy"}`).refused("unsupported_operation"),
		"moderation":            object("moderations", `{"model":"censor","input":"violence"}`).gets(inJSON, `"flagged": true`),
		"moderations":           object("moderations", `{"model":"censor","input":["violence","peace"]}`).gets(inJSON, `"flagged": false`),
		"moderation of images":  object("moderations", `{"model":"censor","input":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}`).gets(inJSON, `"image"`),
		"image":                 object("images/generations", `{"model":"painter","prompt":"A cat."}`).gets(inJSON, "b64_json"),
		"image in events":       object("images/generations", `{"model":"painter","prompt":"A cat.","stream":true,"partial_images":1}`).gets(inEvents, "image_generation.completed"),
		"images by piece":       object("images/generations", `{"model":"sketcher","prompt":"A cat.","n":3}`).gets(inJSON, "b64_json"),
		"edit":                  form(t, "images/edits", "image[]", make([]byte, 300_000), "prompt", "A hat.", "model", "painter").gets(inJSON, "usage"),
		"edit in events":        form(t, "images/edits", "image[]", make([]byte, 100), "prompt", "A hat.", "model", "painter", "stream", "true").gets(inEvents, "image_edit.completed"),
		"variation":             form(t, "images/variations", "image", make([]byte, 100), "model", "sketcher", "n", "2").gets(inJSON, "b64_json"),
		"recording":             form(t, spoken, "file", recording(90_000), "model", "listener").gets(inJSON, "heard 2880044 bytes").as("CreateTranscriptionResponseJson"),
		"recording, verbose":    form(t, spoken, "file", recording(1500), "model", "listener", "response_format", "verbose_json").gets(inJSON, "no_speech_prob").as("CreateTranscriptionResponseVerboseJson"),
		"subtitles":             form(t, spoken, "file", recording(1500), "model", "listener", "response_format", "srt").gets("text/plain; charset=utf-8", "-->"),
		"recording, tokens":     form(t, spoken, "file", recording(2000), "model", "writer").gets(inJSON, `"type": "tokens"`).as("CreateTranscriptionResponseJson"),
		"recording in events":   form(t, spoken, "file", recording(2000), "model", "writer", "stream", "true").gets(inEvents, "transcript.text.done"),
		"speakers":              form(t, spoken, "file", recording(2000), "model", "writer", "response_format", "diarized_json").gets(inJSON, `"speaker": "A"`).as("CreateTranscriptionResponseDiarizedJson"),
		"speakers in events":    form(t, spoken, "file", recording(2000), "model", "writer", "response_format", "diarized_json", "stream", "true").gets(inEvents, "transcript.text.segment"),
		"translation":           form(t, translated, "file", recording(700), "model", "listener").gets(inJSON, "heard 22444 bytes").as("CreateTranslationResponseJson"),
		"translation, verbose":  form(t, translated, "file", recording(700), "model", "listener", "response_format", "verbose_json").gets(inJSON, `"translate"`).as("CreateTranslationResponseVerboseJson"),
		"no model":              form(t, translated, "file", recording(1)).refused("'model' is missing"),
		"nobody can transcribe": form(t, spoken, "file", recording(1), "model", "mute").refused("unsupported_operation"),
	}
}

// azureCases are what deployments do, and what they do not, asked by either API of Azure.
func azureCases(t *testing.T, model string) map[string]taskCase {
	t.Helper()
	begin := `{"model":"` + model + `"`
	return map[string]taskCase{
		"completion":          object("completions", begin+`,"prompt":"The sea","max_tokens":9}`).gets(inJSON, "text_completion"),
		"streamed completion": object("completions", begin+`,"prompt":"The sea","stream":true,"stream_options":{"include_usage":true}}`).gets(inEvents, "[DONE]"),
		"embedding":           object("embeddings", begin+`,"input":["the sea","the land"]}`).gets(inJSON, "embedding"),
		"speech":              object("audio/speech", begin+`,"input":"Hi.","voice":"alloy","stream_format":"sse"}`).gets(inEvents, "speech.audio.done"),
		"recording":           form(t, "audio/transcriptions", "file", recording(500), "model", model).gets(inJSON, "heard 16044 bytes").as("CreateTranscriptionResponseJson"),
		"translation":         form(t, "audio/translations", "file", recording(500), "model", model).gets(inJSON, "heard 16044 bytes").as("CreateTranslationResponseJson"),
		"image":               object("images/generations", begin+`,"prompt":"A cat."}`).gets(inJSON, "b64_json"),
		"edit":                form(t, "images/edits", "image[]", make([]byte, 100), "prompt", "A hat.", "model", model).gets(inJSON, "b64_json"),
		"moderation":          object("moderations", begin+`,"input":"violence"}`).refused("unsupported_operation"),
		"variation":           form(t, "images/variations", "image", make([]byte, 100), "model", model).refused("unsupported_operation"),
	}
}

// asDescribed is an error unless an answer is what OpenAI publishes of it.
func (c taskCase) asDescribed(published *openapi.Description, body string) error {
	switch endpoint := "post /" + c.path; {
	case c.status != http.StatusOK:
		return published.Error([]byte(body))
	case c.answer == inEvents:
		return published.Stream(endpoint, body)
	case c.answer != inJSON:
		return nil // sound and text are of no form
	case c.schema != "":
		return published.Is(c.schema, []byte(body))
	default:
		return published.Answer(endpoint, []byte(body))
	}
}

// TestTasksAgreeWithVendor asks for everything that is no text: answers are as OpenAI
// describes them, and the books are what the vendor's own ledger says, class by class.
func TestTasksAgreeWithVendor(t *testing.T) {
	t.Parallel()
	published, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	v := startVendor(t)
	config := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, tasksConfig, v.url, hubKey), 0o600); err != nil {
		t.Fatal(err)
	}
	h := startHub(t, t.TempDir(), "--config", config, "--allow-private-cidrs", "127.0.0.0/8")
	for of, cases := range map[string]map[string]taskCase{
		"openai": taskCases(t), "azure": azureCases(t, "azure"), "azure-dated": azureCases(t, "azure-dated"),
	} {
		for name, c := range cases {
			status, header, body := h.task(c.path, c.kind, c.body)
			if status != c.status || header.Get("Content-Type") != c.answer || !strings.Contains(body, c.has) {
				t.Errorf("%s, %s: status %d, %s: %.300q", of, name, status, header.Get("Content-Type"), body)
			} else if err := c.asDescribed(published, body); err != nil {
				t.Errorf("%s, %s: %v", of, name, err)
			}
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
