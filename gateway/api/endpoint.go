package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/form"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// headerUnsupported is the client's wish about what a vendor cannot be told.
const headerUnsupported = "X-Llmhub-Unsupported"

// The wishes.
const (
	dropUnsupported   = "drop"
	refuseUnsupported = "error"
)

// endpoint is one kind of request in one dialect.
type endpoint struct {
	name      string                                        // in facts
	parse     func(body []byte) (*provider.Inbound, error)  // nil: it takes no JSON
	form      func(f *form.Form) (*provider.Inbound, error) // nil: it takes no form
	operation call.Operation
	// prepare completes the request before it is served; nil: it is complete.
	prepare func(ctx context.Context, req *call.Request) error
	pass    []string // headers of the client's that a vendor of its dialect gets, in canonical form
}

// at makes the handler of an endpoint.
func (a *API) at(e endpoint) echo.HandlerFunc {
	return func(c echo.Context) error { return a.serve(c, e) }
}

func (a *API) serve(c echo.Context, e endpoint) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	strict, err := wantsStrict(c.Request().Header)
	if err != nil {
		return err
	}
	in, err := a.read(c, e)
	if err != nil {
		return err
	}
	if in.Form != nil {
		defer in.Form.Close()
	}
	in.Strict, in.Header = strict, e.passed(c.Request().Header)
	req := &call.Request{
		ID: web.RequestID(c), Endpoint: e.name, Catalog: who.catalog, Key: who.key, Inbound: in, Operation: e.operation,
	}
	if e.prepare != nil {
		if err := e.prepare(c.Request().Context(), req); err != nil {
			return err
		}
	}
	return a.cfg.Calls.Serve(c.Response(), c.Request(), req)
}

// read reads a request, as JSON or as the form that it is.
func (a *API) read(c echo.Context, e endpoint) (*provider.Inbound, error) {
	if e.form != nil && (e.parse == nil || web.IsForm(c)) {
		f, err := web.ReadForm(c, a.cfg.Forms)
		if err != nil {
			return nil, err
		}
		in, err := e.form(f)
		if err != nil {
			f.Close()
		}
		return in, err
	}
	if r := c.Request(); e.form != nil { // which may be larger than what is taken into memory
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxJSON)
	}
	body, err := web.ReadJSON(c)
	if err != nil {
		return nil, err
	}
	return e.parse(body)
}

// passed are the headers that go on to the vendor, nil if there are none.
func (e endpoint) passed(h http.Header) http.Header {
	var out http.Header
	for _, name := range e.pass {
		if values := h[name]; len(values) > 0 {
			if out == nil {
				out = make(http.Header)
			}
			out[name] = values
		}
	}
	return out
}

// wantsStrict tells whether what a vendor cannot be told makes the request an error.
func wantsStrict(h http.Header) (bool, error) {
	switch wish := h.Get(headerUnsupported); wish {
	case "", dropUnsupported:
		return false, nil
	case refuseUnsupported:
		return true, nil
	default:
		return false, &gateway.Error{
			Kind: gateway.Invalid, Param: headerUnsupported,
			Public: fmt.Sprintf("The header %s must be %q or %q.", headerUnsupported, dropUnsupported, refuseUnsupported),
		}
	}
}

// counting is the ability to count a prompt. Where no vendor has it, the gateway's
// own estimate is written by answer.
func counting(answer func(tokens int64) []byte) call.Operation {
	return call.Operation{
		Of: func(v provider.Vendor) call.Prepare {
			if able, ok := v.(provider.TokenCounter); ok {
				return able.PrepareCount
			}
			return nil
		},
		Wordless: true, Free: true, Local: answer,
	}
}
