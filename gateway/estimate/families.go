package estimate

import "strings"

// family are models with one tokenizer.
type family struct {
	prefix  string // of the model's name in lower case, behind the maker's
	percent int64  // tokens of a text for 100 of o200k
}

// families lists whose tokens are known. Those of 100 % use o200k itself, or a
// vocabulary of about its size that comes to the same number on English text and
// code within a few percent; Mistral's, Qwen's and others' are somewhat larger
// there. The factors are rules of thumb. Anthropic publishes no tokenizer: its
// models count a fifth more on English, up to a third more on code, so estimates
// for them may still be 15 % too low. All of them differ most, by up to a third to
// either side, on text that is neither Latin nor code. A longer prefix goes before
// a shorter one that it begins with.
func families() []family {
	return []family{
		{"gpt-4o", 100}, {"gpt-4.1", 100}, {"gpt-4.5", 100}, {"gpt-5", 100}, {"gpt-oss", 100}, {"chatgpt-", 100},
		{"o1", 100}, {"o3", 100}, {"o4", 100},
		{"gpt-4", 105}, {"gpt-3.5", 105}, {"text-embedding-3", 105}, {"text-embedding-ada", 105}, // cl100k
		{"claude-opus", 120}, {"claude-sonnet", 120}, {"claude-haiku", 120}, {"claude-3", 120}, {"claude-2", 120},
		{"gemini-1", 100}, {"gemini-2", 100}, {"gemini-3", 100}, {"gemini-embedding", 100}, {"gemma", 100},
		{"llama", 103}, {"meta-llama", 103},
		{"mistral", 110}, {"ministral", 110}, {"magistral", 110}, {"codestral", 110}, {"devstral", 110}, {"pixtral", 110}, {"mixtral", 115},
		{"qwen", 105}, {"qwq", 105}, {"deepseek", 105}, {"glm-", 105}, {"kimi-", 105}, {"grok-", 105}, {"command-", 105}, {"embed-v4", 105}, {"embed-multilingual", 105}, {"embed-english", 105},
	}
}

// familyOf finds the family of a vendor's model; false if it has none here. What
// precedes the last slash is the name of the maker.
func familyOf(model string) (family, bool) {
	name := strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	for _, f := range families() {
		if strings.HasPrefix(name, f.prefix) {
			return f, true
		}
	}
	return family{}, false
}
