package gemini

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// Budgets of thinking tokens.
const (
	lowBudget    = 1024
	mediumBudget = 8192
	highBudget   = 24_576 // the most that a flash model thinks
	proBudget    = 128    // the least that a pro model thinks
	maxProBudget = 32_768
	// anyBudget leaves the budget to the model.
	anyBudget = -1
)

// thinking says how much to think, by the client's effort or its budget: from
// Gemini 3 on as a level, before as a budget. Where one is told by the other, the
// client's own word goes first.
func thinking(req *chat.Request, model string) *wireThinking {
	effort, budget := req.Effort, req.ThinkingBudget
	show := req.ShowThinking
	if effort == "" && budget == nil && (show == nil || !*show) {
		return nil
	}
	pro := strings.Contains(model, "-pro")
	none := effort == chat.NoEffort || effort == "" && (budget == nil || *budget == 0)
	t := &wireThinking{Include: !none}
	if show != nil {
		t.Include = *show
	}
	if generationOf(model) >= firstSigned {
		if effort == "" {
			effort = effortOf(budget)
		}
		t.Level = level(effort, pro)
		return t
	}
	if budget == nil {
		budget = budgetOf(effort)
	}
	t.Budget = within(budget, pro)
	return t
}

// effortOf is the effort that comes to a budget.
func effortOf(budget *int64) chat.Effort {
	switch {
	case budget == nil || *budget < 0:
		return ""
	case *budget == 0:
		return chat.NoEffort
	case *budget <= lowBudget:
		return chat.LowEffort
	case *budget <= mediumBudget:
		return chat.MediumEffort
	}
	return chat.HighEffort
}

// budgetOf is the budget that comes to an effort.
func budgetOf(e chat.Effort) *int64 {
	var budget int64
	switch e {
	case "":
		return nil
	case chat.NoEffort:
	case chat.MinimalEffort, chat.LowEffort:
		budget = lowBudget
	case chat.MediumEffort:
		budget = mediumBudget
	default:
		budget = highBudget
	}
	return &budget
}

// within puts a budget into what the model takes.
func within(budget *int64, pro bool) *int64 {
	if budget == nil || *budget <= anyBudget {
		return budget
	}
	least, most := int64(0), int64(highBudget)
	if pro {
		least, most = proBudget, maxProBudget
	}
	bounded := min(max(*budget, least), most)
	return &bounded
}

// level gives the thinking level; pro models know no MINIMAL.
func level(e chat.Effort, pro bool) string {
	switch e {
	case "":
		return ""
	case chat.NoEffort, chat.MinimalEffort:
		if pro {
			return "LOW"
		}
		return "MINIMAL"
	case chat.LowEffort:
		return "LOW"
	case chat.MediumEffort:
		return "MEDIUM"
	}
	return "HIGH"
}
