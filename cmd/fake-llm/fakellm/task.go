package fakellm

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// task is what OpenAI's API does besides texts and vectors: the path of it.
type task string

const (
	taskModerate   task = "moderations"
	taskMake       task = "images/generations"
	taskEdit       task = "images/edits"
	taskVary       task = "images/variations"
	taskSpeak      task = "audio/speech"
	taskTranscribe task = "audio/transcriptions"
	taskTranslate  task = "audio/translations"
)

// taskOf is the task of a path, "" for none.
func taskOf(path string) task {
	switch t := task(strings.TrimPrefix(path, "/v1/")); t {
	case taskModerate, taskMake, taskEdit, taskVary, taskSpeak, taskTranscribe, taskTranslate:
		return t
	}
	return ""
}

// verb is what a transcript calls the task.
func (t task) verb() string {
	if t == taskTranslate {
		return "translate"
	}
	return "transcribe"
}

// taskCall is what a task is about.
type taskCall struct {
	task   task
	n      int      // images to make
	format string   // of the answer
	voiced string   // the text to speak
	sound  []byte   // to transcribe
	judged []judged // to moderate
}

// The models that are billed by something else than tokens, by how their names begin.
const (
	byPiece      = "dall-e"
	byCharacters = "tts"
	byLength     = "whisper"
)

func taskWire() *wire {
	w := openaiWire()
	w.decode, w.unary, w.frames = taskDecode, taskUnary, taskFrames
	return w
}

// fields is a request as a form or an object has it.
type fields struct {
	texts map[string]string
	files map[string][][]byte // by field, without the brackets of a list
}

func taskDecode(r *http.Request, body []byte, c *call) *failure {
	f, bad := readFields(r, body)
	if bad != nil {
		return bad
	}
	c.model, c.task.format, c.task.n = f.texts["model"], f.texts["response_format"], 1
	c.stream = f.texts["stream"] == "true"
	if c.model == "" {
		return invalid("model", "you must provide a model parameter")
	}
	switch c.task.task {
	case taskModerate:
		return c.wantModeration(f)
	case taskSpeak:
		return c.wantSpeech(f)
	case taskTranscribe, taskTranslate:
		return c.wantTranscript(f)
	default:
		return c.wantImages(f)
	}
}

func readFields(r *http.Request, body []byte) (fields, *failure) {
	f := fields{texts: map[string]string{}, files: map[string][][]byte{}}
	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "multipart/form-data" {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			return f, invalid("", "We could not parse the JSON body of your request: %v", err)
		}
		for name, value := range members {
			var text string
			if json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			f.texts[name] = text
		}
		return f, nil
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return f, invalid("", "We could not parse the form of your request: %v", err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return f, invalid("", "We could not parse the form of your request: %v", err)
		}
		name := strings.TrimSuffix(part.FormName(), "[]")
		if part.FileName() != "" {
			f.files[name] = append(f.files[name], data)
		} else {
			f.texts[name] = string(data)
		}
	}
}

func (c *call) wantSpeech(f fields) *failure {
	c.task.voiced = f.texts["input"]
	switch {
	case c.task.voiced == "":
		return invalid("input", "Missing required parameter: 'input'.")
	case f.texts["voice"] == "":
		return invalid("voice", "Missing required parameter: 'voice'.")
	}
	c.text(c.task.voiced)
	c.stream = true
	if f.texts["stream_format"] != "sse" {
		c.kind = "audio/mpeg"
	}
	return nil
}

func (c *call) wantTranscript(f fields) *failure {
	if len(f.files["file"]) != 1 {
		return invalid("file", "Missing required parameter: 'file'.")
	}
	c.task.sound = f.files["file"][0]
	c.text(f.texts["prompt"])
	if c.task.task == taskTranslate || strings.HasPrefix(c.model, byLength) {
		c.stream = false
	}
	switch c.task.format {
	case "text", "srt", "vtt":
		c.kind = "text/plain; charset=utf-8"
	}
	return nil
}

func (c *call) wantImages(f fields) *failure {
	if c.task.task != taskVary {
		if f.texts["prompt"] == "" {
			return invalid("prompt", "Missing required parameter: 'prompt'.")
		}
		c.text(f.texts["prompt"])
	}
	if c.task.task != taskMake {
		var listed []json.RawMessage // of a request that is no form
		_ = json.Unmarshal([]byte(f.texts["images"]), &listed)
		if c.images = int64(len(f.files["image"]) + len(listed)); c.images == 0 {
			return invalid("image", "Missing required parameter: 'image'.")
		}
	}
	if n := f.texts["n"]; n != "" {
		c.task.n, _ = strconv.Atoi(n)
	}
	if c.task.n < 1 || c.task.n > 10 {
		return invalid("n", "Invalid 'n'.")
	}
	return nil
}

// done is the reply to a task: what it costs, and the text of a transcript.
func (c *call) done(p *plan) *reply {
	r := &reply{noUsage: p.noUsage, twice: p.usageTwice}
	switch c.task.task {
	case taskModerate:
	case taskSpeak:
		r.usage = c.speechUsage(p)
	case taskTranscribe, taskTranslate:
		text := c.transcript(p)
		r.segments = []segment{{kind: segmentText, text: text}}
		r.usage = c.transcriptUsage(p, text)
	default:
		r.usage = c.imageUsage(p)
	}
	r.chunk = p.chunk.or(max(1, ceilDiv(r.usage.Output, defaultChunks)))
	return r
}

func (c *call) speechUsage(p *plan) Usage {
	characters := int64(utf8.RuneCountInString(c.task.voiced))
	if strings.HasPrefix(c.model, byCharacters) {
		return Usage{Characters: characters}
	}
	spoken := p.out.or(characters)
	return Usage{Input: p.in.or(c.promptTokens()), Output: spoken, AudioOutput: spoken}
}

// lengthOf is how long a recording is in ms: of 16 bit at 16 kHz, whatever it is.
func lengthOf(sound []byte) int64 {
	const head, bytesPerMS = 44, 32
	return max(1, int64(len(sound)-head)/bytesPerMS)
}

func (c *call) transcriptUsage(p *plan, text string) Usage {
	ms := lengthOf(c.task.sound)
	if strings.HasPrefix(c.model, byLength) {
		return Usage{AudioMS: ms}
	}
	heard, prompt := ceilDiv(ms, 100), ceilDiv(c.textBytes, bytesPerToken)
	return Usage{Input: prompt + heard, AudioInput: heard, Output: p.out.or(Tokens(text))}
}

// tokensPerImage is what the fake bills an image it makes.
const tokensPerImage = 272

func (c *call) imageUsage(p *plan) Usage {
	n := int64(c.task.n)
	if strings.HasPrefix(c.model, byPiece) {
		return Usage{Images: n}
	}
	made, seen := n*p.out.or(tokensPerImage), c.images*ImageTokens
	return Usage{Input: p.in.or(c.promptTokens()), ImageInput: seen, Output: made, ImageOutput: made}
}
