// The official Anthropic SDK for Go as a client of llm-hub, unchanged but for base URL
// and key: every case fails unless the hub behaves as Anthropic's own API does, whatever
// vendor serves.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/llm-hub/llm-hub/cmd/llm-hub/testdata/go-sdk/sdk"
)

func clientOf(key string) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(sdk.Hub()), option.WithAPIKey(key), option.WithMaxRetries(0))
}

func ask(model, text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: model, MaxTokens: 4096, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	}
}

func main() {
	ctx := context.Background()
	c := suite{ctx: ctx, client: clientOf(sdk.Key())}
	sdk.Run(
		sdk.Case{Name: "models", Test: c.models},
		sdk.ForEach("chat", "fake-", c.chat),
		sdk.ForEach("stream", "fake-", c.stream),
		sdk.ForEach("tools", "fake-", c.tools),
		sdk.ForEach("stream tools", "fake-", c.streamTools),
		sdk.ForEach("structured", "fake-", c.structured),
		sdk.ForEach("count tokens", "fake-", c.countTokens),
		sdk.Case{Name: "errors", Test: c.errors},
		sdk.ForEach("broken stream", "cut-", c.brokenStream),
		sdk.ForEach("abort", "slow-", c.abort),
	)
}

type suite struct {
	ctx    context.Context
	client anthropic.Client
}

func (s suite) models() error {
	seen := map[string]bool{}
	list := s.client.Models.ListAutoPaging(s.ctx, anthropic.ModelListParams{})
	for list.Next() {
		seen[list.Current().ID] = true
	}
	return errors.Join(list.Err(), sdk.Want(seen["fake-openai"] && seen["fake-gemini"], "models %v", seen))
}

func textOf(m *anthropic.Message) string {
	var b strings.Builder
	for _, block := range m.Content {
		if block.Type == "text" {
			b.WriteString(block.Text)
		}
	}
	return b.String()
}

func checkSea(m *anthropic.Message) error {
	return errors.Join(
		sdk.AboutSea(textOf(m)),
		sdk.Want(m.StopReason == anthropic.StopReasonEndTurn, "stop reason %s", m.StopReason),
		sdk.Want(m.Usage.InputTokens > 0 && m.Usage.OutputTokens > 1, "usage %+v", m.Usage),
	)
}

func (s suite) chat(model string) error {
	m, err := s.client.Messages.New(s.ctx, ask(model, sdk.Question))
	if err != nil {
		return err
	}
	return checkSea(m)
}

// collect reads a stream to its end.
func (s suite) collect(body anthropic.MessageNewParams) (*anthropic.Message, error) {
	stream := s.client.Messages.NewStreaming(s.ctx, body)
	defer stream.Close()
	var m anthropic.Message
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			return &m, err
		}
	}
	return &m, stream.Err()
}

func (s suite) stream(model string) error {
	m, err := s.collect(ask(model, sdk.Question))
	if err != nil {
		return err
	}
	return checkSea(m)
}

func weather() []anthropic.ToolUnionParam {
	return []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
		Name: "weather", Description: anthropic.String("Weather of a city"),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: sdk.CitySchema()["properties"], Required: []string{"city"}},
	}}}
}

// loop checks the calls of an answer and goes on with results.
func (s suite) loop(body anthropic.MessageNewParams, first *anthropic.Message, calls int) error {
	var results []anthropic.ContentBlockParamUnion
	for _, block := range first.Content {
		if block.Type != "tool_use" {
			continue
		}
		if err := sdk.CheckCity(string(block.Input)); err != nil {
			return err
		}
		results = append(results, anthropic.NewToolResultBlock(block.ID, "sunny, 21 degrees", false))
	}
	if first.StopReason != anthropic.StopReasonToolUse || len(results) != calls {
		return sdk.Want(false, "stop reason %s, %d calls", first.StopReason, len(results))
	}
	body.Messages = append(body.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
	m, err := s.client.Messages.New(s.ctx, body)
	if err != nil {
		return err
	}
	return sdk.Want(strings.Contains(textOf(m), "sunny, 21 degrees"), "answer %q", textOf(m))
}

func (s suite) tools(model string) error {
	body := ask(model, "use tool to see what the weather is")
	body.Tools = weather()
	m, err := s.client.Messages.New(s.ctx, body)
	if err != nil {
		return err
	}
	return s.loop(body, m, 1)
}

func (s suite) streamTools(model string) error {
	body := ask(model, "use tools for two cities")
	body.Tools = weather()
	m, err := s.collect(body)
	if err != nil {
		return err
	}
	return s.loop(body, m, 2)
}

func (s suite) structured(model string) error {
	body := ask(model, sdk.Question)
	body.OutputConfig = anthropic.OutputConfigParam{Format: anthropic.JSONOutputFormatParam{Schema: sdk.AnswerSchema()}}
	m, err := s.client.Messages.New(s.ctx, body)
	if err != nil {
		return err
	}
	return sdk.CheckAnswer(textOf(m))
}

func (s suite) countTokens(model string) error {
	n, err := s.client.Messages.CountTokens(s.ctx, anthropic.MessageCountTokensParams{Model: model, Messages: ask(model, sdk.Question).Messages})
	if err != nil {
		return err
	}
	return sdk.Want(n.InputTokens >= 5 && n.InputTokens <= 20, "%d tokens", n.InputTokens)
}

// fails checks the error of a call.
func fails(err error, status int, kind string) error {
	e, ok := errors.AsType[*anthropic.Error](err)
	if !ok {
		return sdk.Want(false, "want status %d, got %T: %v", status, err, err)
	}
	var body struct {
		Type  string
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal([]byte(e.RawJSON()), &body); err != nil {
		return err
	}
	return sdk.Want(e.StatusCode == status && body.Type == "error" && body.Error.Type == kind && body.Error.Message != "", "want %d %s, got %d %s", status, kind, e.StatusCode, e.RawJSON())
}

func (s suite) errors() error {
	call := func(c anthropic.Client, body anthropic.MessageNewParams) error {
		_, err := c.Messages.New(s.ctx, body)
		return err
	}
	hot := ask("fake-openai", sdk.Question)
	hot.SetExtraFields(map[string]any{"temperature": "hot"})
	limited := clientOf(sdk.LimitedKey())
	if err := call(limited, ask("fake-openai", sdk.Question)); err != nil {
		return err
	}
	over := call(limited, ask("fake-openai", sdk.Question))
	if e, ok := errors.AsType[*anthropic.Error](over); ok && e.Response.Header.Get("Retry-After") == "" {
		return errors.New("429 without Retry-After")
	}
	return errors.Join(
		fails(call(clientOf(sdk.UnknownKey), ask("fake-openai", sdk.Question)), 401, "authentication_error"),
		fails(call(s.client, ask("no-such-model", sdk.Question)), 404, "not_found_error"),
		fails(call(s.client, hot), 400, "invalid_request_error"),
		fails(over, 429, "rate_limit_error"),
	)
}

func (s suite) brokenStream(model string) error {
	m, err := s.collect(ask(model, sdk.Question))
	return sdk.Want(err != nil && m.StopReason == "", "error %v, stop reason %q", err, m.StopReason)
}

func (s suite) abort(model string) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stream := s.client.Messages.NewStreaming(ctx, ask(model, strings.Repeat(sdk.Question, 50)))
	defer stream.Close()
	for stream.Next() {
		cancel()
	}
	return sdk.Want(errors.Is(stream.Err(), context.Canceled), "error %v", stream.Err())
}
