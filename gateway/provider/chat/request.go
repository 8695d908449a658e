package chat

import (
	"encoding/json"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// Role says who speaks.
type Role string

// The roles.
const (
	System    Role = "system"
	Developer Role = "developer"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // the result of a call
)

// Request is a chat request. A pointer is nil, and a text empty, where the client
// said nothing.
type Request struct {
	Messages      []Message
	Tools         []ToolDef
	Choice        Choice
	ParallelTools *bool
	Format        Format

	MaxOutput        int64 // tokens of each choice, reasoning included; 0: none given
	Temperature      *float64
	TopP             *float64
	PresencePenalty  *float64
	FrequencyPenalty *float64
	Seed             *int64
	Stop             []string
	N                int // how many choices, at least 1
	Effort           Effort
	ThinkingBudget   *int64 // tokens of reasoning at most; 0: none, -1: as many as the model likes
	ShowThinking     *bool  // whether the reasoning is to be shown
	TopK             *int64
	Logprobs         bool
	TopLogprobs      *int64
	ServiceTier      string
	Metadata         map[string]string
	User             string // the application's id of its user
	Stream           bool
	Extras           []Extra

	provider.Drops
}

// Extra is a member of the client's request that its own dialect does not know, but
// a vendor may. What no wire takes is dropped.
type Extra struct {
	Name  string
	Value json.RawMessage
}

// Take gives the extra of that name to a wire that tells it to its vendor; nil: there
// is none.
func (r *Request) Take(name string) json.RawMessage {
	for i, e := range r.Extras {
		if e.Name == name {
			r.Extras = slices.Delete(r.Extras, i, i+1)
			return e.Value
		}
	}
	return nil
}

// Allow leaves only the named tools, and makes a call that is required of one a call of
// that name. It gives the first name that no tool has, empty if there is none such.
func (r *Request) Allow(names []string) (unknown string) {
	if len(names) == 0 {
		return ""
	}
	for _, name := range names {
		if !slices.ContainsFunc(r.Tools, func(t ToolDef) bool { return t.Name == name }) {
			return name
		}
	}
	if r.Choice.Mode == RequiredChoice && len(names) == 1 {
		r.Choice = Choice{Mode: NamedChoice, Name: names[0]}
		return ""
	}
	r.Tools = slices.DeleteFunc(r.Tools, func(t ToolDef) bool { return !slices.Contains(names, t.Name) })
	return ""
}

// Message is one turn of the chat. The index in Request.Messages is the index in
// the client's list.
type Message struct {
	Role   Role
	Parts  []Part
	Calls  []Call // of an assistant
	CallID string // of a tool: which call this is the result of
	Failed bool   // of a tool: the call failed, and Parts say how
}

// Text is the text of all parts.
func (m Message) Text() string {
	var s string
	for _, p := range m.Parts {
		s += p.Text
	}
	return s
}

// PartKind is what a part of a message is.
type PartKind string

// The kinds of parts.
const (
	TextPart  PartKind = "text"
	ImagePart PartKind = "image"
	AudioPart PartKind = "audio"
	FilePart  PartKind = "file"
	// ThinkingPart is what an assistant thought before it answered or called: Text and
	// the vendor's Signature of it, or Data that only the vendor can read. Vendors
	// that sign want it back unchanged.
	ThinkingPart PartKind = "thinking"
)

// Part is a piece of a message. Media is either Data with its MediaType, or a URL.
type Part struct {
	Kind      PartKind
	Text      string
	MediaType string // e.g. image/png
	Data      string // base64
	URL       string
	Filename  string
	Signature string   // of thinking, or of a text that a vendor has signed
	CacheTTL  CacheTTL // the prompt up to and with this part is to be cached for so long
}

// CacheTTL is how long the vendor is asked to keep a prompt in its cache; the empty
// one: it is not asked to.
type CacheTTL string

// The times.
const (
	ShortCache CacheTTL = "5m"
	LongCache  CacheTTL = "1h"
)

// Call is a call of a tool by the model.
type Call struct {
	ID        string
	Name      string
	Arguments string // JSON
	Signature string // the vendor's, of the thought that led to the call; it wants it back
}

// ToolDef is a function that the model may call.
type ToolDef struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON schema, nil: no parameters
	Strict      *bool
	CacheTTL    CacheTTL // the tools up to and with this one are to be cached for so long
}

// ChoiceMode says whether the model must call a tool.
type ChoiceMode string

// The modes. The empty one is the vendor's default.
const (
	AutoChoice     ChoiceMode = "auto"
	NoneChoice     ChoiceMode = "none"
	RequiredChoice ChoiceMode = "required" // any of the tools
	NamedChoice    ChoiceMode = "named"    // the tool Name
)

// Choice is the client's wish about calls.
type Choice struct {
	Mode ChoiceMode
	Name string
}

// FormatKind is the form of the answer.
type FormatKind string

// The forms. The empty one is text.
const (
	JSONFormat   FormatKind = "json"   // any JSON
	SchemaFormat FormatKind = "schema" // JSON after Schema
)

// Format is the form the answer must have.
type Format struct {
	Kind   FormatKind
	Schema json.RawMessage
	Name   string // of the schema, may be empty
	Strict *bool
}

// Effort is how much the model shall reason.
type Effort string

// The efforts. The empty one is the vendor's default.
const (
	NoEffort      Effort = "none"
	MinimalEffort Effort = "minimal"
	LowEffort     Effort = "low"
	MediumEffort  Effort = "medium"
	HighEffort    Effort = "high"
	XHighEffort   Effort = "xhigh"
	MaxEffort     Effort = "max"
)
