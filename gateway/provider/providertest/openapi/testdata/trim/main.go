// Trim cuts OpenAI's published OpenAPI description (github.com/openai/openai-openapi,
// MIT) down to the answers of the endpoints that are served here:
//
//	go run ./gateway/provider/providertest/openapi/testdata/trim <openapi.json >gateway/provider/providertest/openapi/testdata/openai.json
//
// What stays is as published, but for descriptions and examples.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// served are the endpoints, with the methods that are.
var served = map[string][]string{
	"/chat/completions":        {"post"},
	"/completions":             {"post"},
	"/embeddings":              {"post"},
	"/models":                  {"get"},
	"/models/{model}":          {"get"},
	"/responses":               {"post"},
	"/responses/{response_id}": {"get"},
	"/responses/input_tokens":  {"post"},
	"/moderations":             {"post"},
	"/images/generations":      {"post"},
	"/images/edits":            {"post"},
	"/images/variations":       {"post"},
	"/audio/speech":            {"post"},
	"/audio/transcriptions":    {"post"},
	"/audio/translations":      {"post"},
}

const (
	prefix      = "#/components/schemas/"
	errorSchema = "ErrorResponse" // of all endpoints, though most do not say so
)

type object = map[string]any

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func run() error {
	var all object
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		return err
	}
	schemas := all["components"].(object)["schemas"].(object)
	kept, paths := object{}, object{}
	keep(schemas, kept, object{"$ref": prefix + errorSchema})
	for path, methods := range served {
		operations := object{}
		for _, m := range methods {
			operation := all["paths"].(object)[path].(object)[m].(object)
			content := operation["responses"].(object)["200"].(object)["content"].(object)
			answers := object{}
			for media, is := range content {
				schema := bare(is.(object)["schema"], "")
				keep(schemas, kept, schema)
				answers[media] = object{"schema": schema}
			}
			operations[m] = object{"responses": object{"200": object{"content": answers}}}
		}
		paths[path] = operations
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	return out.Encode(object{
		"openapi": all["openapi"], "info": all["info"], "paths": paths, "components": object{"schemas": kept},
	})
}

// keep adds to kept every schema that value refers to.
func keep(schemas, kept object, value any) {
	switch v := value.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, prefix)
			if _, done := kept[name]; !done {
				kept[name] = bare(schemas[name], "")
				keep(schemas, kept, kept[name])
			}
		}
		for _, member := range v {
			keep(schemas, kept, member)
		}
	case []any:
		for _, element := range v {
			keep(schemas, kept, element)
		}
	}
}

// bare is a schema without what is for readers. Under "properties" names are the
// answer's own.
func bare(value any, under string) any {
	switch v := value.(type) {
	case object:
		out := object{}
		for name, member := range v {
			forReaders := name == "description" || name == "example" || name == "examples" || name == "title" || strings.HasPrefix(name, "x-")
			if under == "properties" || !forReaders {
				out[name] = bare(member, name)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = bare(element, "")
		}
		return out
	}
	return value
}
