package api

import (
	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// chatCompletions is the endpoint's name in facts.
const chatCompletions = "chat.completions"

// chat is POST /v1/chat/completions.
func (a *API) chat(c echo.Context) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return err
	}
	in, err := openai.ParseChat(body)
	if err != nil {
		return err
	}
	return a.cfg.Calls.Serve(c.Response(), c.Request(), &call.Request{
		ID: web.RequestID(c), Endpoint: chatCompletions, Catalog: who.catalog, Key: who.key, Inbound: in,
	})
}
