package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/conversation"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// What there is below /v1/responses/{id}.
const (
	inputItems = "/input_items"
	cancel     = "/cancel"
)

// kept is GET and DELETE of /v1/responses/{id}, or what is below it.
func (a *API) kept(below string) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, err := callerOf(c)
		if err != nil {
			return err
		}
		id, err := url.PathUnescape(c.Param("id"))
		if err != nil {
			return notKept(c.Param("id"))
		}
		answer, err := a.cfg.Answers.Find(c.Request().Context(), who.key.Tenant.ID, id)
		if err != nil {
			return lookedUp(err, notKept(id))
		}
		if !who.key.MayCall(keptName) || !who.key.MayUse(answer.Model) { // then it does not exist for the key
			return notKept(id)
		}
		switch {
		case c.QueryParam("stream") == "true":
			return &gateway.Error{
				Kind: gateway.Invalid, Param: "stream", Code: "unsupported_parameter", Public: "An answer that is kept cannot be streamed again.",
			}
		case below == cancel:
			return &gateway.Error{Kind: gateway.Invalid, Public: "Only responses in the background can be cancelled."}
		case answer.ByVendor():
			return a.askKeeper(c, who, keptCall(c.Request(), answer, below))
		}
		return a.ownKept(c, answer, below)
	}
}

// question is one about an answer that a vendor keeps.
type question struct {
	answer conversation.Answer
	call   provider.KeptCall
}

func keptCall(r *http.Request, answer conversation.Answer, below string) question {
	path := url.PathEscape(answer.ID) + below
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	return question{answer, provider.KeptCall{Method: r.Method, Path: path}}
}

func notKept(id string) *gateway.Error {
	return &gateway.Error{Kind: gateway.NotFound, Public: fmt.Sprintf("Response with id %q not found.", shown(id))}
}

// askKeeper passes the question on to the vendor.
func (a *API) askKeeper(c echo.Context, who caller, q question) error {
	err := a.cfg.Calls.Serve(c.Response(), c.Request(), &call.Request{
		ID: web.RequestID(c), Endpoint: keptName, Catalog: who.catalog, Key: who.key, Kept: &q.answer.Target,
		Inbound:   &provider.Inbound{Dialect: provider.Responses, Model: q.answer.Model, Kept: &q.call},
		Operation: keeping(),
	})
	if err != nil || q.call.Method != http.MethodDelete || c.Response().Status != http.StatusOK {
		return err
	}
	return a.cfg.Answers.Forget(context.WithoutCancel(c.Request().Context()), q.answer)
}

// keeping is the ability to keep answers.
func keeping() call.Operation {
	return call.Operation{
		Of: func(v provider.Vendor) call.Prepare {
			if able, ok := v.(provider.AnswerKeeper); ok {
				return able.PrepareKept
			}
			return nil
		},
		Wordless: true, Free: true,
	}
}

// ownKept answers from what the gateway keeps.
func (a *API) ownKept(c echo.Context, answer conversation.Answer, below string) error {
	ctx := c.Request().Context()
	if c.Request().Method == http.MethodDelete {
		if err := a.cfg.Answers.Forget(ctx, answer); err != nil {
			return lookedUp(err, notKept(answer.ID))
		}
		return c.JSON(http.StatusOK, deleted{ID: answer.ID, Object: "response", Deleted: true})
	}
	content, err := a.cfg.Answers.Content(ctx, answer)
	if err != nil {
		return lookedUp(err, notKept(answer.ID))
	}
	if below == "" {
		return c.JSONBlob(http.StatusOK, content.Response)
	}
	page, err := itemsOf(content.Input, answer.ID, c.QueryParam("order") == "asc")
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, page)
}

type deleted struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// itemPage is a list of items; all fit one page.
type itemPage struct {
	Object  string            `json:"object"` // list
	Data    []json.RawMessage `json:"data"`
	First   string            `json:"first_id"`
	Last    string            `json:"last_id"`
	HasMore bool              `json:"has_more"`
}

// itemsOf lists the items of an input, the latest first unless asc. An item without
// an id gets one, by its place.
func itemsOf(input json.RawMessage, answer string, asc bool) (itemPage, error) {
	page := itemPage{Object: "list", Data: []json.RawMessage{}}
	if err := json.Unmarshal(input, &page.Data); err != nil {
		return page, fmt.Errorf("input of an answer: %w", err)
	}
	ids := make([]string, len(page.Data))
	for i, raw := range page.Data {
		page.Data[i], ids[i] = responses.Listed(raw, fmt.Sprintf("item_%s_%d", answer, i))
	}
	if !asc {
		slices.Reverse(page.Data)
		slices.Reverse(ids)
	}
	if len(ids) > 0 {
		page.First, page.Last = ids[0], ids[len(ids)-1]
	}
	return page, nil
}
