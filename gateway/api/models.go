package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// owner is who logical models belong to, in the words of the models list.
const owner = "llm-hub"

// models is GET /v1/models: the logical models that the key may use, in the client's
// dialect. They all fit one page.
func (a *API) models(c echo.Context) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(who.catalog.Models))
	for _, name := range slices.Sorted(maps.Keys(who.catalog.Models)) {
		if who.key.MayUse(name) {
			names = append(names, name)
		}
	}
	return c.JSON(http.StatusOK, a.list(web.DialectOf(c.Request()), names))
}

// model is GET /v1/models/{id}. A model that the key may not use does not exist for it.
func (a *API) model(c echo.Context) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	name, err := url.PathUnescape(c.Param("*"))
	if err != nil || who.catalog.Models[name] == nil || !who.key.MayUse(name) {
		return &gateway.Error{
			Kind: gateway.NotFound, Code: "model_not_found", Param: "model", Public: fmt.Sprintf("The model %q does not exist.", name),
		}
	}
	return c.JSON(http.StatusOK, a.entry(web.DialectOf(c.Request()), name))
}

// list is a list of models in a dialect.
func (a *API) list(d provider.Dialect, names []string) any {
	entries := make([]any, len(names))
	for i, name := range names {
		entries[i] = a.entry(d, name)
	}
	switch d {
	case provider.Anthropic:
		page := anthropicPage{Data: entries}
		if len(names) > 0 {
			page.FirstID, page.LastID = &names[0], &names[len(names)-1]
		}
		return page
	case provider.Gemini:
		return geminiPage{Models: entries}
	case provider.OpenAI, provider.Responses:
	}
	return openaiPage{Object: "list", Data: entries}
}

// entry is a model in a dialect.
func (a *API) entry(d provider.Dialect, name string) any {
	switch d {
	case provider.Anthropic:
		return anthropicModel{
			Type: "model", ID: name, Name: name, Created: a.since.UTC().Truncate(time.Second), Lifecycle: "active",
		}
	case provider.Gemini:
		return geminiModel{
			Name: geminiPrefix + name, BaseID: name, Version: "1", DisplayName: name,
			Methods: []string{"generateContent", "countTokens", "embedContent"},
		}
	case provider.OpenAI, provider.Responses:
	}
	return openaiModel{ID: name, Object: "model", Created: a.since.Unix(), OwnedBy: owner}
}

type openaiPage struct {
	Object string `json:"object"`
	Data   []any  `json:"data"`
}

type openaiModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // s since 1970
	OwnedBy string `json:"owned_by"`
}

type anthropicPage struct {
	Data    []any   `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

// anthropicModel has null where a logical model has nothing to say of itself.
type anthropicModel struct {
	Type         string    `json:"type"`
	ID           string    `json:"id"`
	Name         string    `json:"display_name"`
	Created      time.Time `json:"created_at"`
	Lifecycle    string    `json:"lifecycle"`
	Capabilities *struct{} `json:"capabilities"`
	Deprecated   *string   `json:"deprecated_at"`
	Line         *string   `json:"line"`
	MaxInput     *int64    `json:"max_input_tokens"`
	MaxTokens    *int64    `json:"max_tokens"`
	Retires      *string   `json:"retires_at"`
}

// geminiPrefix begins the name of a model where Gemini's API has names of resources.
const geminiPrefix = "models/"

type geminiPage struct {
	Models []any `json:"models"`
}

type geminiModel struct {
	Name        string   `json:"name"`
	BaseID      string   `json:"baseModelId"`
	Version     string   `json:"version"`
	DisplayName string   `json:"displayName"`
	Methods     []string `json:"supportedGenerationMethods"`
}
