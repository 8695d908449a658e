package fakellm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// soundPerToken is how many bytes of sound are spoken for a token, or a character.
const soundPerToken = 96

func taskUnary(c *call, r *reply) []byte {
	switch c.task.task {
	case taskModerate:
		return moderation(c)
	case taskTranscribe, taskTranslate:
		return transcript(c, r)
	default:
		return indentedJSON(imagesOf(c, r))
	}
}

type fakeImages struct {
	Created int64         `json:"created"`
	Data    []fakeImage   `json:"data"`
	Usage   *openaiTokens `json:"usage,omitempty"`
}

type fakeImage struct {
	Base64  string `json:"b64_json"`
	Revised string `json:"revised_prompt,omitempty"`
}

// openaiTokens is usage in the words of OpenAI's newer endpoints.
type openaiTokens struct {
	Type   string             `json:"type,omitempty"`
	Input  int64              `json:"input_tokens"`
	Parts  *openaiTokenParts  `json:"input_tokens_details,omitempty"`
	Heard  *openaiSoundTokens `json:"input_token_details,omitempty"`
	Output int64              `json:"output_tokens"`
	Total  int64              `json:"total_tokens"`
}

type openaiTokenParts struct {
	Text  int64 `json:"text_tokens"`
	Image int64 `json:"image_tokens"`
}

type openaiSoundTokens struct {
	Text  int64 `json:"text_tokens"`
	Audio int64 `json:"audio_tokens"`
}

func imageTokens(u Usage) *openaiTokens {
	return &openaiTokens{
		Input: u.Input, Output: u.Output, Total: u.Input + u.Output,
		Parts: &openaiTokenParts{Text: u.Input - u.ImageInput, Image: u.ImageInput},
	}
}

func imagesOf(c *call, r *reply) fakeImages {
	out := fakeImages{Created: c.created.Unix(), Data: make([]fakeImage, c.task.n)}
	for i := range out.Data {
		out.Data[i].Base64 = picture(i)
	}
	if r.usage.Images == 0 && !r.noUsage {
		out.Usage = imageTokens(r.usage)
	}
	return out
}

// picture is the i-th image, in base64.
func picture(i int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x89PNG\r\n\x1a\n%d", i))
}

// transcript is the text of a recording, all of it one segment, in the format that was
// asked for. Only JSON tells usage.
func transcript(c *call, r *reply) []byte {
	text, seconds := r.segments[0].text, float64(lengthOf(c.task.sound))/1000
	switch c.task.format {
	case "text":
		return []byte(text + "\n")
	case "srt":
		return fmt.Appendf(nil, "1\n00:00:00,000 --> 00:00:01,000\n%s\n\n", text)
	case "vtt":
		return fmt.Appendf(nil, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n%s\n\n", text)
	}
	out := map[string]any{"text": text}
	switch c.task.format {
	case "verbose_json":
		out["task"], out["language"], out["duration"] = c.task.task.verb(), "english", seconds
		out["segments"] = []any{map[string]any{
			"id": 0, "seek": 0, "start": 0, "end": seconds, "text": text, "tokens": []int{50364, 50414},
			"temperature": 0, "avg_logprob": -0.25, "compression_ratio": 0.9, "no_speech_prob": 0.01,
		}}
	case diarized:
		out["task"], out["duration"], out["segments"] = c.task.task.verb(), seconds, []any{saidBy(c, text)}
	}
	switch {
	case r.noUsage:
	case r.usage.AudioMS > 0:
		out["usage"] = map[string]any{"type": "duration", "seconds": seconds}
	default:
		out["usage"] = heardTokens(r.usage)
	}
	return indentedJSON(out)
}

// diarized is the format of a transcript that says who speaks.
const diarized = "diarized_json"

// saidBy is a recording of one speaker.
func saidBy(c *call, text string) map[string]any {
	return map[string]any{
		"type": "transcript.text.segment", "id": "seg_0", "speaker": "A", "text": text,
		"start": 0, "end": float64(lengthOf(c.task.sound)) / 1000,
	}
}

func heardTokens(u Usage) *openaiTokens {
	return &openaiTokens{
		Type: "tokens", Input: u.Input, Output: u.Output, Total: u.Input + u.Output,
		Heard: &openaiSoundTokens{Text: u.Input - u.AudioInput, Audio: u.AudioInput},
	}
}

// transcript says how much was heard; plan may want it longer.
func (c *call) transcript(p *plan) string {
	if p.out.set {
		return fill(p.out.n)
	}
	return fmt.Sprintf("I have heard %d bytes.", len(c.task.sound))
}

func taskFrames(c *call, r *reply) []frame {
	switch {
	case c.kind != "":
		return soundFrames(c, r)
	case c.task.task == taskSpeak:
		return spokenFrames(c, r)
	case c.task.task == taskTranscribe:
		return heardFrames(c, r)
	default:
		return imageFrames(c, r)
	}
}

// spoken cuts speech into pieces and what each is billed.
func spoken(c *call, r *reply, add func(f frame, sound []byte)) {
	total := r.usage.Output
	if total == 0 {
		total = r.usage.Characters
	}
	chunk := max(r.chunk, ceilDiv(total, defaultChunks))
	for at := int64(0); at < total; at += chunk {
		n := min(chunk, total-at)
		f := frame{content: true}
		if r.usage.Output > 0 {
			f.output, f.audio = n, n
		}
		add(f, Sound(c.task.voiced, int(at), int(n)))
	}
}

// Sound is the speech of a text: n tokens or characters from a place on.
func Sound(text string, from, n int) []byte {
	out := make([]byte, n*soundPerToken)
	for i := range out {
		at := from*soundPerToken + i
		out[i] = text[at%len(text)] ^ byte(at>>8)
	}
	return out
}

func soundFrames(c *call, r *reply) (frames []frame) {
	spoken(c, r, func(f frame, sound []byte) {
		f.data = sound
		frames = append(frames, f)
	})
	return append(frames, frame{end: true, data: []byte("end")})
}

func event(kind string, members map[string]any) []byte {
	members["type"] = kind
	data, err := json.Marshal(members)
	if err != nil {
		return nil // numbers and texts always encode
	}
	return bytes.Join([][]byte{[]byte("event: " + kind), []byte("data: " + string(data)), nil, nil}, []byte("\n"))
}

func spokenFrames(c *call, r *reply) (frames []frame) {
	spoken(c, r, func(f frame, sound []byte) {
		f.data = event("speech.audio.delta", map[string]any{"audio": base64.StdEncoding.EncodeToString(sound)})
		frames = append(frames, f)
	})
	last := map[string]any{}
	if !r.noUsage {
		last["usage"] = &openaiTokens{Input: r.usage.Input, Output: r.usage.Output, Total: r.usage.Input + r.usage.Output}
	}
	return append(frames, frame{end: true, data: event("speech.audio.done", last)})
}

func heardFrames(c *call, r *reply) (frames []frame) {
	text := r.segments[0].text
	for _, p := range r.pieces(text) {
		frames = append(frames, frame{
			content: true, output: p.tokens, data: event("transcript.text.delta", map[string]any{"delta": p.text}),
		})
	}
	if c.task.format == diarized {
		frames = append(frames, frame{end: true, data: event("transcript.text.segment", saidBy(c, text))})
	}
	last := map[string]any{"text": text}
	if !r.noUsage {
		last["usage"] = heardTokens(r.usage)
	}
	return append(frames, frame{end: true, data: event("transcript.text.done", last)})
}

// imageFrames has a partial image before the whole ones.
func imageFrames(c *call, r *reply) []frame {
	kind := map[bool]string{true: "image_edit", false: "image_generation"}[c.task.task == taskEdit]
	image := func(b64 string) map[string]any {
		return map[string]any{
			"b64_json": b64, "created_at": c.created.Unix(), "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png",
		}
	}
	partial := image(picture(0)[:8])
	partial["partial_image_index"] = 0
	frames := []frame{{
		content: true, output: r.usage.Output, image: r.usage.ImageOutput, data: event(kind+".partial_image", partial),
	}}
	for i := range c.task.n {
		whole := image(picture(i))
		if !r.noUsage {
			whole["usage"] = imageTokens(r.usage)
		}
		frames = append(frames, frame{end: true, data: event(kind+".completed", whole)})
	}
	return frames
}
