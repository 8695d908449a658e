// Package docs holds what is generated from the code for readers, and gives the
// description of the operators' API to whoever serves it.
package docs

import _ "embed"

// OpenAPI describes /api/v1 in OpenAPI 3.1. `make gen` writes it.
//
//go:embed openapi.json
var OpenAPI []byte
