package bedrock

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// invalid is a request that cannot be told.
func invalid(param, format string, args ...any) error {
	return &gateway.Error{Kind: gateway.Invalid, Param: param, Public: fmt.Sprintf(format, args...)}
}

// family is whose model it is, as far as it matters.
type family string

const (
	claude family = "claude"
	nova   family = "nova"
	gpt    family = "gpt"
	other  family = ""
)

func familyOf(model string) family {
	name := strings.ToLower(model)
	switch {
	case anthropic.Known(name):
		return claude
	case strings.Contains(name, "nova"):
		return nova
	case strings.Contains(name, "openai.gpt-"):
		return gpt
	}
	return other
}

// caches tells whether cache points are taken.
func (f family) caches() bool { return f == claude || f == nova }

type builder struct {
	req    *chat.Request
	model  string
	family family
	out    wireRequest
}

func request(req *chat.Request, model string) (*wireRequest, error) {
	if req.N > 1 {
		return nil, invalid("n", "This model gives one choice only; 'n' must be 1.")
	}
	b := &builder{req: req, model: model, family: familyOf(model)}
	if err := b.setMessages(); err != nil {
		return nil, err
	}
	b.setTools()
	b.setFormat()
	if err := b.setDials(); err != nil {
		return nil, err
	}
	b.setStop()
	b.setOrigin()
	b.dropUnknown()
	return &b.out, nil
}

func (b *builder) inference() *wireInference {
	if b.out.Inference == nil {
		b.out.Inference = &wireInference{}
	}
	return b.out.Inference
}

func (b *builder) output() *wireOutput {
	if b.out.Output == nil {
		b.out.Output = &wireOutput{}
	}
	return b.out.Output
}

// add adds what only the model's own API has a word for.
func (b *builder) add(key string, value any) {
	if b.out.Additional == nil {
		b.out.Additional = make(map[string]any)
	}
	b.out.Additional[key] = value
}

func (b *builder) setFormat() {
	f := b.req.Format
	switch f.Kind {
	case chat.SchemaFormat:
		b.output().Format = &wireFormat{
			Type: "json_schema", Structure: wireStructure{wireJSONSchema{Schema: string(f.Schema), Name: f.Name}},
		}
	case chat.JSONFormat: // the prompt asks for it anyway
		b.req.Drop("response_format")
	}
}

// setDials says how much to think and how to sample.
func (b *builder) setDials() error {
	if b.family == claude {
		return b.setClaude()
	}
	r := b.req
	if r.MaxOutput > 0 || r.Temperature != nil || r.TopP != nil {
		in := b.inference()
		in.MaxTokens, in.Temperature, in.TopP = r.MaxOutput, r.Temperature, r.TopP
		if r.Temperature != nil {
			in.Temperature = new(min(*r.Temperature, 1))
		}
	}
	if r.TopK != nil {
		if b.family == nova {
			b.add("inferenceConfig", map[string]any{"topK": *r.TopK})
		} else {
			r.Drop("top_k")
		}
	}
	b.setEffort()
	return nil
}

func (b *builder) setClaude() error {
	dials, err := anthropic.DialsFor(b.req, b.model)
	if err != nil {
		return invalid("", "The request cannot be written: %v.", err)
	}
	if dials.MaxTokens > 0 || dials.Temperature != nil || dials.TopP != nil {
		in := b.inference()
		in.MaxTokens, in.Temperature, in.TopP = dials.MaxTokens, dials.Temperature, dials.TopP
	}
	if dials.TopK != nil {
		b.add("top_k", *dials.TopK)
	}
	if dials.Thinking != nil {
		b.add("thinking", dials.Thinking)
	}
	if dials.Effort != "" {
		b.output().Effort = dials.Effort
	}
	return nil
}

// setEffort tells models beside Claude how much to reason.
func (b *builder) setEffort() {
	effort, budget := b.req.Effort, b.req.ThinkingBudget
	switch {
	case effort == "" && budget == nil:
	case b.family == gpt:
		b.add("reasoning_effort", levelOf(effort, budget))
	case b.family == nova && strings.Contains(b.model, "nova-2"):
		if effort == chat.NoEffort || effort == "" && *budget == 0 {
			b.add("reasoningConfig", map[string]any{"type": "disabled"})
			return
		}
		b.add("reasoningConfig", map[string]any{"type": "enabled", "maxReasoningEffort": levelOf(effort, budget)})
	case effort != "":
		b.req.Drop("reasoning_effort")
	default:
		b.req.Drop("thinking")
	}
}

// levelOf is the nearest of three levels; a budget counts where no effort is given.
func levelOf(effort chat.Effort, budget *int64) string {
	const low, medium = 4 << 10, 16 << 10 // tokens
	switch effort {
	case chat.NoEffort, chat.MinimalEffort, chat.LowEffort:
		return "low"
	case chat.MediumEffort:
		return "medium"
	case "":
		switch {
		case *budget >= 0 && *budget <= low:
			return "low"
		case *budget <= medium:
			return "medium"
		}
	}
	return "high"
}

// stopPath is where Claude says which stop sequence ended its answer.
const stopPath = "/stop_sequence"

func (b *builder) setStop() {
	for _, s := range b.req.Stop {
		if s != "" {
			in := b.inference()
			in.Stop = append(in.Stop, s)
		}
	}
	if b.family == claude && b.out.Inference != nil && len(b.out.Inference.Stop) > 0 {
		b.out.Paths = []string{stopPath}
	}
}

// maxMetadata is how many pairs a request may have.
const maxMetadata = 16

// metadataText is what a pair is made of.
var metadataText = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$`)

func (b *builder) setOrigin() {
	switch tier := b.req.ServiceTier; tier {
	case "", "auto":
	case "default", "priority", "flex", "reserved":
		b.out.Tier = &wireTier{tier}
	default:
		b.req.Drop("service_tier")
	}
	pairs := b.req.Metadata
	for key, value := range pairs {
		if len(pairs) > maxMetadata || key == "" || !metadataText.MatchString(key) || !metadataText.MatchString(value) {
			b.req.Drop("metadata")
			return
		}
	}
	if len(pairs) > 0 {
		b.out.Metadata = pairs
	}
}

// dropUnknown notes what Converse cannot be told.
func (b *builder) dropUnknown() {
	r := b.req
	for _, member := range []struct {
		name  string
		given bool
	}{
		{"presence_penalty", r.PresencePenalty != nil && *r.PresencePenalty != 0},
		{"frequency_penalty", r.FrequencyPenalty != nil && *r.FrequencyPenalty != 0},
		{"seed", r.Seed != nil},
		{"logprobs", r.Logprobs},
		{"user", r.User != ""},
		{"parallel_tool_calls", len(r.Tools) > 0 && r.ParallelTools != nil && !*r.ParallelTools},
	} {
		if member.given {
			r.Drop(member.name)
		}
	}
}

// noParameters is the schema of a tool that takes none.
const noParameters = `{"type":"object","properties":{}}`

func schemaOf(schema json.RawMessage) wireSchema {
	if schema == nil {
		return wireSchema{json.RawMessage(noParameters)}
	}
	return wireSchema{schema}
}
