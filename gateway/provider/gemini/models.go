package gemini

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

var _ provider.ModelLister = vendor{}

// PrepareModels implements [provider.ModelLister].
func (vendor) PrepareModels(t provider.Target) (*provider.Outbound, error) {
	base, _, _ := strings.Cut(endpoint(t, ""), "/models/")
	return provider.AskModels(base+"/models?pageSize=1000", header(t, false)), nil
}
