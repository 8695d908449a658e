package gemini

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

func request(req *chat.Request, model string) (*wireRequest, error) {
	w := &wireRequest{Config: config(req, model), Tier: tier(req)}
	reportDropped(req)
	t := turns{out: w, signed: generationOf(model) >= firstSigned}
	if err := t.setContents(req.Messages); err != nil {
		return nil, err
	}
	w.setTools(req)
	return w, nil
}

func config(req *chat.Request, model string) *wireConfig {
	c := &wireConfig{
		Temperature: req.Temperature, TopP: req.TopP, TopK: req.TopK, Seed: req.Seed,
		PresencePenalty: req.PresencePenalty, FrequencyPenalty: req.FrequencyPenalty,
		MaxOutput: req.MaxOutput, Stop: req.Stop, Thinking: thinking(req, model),
		Logprobs: req.Logprobs,
	}
	if req.Logprobs {
		c.TopLogprobs = req.TopLogprobs
	}
	if req.N > 1 {
		c.Candidates = req.N
	}
	if req.Format.Kind != "" {
		c.MIMEType = "application/json"
		c.Schema = req.Format.Schema
	}
	return c
}

// standardTier is Google's word for the usual service tier.
const standardTier = "standard"

func tier(req *chat.Request) string {
	switch req.ServiceTier {
	case "", "auto":
		return ""
	case "default", "standard_only":
		return standardTier
	case "flex", "priority":
		return req.ServiceTier
	}
	req.Drop("service_tier")
	return ""
}

// reportDropped notes what Gemini cannot be told.
func reportDropped(req *chat.Request) {
	if req.ParallelTools != nil && !*req.ParallelTools {
		req.Drop("parallel_tool_calls")
	}
	if len(req.Metadata) > 0 {
		req.Drop("metadata")
	}
	if req.User != "" {
		req.Drop("user")
	}
	for i, t := range req.Tools {
		if t.Strict != nil && *t.Strict {
			req.Drop(fmt.Sprintf("tools[%d].strict", i))
		}
		if t.CacheTTL != "" {
			req.Drop(cacheHint)
		}
	}
	for _, m := range req.Messages {
		if slices.ContainsFunc(m.Parts, func(p chat.Part) bool { return p.CacheTTL != "" }) {
			req.Drop(cacheHint)
		}
	}
}

// cacheHint is what clients call the wish to have a prompt cached.
const cacheHint = "cache_control"

func (w *wireRequest) setTools(req *chat.Request) {
	if len(req.Tools) == 0 {
		return
	}
	functions := make([]wireFunction, len(req.Tools))
	for i, t := range req.Tools {
		functions[i] = wireFunction{Name: t.Name, Description: t.Description, Parameters: t.Parameters}
	}
	w.Tools = []wireTools{{Functions: functions}}
	switch req.Choice.Mode {
	case chat.AutoChoice:
		w.ToolConfig = &wireToolConfig{wireCalling{Mode: "AUTO"}}
	case chat.NoneChoice:
		w.ToolConfig = &wireToolConfig{wireCalling{Mode: "NONE"}}
	case chat.RequiredChoice:
		w.ToolConfig = &wireToolConfig{wireCalling{Mode: "ANY"}}
	case chat.NamedChoice:
		w.ToolConfig = &wireToolConfig{wireCalling{Mode: "ANY", Allowed: []string{req.Choice.Name}}}
	}
}

// firstSigned is the first generation that has thought signatures checked, and
// that takes a thinking level and pictures in results.
const firstSigned = 3

var generationPattern = regexp.MustCompile(`gemini-(\d{1,2})(?:\D|$)`)

// generationOf is the 3 in gemini-3.1-pro-preview; a model without one is taken
// for a new one.
func generationOf(model string) int {
	m := generationPattern.FindStringSubmatch(model)
	if m == nil {
		return firstSigned
	}
	n, _ := strconv.Atoi(m[1]) // digits, by the pattern
	return n
}
