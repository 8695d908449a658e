package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// owner is who logical models belong to, in the words of the models list.
const owner = "llm-hub"

// models is GET /v1/models: the logical models that the key may use.
func (a *API) models(c echo.Context) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	var list []openai.Model
	for _, name := range slices.Sorted(maps.Keys(who.catalog.Models)) {
		if who.key.MayUse(name) {
			list = append(list, a.entry(name))
		}
	}
	body, err := openai.Models(list)
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, body)
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
	return c.JSON(http.StatusOK, struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"` // s since 1970
		OwnedBy string `json:"owned_by"`
	}{name, "model", a.since.Unix(), owner})
}

func (a *API) entry(name string) openai.Model {
	return openai.Model{ID: name, Created: a.since, OwnedBy: owner}
}
