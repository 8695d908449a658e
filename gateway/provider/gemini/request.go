package gemini

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

func request(req *chat.Request, model string) (*wireRequest, error) {
	w := &wireRequest{Config: config(req, model)}
	t := turns{out: w, sentinel: generationOf(model) >= firstSigned}
	if err := t.setContents(req.Messages); err != nil {
		return nil, err
	}
	w.setTools(req)
	return w, nil
}

func config(req *chat.Request, model string) *wireConfig {
	c := &wireConfig{
		Temperature: req.Temperature, TopP: req.TopP, Seed: req.Seed,
		PresencePenalty: req.PresencePenalty, FrequencyPenalty: req.FrequencyPenalty,
		MaxOutput: req.MaxOutput, Stop: req.Stop, Thinking: thinking(req.Effort, model),
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
// that takes a thinking level.
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

// Budgets of thinking tokens for models before Gemini 3.
const (
	lowBudget    = 1024
	mediumBudget = 8192
	highBudget   = 24_576
	proBudget    = 128 // the least that a pro model thinks
)

func thinking(e chat.Effort, model string) *wireThinking {
	if e == "" {
		return nil
	}
	pro := strings.Contains(model, "-pro")
	t := &wireThinking{Include: e != chat.NoEffort}
	if generationOf(model) >= firstSigned {
		t.Level = level(e, pro)
		return t
	}
	budget := 0
	switch e {
	case chat.NoEffort:
		if pro {
			budget = proBudget
		}
	case chat.MinimalEffort, chat.LowEffort:
		budget = lowBudget
	case chat.MediumEffort:
		budget = mediumBudget
	default:
		budget = highBudget
	}
	t.Budget = &budget
	return t
}

// level gives the thinking level; pro models know no MINIMAL.
func level(e chat.Effort, pro bool) string {
	switch e {
	case chat.NoEffort, chat.MinimalEffort:
		if pro {
			return "LOW"
		}
		return "MINIMAL"
	case chat.LowEffort:
		return "LOW"
	case chat.MediumEffort:
		return "MEDIUM"
	default:
		return "HIGH"
	}
}
