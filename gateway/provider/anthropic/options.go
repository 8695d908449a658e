package anthropic

import (
	"encoding/json"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// The kinds of thinking, and whether it is shown.
const (
	thinkingOff      = "disabled"
	thinkingAdaptive = "adaptive"
	thinkingBudget   = "enabled"

	displaySummary = "summarized"
	displayNothing = "omitted"
)

// The service tiers: this vendor's words, and OpenAI's for the second.
const (
	tierAuto     = "auto"
	tierStandard = "standard_only"
	tierDefault  = "default"
)

// Budgets of [chat.Request] that are no numbers of tokens.
const (
	noBudget   = 0
	freeBudget = -1
)

func (d *decoder) thinking(value []byte) error {
	const param = "thinking"
	var w wireThinking
	if err := read(value, param, &w); err != nil {
		return err
	}
	budget, show := w.Budget, w.Display != displayNothing
	switch w.Type {
	case thinkingOff:
		budget, show = noBudget, false
	case thinkingAdaptive:
		budget = freeBudget
	case thinkingBudget:
		if budget < minBudget {
			return invalid(param+".budget_tokens", "%s.budget_tokens: Must be at least %d.", param, minBudget)
		}
	default:
		return invalid(param+".type", "%s.type: Must be %s, %s or %s.", param, thinkingBudget, thinkingAdaptive, thinkingOff)
	}
	d.req.ThinkingBudget = &budget
	if w.Type != thinkingOff {
		d.req.ShowThinking = &show
	}
	return nil
}

func (d *decoder) output(value []byte) error {
	return d.members(value, "output_config", func(key, at string, v []byte) (bool, error) {
		switch key {
		case "effort":
			return true, d.effort(v, at)
		case "format":
			return true, d.format(v, at)
		}
		return false, nil
	})
}

func (d *decoder) effort(value []byte, path string) error {
	if err := read(value, path, &d.req.Effort); err != nil {
		return err
	}
	known := []chat.Effort{chat.LowEffort, chat.MediumEffort, chat.HighEffort, chat.XHighEffort, chat.MaxEffort}
	if !slices.Contains(known, d.req.Effort) {
		return invalid(path, "%s: Must be one of %v.", path, known)
	}
	return nil
}

func (d *decoder) format(value []byte, path string) error {
	var w struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"schema"`
	}
	if err := read(value, path, &w); err != nil {
		return err
	}
	if w.Type != formatSchema {
		return invalid(path+".type", "%s.type: Must be %s.", path, formatSchema)
	}
	if err := wantType(w.Schema, path+".schema", rawjson.ObjectType); err != nil {
		return err
	}
	d.req.Format = chat.Format{Kind: chat.SchemaFormat, Schema: w.Schema}
	return nil
}

func (d *decoder) metadata(value []byte) error {
	return d.members(value, "metadata", func(key, at string, v []byte) (bool, error) {
		if key != "user_id" {
			return false, nil
		}
		return true, read(v, at, &d.req.User)
	})
}

func (d *decoder) serviceTier(value []byte) error {
	const param = "service_tier"
	if err := read(value, param, &d.req.ServiceTier); err != nil {
		return err
	}
	switch d.req.ServiceTier {
	case tierAuto:
	case tierStandard:
		d.req.ServiceTier = tierDefault
	default:
		return invalid(param, "%s: Must be %s or %s.", param, tierAuto, tierStandard)
	}
	return nil
}
