package call

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/route"
)

const (
	probeTimeout = 30 * time.Second
	// probeTokens caps the answer to a test call: enough for models that think first.
	probeTokens = 16
	maxProbe    = 8 << 20 // bytes of an answer
)

// Probed is what a call of a vendor for its own sake came to.
type Probed struct {
	Target  events.Target
	Status  int              // the vendor's, 0: it gave no answer
	Took    time.Duration    // to the end of its answer
	Failure provider.Failure // its class is empty if it answered
	Usage   *events.Usage    // that the vendor told; nil: none
}

// Probe makes the smallest chat there is with a model of a credential, over the
// transport of every call. Nobody's limit counts it and it is on nobody's books, though
// the vendor bills it: there is no tenant that asked. It changes no cooldown.
func (e *Engine) Probe(ctx context.Context, step route.Step) (Probed, error) {
	p := Probed{Target: step.Target()}
	body, err := json.Marshal(map[string]any{
		"model": step.Model, "max_tokens": probeTokens, "messages": []map[string]string{{"role": "user", "content": "Hi"}},
	})
	if err != nil {
		return p, err
	}
	in, err := openai.ParseChat(body)
	if err != nil {
		return p, err
	}
	vendor, err := e.vendor(step)
	if err != nil {
		return p, err
	}
	out, err := vendor.Prepare(in, place(step))
	if err != nil {
		p.Failure = classify(err)
		return p, nil
	}
	answer := e.exchange(ctx, &p, probing{step, vendor, out})
	if p.Failure.Class != "" {
		return p, nil
	}
	reply, err := out.Unary(answer)
	if p.Usage = reply.Usage; err != nil {
		p.Failure = provider.Failure{Class: provider.BadAnswer}
	}
	return p, nil
}

// Models asks a credential's vendor which models there are. Errors of the vendor are in
// what is returned; its own error is a *gateway.Error: this vendor has no list.
func (e *Engine) Models(ctx context.Context, step route.Step) ([]string, Probed, error) {
	p := Probed{Target: step.Target()}
	vendor, err := e.vendor(step)
	if err != nil {
		return nil, p, err
	}
	lister, ok := vendor.(provider.ModelLister)
	if !ok {
		return nil, p, &gateway.Error{Kind: gateway.Conflict, Code: "no_list", Public: "Vendors of kind " + step.Provider.Kind + " have no list of models that can be asked for."}
	}
	out, err := lister.PrepareModels(place(step))
	if err != nil {
		return nil, p, &gateway.Error{Kind: gateway.Conflict, Code: "no_list", Public: gateway.AsError(err).Public, Cause: err}
	}
	answer := e.exchange(ctx, &p, probing{step, vendor, out})
	if p.Failure.Class != "" {
		return nil, p, nil
	}
	names, err := provider.ReadModels(answer)
	if err != nil {
		p.Failure = provider.Failure{Class: provider.BadAnswer}
	}
	return names, p, nil
}

func (e *Engine) vendor(step route.Step) (provider.Vendor, error) {
	if v := e.cfg.Vendors(step.Provider.Kind); v != nil {
		return v, nil
	}
	return nil, &gateway.Error{Kind: gateway.Internal, Public: "There is no adapter for vendors of kind " + step.Provider.Kind + "."}
}

// probing is a call that is made.
type probing struct {
	step   route.Step
	vendor provider.Vendor
	out    *provider.Outbound
}

// exchange makes the call and notes in p what came of it; it gives the body of an answer.
func (e *Engine) exchange(ctx context.Context, p *Probed, c probing) []byte {
	began := time.Now()
	defer func() { p.Took = time.Since(began) }()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	status, h, body, err := e.roundTrip(outbound.WithConnectTimeout(ctx, connectTimeout(c.step)), c)
	p.Status = status
	switch {
	case err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		p.Failure = provider.Failure{Class: provider.TimedOut}
	case err != nil:
		p.Failure = classify(err)
	case status/100 != 2:
		understand := c.out.Failure
		if understand == nil {
			understand = c.vendor.Failure
		}
		p.Failure = *understand(status, h, body)
	}
	return body
}

func (e *Engine) roundTrip(ctx context.Context, c probing) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, c.out.Method, c.out.URL, bytes.NewReader(c.out.Body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header = c.out.Header
	if auth := c.step.Credential.Authorizer; auth != nil {
		if err := auth.Authorize(e.cfg.Transport, req, c.out.Body); err != nil {
			return 0, nil, nil, err
		}
	}
	res, err := e.cfg.Transport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxProbe))
	return res.StatusCode, res.Header, body, err
}

func connectTimeout(step route.Step) time.Duration {
	if t := step.Timeouts.Connect; t > 0 {
		return t
	}
	return control.DefaultTimeouts().Connect
}
