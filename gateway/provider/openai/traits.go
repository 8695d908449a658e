package openai

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Traits are what a vendor that is compatible with OpenAI does otherwise. The zero
// value is OpenAI itself.
type Traits struct {
	// Signer names the vendor as the one that signs thoughts and calls, see
	// [chat.Signer]; empty: openai.
	Signer string
	// Lacks are words of the dialect that the vendor refuses: members of a request.
	// Most of them are not sent then, and reported as dropped, but
	//   - "stream_options": usage comes in the stream unasked,
	//   - "max_completion_tokens": it becomes max_tokens,
	//   - "developer", the role: it becomes system,
	//   - "json_schema": an answer after a schema is asked for as any JSON,
	//   - "tools": a request with tools is refused, as its answer would mean something
	//     else.
	// A member that a vendor takes no notice of counts as well: nothing is to be lost in
	// silence.
	Lacks []string
	// ThinkingSwitch: reasoning is switched off by "thinking", not by an effort.
	ThinkingSwitch bool
	// Thoughts is how a chat's history tells what the model thought.
	Thoughts Thoughts
	// CacheHints: parts of messages may have cache_control.
	CacheHints bool
	// ShortIDs: ids of calls are nine letters and digits.
	ShortIDs bool
	// Ranks is how the vendor ranks documents, for a [Ranker].
	Ranks Reranking
	// Tasks are what the vendor does besides chats, completions and embeddings, under
	// OpenAI's paths.
	Tasks []provider.Task
}

// Thoughts is a form of what a model thought; the empty one: the vendor takes none.
type Thoughts string

// The forms, each a member of an assistant's message.
const (
	ReasoningContent Thoughts = "reasoning_content" // plain text
	Reasoning        Thoughts = "reasoning"         // the same by another name
	ReasoningDetails Thoughts = "reasoning_details" // a list, with signatures
)

func (t Traits) lacks(word string) bool { return slices.Contains(t.Lacks, word) }

const (
	maxCallID   = 40 // characters, of OpenAI
	shortCallID = 9
	hashLength  = 8 // hexadecimal digits
)

// callID makes an id one that the vendor takes. Ids that differ stay different,
// and the same id always becomes the same.
func (t Traits) callID(id string) string {
	switch {
	case t.ShortIDs && !isShortID(id):
		digits := strconv.FormatUint(hash(id), 36)
		return strings.Repeat("0", max(0, shortCallID-len(digits))) + digits[max(0, len(digits)-shortCallID):]
	case !t.ShortIDs && len(id) > maxCallID:
		digits := strconv.FormatUint(hash(id), 16)
		digits = digits[max(0, len(digits)-hashLength):]
		return strings.ToValidUTF8(id[:maxCallID-1-hashLength], "") + "_" + digits
	}
	return id
}

func isShortID(id string) bool {
	letters := strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	return letters && len(id) == shortCallID
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // never fails, says its interface
	return h.Sum64()
}

// family is what a model of OpenAI's does not take, told by its name.
type family struct {
	noEffort   bool
	noSampling bool // of temperature and the like only the default; with reasoning off it does not matter
}

// familyOf knows the families that refuse what others take. reasons is whether the
// request asks for reasoning.
func familyOf(model string, reasons bool) family {
	name := model[strings.LastIndexByte(model, '/')+1:]
	is := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	switch {
	case is("gpt-3.5", "gpt-4", "chatgpt-"), strings.HasPrefix(name, "gpt-5") && strings.Contains(name, "-chat"):
		return family{noEffort: true}
	case is("gpt-5."): // reasons only if asked to
		return family{noSampling: reasons}
	case is("o1", "o3", "o4-", "gpt-5"):
		return family{noSampling: true}
	}
	return family{}
}
