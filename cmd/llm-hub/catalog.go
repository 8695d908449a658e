package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/outbound"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// newLoader makes what reads a configuration.
func newLoader(env func(string) (string, bool)) (*control.Loader, error) {
	book, err := accounting.ShippedBook()
	if err != nil {
		return nil, fmt.Errorf("shipped price book: %w", err)
	}
	return &control.Loader{Env: env, Kinds: vendorKinds(), Prices: book}, nil
}

// vendorKinds is the vendor table as configuration sees it.
func vendorKinds() []control.Kind {
	list := vendors.List()
	kinds := make([]control.Kind, len(list))
	for i, v := range list {
		kinds[i] = control.Kind{
			Name: v.Kind, BaseURL: v.BaseURL, EnvKeys: v.KeyEnv, NoKey: v.Local,
			Models:  control.Tiers{Smart: v.Models.Smart, Fast: v.Models.Fast, Cheap: v.Models.Cheap},
			Account: v.Account,
		}
	}
	return kinds
}

const (
	probeTimeout = 500 * time.Millisecond
	probeMaxBody = 1 << 20
)

// loopback is what the demo and a local Ollama need beyond public addresses.
func loopback() outbound.AllowList {
	return outbound.AllowList{netip.MustParsePrefix("127.0.0.1/32")}
}

// allowed is what vendors may be called on: the operator's list, and loopback
// where the configuration was made here and names it.
func (c *serveCmd) allowed(catalog *control.Catalog) (outbound.AllowList, error) {
	allow, err := outbound.ParseAllowList("--allow-private-cidrs", c.AllowPrivateCIDRs)
	if err != nil {
		return nil, usageError{err}
	}
	if c.Demo {
		return append(allow, loopback()...), nil
	}
	if c.Config != "" {
		return allow, nil
	}
	for _, p := range catalog.Providers {
		if kind, ok := vendors.Lookup(p.Kind); ok && kind.Local {
			return append(allow, loopback()...), nil
		}
	}
	return allow, nil
}

// probeModels lists the models of an OpenAI-compatible server at baseURL, such as a local Ollama.
func probeModels(ctx context.Context, baseURL string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/models", nil)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	resp, err := outbound.NewClient(outbound.Config{Allow: loopback()}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID string } }
	if err := json.NewDecoder(io.LimitReader(resp.Body, probeMaxBody)).Decode(&list); err != nil {
		return nil, fmt.Errorf("probe %s: %w", baseURL, err)
	}
	models := make([]string, len(list.Data))
	for i, m := range list.Data {
		models[i] = m.ID
	}
	return models, nil
}
