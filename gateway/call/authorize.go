package call

import (
	"net/http"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// place is where the vendor of a step is asked for its model. A key that an
// authorizer has is not shown to anybody else.
func place(step route.Step) provider.Target {
	t := provider.Target{BaseURL: step.Provider.BaseURL, Model: step.Model}
	if step.Credential.Authorizer == nil {
		t.APIKey = step.Credential.APIKey.Reveal()
	}
	if deployed, ok := step.Provider.Deployments[step.Model]; ok {
		t.Model, t.Behind = deployed, step.Model
	}
	return t
}

// authorize proves to the vendor who asks; the vendor has not been called before.
// The context of r bounds it but tells nothing of what is sent on the way.
func (a *attempt) authorize(r *http.Request) error {
	if a.auth == nil {
		return nil
	}
	return a.auth.Authorize(a.flight.cfg.Transport, r, a.out.Body)
}
