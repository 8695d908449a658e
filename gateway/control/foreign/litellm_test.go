package foreign_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/control/foreign"
)

func litellm(t testing.TB, config, keys string) (*foreign.Result, error) {
	t.Helper()
	return litellmBy(loader(t), config, keys)
}

func litellmBy(l *control.Loader, config, keys string) (*foreign.Result, error) {
	return foreign.LiteLLM(foreign.File{Name: "config.yaml", Data: []byte(config)}, foreign.File{Name: "keys.json", Data: []byte(keys)}, l)
}

// TestLiteLLM holds a whole configuration: what becomes of it, and what is told.
func TestLiteLLM(t *testing.T) {
	r, err := foreign.LiteLLM(file(t, "litellm.yaml"), file(t, "litellm-keys.json"), loader(t))
	if err != nil {
		t.Fatal(err)
	}
	c := accepted(t, r.YAML)
	golden(t, "litellm.hub.yaml", string(r.YAML))
	golden(t, "litellm.txt", told(r))
	if len(c.Providers) != r.Providers || len(c.Models) != r.Models || r.Keys != 3 {
		t.Errorf("%d providers, %d models; told %+v", len(c.Providers), len(c.Models), r)
	}
	if strings.Contains(told(r), "written-in-clear") || strings.Contains(told(r), "-value") || strings.Contains(string(r.YAML), "-value") {
		t.Error("a secret is told, or a reference was followed")
	}
}

// TestEverySettingIsToldOf: what stands in a file is carried over or told, whatever it is.
func TestEverySettingIsToldOf(t *testing.T) {
	const base = "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/gpt-x\n"
	for where, text := range map[string]string{
		"top":             base + "unheard_of: 1\n",
		"router":          base + "router_settings: {unheard_of: 1}\n",
		"library":         base + "litellm_settings: {unheard_of: {a: b}}\n",
		"general":         base + "general_settings: {unheard_of: [1]}\n",
		"parameter":       base + "      unheard_of: 1\n",
		"fact":            base + "    model_info: {unheard_of: 1}\n",
		"entry":           base + "    unheard_of: 1\n",
		"variable":        base + "environment_variables: {unheard_of: x}\n",
		"model's alias":   base + "router_settings: {model_group_alias: {unheard_of: b}}\n",
		"fallback":        base + "router_settings: {fallbacks: [{unheard_of: [a]}]}\n",
		"shared":          "credential_list: [{credential_name: c, credential_values: {unheard_of: 1}}]\n" + base + "      litellm_credential_name: c\n",
		"missing to":      base + "router_settings: {fallbacks: [{a: [unheard_of]}]} # unheard_of\n",
		"two at one line": base + "router_settings: {num_retries: 1, unheard_of: 1}\n",
	} {
		t.Run(where, func(t *testing.T) {
			r, err := litellm(t, text, "")
			if err != nil {
				t.Fatal(err)
			}
			line := 1 + strings.Count(text[:strings.Index(text, "unheard_of")], "\n")
			if !slices.ContainsFunc(r.Notes, func(n foreign.Note) bool {
				return n.Line == line && (strings.Contains(n.Path+n.Text, "unheard_of") || strings.Contains(n.Text, "no such model group"))
			}) {
				t.Errorf("line %d is not told of:\n%s", line, told(r))
			}
		})
	}
}

// TestVendors: a model of each of LiteLLM's vendors that are kinds of ours reaches that kind.
func TestVendors(t *testing.T) {
	for model, want := range map[string]string{
		"gpt-4o": "openai gpt-4o", "openai/gpt-4o": "openai gpt-4o", "o3-mini": "openai o3-mini",
		"claude-opus-4-1": "anthropic claude-opus-4-1", "anthropic/claude-opus-4-1": "anthropic claude-opus-4-1",
		"gemini/gemini-x": "gemini gemini-x", "cohere_chat/command-r": "cohere command-r", "groq/openai/gpt-oss-20b": "groq openai/gpt-oss-20b",
		"mistral/mistral-large": "mistral mistral-large", "deepseek/deepseek-chat": "deepseek deepseek-chat", "xai/grok-4": "xai grok-4",
		"together_ai/meta-llama/L": "together meta-llama/L", "fireworks_ai/llama": "fireworks accounts/fireworks/models/llama",
		"fireworks_ai/accounts/a/models/m": "fireworks accounts/a/models/m", "openrouter/anthropic/claude": "openrouter anthropic/claude",
		"perplexity/sonar": "perplexity sonar", "cerebras/llama": "cerebras llama", "nvidia_nim/meta/llama": "nvidia meta/llama",
		"huggingface/meta/llama": "huggingface meta/llama", "ollama/llama3:8b": "ollama llama3:8b", "hosted_vllm/m": "vllm m",
		"lm_studio/m": "lmstudio m", "llamafile/m": "llamacpp m", "litellm_proxy/m": "litellm m", "azure/dep": "azure dep",
		"azure/responses/dep": "azure dep", "azure/gpt5_series/dep": "azure dep", "bedrock/anthropic.c": "bedrock anthropic.c",
		"bedrock/converse/eu.anthropic.c": "bedrock eu.anthropic.c", "bedrock/us-gov-west-1/m": "bedrock m", "vertex_ai/gemini-x": "vertex gemini-x",
	} {
		t.Run(model, func(t *testing.T) {
			config := "model_list: [{model_name: m, litellm_params: {model: '" + model + "', vertex_project: p}}]"
			r, err := litellm(t, config, "")
			if err != nil {
				t.Fatal(err)
			}
			c := accepted(t, r.YAML)
			if len(c.Models) != 1 {
				t.Fatalf("%s\n%s", told(r), r.YAML)
			}
			for _, m := range c.Models {
				if got := m.Targets[0].Provider.Kind + " " + m.Targets[0].Model; got != want {
					t.Errorf("reaches %s, want %s", got, want)
				}
			}
		})
	}
	kinds := map[string]bool{}
	for _, k := range foreign.LiteLLMKinds() {
		kinds[k] = true
	}
	for _, k := range loader(t).Kinds {
		if !kinds[k.Name] {
			t.Errorf("no vendor of LiteLLM is of kind %s", k.Name)
		}
	}
}

// TestLimitsStayApart: a key with limits counts for its model group alone, as a
// deployment does, and the same keys without limits are one account.
func TestLimitsStayApart(t *testing.T) {
	entry := func(group, model, more string) string {
		return "  - {model_name: " + group + ", litellm_params: {model: openai/" + model + ", api_key: os.environ/K" + more + "}}\n"
	}
	for name, tt := range map[string]struct {
		entries   string
		providers int
	}{
		"shared":         {entry("a", "x", "") + entry("b", "y", ""), 1},
		"limits":         {entry("a", "x", ", rpm: 5") + entry("b", "y", ", rpm: 5"), 2},
		"one has limits": {entry("a", "x", ", rpm: 5") + entry("b", "y", ""), 2},
		"other keys":     {entry("a", "x", "") + entry("a", "x", "2") + entry("b", "x", ""), 2},
		"same twice":     {entry("a", "x", "") + entry("a", "x", ""), 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := litellm(t, "model_list:\n"+tt.entries, "")
			if err != nil {
				t.Fatal(err)
			}
			if c := accepted(t, r.YAML); len(c.Providers) != tt.providers {
				t.Errorf("%d providers, want %d:\n%s", len(c.Providers), tt.providers, r.YAML)
			}
		})
	}
}

// TestLiteLLMKeys: a key of the database is found by the secret that applications have.
func TestLiteLLMKeys(t *testing.T) {
	const secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789"
	config := "model_list: [{model_name: m, litellm_params: {model: gpt-4o}}]\ngeneral_settings: {master_key: " + secret + "}"
	r, err := litellm(t, config, "")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(r.YAML), secret) || strings.Contains(told(r), secret) {
		t.Error("the master key is shown")
	}
	if k := accepted(t, r.YAML).KeyBySecret(secret); k == nil {
		t.Errorf("the master key is not found in\n%s", r.YAML)
	}
	r, err = litellm(t, strings.Replace(config, secret, "sk-1234", 1), "")
	if err != nil || r.Keys != 1 || !strings.Contains(told(r), "Applications need a new one") {
		t.Errorf("a short key: %v\n%s", err, told(r))
	}
}

func TestLiteLLMRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "is empty",
		"just text":               "must hold keys and values",
		"a: [":                    "not YAML",
		"model_list: []\nx: {":    "not YAML",
		strings.Repeat("[", 1000): "nested too deep",
	} {
		if r, err := litellm(t, text, ""); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "config.yaml") {
			t.Errorf("%.20q: %v, %v", text, r, err)
		}
	}
}

// FuzzLiteLLM: whatever is read, the result is an error or a hub.yaml that is accepted.
func FuzzLiteLLM(f *testing.F) {
	f.Add(string(file(f, "litellm.yaml").Data), string(file(f, "litellm-keys.json").Data))
	f.Add("model_list: &a [*a, {model_name: x, litellm_params: {<<: *a, model: gpt-4}}]", "[{token: 1}]")
	f.Add("model_list: [{model_name: ü, litellm_params: {model: 'azure/x y', api_base: 'ftp://x', rpm: 1e3}}]", "{}")
	f.Add("model_list: [{model_name: x, litellm_params: {model: vertex_ai/x, vertex_location: q, vertex_credentials: '{}'}}]", "")
	l := loader(f)
	f.Fuzz(func(t *testing.T, config, keys string) {
		r, err := litellmBy(l, config, keys)
		if err != nil {
			if strings.Contains(err.Error(), "not accepted") {
				t.Error(err)
			}
			return
		}
		text := strings.NewReplacer("service_account:", "access_token:").Replace(string(r.YAML))
		if _, err := l.Parse([]byte(text), "hub.yaml"); err != nil && !onlyOutside(err) {
			t.Errorf("not accepted: %v\n%s", err, r.YAML)
		}
	})
}

// onlyOutside tells whether all that is wrong is what a reference leads to.
func onlyOutside(err error) bool {
	return !slices.ContainsFunc(control.Mistakes(err), func(m *control.Mistake) bool {
		return !strings.Contains(m.Text, "env:") && !strings.Contains(m.Text, "file")
	})
}
