package openai

import (
	"strings"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

var _ provider.ModelLister = Vendor{}

// PrepareModels implements [provider.ModelLister], but where addresses name the model.
func (Vendor) PrepareModels(t provider.Target) (*provider.Outbound, error) {
	if strings.Contains(t.BaseURL, ModelInAddress) {
		return nil, &gateway.Error{Kind: gateway.Invalid, Public: "This API has no list of models."}
	}
	return provider.AskModels(endpoint(t, "/models"), header(false, t)), nil
}
