package anthropic

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

var _ provider.ModelLister = vendor{}

// PrepareModels implements [provider.ModelLister].
func (vendor) PrepareModels(t provider.Target) (*provider.Outbound, error) {
	base := strings.TrimSuffix(address(t, ""), "/messages")
	return provider.AskModels(base+"/models?limit=1000", header(false, t)), nil
}
