package openai

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// readCompletion passes a whole answer through and notes what it cost.
func readCompletion(body []byte) (provider.Reply, error) {
	g, err := look(body)
	switch {
	case err != nil:
		return provider.Reply{}, provider.BadAnswerError(err)
	case g.failure != nil:
		return provider.Reply{Usage: readUsage(g.usage)}, failure.Told(failure.Read(body)).Public()
	case g.empty:
		return provider.Reply{Usage: readUsage(g.usage)}, provider.BadAnswerError(errNoChoices)
	}
	finish, _ := rawjson.String(g.finish)
	return provider.Reply{
		Body: body, Usage: readUsage(g.usage), Output: provider.EstimateTokens(g.text), Finish: finish,
	}, nil
}
