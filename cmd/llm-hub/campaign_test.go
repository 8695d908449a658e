package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/events"
)

// short and long are the figures of a campaign: in every run, and with
// LLMHUB_TEST_FULL set.
func sized[N any](short, long N) N {
	if os.Getenv("LLMHUB_TEST_FULL") != "" {
		return long
	}
	return short
}

// campaignRand makes the random choices of one campaign from the seed that
// [killSeed] prints.
func campaignRand(t *testing.T) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(killSeed(t), 0))
}

// tenantDoc is one tenant of a campaign's hub.yaml, with one virtual key.
type tenantDoc struct {
	name   string
	limits []string // flow mappings, as {per: month, requests: 50}
	extra  string   // further fields of the tenant, a line
}

// keyOf is the virtual key of a campaign's tenant.
func keyOf(tenant string) string { return "campaign-key-0123456789-0123456789-" + tenant }

// vendorModels are the three families of wire formats and a model of each.
var vendorModels = []struct{ provider, base, model string }{ //nolint:gochecknoglobals // a constant table
	{"openai", "/openai/v1", "gpt-fake"}, {"anthropic", "/anthropic", "claude-fake"}, {"gemini", "/gemini", "gemini-fake"},
}

// campaignConfig writes a hub.yaml with one logical model for each vendor family,
// fake-<vendor>, whose vendor model is asked for with directive. The models cost
// a dollar for a million tokens of any kind, so a token is 1,000 nano-USD.
func campaignConfig(t *testing.T, vendorURL, directive string, tenants ...tenantDoc) string {
	t.Helper()
	var providers, models, prices, people strings.Builder
	for _, v := range vendorModels {
		model := v.model
		if directive != "" {
			model += "+" + directive
		}
		fmt.Fprintf(&providers, "  - {name: %[1]s, kind: %[1]s, base_url: %[2]q, credentials: [{name: main, api_key: fake-%[1]s}]}\n",
			v.provider, vendorURL+v.base)
		fmt.Fprintf(&models, "  - {name: fake-%s, targets: [{provider: %s, model: %q}]}\n", v.provider, v.provider, model)
		fmt.Fprintf(&prices, "    - {model: %s, input: %q, output: %q}\n", v.model, "1", "1")
	}
	for _, d := range tenants {
		fmt.Fprintf(&people, "  - name: %s\n    limits: [%s]\n    keys: [{name: main, key: %s}]\n", d.name, strings.Join(d.limits, ", "), keyOf(d.name))
		if d.extra != "" {
			fmt.Fprintf(&people, "    %s\n", d.extra)
		}
	}
	path := filepath.Join(t.TempDir(), "hub.yaml")
	text := "providers:\n" + providers.String() + "models:\n" + models.String() + "tenants:\n" + people.String() +
		"settings:\n  prices:\n" + prices.String()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventsOf reads the log through the command line; flags choose the server and
// narrow what is read.
func eventsOf(t *testing.T, flags ...string) []events.Event {
	t.Helper()
	out, code := command(t, append([]string{"replay", "--format", "jsonl"}, flags...)...)
	if code != 0 {
		t.Fatalf("replay: exit %d", code)
	}
	var all []events.Event
	for line := range strings.Lines(out) {
		var r struct{ Event events.Event }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("replay: %v: %s", err, line)
		}
		all = append(all, r.Event)
	}
	return all
}

// accountsOf adds events up by request.
func accountsOf(t *testing.T, all []events.Event) map[string]*account {
	t.Helper()
	accounts := map[string]*account{}
	for _, e := range all {
		id := string(e.Request)
		if id == "" {
			continue
		}
		if accounts[id] == nil {
			accounts[id] = &account{}
		}
		accounts[id].add(t, e)
	}
	return accounts
}
