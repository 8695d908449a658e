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

// Kinds of thinking.
const (
	thinkingOff      = "disabled"
	thinkingAdaptive = "adaptive"
	thinkingBudget   = "enabled"
)

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

func (w *wireRequest) setThinking(req *chat.Request) {
	version := versionOf(w.Model)
	forced := req.Choice.Mode == chat.RequiredChoice || req.Choice.Mode == chat.NamedChoice
	switch {
	case req.Effort == "":
	case req.Effort == chat.NoEffort:
		w.Thinking = &wireThinking{Type: thinkingOff}
	case version.adaptive():
		w.output().Effort = effortOf(req.Effort, version)
		if !forced {
			w.Thinking = &wireThinking{Type: thinkingAdaptive}
			if !version.before(4, 7) {
				w.Thinking.Display = "summarized" // else the thinking comes empty
			}
		}
	case !forced && !midCall(req.Messages):
		// Half of the cap is left for the answer.
		if budget := min(budgetOf(req.Effort), w.MaxTokens/2); budget >= minBudget {
			w.Thinking = &wireThinking{Type: thinkingBudget, Budget: budget}
		}
	}
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

// midCall tells whether the chat waits for the model to go on after its calls: it
// would have to begin with the thinking that led to them.
func midCall(messages []chat.Message) bool {
	return len(messages) > 0 && messages[len(messages)-1].Role == chat.Tool
}
