package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// TestPanicShowsNoSecret: a panic with secrets in it is logged and answered without them.
func TestPanicShowsNoSecret(t *testing.T) {
	const text = "the-secret-text"
	s := control.NewSecret(text)
	hidden := struct{ inside control.Secret }{s}
	for name, v := range map[string]any{
		"secret": s, "pointer": &s, "credential": &control.Credential{Name: "main", APIKey: s}, "where no method is called": hidden, "pointer to that": &hidden,
		"error": fmt.Errorf("call %v: %w", s, errors.New("refused")), "list": []any{s, &s, hidden},
	} {
		t.Run(name, func(t *testing.T) {
			server, log := newServer(t,
				web.Route{Method: "GET", Path: "/v1/panic", Permission: web.Inference, Handler: func(echo.Context) error {
					panic(v) //nolint:forbidigo // what the test is about
				}},
				web.Route{Method: "GET", Path: "/v1/error", Permission: web.Inference, Handler: fails(fmt.Errorf("call with %+v: %w", v, errors.New("refused")))})
			said := get(server, "GET", "/v1/panic", "").Body.String() + get(server, "GET", "/v1/error", "").Body.String() + log.String()
			for _, want := range []string{"Internal error.", "handler panicked", "stack=", "request failed"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in %s", want, said)
				}
			}
			if strings.Contains(said, text) || strings.Contains(said, fmt.Sprintf("%x", text)) {
				t.Errorf("the secret is shown: %s", said)
			}
		})
	}
}
