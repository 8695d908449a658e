package client

import (
	"context"
	"net/http"

	"github.com/llm-hub/llm-hub/events"
)

// ProbeOrder says how a vendor is tried.
type ProbeOrder struct {
	Credential string `json:"credential,omitempty"` // its name; absent: the first that is enabled
	Model      string `json:"model,omitempty"`      // the vendor's name; absent: the first that a logical model uses
}

// Probe is what a call of a vendor for its own sake came to.
type Probe struct {
	Provider   string   `json:"provider"`
	Credential string   `json:"credential"`
	Model      string   `json:"model,omitempty"`  // the vendor's name
	OK         bool     `json:"ok"`               // the vendor has given what was asked for
	Status     int      `json:"status,omitempty"` // the vendor's; absent: it gave no answer
	LatencyMS  int64    `json:"latency_ms"`       // to the end of its answer
	Class      string   `json:"class,omitempty"`  // of the failure, as in attempt.failed
	Message    string   `json:"message,omitempty"`
	Models     []string `json:"models,omitempty"` // that were asked for, by the vendor's names

	// Of a test call, as the vendor bills it. It is on nobody's books here.
	Usage       *events.Usage `json:"usage,omitempty"`
	CostNanoUSD *int64        `json:"cost_nano_usd,omitempty"` // absent: without usage or a price
}

// ModelsQuery says with which credential a vendor is asked for its models.
type ModelsQuery struct {
	Credential string `query:"credential" doc:"Its name. Default: the first that is enabled."`
}

// Test makes the smallest call there is of a provider, over the transport of every call.
func (c *Client) Test(ctx context.Context, provider string, order ProbeOrder) (Probe, error) {
	return call[Probe](ctx, c, Request{Method: http.MethodPost, Path: c.Providers().at(provider, "test")}, order)
}

// Discover asks a provider's vendor which models there are.
func (c *Client) Discover(ctx context.Context, provider string, q ModelsQuery) (Probe, error) {
	return call[Probe](ctx, c, Request{Method: http.MethodGet, Path: c.Providers().at(provider, "models"), Query: values(q)}, nil)
}
