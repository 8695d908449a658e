package openai

import (
	"regexp"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

const (
	functionType = "function"
	// schemaName names a schema that has no name; OpenAI demands one.
	schemaName    = "answer"
	maxSchemaName = 64 // characters
)

// A budget of reasoning tokens is told as an effort: up to so many tokens it is low
// or medium, and high beyond.
const (
	lowBudget    = 4 << 10
	mediumBudget = 16 << 10
)

// builder writes a request for a vendor and notes what it cannot be told.
type builder struct {
	Traits
	req   *chat.Request
	known string // the model, see [provider.Target.Known]
	out   wireRequest
}

func (b *builder) build() error {
	if len(b.req.Tools) > 0 && b.lacks(toolsMember) {
		return noTools()
	}
	if err := b.setMessages(); err != nil {
		return err
	}
	b.setTools()
	b.setFormat()
	b.setReasoning()
	b.setSampling()
	b.setCap()
	b.setAnswer()
	b.setOrigin()
	if b.req.Stream && !b.lacks("stream_options") {
		b.out.StreamOptions = &sentStreamOptions{IncludeUsage: true}
	}
	return nil
}

const toolsMember = "tools"

// noTools refuses tools on behalf of a vendor that would take no notice of them.
func noTools() error {
	return invalid(toolsMember, "unsupported_parameter", "This model calls no tools.")
}

// tells tells whether the vendor is to be told a member. given is whether the client
// has said anything of it.
func (b *builder) tells(member string, given bool) bool {
	if given && b.lacks(member) {
		b.req.Drop(member)
		return false
	}
	return given
}

func (b *builder) setTools() {
	for _, t := range b.req.Tools {
		if t.CacheTTL != "" {
			b.req.Drop("cache_control")
		}
		b.out.Tools = append(b.out.Tools, sentTool{Type: functionType, Function: sentFunction{
			Name: t.Name, Description: t.Description, Parameters: t.Parameters, Strict: t.Strict,
		}})
	}
	if len(b.out.Tools) == 0 {
		return
	}
	if b.tells("parallel_tool_calls", b.req.ParallelTools != nil) {
		b.out.ParallelToolCalls = b.req.ParallelTools
	}
	if !b.tells("tool_choice", b.req.Choice.Mode != "") {
		return
	}
	switch c := b.req.Choice; c.Mode {
	case chat.NamedChoice:
		named := sentChoice{Type: functionType}
		named.Function.Name = c.Name
		b.out.ToolChoice = named
	default:
		b.out.ToolChoice = c.Mode
	}
}

// strange matches what may not stand in the name of a schema.
var strange = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

func (b *builder) setFormat() {
	f := b.req.Format
	if !b.tells("response_format", f.Kind != "") {
		return
	}
	if f.Kind == chat.SchemaFormat && b.lacks("json_schema") {
		b.req.Drop("response_format.json_schema")
		f.Kind = chat.JSONFormat
	}
	if f.Kind == chat.JSONFormat {
		b.out.ResponseFormat = &sentFormat{Type: "json_object"}
		return
	}
	name := strange.ReplaceAllString(f.Name, "_")
	if name == "" {
		name = schemaName
	}
	b.out.ResponseFormat = &sentFormat{Type: "json_schema", Schema: &sentSchema{
		Name: name[:min(len(name), maxSchemaName)], Schema: f.Schema, Strict: f.Strict,
	}}
}

// setReasoning tells the effort, or a budget as the nearest effort.
func (b *builder) setReasoning() {
	effort := b.req.Effort
	if budget := b.req.ThinkingBudget; effort == "" && budget != nil {
		effort = effortFor(*budget)
	}
	if effort == "" {
		return
	}
	if familyOf(b.known, false).noEffort {
		if effort != chat.NoEffort { // it does not reason anyway
			b.req.Drop("reasoning_effort")
		}
		return
	}
	if effort == chat.NoEffort && b.ThinkingSwitch {
		b.out.Thinking = &sentSwitch{Type: "disabled"}
		return
	}
	if b.tells("reasoning_effort", true) {
		b.out.Effort = effort
	}
}

// effortFor is the effort for a budget; empty: the model's own choice.
func effortFor(budget int64) chat.Effort {
	switch {
	case budget < 0:
		return ""
	case budget == 0:
		return chat.NoEffort
	case budget <= lowBudget:
		return chat.LowEffort
	case budget <= mediumBudget:
		return chat.MediumEffort
	}
	return chat.HighEffort
}

func (b *builder) setSampling() {
	reasons := b.out.Effort != "" && b.out.Effort != chat.NoEffort
	fixed := familyOf(b.known, reasons).noSampling
	set := func(member string, into **float64, value *float64, usual float64) {
		switch {
		case value != nil && fixed:
			if *value != usual {
				b.req.Drop(member)
			}
		case b.tells(member, value != nil):
			*into = value
		}
	}
	set("temperature", &b.out.Temperature, b.req.Temperature, 1)
	set("top_p", &b.out.TopP, b.req.TopP, 1)
	set("presence_penalty", &b.out.PresencePenalty, b.req.PresencePenalty, 0)
	set("frequency_penalty", &b.out.FrequencyPenalty, b.req.FrequencyPenalty, 0)
	if b.req.TopK != nil {
		b.req.Drop("top_k")
	}
	if b.tells("seed", b.req.Seed != nil) {
		b.out.Seed = b.req.Seed
	}
}

func (b *builder) setCap() {
	if b.lacks("max_completion_tokens") {
		b.out.MaxTokens = b.req.MaxOutput
		return
	}
	b.out.MaxCompletion = b.req.MaxOutput
}

// setAnswer tells where the answer is to stop and what is to come with it.
func (b *builder) setAnswer() {
	stop := slices.DeleteFunc(slices.Clone(b.req.Stop), func(s string) bool { return s == "" })
	if b.tells("stop", len(stop) > 0) {
		b.out.Stop = stop
	}
	if b.tells("n", b.req.N > 1) {
		b.out.N = b.req.N
	}
	if b.tells("logprobs", b.req.Logprobs) {
		b.out.Logprobs = true
		if b.tells("top_logprobs", b.req.TopLogprobs != nil) {
			b.out.TopLogprobs = b.req.TopLogprobs
		}
	}
}

// setOrigin tells who asks and on which terms.
func (b *builder) setOrigin() {
	if b.tells("user", b.req.User != "") {
		b.out.User = b.req.User
	}
	if b.tells("metadata", len(b.req.Metadata) > 0) {
		b.out.Metadata = b.req.Metadata
	}
	if b.tells("service_tier", b.req.ServiceTier != "") {
		b.out.ServiceTier = b.req.ServiceTier
	}
}
