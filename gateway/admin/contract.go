package admin

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// contractRoutes are where this API describes itself.
func contractRoutes() []web.Route {
	return []web.Route{{
		Method: http.MethodGet, Path: "/api/v1/openapi.json", Permission: web.Look, Handler: contract,
		Doc: web.Doc{Summary: "This description.", Answer: json.RawMessage{}},
	}}
}

func contract(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, docs.OpenAPI)
}
