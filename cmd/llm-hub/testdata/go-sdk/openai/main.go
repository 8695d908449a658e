// The official OpenAI SDK for Go as a client of llm-hub, unchanged but for base URL
// and key: every case fails unless the hub behaves as OpenAI's own API does, whatever
// vendor serves.
package main

import (
	"context"
	"errors"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"github.com/llm-hub/llm-hub/cmd/llm-hub/testdata/go-sdk/sdk"
)

func clientOf(key string) openai.Client {
	return openai.NewClient(option.WithBaseURL(sdk.Hub()+"/v1/"), option.WithAPIKey(key), option.WithMaxRetries(0))
}

func ask(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
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
		sdk.Case{Name: "embeddings", Test: c.embeddings},
		sdk.Case{Name: "errors", Test: c.errors},
		sdk.ForEach("broken stream", "cut-", c.brokenStream),
		sdk.ForEach("abort", "slow-", c.abort),
	)
}

type suite struct {
	ctx    context.Context
	client openai.Client
}

func (s suite) models() error {
	seen := map[string]bool{}
	list := s.client.Models.ListAutoPaging(s.ctx)
	for list.Next() {
		seen[list.Current().ID] = true
	}
	if err := list.Err(); err != nil {
		return err
	}
	one, err := s.client.Models.Get(s.ctx, "fake-openai")
	if err != nil {
		return err
	}
	return sdk.Want(seen["fake-openai"] && seen["fake-gemini"] && one.ID == "fake-openai", "models %v, %v", seen, one)
}

func (s suite) chat(model string) error {
	r, err := s.client.Chat.Completions.New(s.ctx, ask(model, sdk.Question))
	if err != nil {
		return err
	}
	return errors.Join(
		sdk.AboutSea(r.Choices[0].Message.Content),
		sdk.Want(r.Choices[0].FinishReason == "stop", "finish %s", r.Choices[0].FinishReason),
		sdk.Want(r.Usage.TotalTokens == r.Usage.PromptTokens+r.Usage.CompletionTokens && r.Usage.CompletionTokens > 0, "usage %+v", r.Usage),
	)
}

// collect reads a stream to its end.
func (s suite) collect(body openai.ChatCompletionNewParams) (openai.ChatCompletionAccumulator, error) {
	stream := s.client.Chat.Completions.NewStreaming(s.ctx, body)
	defer stream.Close()
	var all openai.ChatCompletionAccumulator
	for stream.Next() {
		if !all.AddChunk(stream.Current()) {
			return all, errors.New("a chunk does not fit those before: " + stream.Current().RawJSON())
		}
	}
	return all, stream.Err()
}

func (s suite) stream(model string) error {
	body := ask(model, sdk.Question)
	body.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	r, err := s.collect(body)
	if err != nil {
		return err
	}
	return errors.Join(
		sdk.AboutSea(r.Choices[0].Message.Content),
		sdk.Want(r.Choices[0].FinishReason == "stop", "finish %s", r.Choices[0].FinishReason),
		sdk.Want(r.Usage.CompletionTokens > 0, "usage %+v", r.Usage),
	)
}

func weather() []openai.ChatCompletionToolUnionParam {
	return []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "weather", Description: openai.String("Weather of a city"), Parameters: sdk.CitySchema(),
	})}
}

// loop checks the calls of an answer and goes on with results.
func (s suite) loop(body openai.ChatCompletionNewParams, first openai.ChatCompletionChoice, calls int) error {
	if first.FinishReason != "tool_calls" || len(first.Message.ToolCalls) != calls {
		return sdk.Want(false, "finish %s, calls %v", first.FinishReason, first.Message.ToolCalls)
	}
	body.Messages = append(body.Messages, first.Message.ToParam())
	for _, call := range first.Message.ToolCalls {
		if err := sdk.CheckCity(call.Function.Arguments); err != nil {
			return err
		}
		body.Messages = append(body.Messages, openai.ToolMessage("sunny, 21 degrees", call.ID))
	}
	r, err := s.client.Chat.Completions.New(s.ctx, body)
	if err != nil {
		return err
	}
	text := r.Choices[0].Message.Content
	return sdk.Want(strings.Contains(text, "sunny, 21 degrees"), "answer %q", text)
}

func (s suite) tools(model string) error {
	body := ask(model, "use tool to see what the weather is")
	body.Tools = weather()
	r, err := s.client.Chat.Completions.New(s.ctx, body)
	if err != nil {
		return err
	}
	return s.loop(body, r.Choices[0], 1)
}

func (s suite) streamTools(model string) error {
	body := ask(model, "use tools for two cities")
	body.Tools = weather()
	r, err := s.collect(body)
	if err != nil {
		return err
	}
	return s.loop(body, r.Choices[0], 2)
}

func (s suite) structured(model string) error {
	body := ask(model, sdk.Question)
	body.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
		JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "answer", Strict: openai.Bool(true), Schema: sdk.AnswerSchema()},
	}}
	r, err := s.client.Chat.Completions.New(s.ctx, body)
	if err != nil {
		return err
	}
	return sdk.CheckAnswer(r.Choices[0].Message.Content)
}

func (s suite) embeddings() error {
	r, err := s.client.Embeddings.New(s.ctx, openai.EmbeddingNewParams{
		Model: "fake-openai", Dimensions: openai.Int(8),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"the sea", "the land"}},
	})
	if err != nil {
		return err
	}
	return sdk.Want(len(r.Data) == 2 && len(r.Data[1].Embedding) == 8 && r.Usage.PromptTokens > 0, "embeddings %s", r.RawJSON())
}

// fails checks the error of a call.
func fails(err error, status int, code string) error {
	e, ok := errors.AsType[*openai.Error](err)
	if !ok {
		return sdk.Want(false, "want status %d, got %T: %v", status, err, err)
	}
	return sdk.Want(e.StatusCode == status && e.Type != "" && e.Message != "" && (code == "" || e.Code == code), "want status %d, code %q, got %s", status, code, e.RawJSON())
}

func (s suite) errors() error {
	call := func(c openai.Client, body openai.ChatCompletionNewParams) error {
		_, err := c.Chat.Completions.New(s.ctx, body)
		return err
	}
	hot := ask("fake-openai", sdk.Question)
	hot.SetExtraFields(map[string]any{"temperature": "hot"})
	limited := clientOf(sdk.LimitedKey())
	if err := call(limited, ask("fake-openai", sdk.Question)); err != nil {
		return err
	}
	over := call(limited, ask("fake-openai", sdk.Question))
	if e, ok := errors.AsType[*openai.Error](over); ok && e.Response.Header.Get("Retry-After") == "" {
		return errors.New("429 without Retry-After")
	}
	return errors.Join(
		fails(call(clientOf(sdk.UnknownKey), ask("fake-openai", sdk.Question)), 401, ""),
		fails(call(s.client, ask("no-such-model", sdk.Question)), 404, "model_not_found"),
		fails(call(s.client, hot), 400, ""),
		fails(over, 429, ""),
	)
}

func (s suite) brokenStream(model string) error {
	r, err := s.collect(ask(model, sdk.Question))
	return sdk.Want(err != nil && (len(r.Choices) == 0 || r.Choices[0].FinishReason == ""), "no error: %v", r.Choices)
}

func (s suite) abort(model string) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stream := s.client.Chat.Completions.NewStreaming(ctx, ask(model, strings.Repeat(sdk.Question, 50)))
	defer stream.Close()
	for stream.Next() {
		cancel()
	}
	return sdk.Want(errors.Is(stream.Err(), context.Canceled), "error %v", stream.Err())
}
