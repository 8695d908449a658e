package control_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

var update = flag.Bool("update", false, "write golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
	}
}

func kinds() []control.Kind {
	return append(clouds(), []control.Kind{
		{Name: "openai", BaseURL: "https://api.openai.test/v1", EnvKeys: []string{"OPENAI_API_KEY"}, Models: control.Tiers{Smart: "gpt-s", Fast: "gpt-f", Cheap: "gpt-f"}},
		{Name: "anthropic", BaseURL: "https://api.anthropic.test/", EnvKeys: []string{"ANTHROPIC_API_KEY"}, Models: control.Tiers{Smart: "claude-s"}},
		{Name: "gemini", BaseURL: "https://gemini.test", EnvKeys: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, Models: control.Tiers{Smart: "gem-s", Fast: "gem-f", Cheap: "gem-c"}},
		{Name: "groq", BaseURL: "https://api.groq.test", EnvKeys: []string{"GROQ_API_KEY"}},
		{Name: "ollama", BaseURL: "http://127.0.0.1:11434/v1", NoKey: true},
		{Name: "litellm", NoKey: true},
	}...)
}

const grafanaToken = "a-token-of-an-operator-for-grafana"

const ciKey = "a-supplied-key-of-32-characters!"

func environment(name string) (string, bool) {
	v, ok := map[string]string{
		"OPENAI_API_KEY": "sk-from-the-environment",
		"CI_HUB_KEY":     ciKey,
		"EMPTY":          "",
		"SPACED":         "not to be shown",
		"SECRET_WORD":    "not-to-be-shown!",
		"GRAFANA":        grafanaToken,
		"HOOK":           "a-signing-secret-of-32-characters",
	}[name]
	return v, ok
}

func loader() *control.Loader {
	return &control.Loader{Env: environment, Kinds: kinds(), Prices: &accounting.Book{}}
}

// catalogOf is the catalog of a configuration that was read just now.
func catalogOf(t *testing.T, w *control.Wanted, err error) *control.Catalog {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func full(t *testing.T) *control.Catalog {
	t.Helper()
	w, err := loader().Load("testdata/full.yaml")
	return catalogOf(t, w, err)
}

func TestParseEveryField(t *testing.T) {
	c := full(t)
	main := &control.Credential{
		Provider: "openai", Name: "main", APIKey: control.NewSecret("sk-from-the-environment"), Weight: 3, Limits: []accounting.Limit{
			{Per: accounting.Minute, Of: accounting.OfRequests, Max: 500, Mode: accounting.Hard},
			{Per: accounting.Minute, Of: accounting.OfTokens, Max: 200_000, Mode: accounting.Hard},
			{Per: accounting.Day, Of: accounting.OfCost, Max: 25_500_000_000, Mode: accounting.Hard},
		},
	}
	own := control.Timeouts{Connect: 2 * time.Second, FirstByte: 30 * time.Second, Idle: 20 * time.Second, Total: 5 * time.Minute}
	openai := &control.Provider{
		Name: "openai", Kind: "openai", BaseURL: "https://llm.example.com/v1", Timeouts: own,
		Credentials: []*control.Credential{main, {Provider: "openai", Name: "spare", APIKey: control.NewSecret("sk-from-a-file"), Weight: 1}},
	}
	claude := &control.Provider{
		Name: "claude", Kind: "anthropic", BaseURL: "https://api.anthropic.test", Timeouts: control.DefaultTimeouts(),
		Credentials: []*control.Credential{{Provider: "claude", Name: "main", APIKey: control.NewSecret("literal-key"), Weight: 1}},
	}
	local := &control.Provider{
		Name: "local", Kind: "ollama", BaseURL: "http://127.0.0.1:11434/v1", Timeouts: control.DefaultTimeouts(),
		Credentials: []*control.Credential{{Provider: "local", Name: "default", Weight: 1}},
	}
	if diff := cmp.Diff(map[string]*control.Provider{"openai": openai, "claude": claude, "local": local}, c.Providers); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	models := map[string]*control.Model{
		"smart": {
			Name: "smart", Strategy: "priority",
			Timeouts: control.Timeouts{Connect: 5 * time.Second, FirstByte: 45 * time.Second, Idle: 60 * time.Second, Total: 2 * time.Minute},
			Limits:   []accounting.Limit{{Per: accounting.Hour, Of: accounting.OfRequests, Max: 1000, Mode: accounting.Soft}},
			Targets: []control.Target{
				{
					Provider: openai, Model: "gpt-x", Priority: 1, Weight: 1,
					Timeouts: control.Timeouts{Connect: 2 * time.Second, FirstByte: 45 * time.Second, Idle: 20 * time.Second, Total: 2 * time.Minute},
				},
				{
					Provider: claude, Model: "claude-x", Priority: 2, Weight: 1,
					Timeouts: control.Timeouts{Connect: 5 * time.Second, FirstByte: 45 * time.Second, Idle: 60 * time.Second, Total: 2 * time.Minute},
				},
			},
		},
		"fast-1.5": {
			Name: "fast-1.5", Strategy: "priority", Timeouts: control.DefaultTimeouts(),
			Targets: []control.Target{{Provider: local, Model: "llama3:8b", Priority: 1, Weight: 1, Timeouts: control.DefaultTimeouts()}},
		},
	}
	if diff := cmp.Diff(models, c.Models); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
	if c.Location.String() != "Europe/Berlin" {
		t.Errorf("location %s", c.Location)
	}
}

func TestParseTenants(t *testing.T) {
	c := full(t)
	user := &control.User{
		ID: control.UserID("acme", "a@acme.test"), Email: "a@acme.test", Role: "operator",
		Limits:  []accounting.Limit{{Per: accounting.Day, Of: accounting.OfInputTokens, Max: 1_000_000, Mode: accounting.Hard}},
		Expires: time.Date(2031, 1, 31, 0, 0, 0, 0, time.UTC),
	}
	team := &control.Team{
		Name: "research", Members: []string{user.ID},
		Limits: []accounting.Limit{{Per: accounting.Week, Of: accounting.OfCost, Max: 20_000_000_000, Mode: accounting.Hard}},
	}
	acme := &control.Tenant{
		ID: "acme", OnDisconnect: "cancel", Users: []*control.User{user}, Teams: []*control.Team{team},
		Limits: []accounting.Limit{{Per: accounting.Month, Of: accounting.OfCost, Max: 500_000_000_000, Mode: accounting.Hard}},
		ModelLimits: map[string][]accounting.Limit{
			"smart": {{Per: accounting.Day, Of: accounting.OfRequests, Max: 100, Mode: accounting.Hard, Model: "smart"}},
		},
		Keys: []*control.Key{
			{
				Name: "ci", User: user, Team: team, Models: map[string]bool{"smart": true, "fast-1.5": true}, Limits: []accounting.Limit{
					{Per: accounting.Minute, Of: accounting.OfRequests, Max: 60, Mode: accounting.Hard},
					{Per: accounting.Day, Of: accounting.OfOutputTokens, Max: 1_000_000, Mode: accounting.Shadow},
					{Of: accounting.OfConcurrency, Max: 8, Mode: accounting.Hard},
				},
				State: "paused", Expires: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC),
				Endpoints: map[string]bool{"chat.completions": true, "messages": true},
				Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::7/128")},
				Tags:      []string{"build", "nightly"},
			},
			{Name: "generated", State: "active"},
			{Name: "known", ID: "0aA9zZ5mQ7wE", State: "active"},
		},
	}
	want := map[events.TenantID]*control.Tenant{"acme": acme, "other": {
		ID: "other", OnDisconnect: "drain",
		ModelLimits: map[string][]accounting.Limit{"smart": {{Per: accounting.Day, Of: accounting.OfRequests, Max: 10, Mode: accounting.Hard, Model: "smart"}}},
	}}
	withoutTenant := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Tenant" }, cmp.Ignore())
	if diff := cmp.Diff(want, c.Tenants, withoutTenant, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	ci := c.KeyBySecret(ciKey)
	if ci == nil || ci != c.Tenants["acme"].Keys[0] || ci.Tenant != c.Tenants["acme"] {
		t.Fatalf("key by its secret: %v", ci)
	}
	if !ci.MayUse("smart") || ci.MayUse("other") || !c.Tenants["acme"].Keys[1].MayUse("other") {
		t.Error("allow-list does not hold")
	}
	if old := c.KeyBySecret("test"); old != ci {
		t.Errorf("by the secret it had before: %v", old)
	}
	if known := c.KeyBySecret("test2"); known == nil || known.Name != "known" {
		t.Errorf("by the hash alone: %v", known)
	}
	for _, text := range []string{"", "no such key"} {
		if k := c.KeyBySecret(text); k != nil {
			t.Errorf("%q found %v", text, k)
		}
	}
}

func TestParseTokens(t *testing.T) {
	c := full(t)
	want := &control.Token{Name: "grafana", Role: "viewer", Expires: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, c.TokenBySecret(grafanaToken, time.Now())); diff != "" {
		t.Error(diff)
	}
	if c.TokenBySecret(grafanaToken, want.Expires) != nil || c.TokenBySecret(ciKey, time.Now()) != nil || c.KeyBySecret(grafanaToken) != nil {
		t.Error("a token works after its end, or a key for a token")
	}
}

func TestParseWebhooks(t *testing.T) {
	want := []control.Webhook{
		{URL: "https://hooks.example.com/llm?to=ops", Secret: control.NewSecret("a-signing-secret-of-32-characters")},
		{URL: "http://127.0.0.1:9000/", Secret: control.NewSecret("0123456789abcdef0123456789abcdef")},
	}
	if diff := cmp.Diff(want, full(t).Webhooks); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

// TestEveryLimit: whatever holds limits takes every kind of them.
func TestEveryLimit(t *testing.T) {
	amounts := map[string]accounting.Limit{
		"requests: 7": {Of: accounting.OfRequests, Max: 7}, "tokens: 7": {Of: accounting.OfTokens, Max: 7},
		"tokens: 7, of: total": {Of: accounting.OfTokens, Max: 7}, "tokens: 7, of: input": {Of: accounting.OfInputTokens, Max: 7},
		"tokens: 7, of: output": {Of: accounting.OfOutputTokens, Max: 7}, `cost_usd: "0.000000007"`: {Of: accounting.OfCost, Max: 7},
		"concurrency: 7": {Of: accounting.OfConcurrency, Max: 7},
	}
	for amount, want := range amounts {
		for _, per := range []accounting.Per{accounting.Minute, accounting.Hour, accounting.Day, accounting.Week, accounting.Month, accounting.Life} {
			for _, mode := range []accounting.Mode{accounting.Hard, accounting.Soft, accounting.Shadow} {
				limit := fmt.Sprintf("{per: %s, %s, mode: %s}", per, amount, mode)
				if want.Mode, want.Per = mode, per; want.Of == accounting.OfConcurrency {
					limit, want.Per = fmt.Sprintf("{%s, mode: %s}", amount, mode), ""
				}
				checkLimitEverywhere(t, limit, want)
			}
		}
	}
}

// TestSeveralAmounts: a limit with several amounts is as many limits.
func TestSeveralAmounts(t *testing.T) {
	w, err := loader().Parse([]byte(`
tenants: [{name: acme, limits: [{per: minute, requests: 500, tokens: 200000, of: input, mode: soft}], keys: [{name: ci, key: 0123456789012345678901234567890123}]}]`), "hub.yaml")
	c := catalogOf(t, w, err)
	want := []accounting.Limit{
		{Per: accounting.Minute, Of: accounting.OfRequests, Max: 500, Mode: accounting.Soft},
		{Per: accounting.Minute, Of: accounting.OfInputTokens, Max: 200_000, Mode: accounting.Soft},
	}
	if diff := cmp.Diff(want, c.Tenants["acme"].Limits); diff != "" {
		t.Error(diff)
	}
}

func checkLimitEverywhere(t *testing.T, limit string, want accounting.Limit) {
	t.Helper()
	w, err := loader().Parse(fmt.Appendf(nil, `
providers: [{name: p, kind: ollama, credentials: [{name: c, limits: [%[1]s]}]}]
models: [{name: m, limits: [%[1]s], targets: [{provider: p, model: x}]}]
tenants:
  - name: t
    limits: [%[1]s]
    users: [{email: u@t.test, role: admin, limits: [%[1]s]}]
    keys: [{name: k, limits: [%[1]s]}]
`, limit), "hub.yaml")
	c := catalogOf(t, w, err)
	acme := c.Tenants["t"]
	for holder, got := range map[string][]accounting.Limit{
		"credential": c.Providers["p"].Credentials[0].Limits, "model": c.Models["m"].Limits, "tenant": acme.Limits,
		"user": acme.Users[0].Limits, "key": acme.Keys[0].Limits,
	} {
		if diff := cmp.Diff([]accounting.Limit{want}, got); diff != "" {
			t.Errorf("%s of a %s (-want +got):\n%s", limit, holder, diff)
		}
	}
}

// TestParseNarrowLimits: limits of a model in a tenant stand apart from the tenant's own.
func TestParseNarrowLimits(t *testing.T) {
	w, err := loader().Parse([]byte(`
providers: [{name: p, kind: ollama}]
models: [{name: m, targets: [{provider: p, model: x}]}, {name: n, targets: [{provider: p, model: y}]}]
tenants:
  - name: t
    limits: [{per: day, requests: 9}, {per: day, requests: 5, model: m}, {concurrency: 2, model: m}, {per: day, requests: 5, model: n, mode: soft}]
`), "hub.yaml")
	c := catalogOf(t, w, err)
	l := func(per accounting.Per, of accounting.Of, most int64, mode accounting.Mode, model string) accounting.Limit {
		return accounting.Limit{Per: per, Of: of, Max: most, Mode: mode, Model: model}
	}
	got := c.Tenants["t"]
	if diff := cmp.Diff([]accounting.Limit{l(accounting.Day, accounting.OfRequests, 9, accounting.Hard, "")}, got.Limits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := map[string][]accounting.Limit{
		"m": {l(accounting.Day, accounting.OfRequests, 5, accounting.Hard, "m"), l("", accounting.OfConcurrency, 2, accounting.Hard, "m")},
		"n": {l(accounting.Day, accounting.OfRequests, 5, accounting.Soft, "n")},
	}
	if diff := cmp.Diff(want, got.ModelLimits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParsePrices(t *testing.T) {
	c := full(t)
	charge := c.Prices.Price(accounting.Item{Kind: "openai", Model: "gpt-x"}, events.Usage{Input: 1_000_000, Output: 2_000_000, CacheRead: 4_000_000})
	if charge.CostNanoUSD == nil || *charge.CostNanoUSD != 150_000_000+2*600_000_000+4*75_000_000 {
		t.Errorf("charge %+v", charge)
	}
	if charge := c.Prices.Price(accounting.Item{Kind: "anthropic", Model: "gpt-x"}, events.Usage{Input: 1}); charge.CostNanoUSD != nil {
		t.Error("a price of one vendor holds for another")
	}
}

// TestMistakes compares everything found wrong with golden files beside the configurations.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range append(files, "testdata/later.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			c, err := loader().Parse(data, filepath.Base(name))
			if err == nil || c != nil {
				t.Fatalf("catalog %v, error %v", c, err)
			}
			if strings.Contains(err.Error(), "not-to-be-shown") || strings.Contains(err.Error(), "not to be shown") {
				t.Error("a secret is shown")
			}
			if n := len(control.Mistakes(fmt.Errorf("wrapped: %w", err))); n != strings.Count(err.Error(), "\n")+1 {
				t.Errorf("%d mistakes in:\n%v", n, err)
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
