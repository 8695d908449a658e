package cohere

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

var _ provider.ModelLister = Wire{}

// PrepareModels implements [provider.ModelLister]: the list is of the first version.
func (Wire) PrepareModels(t provider.Target) (*provider.Outbound, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(t.BaseURL, "/"), "/v2"), "/v1")
	return provider.AskModels(base+"/v1/models?page_size=1000", header(false, t)), nil
}
