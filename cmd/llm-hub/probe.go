package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/client"
)

// providersCmd is everything that can be done with vendor accounts.
type providersCmd struct {
	switchedCmd[providers]
	Test     providerTestCmd     `cmd:"" help:"Make the smallest call there is. The vendor bills it; here it is on nobody's books. Exits 1 if it fails."`
	Discover providerDiscoverCmd `cmd:"" help:"Ask the vendor which models the account can use."`
}

type providerTestCmd struct {
	remote
	output
	ID         string `arg:"" help:"Its name."`
	Credential string `help:"Of its credentials. Default: the first that is enabled." placeholder:"NAME"`
	Model      string `help:"The vendor's name of a model. Default: the first that a logical model uses." placeholder:"MODEL"`
}

type providerDiscoverCmd struct {
	remote
	output
	ID         string `arg:"" help:"Its name."`
	Credential string `help:"Of its credentials. Default: the first that is enabled." placeholder:"NAME"`
}

// Run makes a test call.
func (c *providerTestCmd) Run(ctx context.Context, w world) error {
	body, err := json.Marshal(client.ProbeOrder{Credential: c.Credential, Model: c.Model})
	if err != nil {
		return err
	}
	m := message{method: http.MethodPost, path: objectPath(providers{}, c.ID, "test"), body: body}
	return c.probe(ctx, w, m, c.output)
}

// Run lists a vendor's models.
func (c *providerDiscoverCmd) Run(ctx context.Context, w world) error {
	q := url.Values{}
	set(q, "credential", c.Credential)
	m := message{method: http.MethodGet, path: objectPath(providers{}, c.ID, "models"), query: q}
	return c.probe(ctx, w, m, c.output)
}

// probe calls a vendor and prints what came of it.
func (r *remote) probe(ctx context.Context, w world, m message, o output) error {
	var p client.Probe
	m.logOnly = true
	err := r.exchange(ctx, w, m, func(body io.Reader) error {
		raw, err := io.ReadAll(body)
		if err == nil {
			err = json.Unmarshal(raw, &p)
		}
		if err == nil && o.Output == "json" {
			return printJSON(w.out, raw)
		}
		return err
	})
	if err != nil {
		return err
	}
	if o.Output != "json" {
		printProbe(w.out, p)
	}
	if !p.OK {
		return exitError(exitFailed)
	}
	return nil
}

func printProbe(w io.Writer, p client.Probe) {
	word := "ok"
	if !p.OK {
		word = "failed: " + p.Class
	}
	asked := strings.TrimSpace(p.Provider + "/" + p.Credential + " " + p.Model) // for its models no model is asked
	fmt.Fprintf(w, "%s: %s, status %d after %d ms", word, asked, p.Status, p.LatencyMS)
	if p.CostNanoUSD != nil {
		fmt.Fprintf(w, ", $%s by the vendor, on nobody's books", accounting.FormatUSD(*p.CostNanoUSD))
	}
	fmt.Fprintln(w)
	if p.Message != "" {
		fmt.Fprintln(w, p.Message)
	}
	for _, name := range p.Models {
		fmt.Fprintln(w, name)
	}
}
