package foreign

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// route is how LiteLLM's name of a vendor is said in hub.yaml.
type route struct {
	kind    string
	keyEnv  string // the variable that LiteLLM takes the key from where none is given
	baseEnv string // and the address
	v1      bool   // LiteLLM's address lacks the /v1 of ours
}

// routes are LiteLLM's vendors, by the start of a model's name, that are kinds of ours.
func routes() map[string]route {
	return map[string]route{
		"openai":                 {kind: "openai", keyEnv: "OPENAI_API_KEY"},
		"text-completion-openai": {kind: "openai", keyEnv: "OPENAI_API_KEY"},
		"custom_openai":          {kind: "openai", keyEnv: "OPENAI_API_KEY"},
		"openai_like":            {kind: "openai", keyEnv: "OPENAI_LIKE_API_KEY"},
		"azure":                  {kind: "azure", keyEnv: "AZURE_API_KEY", baseEnv: "AZURE_API_BASE"},
		"azure_text":             {kind: "azure", keyEnv: "AZURE_API_KEY", baseEnv: "AZURE_API_BASE"},
		"anthropic":              {kind: "anthropic", keyEnv: "ANTHROPIC_API_KEY"},
		"gemini":                 {kind: "gemini", keyEnv: "GEMINI_API_KEY"},
		"vertex_ai":              {kind: "vertex"},
		"vertex_ai_beta":         {kind: "vertex"},
		"bedrock":                {kind: "bedrock"},
		"bedrock_converse":       {kind: "bedrock"},
		"cohere":                 {kind: "cohere", keyEnv: "COHERE_API_KEY"},
		"cohere_chat":            {kind: "cohere", keyEnv: "COHERE_API_KEY"},
		"groq":                   {kind: "groq", keyEnv: "GROQ_API_KEY"},
		"mistral":                {kind: "mistral", keyEnv: "MISTRAL_API_KEY"},
		"deepseek":               {kind: "deepseek", keyEnv: "DEEPSEEK_API_KEY"},
		"xai":                    {kind: "xai", keyEnv: "XAI_API_KEY"},
		"together_ai":            {kind: "together", keyEnv: "TOGETHERAI_API_KEY"},
		"fireworks_ai":           {kind: "fireworks", keyEnv: "FIREWORKS_API_KEY"},
		"openrouter":             {kind: "openrouter", keyEnv: "OPENROUTER_API_KEY"},
		"perplexity":             {kind: "perplexity", keyEnv: "PERPLEXITYAI_API_KEY"},
		"cerebras":               {kind: "cerebras", keyEnv: "CEREBRAS_API_KEY"},
		"nvidia_nim":             {kind: "nvidia", keyEnv: "NVIDIA_NIM_API_KEY"},
		"huggingface":            {kind: "huggingface", keyEnv: "HUGGINGFACE_API_KEY"},
		"ollama":                 {kind: "ollama", baseEnv: "OLLAMA_API_BASE", v1: true},
		"ollama_chat":            {kind: "ollama", baseEnv: "OLLAMA_API_BASE", v1: true},
		"vllm":                   {kind: "vllm"},
		"hosted_vllm":            {kind: "vllm", baseEnv: "HOSTED_VLLM_API_BASE"},
		"lm_studio":              {kind: "lmstudio", baseEnv: "LM_STUDIO_API_BASE"},
		"llamafile":              {kind: "llamacpp"},
		"litellm_proxy":          {kind: "litellm", keyEnv: "LITELLM_PROXY_API_KEY", baseEnv: "LITELLM_PROXY_API_BASE"},
	}
}

// vendorOf divides LiteLLM's name of a model into its vendor and the vendor's name.
// Without a vendor LiteLLM knows it from the model; known are the usual families.
func vendorOf(model, said string) (vendor, name string) {
	prefix, rest, slash := strings.Cut(model, "/")
	if said != "" {
		return said, strings.TrimPrefix(model, said+"/")
	}
	if slash {
		return prefix, rest
	}
	for _, family := range []struct{ start, vendor string }{
		{"gpt-", "openai"}, {"chatgpt-", "openai"}, {"o1", "openai"}, {"o3", "openai"}, {"o4", "openai"}, {"text-embedding-", "openai"},
		{"dall-e", "openai"}, {"whisper-", "openai"}, {"tts-", "openai"}, {"omni-moderation", "openai"}, {"text-moderation", "openai"},
		{"claude-", "anthropic"}, {"gemini-", "vertex_ai"}, {"command-", "cohere"},
	} {
		if strings.HasPrefix(model, family.start) {
			return family.vendor, model
		}
	}
	return "", model
}

// adorned takes off what LiteLLM puts before a vendor's own name to say how it is
// called, and says the region that may be in it.
func adorned(kind, model string) (name, region string) {
	switch kind {
	case "azure":
		for _, how := range []string{"responses/", "o_series/", "gpt5_series/", "global/", "eu/", "us/"} {
			model = strings.TrimPrefix(model, how)
		}
	case "bedrock":
		for _, how := range []string{"converse/", "invoke/", "converse_like/"} {
			model = strings.TrimPrefix(model, how)
		}
		if first, rest, ok := strings.Cut(model, "/"); ok && awsRegion.MatchString(first) {
			return rest, first
		}
	case "fireworks":
		if !strings.Contains(model, "/") {
			model = "accounts/fireworks/models/" + model
		}
	case "vertex":
		model = strings.TrimPrefix(model, "gemini/")
	}
	return model, ""
}

var awsRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// address is LiteLLM's api_base as the kind has it.
func (r route) address(base string) string {
	if base == "" || isReference(base) {
		return base
	}
	base = strings.TrimRight(base, "/")
	for _, end := range []string{"/chat/completions", "/completions", "/embeddings", "/responses", "/messages", "/api/generate", "/api/chat"} {
		base = strings.TrimSuffix(base, end)
	}
	if u, err := url.Parse(base); r.v1 && err == nil && u.Path == "" {
		base += "/v1"
	}
	return base
}

// LiteLLMKinds are the kinds that vendors of LiteLLM are.
func LiteLLMKinds() []string {
	var kinds []string
	for _, r := range routes() {
		kinds = append(kinds, r.kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
