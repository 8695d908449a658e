package openai

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// readCompletion passes a whole answer through and notes what it cost.
func readCompletion(body []byte) (provider.Reply, error) {
	var text provider.TextMeter
	g, err := look(body, &text)
	switch {
	case err != nil:
		return provider.Reply{}, provider.BadAnswerError(err)
	case g.failure != nil:
		return provider.Reply{Usage: readUsage(g.usage)}, failure.Told(failure.Read(body)).Public()
	case g.empty:
		return provider.Reply{Usage: readUsage(g.usage)}, provider.BadAnswerError(errNoChoices)
	}
	usage := readUsage(g.usage)
	if usage == nil { // then the answer itself is needed
		text = provider.TextMeter{Keep: provider.ExcerptSize}
		_, _ = look(body, &text) // as before
	}
	finish, _ := rawjson.String(g.finish)
	return provider.Reply{Body: body, Usage: usage, Output: text.Tokens(), Text: text.Excerpt(), Finish: finish}, nil
}
