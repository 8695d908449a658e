package cohere

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// What Cohere takes.
const (
	maxStops = 5
	minP     = 0.01
	maxP     = 0.99
	maxK     = 500
)

// Budgets of thinking tokens for an effort.
const (
	lowBudget    = 1 << 10
	mediumBudget = 8 << 10
)

func invalid(param, format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Invalid, Public: fmt.Sprintf(format, args...), Param: param}
}

func request(req *chat.Request, model string) (*wireRequest, error) {
	if req.N > 1 {
		return nil, invalid("n", "This model gives one answer; 'n' must be 1.")
	}
	w := &wireRequest{
		Model: model, Stream: req.Stream, MaxTokens: req.MaxOutput, Logprobs: req.Logprobs, Thinking: thinking(req),
		Safety: req.Take("safety_mode"), Citations: req.Take("citation_options"), Priority: req.Take("priority"),
		wireSampling: sampling(req), Stop: stops(req),
	}
	if err := w.setDocuments(req); err != nil {
		return nil, err
	}
	if err := w.setMessages(req); err != nil {
		return nil, err
	}
	w.setTools(req)
	if req.Format.Kind != "" {
		w.Format = &wireFormat{Type: "json_object", Schema: req.Format.Schema}
	}
	reportDropped(req)
	return w, nil
}

// setDocuments takes the documents of a client that knows Cohere's.
func (w *wireRequest) setDocuments(req *chat.Request) error {
	raw := req.Take("documents")
	if raw == nil {
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return invalid("documents", "'documents' must be an array.")
	}
	for _, d := range list {
		w.Documents = append(w.Documents, d)
	}
	return nil
}

func sampling(req *chat.Request) wireSampling {
	s := wireSampling{Temperature: req.Temperature, Seed: req.Seed}
	if req.TopP != nil {
		p := min(max(*req.TopP, minP), maxP)
		s.P = &p
	}
	if req.TopK != nil {
		k := min(max(*req.TopK, 0), maxK)
		s.K = &k
	}
	penalty := func(value *float64, name string) *float64 {
		if value != nil && (*value < 0 || *value > 1) {
			req.Drop(name)
			return nil
		}
		return value
	}
	s.FrequencyPenalty = penalty(req.FrequencyPenalty, "frequency_penalty")
	s.PresencePenalty = penalty(req.PresencePenalty, "presence_penalty")
	return s
}

func stops(req *chat.Request) []string {
	list := slices.DeleteFunc(slices.Clone(req.Stop), func(s string) bool { return s == "" })
	if len(list) > maxStops {
		req.Drop("stop")
		list = list[:maxStops]
	}
	return list
}

// thinking says whether to think, and how much; nil: the model's own choice.
func thinking(req *chat.Request) *wireThinking {
	t := &wireThinking{Type: "enabled"}
	budget := req.ThinkingBudget
	switch {
	case req.Effort == chat.NoEffort, req.Effort == "" && budget != nil && *budget == 0:
		t.Type = "disabled"
	case budget != nil && *budget > 0:
		t.Budget = *budget
	case req.Effort == "" && budget == nil:
		return nil
	case req.Effort == chat.MinimalEffort, req.Effort == chat.LowEffort:
		t.Budget = lowBudget
	case req.Effort == chat.MediumEffort:
		t.Budget = mediumBudget
	}
	return t
}

// noParameters is the schema of a function without any, which Cohere wants.
const noParameters = `{"type":"object","properties":{}}`

func (w *wireRequest) setTools(req *chat.Request) {
	strict := 0
	for _, t := range req.Tools {
		if t.Strict != nil && *t.Strict {
			strict++
		}
		if req.Choice.Mode == chat.NamedChoice && t.Name != req.Choice.Name {
			continue
		}
		parameters := t.Parameters
		if parameters == nil {
			parameters = json.RawMessage(noParameters)
		}
		w.Tools = append(w.Tools, wireTool{Type: functionType, Function: wireFunction{
			Name: t.Name, Description: t.Description, Parameters: parameters,
		}})
	}
	if w.Strict = strict > 0 && strict == len(req.Tools); strict > 0 && !w.Strict {
		req.Drop("tools.strict")
	}
	if len(w.Tools) == 0 {
		return
	}
	switch req.Choice.Mode {
	case chat.NoneChoice:
		w.Choice = "NONE"
	case chat.RequiredChoice, chat.NamedChoice:
		w.Choice = "REQUIRED"
	case chat.AutoChoice:
	}
}

// reportDropped notes what Cohere cannot be told.
func reportDropped(req *chat.Request) {
	for _, field := range []struct {
		name  string
		given bool
	}{
		{"parallel_tool_calls", req.ParallelTools != nil && !*req.ParallelTools},
		{"metadata", len(req.Metadata) > 0},
		{"user", req.User != ""},
		{"service_tier", !slices.Contains([]string{"", "auto", "default", "standard_only"}, req.ServiceTier)},
		{"top_logprobs", req.TopLogprobs != nil && *req.TopLogprobs > 0},
		{"cache_control", hasCacheHints(req)},
	} {
		if field.given {
			req.Drop(field.name)
		}
	}
}

func hasCacheHints(req *chat.Request) bool {
	return slices.ContainsFunc(req.Tools, func(t chat.ToolDef) bool { return t.CacheTTL != "" }) ||
		slices.ContainsFunc(req.Messages, func(m chat.Message) bool {
			return slices.ContainsFunc(m.Parts, func(p chat.Part) bool { return p.CacheTTL != "" })
		})
}
