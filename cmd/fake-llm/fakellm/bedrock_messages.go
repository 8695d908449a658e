package fakellm

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
)

type bedrockMessage struct {
	Role    string           `json:"role"`
	Content []bedrockInBlock `json:"content"`
}

// bedrockInBlock is a content block of a request: one of its members.
type bedrockInBlock struct {
	Text     *string         `json:"text"`
	Image    *bedrockMedia   `json:"image"`
	Audio    *bedrockMedia   `json:"audio"`
	Document *bedrockMedia   `json:"document"`
	Cache    json.RawMessage `json:"cachePoint"`
	ToolUse  *struct {
		ID    string          `json:"toolUseId"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	} `json:"toolUse"`
	Result *struct {
		ID      string           `json:"toolUseId"`
		Content []bedrockInBlock `json:"content"`
		Status  string           `json:"status"`
	} `json:"toolResult"`
	Reasoning *struct {
		Text *struct {
			Text      string `json:"text"`
			Signature string `json:"signature"`
		} `json:"reasoningText"`
		Redacted string `json:"redactedContent"`
	} `json:"reasoningContent"`
}

type bedrockMedia struct {
	Format string `json:"format"`
	Name   string `json:"name"`
	Source struct {
		Bytes string `json:"bytes"`
		S3    *struct {
			URI string `json:"uri"`
		} `json:"s3Location"`
	} `json:"source"`
}

var bedrockName = regexp.MustCompile(`^[a-zA-Z0-9()\[\]-]+( [a-zA-Z0-9()\[\]-]+)*$`)

func (req *bedrockRequest) messages(c *call) *failure {
	if len(req.Messages) == 0 || req.Messages[0].Role != "user" {
		return invalid("", "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	names := map[string]bool{} // of documents
	var open []string          // calls of the turn before
	for i, m := range req.Messages {
		switch {
		case m.Role != "user" && m.Role != "assistant", i > 0 && m.Role == req.Messages[i-1].Role:
			return invalid("", "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		case len(m.Content) == 0:
			return invalid("", "The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		case m.Role == "assistant":
			c.assistantTurn()
		}
		turn := bedrockTurn{call: c, names: names, at: i, user: m.Role == "user"}
		if f := turn.take(m.Content); f != nil {
			return f
		}
		if f := turn.answers(open); f != nil {
			return f
		}
		if open = turn.calls; len(open) > 0 && c.showThoughts && strings.HasPrefix(open[0], bedrockThoughtful) && !turn.thought {
			return invalid("", "The model returned the following errors: messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.", i)
		}
		if (len(turn.calls) > 0 || len(turn.results) > 0) && len(c.tools) == 0 {
			return invalid("", "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
		}
	}
	if len(open) > 0 {
		return (&bedrockTurn{at: len(req.Messages)}).answers(open)
	}
	return nil
}

// A bedrockTurn is a message being read.
type bedrockTurn struct {
	call    *call
	names   map[string]bool
	at      int
	user    bool
	thought bool // begins with reasoning
	calls   []string
	results []string
	said    strings.Builder
}

// answers checks that the turn has the results of the calls before, and no others.
func (t *bedrockTurn) answers(open []string) *failure {
	if len(t.results) != len(open) {
		return invalid("", "The number of toolResult blocks at messages.%d.content exceeds or falls short of the number of toolUse blocks of previous turn.", t.at)
	}
	for _, id := range open {
		found := false
		for _, result := range t.results {
			found = found || result == id
		}
		if !found {
			return invalid("", "Expected toolResult blocks at messages.%d.content for the following Ids: %s", t.at, id)
		}
	}
	return nil
}

func (t *bedrockTurn) take(blocks []bedrockInBlock) *failure {
	for j, b := range blocks {
		var f *failure
		switch {
		case b.Text != nil:
			f = t.text(*b.Text, j)
		case b.Image != nil:
			f = t.media(b.Image, "png jpeg gif webp", j)
		case b.Audio != nil:
			f = t.media(b.Audio, "mp3 wav ogg opus flac aac mp4 webm", j)
		case b.Document != nil:
			if f = t.media(b.Document, "pdf csv doc docx xls xlsx html txt md", j); f == nil {
				f = t.document(b.Document, j)
			}
		case b.ToolUse != nil && !t.user:
			f = t.toolUse(b, j)
		case b.Result != nil && t.user:
			f = t.result(b, j)
		case b.Reasoning != nil && !t.user:
			f = t.reasoning(b, j)
		case b.Cache != nil && j > 0:
		default:
			f = invalid("", "The ContentBlock object at messages.%d.content.%d must set one of the following keys: text, image, toolUse, toolResult, document.", t.at, j)
		}
		if f != nil {
			return f
		}
	}
	if t.said.Len() > 0 {
		t.call.user(t.said.String())
	}
	return nil
}

func (t *bedrockTurn) text(text string, j int) *failure {
	if strings.TrimSpace(text) == "" {
		return invalid("", "The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", t.at, j)
	}
	if t.user {
		t.said.WriteString(text)
	} else {
		t.call.text(text)
	}
	return nil
}

func (t *bedrockTurn) media(m *bedrockMedia, formats string, j int) *failure {
	data, err := base64.StdEncoding.DecodeString(m.Source.Bytes)
	known := false
	for _, format := range strings.Fields(formats) {
		known = known || format == m.Format
	}
	if !known || err != nil || len(data) == 0 == (m.Source.S3 == nil) {
		return invalid("", "The format or source at messages.%d.content.%d is not valid.", t.at, j)
	}
	t.call.images++
	return nil
}

func (t *bedrockTurn) document(m *bedrockMedia, j int) *failure {
	if !bedrockName.MatchString(m.Name) || t.names[m.Name] {
		return invalid("", "The document file name at messages.%d.content.%d can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets, and must be unique.", t.at, j)
	}
	t.names[m.Name] = true
	return nil
}

const bedrockMaxID = 64

func (t *bedrockTurn) toolUse(b bedrockInBlock, j int) *failure {
	var input map[string]json.RawMessage
	if !wellFormedID(b.ToolUse.ID) || len(b.ToolUse.ID) > bedrockMaxID || json.Unmarshal(b.ToolUse.Input, &input) != nil || input == nil {
		return invalid("", "Value at 'messages.%d.member.content.%d.member.toolUse.toolUseId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+, or its input is no object", t.at, j)
	}
	t.call.text(string(b.ToolUse.Input))
	t.calls = append(t.calls, b.ToolUse.ID)
	return nil
}

func (t *bedrockTurn) result(b bedrockInBlock, j int) *failure {
	if len(b.Result.Content) == 0 || b.Result.Status != "" && b.Result.Status != "error" && b.Result.Status != "success" {
		return invalid("", "The toolResult at messages.%d.content.%d is not valid.", t.at, j)
	}
	var text strings.Builder
	for _, part := range b.Result.Content {
		if part.Text != nil {
			text.WriteString(*part.Text)
		} else {
			t.call.images++
		}
	}
	t.call.result(text.String())
	t.results = append(t.results, b.Result.ID)
	return nil
}

func (t *bedrockTurn) reasoning(b bedrockInBlock, j int) *failure {
	t.thought = t.thought || j == 0
	thought := b.Reasoning.Text
	if thought == nil {
		return nil
	}
	if thought.Signature != sign(Bedrock, thought.Text, anthropicSignatureSize) {
		return invalid("", "The model returned the following errors: messages.%d.content.%d: Invalid `signature` in `thinking` block", t.at, j)
	}
	t.call.text(thought.Text)
	return nil
}
