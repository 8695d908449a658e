package vendors

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/azure"
	"github.com/llm-hub/llm-hub/gateway/provider/bedrock"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/vertex"
)

// hosted are the vendors on the net.
func hosted() []Info {
	return []Info{
		{
			Kind: "openai", Title: "OpenAI", Wire: provider.OpenAI,
			BaseURL: "https://api.openai.com/v1", KeyEnv: []string{"OPENAI_API_KEY"},
			Models:    Defaults{Smart: "gpt-6-sol", Fast: "gpt-5.4-mini", Cheap: "gpt-6-luna"},
			responses: true,
			traits:    openai.Traits{Tasks: provider.Tasks()},
		},
		{
			Kind: "anthropic", Title: "Anthropic", Wire: provider.Anthropic,
			BaseURL: "https://api.anthropic.com", KeyEnv: []string{"ANTHROPIC_API_KEY"},
			Models: Defaults{Smart: "claude-opus-5-5", Fast: "claude-sonnet-5", Cheap: "claude-haiku-4-5"},
		},
		{
			Kind: "gemini", Title: "Google Gemini", Wire: provider.Gemini,
			BaseURL: "https://generativelanguage.googleapis.com", KeyEnv: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"},
			Models: Defaults{Smart: "gemini-3.1-pro-preview", Fast: "gemini-3.8-flash", Cheap: "gemini-3.1-flash-lite"},
		},
		{
			Kind: "cohere", Title: "Cohere", Wire: provider.Cohere,
			BaseURL: "https://api.cohere.com", KeyEnv: []string{"COHERE_API_KEY"},
			Models: Defaults{Smart: "command-a-plus-05-2026", Fast: "command-a-03-2025", Cheap: "command-r7b-12-2024"},
		},
		compatible("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY",
			Defaults{Smart: "openai/gpt-oss-120b", Fast: "openai/gpt-oss-20b", Cheap: "llama-3.1-8b-instant"}).
			does(provider.Transcribe, provider.Translate, provider.Speak).lacks("logprobs", "n"),
		mistral(),
		deepseek(),
		xai().does(provider.MakeImages),
		ranks(openai.RankObjects, compatible("together", "Together AI", "https://api.together.xyz/v1", "TOGETHER_API_KEY", Defaults{
			Smart: "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
			Fast:  "meta-llama/Llama-3.3-70B-Instruct-Turbo",
			Cheap: "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
		})).does(provider.MakeImages, provider.Speak, provider.Transcribe, provider.Translate).
			lacks(newCap, developer, "logprobs", "user", "metadata", "service_tier", "parallel_tool_calls"), // its logprobs is a number
		compatible("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", Defaults{
			Smart: "accounts/fireworks/models/deepseek-v4-pro",
			Fast:  "accounts/fireworks/models/gpt-oss-120b",
			Cheap: "accounts/fireworks/models/gpt-oss-20b",
		}),
		openrouter(),
		compatible("perplexity", "Perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY",
			Defaults{Smart: "sonar-pro", Fast: "sonar", Cheap: "sonar"}). // tells usage in every chunk
			lacks("stream_options", "tools", newCap, developer, "logprobs", "seed", "n", "user", "metadata", "service_tier"),
		compatible("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY",
			Defaults{Smart: "zai-glm-4.7", Fast: "gpt-oss-120b", Cheap: "llama3.1-8b"}).
			lacks(developer, "presence_penalty", "frequency_penalty", "parallel_tool_calls", "service_tier"),
		compatible("nvidia", "NVIDIA", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY",
			Defaults{Smart: "openai/gpt-oss-120b", Fast: "openai/gpt-oss-20b", Cheap: "openai/gpt-oss-20b"}).lacks(newCap),
		compatible("huggingface", "Hugging Face", "https://router.huggingface.co/v1", "HF_TOKEN",
			Defaults{Smart: "openai/gpt-oss-120b", Fast: "openai/gpt-oss-20b", Cheap: "openai/gpt-oss-20b"}).lacks(newCap),
	}
}

// clouds are the vendors whose accounts are more than a key.
func clouds() []Info {
	return []Info{
		Info{Kind: "azure", Title: "Azure OpenAI", Wire: provider.OpenAI, Account: azure.Account(), responses: true}. // models are what the account has deployed
																does(provider.MakeImages, provider.EditImages, provider.Speak, provider.Transcribe, provider.Translate),
		{
			Kind: "vertex", Title: "Google Vertex AI", Wire: Vertex, Account: vertex.Account(),
			Models: Defaults{Smart: "gemini-3.1-pro-preview", Fast: "gemini-3.8-flash", Cheap: "gemini-3.1-flash-lite"},
		},
		{
			Kind: "bedrock", Title: "Amazon Bedrock", Wire: Converse, Account: bedrock.Account(),
			Models: Defaults{
				Smart: "global.anthropic.claude-opus-5-5", Fast: "global.anthropic.claude-sonnet-5-v1:0",
				Cheap: "global.anthropic.claude-haiku-4-5-20251001-v1:0",
			},
		},
	}
}

// What only vendors speak.
const (
	Converse provider.Dialect = "converse" // Amazon's
	Vertex   provider.Dialect = "vertex"   // Google's cloud passes on what the publishers of the models speak
)

// local are the servers that people run themselves.
func local() []Info {
	return []Info{
		ollama(),
		ranks(openai.RankTexts, Info{Kind: "vllm", Title: "vLLM", Wire: provider.OpenAI, BaseURL: "http://127.0.0.1:8000/v1", Local: true}).
			does(provider.Transcribe, provider.Translate).lacks(developer),
		Info{Kind: "lmstudio", Title: "LM Studio", Wire: provider.OpenAI, BaseURL: "http://127.0.0.1:1234/v1", Local: true}.lacks(newCap, developer),
		ranks(openai.RankTexts, Info{Kind: "llamacpp", Title: "llama.cpp", Wire: provider.OpenAI, BaseURL: "http://127.0.0.1:8080/v1", Local: true}).lacks(newCap, developer),
		ranks(openai.RankObjects, Info{Kind: "litellm", Title: "LiteLLM", Wire: provider.OpenAI, Local: true}).does(provider.Tasks()...), // no usual address
	}
}

// ranks is a vendor that ranks documents, in Jina's shape.
func ranks(how openai.Reranking, info Info) Info {
	info.traits.Ranks = how
	return info
}

// compatible is a hosted vendor that speaks OpenAI's dialect.
func compatible(kind, title, baseURL, keyEnv string, models Defaults) Info {
	return Info{Kind: kind, Title: title, Wire: provider.OpenAI, BaseURL: baseURL, KeyEnv: []string{keyEnv}, Models: models}
}

// Words that several vendors lack. Who knows no max_completion_tokens must get the cap
// as max_tokens, or the answer is not bounded; who knows no developer may put the role
// into a template that has none.
const (
	newCap    = "max_completion_tokens"
	developer = "developer"
)

// lacks notes words that the vendor has not, see [openai.Traits].
func (i Info) lacks(words ...string) Info {
	i.traits.Lacks = append(i.traits.Lacks, words...)
	return i
}

// ollama takes no notice of what it does not know, and wants thoughts back by its own
// name.
func ollama() Info {
	info := Info{Kind: "ollama", Title: "Ollama", Wire: provider.OpenAI, BaseURL: "http://127.0.0.1:11434/v1", Local: true}
	info.traits.Thoughts = openai.Reasoning
	return info.lacks(newCap, developer, "tool_choice", "parallel_tool_calls", "logprobs", "n", "user", "metadata", "service_tier")
}

// mistral refuses members it does not know, stream_options among them, and tells
// usage in the last chunk unasked.
func mistral() Info {
	info := compatible("mistral", "Mistral AI", "https://api.mistral.ai/v1", "MISTRAL_API_KEY",
		Defaults{Smart: "mistral-large-2512", Fast: "mistral-medium-latest", Cheap: "mistral-small-latest"})
	info.traits = openai.Traits{
		Lacks: []string{
			"stream_options", newCap, developer, "seed", "user", "logprobs", "service_tier", "reasoning_effort",
		},
		ShortIDs: true,
	}
	return info.does(provider.Moderate, provider.Transcribe)
}

// does adds tasks that the vendor does under OpenAI's paths.
func (i Info) does(tasks ...provider.Task) Info {
	i.traits.Tasks = tasks
	return i
}

// deepseek wants what it thought back in a turn with calls, and refuses one without. It
// takes no notice of what it does not know.
func deepseek() Info {
	info := compatible("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY",
		Defaults{Smart: "deepseek-v4-pro", Fast: "deepseek-v4-flash", Cheap: "deepseek-v4-flash"})
	info.traits = openai.Traits{Thoughts: openai.ReasoningContent, ThinkingSwitch: true}
	return info.lacks(newCap, developer, "json_schema", "seed", "n", "user", "metadata", "service_tier", "parallel_tool_calls")
}

// openrouter hands thoughts with their signatures, and hints about caching, on to whoever
// serves.
func openrouter() Info {
	info := compatible("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY",
		Defaults{Smart: "anthropic/claude-sonnet-5", Fast: "google/gemini-3.5-flash", Cheap: "openai/gpt-5.4-nano"})
	info.traits = openai.Traits{Thoughts: openai.ReasoningDetails, CacheHints: true}
	return info
}

// xai speaks the Responses API as well.
func xai() Info {
	info := compatible("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY",
		Defaults{Smart: "grok-4.6", Fast: "grok-4-1-fast-non-reasoning", Cheap: "grok-4-1-fast-non-reasoning"})
	info.responses = true
	return info
}
