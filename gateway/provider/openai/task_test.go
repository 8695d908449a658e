package openai_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

func worker() openai.Vendor { return openai.New(nil, openai.Traits{Tasks: provider.Tasks()}) }

// fromForm parses a form that a transcript shows with plain line ends.
func fromForm(parse openai.FormParser) func(body []byte) (*provider.Inbound, error) {
	return func(body []byte) (*provider.Inbound, error) {
		text := strings.ReplaceAll(string(body), "\n", "\r\n") + "\r\n"
		f, err := form.NewStore("", 0).Read(strings.NewReader(text), "multipart/form-data; boundary=x1")
		if err != nil {
			return nil, err
		}
		return parse(f)
	}
}

// taskParsers are the parsers of all tasks, by the folder of their transcripts.
func taskParsers() map[string]func(body []byte) (*provider.Inbound, error) {
	return map[string]func(body []byte) (*provider.Inbound, error){
		"moderations":    openai.ParseModeration,
		"images":         openai.ParseImages,
		"edits":          openai.ParseImageEdits,
		"edit_forms":     fromForm(openai.ParseImageForm(provider.EditImages)),
		"variations":     fromForm(openai.ParseImageForm(provider.VaryImages)),
		"speech":         openai.ParseSpeech,
		"transcriptions": fromForm(openai.ParseTranscription(provider.Transcribe)),
		"translations":   fromForm(openai.ParseTranscription(provider.Translate)),
	}
}

func taskPlayer(parse func(body []byte) (*provider.Inbound, error)) providertest.Player {
	return providertest.Player{
		Parse: parse, Update: *update,
		Vendor: func() provider.Vendor { return providertest.Preparing(worker(), worker().PrepareTask) },
	}
}

func TestTasks(t *testing.T) {
	for dir, parse := range taskParsers() {
		t.Run(dir, func(t *testing.T) { taskPlayer(parse).Play(t, "testdata/tasks/"+dir) })
	}
}

// FuzzTaskStream holds that a stream comes out the same however it arrives, and ends
// either well or with an error.
func FuzzTaskStream(f *testing.F) {
	f.Add("event: a\ndata: {\"type\":\"a.delta\"}\n\ndata: {\"type\":\"a.done\",\"usage\":{\"input_tokens\":1}}\n\ndata: [DONE]\n\n")
	f.Add("data: {\"type\":\"a.completed\"}\n\ndata: {\"type\":\"error\"}\n\n")
	in, err := openai.ParseImages([]byte(`{"model":"m","prompt":"a","stream":true}`))
	if err != nil {
		f.Fatal(err)
	}
	out, err := worker().PrepareTask(in, provider.Target{BaseURL: "https://vendor.test/v1", Model: "m"})
	if err != nil {
		f.Fatal(err)
	}
	play := func(r io.Reader) (string, error) {
		var b strings.Builder
		for s := out.Stream(r); ; {
			piece, err := s.Next()
			b.Write(piece)
			switch {
			case err == io.EOF:
				b.Write(s.Trailer(provider.Bill{}))
				return b.String(), nil
			case err != nil:
				b.Write(s.Abort(gateway.AsError(err)))
				return b.String(), err
			}
		}
	}
	f.Fuzz(func(t *testing.T, answer string) {
		whole, err := play(strings.NewReader(answer))
		single, singleErr := play(iotest.OneByteReader(strings.NewReader(answer)))
		if whole != single || (err == nil) != (singleErr == nil) {
			t.Fatalf("whole %q, %v\nsingle bytes %q, %v", whole, err, single, singleErr)
		}
		if !strings.HasSuffix(whole, "\n\n") || err != nil && !strings.Contains(whole, `"error"`) {
			t.Fatalf("ended badly: %q, %v", whole, err)
		}
	})
}

func TestVendorDoesWhatItDoes(t *testing.T) {
	some := openai.New(nil, openai.Traits{Tasks: []provider.Task{provider.Speak}})
	for _, task := range provider.Tasks() {
		if !worker().Does(task) || some.Does(task) != (task == provider.Speak) || (openai.Vendor{}).Does(task) {
			t.Errorf("%s", task)
		}
	}
}

func TestParseTaskRefuses(t *testing.T) {
	const file = "--x1\nContent-Disposition: form-data; name=%q; filename=\"a\"\n\nabc\n"
	field := func(name, value string) string {
		return fmt.Sprintf("--x1\nContent-Disposition: form-data; name=%q\n\n%s\n", name, value)
	}
	sound, image, model, end := fmt.Sprintf(file, "file"), fmt.Sprintf(file, "image[]"), field("model", "m"), "--x1--"
	for name, tt := range map[string]struct{ dir, body, param string }{
		"no model":            {"speech", `{"input":"a"}`, "model"},
		"no input":            {"speech", `{"model":"m"}`, "input"},
		"empty input":         {"speech", `{"model":"m","input":""}`, "input"},
		"input":               {"speech", `{"model":"m","input":["a"]}`, "input"},
		"voice":               {"speech", `{"model":"m","input":"a","voice":1}`, "voice"},
		"speed":               {"speech", `{"model":"m","input":"a","speed":"1"}`, "speed"},
		"stream format":       {"speech", `{"model":"m","input":"a","stream_format":"ogg"}`, "stream_format"},
		"twice":               {"speech", `{"model":"m","model":"n","input":"a"}`, "model"},
		"no JSON":             {"speech", `{"model":"m","input":"a"`, ""},
		"moderation of none":  {"moderations", `{"model":"m"}`, "input"},
		"moderation":          {"moderations", `{"model":"m","input":1}`, "input"},
		"no prompt":           {"images", `{"model":"m"}`, "prompt"},
		"n":                   {"images", `{"model":"m","prompt":"a","n":11}`, "n"},
		"n's type":            {"images", `{"model":"m","prompt":"a","n":"1"}`, "n"},
		"stream":              {"images", `{"model":"m","prompt":"a","stream":"yes"}`, "stream"},
		"quality":             {"images", `{"model":"m","prompt":"a","quality":1}`, "quality"},
		"no images":           {"edits", `{"model":"m","prompt":"a"}`, "images"},
		"images":              {"edits", `{"model":"m","prompt":"a","images":{}}`, "images"},
		"form without model":  {"transcriptions", sound + end, "model"},
		"empty model":         {"transcriptions", sound + field("model", "") + end, "model"},
		"model twice":         {"transcriptions", sound + model + model + end, "model"},
		"no file":             {"transcriptions", model + field("file", "abc") + end, "file"},
		"two files":           {"translations", model + sound + sound + end, "file"},
		"form's stream":       {"transcriptions", model + sound + field("stream", "maybe") + end, "stream"},
		"form without prompt": {"edit_forms", model + image + end, "prompt"},
		"form's n":            {"edit_forms", model + image + field("prompt", "a") + field("n", "0") + end, "n"},
		"form's n, too large": {"edit_forms", model + image + field("prompt", "a") + field("n", "11") + end, "n"},
		"no image":            {"variations", model + end, "image"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := taskParsers()[tt.dir]([]byte(tt.body))
			if err == nil {
				t.Fatal("taken")
			}
			if e := gateway.AsError(err); e.Kind != gateway.Invalid || e.Param != tt.param || e.Public == "" {
				t.Errorf("%v names %q, want %q", err, e.Param, tt.param)
			}
		})
	}
}

// TestExpected: what is foreseen is in the unit that the model has a price of.
func TestExpected(t *testing.T) {
	const twoSeconds = 16_000 // bytes of compressed sound
	recording := fmt.Sprintf("--x1\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\n\n%s\n", strings.Repeat("a", twoSeconds)) +
		"--x1\nContent-Disposition: form-data; name=\"model\"\n\nm\n--x1--"
	for name, tt := range map[string]struct {
		dir, body string
		priced    string // classes
		want      events.Usage
	}{
		"moderation":             {"moderations", `{"model":"m","input":"a"}`, "input", events.Usage{}},
		"speech by characters":   {"speech", `{"model":"m","input":"\u00e9\u00e8 a"}`, "characters", events.Usage{Characters: 4}},
		"speech by tokens":       {"speech", `{"model":"m","input":"0123456789"}`, "input output", events.Usage{Input: 3, AudioOutput: 14}},
		"speech without a price": {"speech", `{"model":"m","input":"abc"}`, "", events.Usage{Characters: 3}},
		"images by the piece":    {"images", `{"model":"m","prompt":"abcd","n":3}`, "images", events.Usage{Images: 3}},
		"images by tokens":       {"images", `{"model":"m","prompt":"abcd","n":2,"quality":"low"}`, "image_output", events.Usage{Input: 1, ImageOutput: 816}},
		"edits by tokens": {
			"edits", `{"model":"m","prompt":"abcd","images":[{},{}],"quality":"medium"}`, "output", events.Usage{Input: 1, ImageInput: 2000, ImageOutput: 1584},
		},
		"sound by its length": {"transcriptions", recording, "audio_ms", events.Usage{AudioMS: 2000}},
		"sound by tokens":     {"transcriptions", recording, "audio_input output", events.Usage{AudioInput: 20, Output: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := taskParsers()[tt.dir]([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got := in.Expected(func(class string) bool { return strings.Contains(" "+tt.priced+" ", " "+class+" ") })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRawStream: whatever the pieces, all bytes go on, the last only in the end.
func TestRawStream(t *testing.T) {
	in, err := openai.ParseSpeech([]byte(`{"model":"m","input":"a"}`))
	if err != nil || !in.Raw || in.Stream || in.Comments() {
		t.Fatalf("%+v, %v", in, err)
	}
	out, err := worker().PrepareTask(in, provider.Target{BaseURL: "https://vendor.test/v1", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 2, 3, 32<<10 + 1, 100_000} {
		sound := bytes.Repeat([]byte("\x00\xff\r\n\n"), size)[:size]
		for name, chunking := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "single bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
			"data with the end": iotest.DataErrReader,
		} {
			s := out.Stream(chunking(bytes.NewReader(sound)))
			var got []byte
			var end error
			for end == nil {
				var piece []byte
				if piece, end = s.Next(); end == nil && len(piece) == 0 {
					t.Fatal("an empty piece")
				}
				got = append(got, piece...)
			}
			if last := s.Trailer(provider.Bill{}); end != io.EOF || !bytes.Equal(append(got, last...), sound) || len(last) != 1 {
				t.Errorf("%d, %s: %d bytes and %d, then %v", size, name, len(got), len(last), end)
			}
		}
	}
	s := out.Stream(strings.NewReader(""))
	if _, err := s.Next(); gateway.AsError(err).Kind != gateway.UpstreamFailed {
		t.Errorf("no sound: %v", err)
	}
	s = out.Stream(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("torn"))))
	if piece, err := s.Next(); string(piece) != "ab" || err != nil {
		t.Errorf("%q, %v", piece, err)
	}
	if _, err := s.Next(); gateway.AsError(err).Kind != gateway.UpstreamFailed || s.Abort(gateway.AsError(err)) != nil {
		t.Errorf("torn sound: %v", err)
	}
}
