// Package api speaks to applications: it understands a request of their dialect
// just far enough and hands it to package call. Errors are *gateway.Error; package
// web gives them the dialect's shape.
package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/conversation"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/record"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// Server serves one request for a model. [*call.Engine] does.
type Server interface {
	Serve(w http.ResponseWriter, r *http.Request, req *call.Request) error
}

// Config configures an [API]. All fields must be set.
type Config struct {
	Calls   Server
	Catalog func() *control.Catalog // the present one
	// Authenticate finds the virtual key a request was made with. Its error is a
	// *gateway.Error for the client.
	Authenticate func(r *http.Request, c *control.Catalog) (*control.Key, error)
	// LastUsed is the minute of a key's last admitted request; nil: never, or not known.
	LastUsed func(context.Context, *control.Key) *time.Time
	Answers  *conversation.Store
	Metrics  *record.Metrics
	Forms    *form.Store // where forms are while they are served
}

// API holds the handlers.
type API struct {
	cfg   Config
	since time.Time // the age that models are given: configuration does not know it
}

// New makes the handlers.
func New(cfg Config) (*API, error) {
	if cfg.Calls == nil || cfg.Catalog == nil || cfg.Authenticate == nil || cfg.LastUsed == nil || cfg.Answers == nil || cfg.Metrics == nil ||
		cfg.Forms == nil {
		return nil, errors.New("api: Calls, Catalog, Authenticate, LastUsed, Answers, Metrics and Forms must be set")
	}
	return &API{cfg: cfg, since: time.Now()}, nil
}

// Routes are the addresses, with and without the version: clients differ in what
// they take for the base URL. Those of Anthropic and Gemini are also below the name
// of the dialect.
func (a *API) Routes() []web.Route {
	var routes []web.Route
	get := func(path string, h echo.HandlerFunc) {
		routes = append(routes, web.Route{Method: http.MethodGet, Path: path, Permission: web.Inference, Handler: h})
	}
	post := func(path string, h echo.HandlerFunc) {
		routes = append(routes, web.Route{Method: http.MethodPost, Path: path, Permission: web.Inference, Handler: h})
	}
	remove := func(path string, h echo.HandlerFunc) {
		routes = append(routes, web.Route{Method: http.MethodDelete, Path: path, Permission: web.Inference, Handler: h})
	}
	for _, base := range []string{"/v1", ""} {
		post(base+"/chat/completions", a.at(chatCompletions()))
		post(base+"/chat", a.at(chatCompletions()))
		post(base+"/completions", a.at(completions()))
		post(base+"/embeddings", a.at(embeddings()))
		post(base+"/responses", a.respond)
		post(base+"/responses/input_tokens", a.responseTokens)
		get(base+"/responses/:id", a.kept(""))
		remove(base+"/responses/:id", a.kept(""))
		get(base+"/responses/:id"+inputItems, a.kept(inputItems))
		post(base+"/responses/:id"+cancel, a.kept(cancel))
	}
	for _, base := range []string{"/v1", "", "/v2"} {
		post(base+"/rerank", a.at(reranking()))
	}
	for _, base := range []string{"/v1", ""} {
		for _, e := range tasks() {
			routes = append(routes, web.Route{
				Method: http.MethodPost, Path: base + "/" + string(e.task), Permission: web.Inference, Handler: a.at(e.endpoint), MaxBody: e.maxBody,
			})
		}
	}
	for _, base := range []string{"/v1", "", "/anthropic/v1"} {
		post(base+"/messages", a.at(messages()))
		post(base+"/messages/count_tokens", a.at(messageTokens()))
	}
	for _, base := range []string{"/v1", "/v1beta", "/gemini/v1", "/gemini/v1beta"} {
		post(base+"/models/*", a.content)
	}
	for _, base := range []string{"/v1", "", "/anthropic/v1", "/v1beta", "/gemini/v1", "/gemini/v1beta"} {
		get(base+"/models", a.models)
		get(base+"/models/*", a.model)
	}
	get("/v1/key", a.key)
	get("/key", a.key)
	return routes
}

// caller is who makes a request, and the configuration it is served under.
type caller struct {
	catalog *control.Catalog
	key     *control.Key
}

type callerKey struct{}

// Guard holds [web.Inference]: the request must come with a virtual key.
func (a *API) Guard(c echo.Context) error {
	catalog := a.cfg.Catalog()
	key, err := a.cfg.Authenticate(c.Request(), catalog)
	if err != nil {
		if gateway.AsError(err).Kind == gateway.Unauthenticated {
			a.cfg.Metrics.Unauthenticated()
		}
		return err
	}
	ctx := context.WithValue(c.Request().Context(), callerKey{}, caller{catalog: catalog, key: key})
	c.SetRequest(c.Request().WithContext(ctx))
	return nil
}

func callerOf(c echo.Context) (caller, error) {
	who, ok := c.Request().Context().Value(callerKey{}).(caller)
	if !ok {
		return caller{}, errors.New("the route is not guarded")
	}
	return who, nil
}
