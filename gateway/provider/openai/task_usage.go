package openai

import (
	"encoding/json"
	"math"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// taskUsage is the usage of a task in OpenAI's words. The details part the tokens.
type taskUsage struct {
	Type         string      `json:"type"` // of a transcript: tokens or duration
	Seconds      float64     `json:"seconds"`
	Input        int64       `json:"input_tokens"`
	InputParts   tokenParts  `json:"input_tokens_details"`
	HeardParts   tokenParts  `json:"input_token_details"` // of a transcript, in other words
	Output       int64       `json:"output_tokens"`
	OutputParts  *tokenParts `json:"output_tokens_details"`
	MistralHeard float64     `json:"prompt_audio_seconds"` // Mistral's word
}

type tokenParts struct {
	Text   int64 `json:"text_tokens"`
	Image  int64 `json:"image_tokens"`
	Audio  int64 `json:"audio_tokens"`
	Cached int64 `json:"cached_tokens"`
}

// readTaskUsage reads the words; false if they are none.
func readTaskUsage(value []byte) (w taskUsage, ok bool) {
	if rawjson.TypeOf(value) != rawjson.ObjectType || json.Unmarshal(value, &w) != nil || w.Input < 0 || w.Output < 0 {
		return w, false
	}
	return w, true
}

// counted is u, nil if it can be no count or counts nothing.
func counted(u events.Usage) *events.Usage {
	if u == (events.Usage{}) {
		return nil
	}
	for _, n := range u.Amounts() {
		if n < 0 {
			return nil
		}
	}
	return &u
}

// readImageUsage reads the tokens of images. An answer that is not parted is all image.
func readImageUsage(value []byte) *events.Usage {
	w, ok := readTaskUsage(value)
	if !ok {
		return nil
	}
	var u events.Usage
	in, out := w.Input, w.Output
	share(&u.ImageInput, w.InputParts.Image, &in)
	share(&u.CacheRead, w.InputParts.Cached, &in)
	u.Input = in
	if w.OutputParts != nil {
		share(&u.Output, w.OutputParts.Text, &out)
	}
	u.ImageOutput = out
	return counted(u)
}

// readSpeechUsage reads the tokens of a text and of its sound.
func readSpeechUsage(value []byte) *events.Usage {
	w, ok := readTaskUsage(value)
	if !ok {
		return nil
	}
	return counted(events.Usage{Input: w.Input, AudioOutput: w.Output})
}

// readTranscriptUsage reads the tokens of sound and of its text, or how long it is,
// whichever the vendor bills. A prompt that is not parted is all sound.
func readTranscriptUsage(value []byte) *events.Usage {
	w, ok := readTaskUsage(value)
	switch {
	case !ok:
		return nil
	case w.MistralHeard > 0:
		return heard(w.MistralHeard)
	case w.Type == "duration":
		return heard(w.Seconds)
	}
	var u events.Usage
	in := w.Input
	share(&u.Input, w.HeardParts.Text, &in)
	u.AudioInput, u.Output = in, w.Output
	return counted(u)
}

// heard is so much sound; nil if there cannot be so much.
func heard(seconds float64) *events.Usage {
	const most = 1 << 24 // seconds; half a year
	if !(seconds > 0 && seconds < most) {
		return nil
	}
	return &events.Usage{AudioMS: int64(math.Round(seconds * 1000))}
}
