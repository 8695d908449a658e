package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/conversation"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// The names of the Responses API in facts.
const (
	responsesName = "responses"
	keptName      = responsesName + ".kept"
)

// respond is POST /v1/responses.
func (a *API) respond(c echo.Context) error {
	return a.serve(c, endpoint{name: responsesName, parse: responses.ParseResponse, prepare: a.goOn})
}

// responseTokens is POST /v1/responses/input_tokens.
func (a *API) responseTokens(c echo.Context) error {
	return a.serve(c, endpoint{
		name: responsesName + ".input_tokens", parse: responses.ParseCount, prepare: a.goOn,
		operation: counting(func(tokens int64) []byte {
			return fmt.Appendf(nil, `{"object":"response.input_tokens","input_tokens":%d}`, tokens)
		}),
	})
}

const day = 24 * time.Hour

// goOn finds what a request goes on from, and sees to it that its answer can be gone
// on from. What a vendor keeps only its credential can be asked for; what the gateway
// keeps becomes part of the request.
func (a *API) goOn(ctx context.Context, req *call.Request) error {
	in, tenant := req.Inbound, req.Key.Tenant.ID
	asked := in.Body // before it is expanded
	if err := a.resolve(ctx, req); err != nil {
		return err
	}
	wanted := in.Keep
	in.Keep = wanted && req.Catalog.ContentDays > 0
	if !wanted {
		return nil
	}
	ttl := time.Duration(req.Catalog.ContentDays) * day
	req.Keep = func(ctx context.Context, t events.Target, k provider.Kept) {
		answer := conversation.Answer{Tenant: tenant, ID: k.ID, Items: k.Items, Model: in.Model}
		if k.ByVendor {
			answer.Target = t
			a.cfg.Answers.Keep(ctx, answer, nil, conversation.VendorTTL)
			return
		}
		content := conversation.Content{Previous: in.Previous, Input: responses.Input(asked), Response: k.Body}
		a.cfg.Answers.Keep(ctx, answer, &content, ttl)
	}
	return nil
}

// resolve looks up what the request refers to.
func (a *API) resolve(ctx context.Context, req *call.Request) error {
	in := req.Inbound
	named := responses.References(in.Body)
	if in.Previous == "" && len(named) == 0 {
		return nil
	}
	r := resolver{api: a, req: req, items: map[string]json.RawMessage{}}
	if in.Previous != "" {
		if err := r.previous(ctx, in.Previous); err != nil {
			return err
		}
	}
	for _, id := range named {
		if err := r.item(ctx, id); err != nil {
			return err
		}
	}
	return r.settle()
}

// resolver collects what a request refers to: what one vendor keeps, or what the
// gateway keeps.
type resolver struct {
	api    *API
	req    *call.Request
	before []json.RawMessage
	items  map[string]json.RawMessage
	ours   bool // the gateway keeps some of it
}

func (r *resolver) previous(ctx context.Context, id string) error {
	const param = "previous_response_id"
	answer, err := r.api.cfg.Answers.Find(ctx, r.req.Key.Tenant.ID, id)
	if err != nil {
		return r.missing(err, &gateway.Error{
			Kind: gateway.Invalid, Code: "previous_response_not_found", Param: param, Public: fmt.Sprintf("Previous response with id %q not found.", shown(id)),
		})
	}
	if answer.ByVendor() {
		return r.keptBy(answer.Target)
	}
	r.ours = true
	r.before, err = r.api.cfg.Answers.History(ctx, answer)
	return r.missing(err, &gateway.Error{
		Kind: gateway.Invalid, Code: "previous_response_not_found", Param: param,
		Public: fmt.Sprintf("What led to the response with id %q is not kept any more.", shown(id)),
	})
}

func (r *resolver) item(ctx context.Context, id string) error {
	unknown := &gateway.Error{
		Kind: gateway.NotFound, Code: "item_not_found", Param: "input", Public: fmt.Sprintf("Item with id %q not found.", shown(id)),
	}
	answer, err := r.api.cfg.Answers.FindItem(ctx, r.req.Key.Tenant.ID, id)
	if err != nil {
		return r.missing(err, unknown)
	}
	if answer.ByVendor() {
		return r.keptBy(answer.Target)
	}
	r.ours = true
	r.items[id], err = r.api.cfg.Answers.Item(ctx, answer, id)
	return r.missing(err, unknown)
}

// keptBy notes which vendor has to be asked.
func (r *resolver) keptBy(t events.Target) error {
	if k := r.req.Kept; k != nil && (k.Provider != t.Provider || k.Credential != t.Credential) {
		return mixed()
	}
	r.req.Kept = &t
	return nil
}

func mixed() error {
	return &gateway.Error{
		Kind: gateway.Invalid, Code: "mixed_references", Param: "input",
		Public: "The request refers to what different vendors keep: send the items themselves.",
	}
}

// settle puts what the gateway keeps into the request.
func (r *resolver) settle() error {
	if !r.ours {
		return nil
	}
	if r.req.Kept != nil {
		return mixed()
	}
	in := r.req.Inbound
	body := responses.Expand(in.Body, r.before, r.items)
	if int64(len(body)) > web.DefaultMaxBody {
		return tooLong()
	}
	whole, err := responses.ParseResponse(body)
	if err != nil {
		return err
	}
	in.Body, in.InputTokens = whole.Body, whole.InputTokens
	return nil
}

func tooLong() *gateway.Error {
	return &gateway.Error{
		Kind: gateway.ContextLength, Param: "previous_response_id",
		Public: "The conversation is too long to go on from: begin a new one with what matters of it.",
	}
}

// missing makes the error of something that was looked up; nil if err is.
func (r *resolver) missing(err error, unknown *gateway.Error) error {
	if err == nil {
		return nil
	}
	if r.req.Catalog.ContentDays == 0 {
		unknown.Public += " Of answers of vendors that keep none, the gateway keeps none either: settings.retention.content_days is 0."
	}
	return lookedUp(err, unknown)
}

// shown is an id as it may stand in an error.
func shown(id string) string {
	const longest = 100
	return id[:min(len(id), longest)]
}

// lookedUp tells what could not be found from what could not be looked for.
func lookedUp(err error, unknown *gateway.Error) error {
	switch {
	case errors.Is(err, conversation.ErrUnreachable):
		return &gateway.Error{
			Kind: gateway.Unavailable, Public: "Kept answers cannot be looked up at the moment.", RetryAfter: time.Second, Cause: err,
		}
	case errors.Is(err, conversation.ErrTooLong):
		return tooLong()
	case errors.Is(err, conversation.ErrNotFound):
		return unknown
	}
	return err
}
