package call_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// tasking is of a hub whose requests are tasks, whatever the client says.
func tasking(t *testing.T, in func() (*provider.Inbound, error), models ...string) settings {
	t.Helper()
	var targets []control.Target
	for i, m := range models {
		targets = append(targets, control.Target{Model: m, Priority: i + 1, Weight: 1})
	}
	return settings{
		targets: targets,
		vendors: func(string) provider.Vendor { return openai.New(nil, openai.Traits{Tasks: provider.Tasks()}) },
		asks: func(r *call.Request) {
			inbound, err := in()
			if err != nil {
				t.Error(err)
				return
			}
			r.Endpoint, r.Inbound = string(inbound.Task), inbound
			r.Operation = call.Operation{Wordless: true, Of: func(v provider.Vendor) call.Prepare {
				return v.(provider.Worker).PrepareTask
			}}
		},
	}
}

func speech(text, format string) func() (*provider.Inbound, error) {
	return func() (*provider.Inbound, error) {
		return openai.ParseSpeech(fmt.Appendf(nil, `{"model":"smart","input":%q,"voice":"alloy","stream_format":%q}`, text, format))
	}
}

func pictures(members string) func() (*provider.Inbound, error) {
	return func() (*provider.Inbound, error) {
		return openai.ParseImages([]byte(`{"model":"smart","prompt":"A cat."` + members + `}`))
	}
}

// recording is a WAV file of so many ms.
func recording(ms int) []byte {
	const bytesPerMS = 32
	n := uint32(ms * bytesPerMS)
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
	head = append(head, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(head, bytes.Repeat([]byte("\x00\xff"), int(n)/2)...)
}

// upload is a form with a recording before all else.
func upload(t *testing.T, ms int, fields ...string) func() (*provider.Inbound, error) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "a.wav")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(recording(ms))
	for i := 0; i < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	_ = w.WriteField("model", "smart")
	_ = w.Close()
	store := form.NewStore(t.TempDir(), 1<<30)
	return func() (*provider.Inbound, error) {
		f, err := store.Read(bytes.NewReader(b.Bytes()), w.FormDataContentType())
		if err != nil {
			return nil, err
		}
		t.Cleanup(f.Close)
		return openai.ParseTranscription(provider.Transcribe)(f)
	}
}

// TestTasks: what is billed is what the vendor says, else what can be counted, in the
// unit of the model's price.
func TestTasks(t *testing.T) {
	const words = "Hello there, world."
	sound := string(fakellm.Sound(words, 0, len(words))) + "end"
	for name, tt := range map[string]struct {
		model  string
		in     func() (*provider.Inbound, error)
		kind   string // of the answer
		source events.Source
		usage  events.Usage
		cost   int64
		check  func(body string) bool
	}{
		"speech by characters": {
			"tts-1", speech(words, "audio"), "audio/mpeg", events.Estimated, events.Usage{Characters: 19}, 285_000,
			func(body string) bool { return body == sound },
		},
		"speech by tokens, untold": {
			"gpt-4o-mini-tts", speech(words, "audio"), "audio/mpeg", events.Estimated, events.Usage{Input: 5, AudioOutput: 27}, 329_000,
			func(body string) bool { return body == sound },
		},
		"speech by tokens": {
			"gpt-4o-mini-tts", speech(words, "sse"), "text/event-stream; charset=utf-8", events.FromVendor,
			events.Usage{Input: 5, AudioOutput: 19}, 233_000, func(body string) bool { return spoken(body)+"end" == sound },
		},
		"images by the piece": {
			"dall-e-3", pictures(`,"n":2`), "application/json", events.Estimated, events.Usage{Images: 2}, 80_000_000,
			func(body string) bool { return strings.Count(body, "b64_json") == 2 },
		},
		"images by tokens": {
			"gpt-image-1", pictures(``), "application/json", events.FromVendor, events.Usage{Input: 2, ImageOutput: 272}, 10_890_000,
			func(body string) bool { return strings.Contains(body, "usage") },
		},
		"images in a stream": {
			"gpt-image-1", pictures(`,"stream":true`), "text/event-stream; charset=utf-8", events.FromVendor,
			events.Usage{Input: 2, ImageOutput: 272}, 10_890_000, func(body string) bool {
				return strings.Contains(body, "partial_image") && strings.Contains(body, `x_llmhub {"cost_nano_usd":10890000`) && strings.Contains(body, "completed")
			},
		},
		"sound by its length": {
			"whisper-1", upload(t, 61_500), "application/json", events.FromVendor, events.Usage{AudioMS: 61_500}, 6_150_000,
			func(body string) bool { return strings.Contains(body, "heard 1968044 bytes") },
		},
		"sound that nobody measured": {
			"whisper-1", upload(t, 61_500, "response_format", "srt"), "text/plain; charset=utf-8", events.Estimated,
			events.Usage{AudioMS: 61_500}, 6_150_000, func(body string) bool { return strings.Contains(body, "-->") },
		},
		"a stream that is none": {
			"whisper-1", upload(t, 1000, "stream", "true"), "application/json", events.FromVendor, events.Usage{AudioMS: 1000}, 100_000,
			func(body string) bool { return strings.Contains(body, `"duration"`) },
		},
		"sound by tokens": {
			"gpt-4o-transcribe", upload(t, 2000, "stream", "true", "prompt", "Names."), "text/event-stream; charset=utf-8", events.FromVendor,
			events.Usage{Input: 2, AudioInput: 20, Output: 7}, 192_000, func(body string) bool { return strings.Contains(body, "transcript.text.done") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, tasking(t, tt.in, tt.model))
			a := h.ask(false)
			if a.status != http.StatusOK || a.err != nil || a.header.Get("Content-Type") != tt.kind || !tt.check(a.body) {
				t.Errorf("status %d, %s, %v: %.200q", a.status, a.header.Get("Content-Type"), a.err, a.body)
			}
			u := only[events.UsageRecorded](t, h.facts(1))
			if diff := cmp.Diff(tt.usage, u.Charge.Usage); diff != "" || u.Source != tt.source {
				t.Errorf("from %s (-want +got):\n%s", u.Source, diff)
			}
			if u.Charge.CostNanoUSD == nil || *u.Charge.CostNanoUSD != tt.cost {
				t.Errorf("charge %+v, want a cost of %d", u.Charge, tt.cost)
			}
		})
	}
}

// spoken is the sound of a stream's events.
func spoken(body string) string {
	var b strings.Builder
	for _, line := range lines(body) {
		var e struct{ Audio string }
		_ = json.Unmarshal([]byte(line), &e)
		sound, _ := base64.StdEncoding.DecodeString(e.Audio)
		b.Write(sound)
	}
	return b.String()
}

// TestUploadGoesToTheNext: a form that one vendor has read in vain goes whole to another.
func TestUploadGoesToTheNext(t *testing.T) {
	h := newHub(t, tasking(t, upload(t, 20_000), "whisper-1+500", "whisper-1+reset", "whisper-1"))
	a := h.ask(false)
	if a.status != http.StatusOK || !strings.Contains(a.body, "heard 640044 bytes") || a.header.Get("x-llmhub-attempts") != "3" {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	all := h.facts(1)
	if u := only[events.UsageRecorded](t, all); u.Charge.Usage != (events.Usage{AudioMS: 20_000}) || u.Attempt != 3 {
		t.Errorf("usage %+v", u)
	}
}

// TestTornSound: sound that breaks off never looks whole, and is billed.
func TestTornSound(t *testing.T) {
	h := newHub(t, tasking(t, speech(strings.Repeat("Hello there. ", 100), "audio"), "tts-1+cut=3"))
	a := h.ask(false)
	if a.status != http.StatusOK || a.err == nil || len(a.body) == 0 {
		t.Errorf("status %d, %v, %d bytes", a.status, a.err, len(a.body))
	}
	all := h.facts(1)
	u := only[events.UsageRecorded](t, all)
	if u.Charge.Usage != (events.Usage{Characters: 1300}) || u.Source != events.Estimated {
		t.Errorf("usage %+v", u)
	}
	if f := only[events.RequestFinished](t, all); f.Outcome != events.Failed {
		t.Errorf("finished %+v", f)
	}
}

// TestTornTaskStream: a stream of a task that breaks ends in an error event.
func TestTornTaskStream(t *testing.T) {
	for _, directive := range []string{"cut", "noend", "malformed", "error"} {
		h := newHub(t, tasking(t, speech(strings.Repeat("Hello there. ", 100), "sse"), "gpt-4o-mini-tts+"+directive))
		a := h.ask(false)
		if e := errorOf(t, lines(a.body)[len(lines(a.body))-1]); a.status != http.StatusOK || e["type"] == nil || strings.Contains(a.body, "audio.done") {
			t.Errorf("%s: status %d: %.300s", directive, a.status, a.body)
		}
		if f := only[events.RequestFinished](t, h.facts(1)); f.Outcome != events.Failed {
			t.Errorf("%s: finished %+v", directive, f)
		}
	}
}

// TestTaskUnderLimits: what is foreseen is reserved before a vendor is called.
func TestTaskUnderLimits(t *testing.T) {
	s := tasking(t, pictures(`,"n":3`), "dall-e-3")
	s.limits = []accounting.Limit{{Per: accounting.Day, Of: accounting.OfCost, Max: 100_000_000, Mode: accounting.Hard}}
	h := newHub(t, s)
	a := h.ask(false)
	if a.status != http.StatusTooManyRequests {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if n := h.fake.Ledger(0, 1).Totals.Requests; n != 0 {
		t.Errorf("the vendor was called %d times", n)
	}
}

// TestHangUpOnSound: sound that is not listened to, to its end or not, is billed whole.
func TestHangUpOnSound(t *testing.T) {
	for _, wish := range []string{"drain", "cancel"} {
		t.Run(wish, func(t *testing.T) {
			s := tasking(t, speech(strings.Repeat("Hello there. ", 100), "audio"), "tts-1+delay=2ms")
			s.onDisconnect = wish
			h := newHub(t, s)
			res, err := h.post(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := res.Body.Read(make([]byte, 100)); n == 0 {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			all := h.facts(1)
			if u := only[events.UsageRecorded](t, all); u.Charge.Usage != (events.Usage{Characters: 1300}) {
				t.Errorf("usage %+v", u)
			}
			if f := only[events.RequestFinished](t, all); f.Outcome != events.Cancelled {
				t.Errorf("finished %+v", f)
			}
		})
	}
}
