package anthropic

import (
	"regexp"
	"strconv"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// modelVersion is the version in a model's name; zero if there is none.
type modelVersion struct{ major, minor int }

// versionPattern finds 4 and 7 in claude-opus-4-7-20260416, 3 and 7 in
// claude-3-7-sonnet-latest, 5 in claude-sonnet-5. A date is not a minor version.
var versionPattern = regexp.MustCompile(`claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?:\D|$)`)

func versionOf(model string) modelVersion {
	m := versionPattern.FindStringSubmatch(model)
	if m == nil {
		return modelVersion{}
	}
	major, _ := strconv.Atoi(m[1]) // digits, by the pattern
	minor, _ := strconv.Atoi(m[2]) // digits or nothing
	return modelVersion{major, minor}
}

func (v modelVersion) known() bool { return v != modelVersion{} }

// before compares; a model without a version is taken for a new one.
func (v modelVersion) before(major, minor int) bool {
	return v.known() && (v.major < major || v.major == major && v.minor < minor)
}

// takesSampling tells whether temperature and top_p are taken, or may be.
func (v modelVersion) takesSampling() bool { return !v.known() || v.before(4, 7) }

// adaptive tells whether the model chooses itself how long it thinks.
func (v modelVersion) adaptive() bool { return !v.before(4, 6) }

// minBudget is the smallest budget of thinking tokens.
const minBudget = 1024

// budgetOf is how many tokens an effort may think.
func budgetOf(e chat.Effort) int64 {
	switch e {
	case chat.MinimalEffort:
		return minBudget
	case chat.LowEffort:
		return 2 * minBudget
	case chat.MediumEffort:
		return 8 * minBudget
	case chat.HighEffort:
		return 16 * minBudget
	default:
		return 24 * minBudget
	}
}

// thinks tells whether the model is asked to think.
func (w *wireRequest) thinks() bool { return w.Thinking != nil && w.Thinking.Type != thinkingOff }

func (w *wireRequest) setThinking(req *chat.Request) {
	version := versionOf(w.Model)
	budget := int64(freeBudget)
	if req.ThinkingBudget != nil {
		budget = *req.ThinkingBudget
	}
	effort := req.Effort
	if effort != "" && effort != chat.NoEffort && version.adaptive() {
		w.output().Effort = effortOf(effort, version)
	}
	forced := req.Choice.Mode == chat.RequiredChoice || req.Choice.Mode == chat.NamedChoice
	switch {
	case effort == "" && req.ThinkingBudget == nil:
	case effort == chat.NoEffort || budget == noBudget:
		w.Thinking = &wireThinking{Type: thinkingOff}
	case forced: // then it must not think
	case version.adaptive():
		if effort == "" && budget > noBudget {
			w.output().Effort = effortOf(effortFor(budget), version)
		}
		w.Thinking = &wireThinking{Type: thinkingAdaptive, Display: displayOf(req, version)}
	case !midCall(req.Messages):
		w.setBudget(budget, effort)
	}
}

// displayOf says whether the thinking is shown; from 4.7 on it comes empty unless
// it is asked for, and nothing was said of it before.
func displayOf(req *chat.Request, v modelVersion) string {
	switch {
	case v.before(4, 7):
		return ""
	case req.ShowThinking != nil && !*req.ShowThinking:
		return displayNothing
	}
	return displaySummary
}

// setBudget bounds the thinking by what the client says or by the effort. Half of
// the cap is left for the answer, unless the client says otherwise.
func (w *wireRequest) setBudget(budget int64, effort chat.Effort) {
	switch {
	case budget == freeBudget:
		budget = min(budgetOf(effort), w.MaxTokens/2)
	case budget >= w.MaxTokens:
		budget = w.MaxTokens / 2
	default:
		budget = max(budget, minBudget)
	}
	if budget >= minBudget && budget < w.MaxTokens {
		w.Thinking = &wireThinking{Type: thinkingBudget, Budget: budget}
	}
}

// effortFor is the least effort whose budget is enough, for models that are not
// told a budget.
func effortFor(budget int64) chat.Effort {
	for _, e := range []chat.Effort{chat.LowEffort, chat.MediumEffort} {
		if budget <= budgetOf(e) {
			return e
		}
	}
	return chat.HighEffort
}

// effortOf puts an effort into the model's words; xhigh came with 4.7.
func effortOf(e chat.Effort, v modelVersion) string {
	switch {
	case e == chat.MinimalEffort:
		return string(chat.LowEffort)
	case e == chat.XHighEffort && v.before(4, 7):
		return string(chat.HighEffort)
	default:
		return string(e)
	}
}

// midCall tells whether the chat waits for the model to go on after its calls, and
// the thinking that led to them, which it would have to begin with, is not known.
func midCall(messages []chat.Message) bool {
	i := len(messages) - 1
	for i >= 0 && messages[i].Role == chat.Tool {
		i--
	}
	switch {
	case i == len(messages)-1:
		return false
	case i < 0 || len(messages[i].Parts) == 0 || messages[i].Parts[0].Kind != chat.ThinkingPart:
		return true
	}
	_, known := thinkingOf(messages[i].Parts[0])
	return !known
}
