package gemini

import "github.com/llm-hub/llm-hub/events"

// wireUsage is cumulative. Prompt tokens include the cached ones; the thoughts
// are not among the candidates' tokens. The details part each count by what it is of.
type wireUsage struct {
	Prompt           int64        `json:"promptTokenCount"`
	Candidates       int64        `json:"candidatesTokenCount"`
	Total            int64        `json:"totalTokenCount"`
	Cached           int64        `json:"cachedContentTokenCount,omitempty"`
	Thoughts         int64        `json:"thoughtsTokenCount,omitempty"`
	ToolPrompt       int64        `json:"toolUsePromptTokenCount,omitempty"`
	PromptDetails    []wireTokens `json:"promptTokensDetails,omitempty"`
	CacheDetails     []wireTokens `json:"cacheTokensDetails,omitempty"`
	CandidateDetails []wireTokens `json:"candidatesTokensDetails,omitempty"`
	ToolDetails      []wireTokens `json:"toolUsePromptTokensDetails,omitempty"`
}

type wireTokens struct {
	Modality string `json:"modality"`
	Count    int64  `json:"tokenCount"`
}

// Modalities that have a class of usage; all others are billed like text.
const (
	sound  = "AUDIO"
	images = "IMAGE"
	text   = "TEXT"
)

// of adds up what is of a modality, at most left.
func of(details []wireTokens, modality string, left int64) (n int64) {
	for _, d := range details {
		if d.Modality == modality {
			n += max(d.Count, 0)
		}
	}
	return min(n, left)
}

// classes is the usage in disjoint classes; nil if there is none.
func (u *wireUsage) classes() *events.Usage {
	if u == nil {
		return nil
	}
	prompt, tools, answer := max(u.Prompt, 0), max(u.ToolPrompt, 0), max(u.Candidates, 0)
	cached := min(max(u.Cached, 0), prompt)
	out := &events.Usage{AudioCacheRead: of(u.CacheDetails, sound, cached), Reasoning: max(u.Thoughts, 0)}
	out.CacheRead = cached - out.AudioCacheRead
	fresh := prompt - cached
	out.AudioInput = min(max(of(u.PromptDetails, sound, prompt)-out.AudioCacheRead, 0), fresh)
	out.ImageInput = min(max(of(u.PromptDetails, images, prompt)-of(u.CacheDetails, images, cached), 0), fresh-out.AudioInput)
	toolSound := of(u.ToolDetails, sound, tools)
	toolImages := of(u.ToolDetails, images, tools-toolSound)
	out.Input = fresh - out.AudioInput - out.ImageInput + tools - toolSound - toolImages
	out.AudioInput += toolSound
	out.ImageInput += toolImages
	out.AudioOutput = of(u.CandidateDetails, sound, answer)
	out.ImageOutput = of(u.CandidateDetails, images, answer-out.AudioOutput)
	out.Output = answer - out.AudioOutput - out.ImageOutput
	return out
}

// writeUsage is the inverse, for answers of other vendors. What is of text alone has
// no details.
func writeUsage(u *events.Usage) *wireUsage {
	answer := u.Output + u.AudioOutput + u.ImageOutput
	cached := u.CacheRead + u.AudioCacheRead
	return &wireUsage{
		Prompt: u.InputTotal(), Cached: cached, Candidates: answer, Thoughts: u.Reasoning, Total: u.Total(),
		PromptDetails:    detailsOf(u.InputTotal(), u.AudioInput+u.AudioCacheRead, u.ImageInput),
		CacheDetails:     detailsOf(cached, u.AudioCacheRead, 0),
		CandidateDetails: detailsOf(answer, u.AudioOutput, u.ImageOutput),
	}
}

func detailsOf(total, heard, seen int64) []wireTokens {
	if heard == 0 && seen == 0 {
		return nil
	}
	var out []wireTokens
	for _, d := range []wireTokens{{text, total - heard - seen}, {sound, heard}, {images, seen}} {
		if d.Count > 0 {
			out = append(out, d)
		}
	}
	return out
}
