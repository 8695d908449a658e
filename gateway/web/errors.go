package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/cohere"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// fail writes the error of a handler, unless the client has got bytes already.
func (s *Server) fail(err error, c echo.Context) {
	e, status := understand(err)
	r := c.Request()
	if e.Kind == gateway.Internal && !left(r, err) {
		s.cfg.Logger.Error("request failed", "method", r.Method, "path", c.Path(), "request", RequestID(c), "error", err)
	}
	if c.Response().Committed {
		return
	}
	s.write(c.Response(), r, e, status)
}

// left tells whether the client has gone, which is what broke off its request.
func left(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && r.Context().Err() != nil
}

// understand finds the error for the client. Echo's own are those of its router.
func understand(err error) (*gateway.Error, int) {
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch h.Code {
		case http.StatusNotFound:
			return &gateway.Error{Kind: gateway.NotFound, Code: "unknown_url", Public: "There is nothing at this address."}, h.Code
		case http.StatusMethodNotAllowed:
			return &gateway.Error{
				Kind: gateway.Invalid, Code: "method_not_allowed", Public: "This address does not take that method.",
			}, h.Code
		}
	}
	e := gateway.AsError(err)
	return e, e.Kind.Status()
}

// write writes e in the shape that whoever calls the path expects.
func (s *Server) write(w http.ResponseWriter, r *http.Request, e *gateway.Error, status int) {
	h := w.Header()
	setRetry(h, e, status)
	var body []byte
	if operates(r.URL.Path) {
		h.Set("Content-Type", "application/problem+json")
		body = problem(e, status)
	} else {
		h.Set("Content-Type", "application/json")
		body = shaped(r, e, events.RequestID(h.Get(HeaderRequestID)))
	}
	if e.Kind == gateway.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that is gone misses nothing
	}
}

// shaped is e as the client's dialect has it.
func shaped(r *http.Request, e *gateway.Error, id events.RequestID) (body []byte) {
	switch DialectOf(r) {
	case provider.Anthropic:
		_, body = anthropic.ErrorBodyOf(e, id)
	case provider.Gemini:
		_, body = gemini.ErrorBody(e)
		if asArray(r) {
			body = append(append([]byte{'['}, body...), ']')
		}
	case provider.Cohere:
		_, body = cohere.ErrorBody(e)
	case provider.OpenAI, provider.Responses: // which have the same errors
		_, body = openai.ErrorBody(e)
	}
	return body
}

// setRetry tells when to come again: always after a 429, and in whole seconds,
// rounded up so that nobody comes too early.
func setRetry(h http.Header, e *gateway.Error, status int) {
	wait := e.RetryAfter
	if status == http.StatusTooManyRequests {
		wait = max(wait, time.Second)
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
	}
	if e.Kind == gateway.OverBudget || e.Kind == gateway.RateLimited && e.RetryAfter == 0 {
		h.Set("X-Should-Retry", "false") // client libraries would try in vain
	}
}

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`            // the kind of error, or what is more exact
	Field  string `json:"field,omitempty"` // the parameter at fault
	Extra  any    `json:"extra,omitempty"`
}

func problem(e *gateway.Error, status int) []byte {
	p := Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Public,
		Code: e.Code, Field: e.Param, Extra: e.Detail,
	}
	if p.Code == "" {
		p.Code = string(e.Kind)
	}
	body, err := json.Marshal(p)
	if err != nil {
		p.Extra = nil
		body, _ = json.Marshal(p) // what is left always encodes
	}
	return body
}
