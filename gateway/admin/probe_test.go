package admin_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/route"
)

// prober answers for vendors: one that refuses "bad", and lists nothing for "none".
type prober struct{}

func (prober) Probe(_ context.Context, s route.Step) (call.Probed, error) {
	p := call.Probed{Target: s.Target(), Status: 200, Took: 1500 * time.Millisecond, Usage: &events.Usage{Input: 8, Output: 1}}
	if s.Model == "bad" {
		p.Status, p.Usage, p.Failure = 401, nil, provider.Failure{Class: provider.BadCredential, Message: "No."}
	}
	return p, nil
}

func (prober) Models(_ context.Context, s route.Step) ([]string, call.Probed, error) {
	if s.Credential.Name == "none" {
		return nil, call.Probed{}, &gateway.Error{Kind: gateway.Conflict, Code: "no_list", Public: "No list."}
	}
	return []string{"a", "b"}, call.Probed{Target: s.Target(), Status: 200, Took: time.Second}, nil
}

// TestProbe: a test call says what came of it, with its cost, and touches no books.
func TestProbe(t *testing.T) {
	c := configure(t)
	c.Handler = newHandler(t, admin.Config{Control: c.plane, Prober: prober{}})
	c.send(201, "POST", "providers", `{"name": "p", "kind": "openai", "credentials": [{"name": "c", "api_key": "sk-1"}, {"name": "none", "api_key": "sk-2"}]}`)
	if p := problem(t, c.send(400, "POST", "providers/p/test", "{}")); p.Field != "model" {
		t.Errorf("%+v", p)
	}
	c.send(201, "POST", "models", `{"name": "smart", "targets": [{"provider": "p", "model": "gpt"}]}`)
	c.send(201, "POST", "prices", `{"model": "gpt", "provider": "openai", "input": "1", "output": "2"}`)
	got := decode[client.Probe](t, c.send(200, "POST", "providers/p/test", ""))
	if !got.OK || got.Model != "gpt" || got.Credential != "c" || got.LatencyMS != 1500 || got.CostNanoUSD == nil || *got.CostNanoUSD != 10_000 {
		t.Errorf("%+v", got)
	}
	bad := decode[client.Probe](t, c.send(200, "POST", "providers/p/test", `{"model": "bad", "credential": "none"}`))
	if bad.OK || bad.Status != http.StatusUnauthorized || bad.Class != "auth" || bad.Message != "No." || bad.CostNanoUSD != nil || bad.Credential != "none" {
		t.Errorf("%+v", bad)
	}
	if list := decode[client.Probe](t, c.send(200, "GET", "providers/p/models", "")); !slices.Equal(list.Models, []string{"a", "b"}) {
		t.Errorf("%+v", list)
	}
	c.send(409, "GET", "providers/p/models?credential=none", "")
	c.send(404, "GET", "providers/p/models?credential=other", "")
	c.send(404, "POST", "providers/q/test", "{}")
	c.send(400, "POST", "providers/p/test", `{"modell": "x"}`)
	c.send(200, "PATCH", "credentials/p/c", `{"state": "disabled"}`)
	c.send(200, "PATCH", "credentials/p/none", `{"state": "disabled"}`)
	c.send(404, "POST", "providers/p/test", "{}")
	configure(t).send(503, "POST", "providers/p/test", "{}")
}
