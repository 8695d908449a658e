package openai

import (
	"github.com/llm-hub/llm-hub/events"
)

// images is what the cost of images depends on.
type images struct {
	n       int64 // to be made
	given   int64 // to be edited
	prompt  int64 // tokens
	quality string
}

// tokensPerImage are those of gpt-image-1 for its larger formats; it takes the best
// quality where none is asked for.
func (m *images) tokensPerImage() int64 {
	const low, medium, high = 408, 1584, 6240
	switch m.quality {
	case "low":
		return low
	case "medium":
		return medium
	}
	return high
}

// usage is what will be billed: tokens of a model that has a price of tokens, else
// pieces.
func (m *images) usage(priced func(class string) bool) events.Usage {
	if priced("images") || !priced("image_output") && !priced("output") {
		return events.Usage{Images: m.n}
	}
	return events.Usage{Input: m.prompt, ImageInput: m.given * mediaTokens, ImageOutput: m.n * m.tokensPerImage()}
}

// speechUsage is what will be billed for the speech of a text: tokens of a model that
// has a price of tokens, else characters. A character is about a fifteenth of a second,
// which is a little more than a token.
func speechUsage(characters int64) func(priced func(class string) bool) events.Usage {
	return func(priced func(class string) bool) events.Usage {
		if priced("characters") || !priced("audio_output") && !priced("output") {
			return events.Usage{Characters: characters}
		}
		return events.Usage{Input: (characters + 3) / 4, AudioOutput: (characters*7 + 4) / 5}
	}
}

// transcriptUsage is what will be billed for the transcript of a recording: tokens of a
// model that has a price of tokens, else its length. A second has ten tokens of sound,
// and about four of text.
func transcriptUsage(ms, prompt int64) func(priced func(class string) bool) events.Usage {
	return func(priced func(class string) bool) events.Usage {
		if priced("audio_ms") || !priced("audio_input") && !priced("input") {
			return events.Usage{AudioMS: ms}
		}
		return events.Usage{Input: prompt, AudioInput: (ms + 99) / 100, Output: (ms + 249) / 250}
	}
}
