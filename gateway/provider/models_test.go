package provider_test

import (
	"slices"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

func TestReadModels(t *testing.T) {
	for body, want := range map[string][]string{
		`{"object":"list","data":[{"id":"b"},{"id":"a"},{"id":"b"}]}`: {"a", "b"},
		`{"data":[],"has_more":false}`:                                {},
		`{"models":[{"name":"models/gemini-x"},{"name":"command"}]}`:  {"command", "gemini-x"},
		`[{"id":"meta/llama"}]`:                                       {"meta/llama"},
	} {
		if got, err := provider.ReadModels([]byte(body)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
	for _, body := range []string{``, `{}`, `"models"`, `{"error":"no"}`, `<html>`} {
		if got, err := provider.ReadModels([]byte(body)); err == nil {
			t.Errorf("%s: %v", body, got)
		}
	}
}
