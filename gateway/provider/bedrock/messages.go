package bedrock

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

// emptyResult stands for a result without content, which Converse refuses.
const emptyResult = "(empty)"

func (b *builder) setMessages() error {
	names := make(map[string]bool) // of documents
	for i, m := range b.req.Messages {
		at := fmt.Sprintf("messages[%d].content", i)
		blocks, err := b.blocks(m, at, names)
		if err != nil {
			return err
		}
		switch m.Role {
		case chat.System, chat.Developer:
			b.out.System = append(b.out.System, blocks...)
		case chat.Tool:
			b.result(m, blocks)
		case chat.Assistant:
			b.turn(chat.Assistant, append(blocks, callsOf(m.Calls)...))
		default:
			b.turn(chat.User, blocks)
		}
	}
	switch {
	case len(b.out.Messages) > 0:
	case len(b.out.System) > 0:
		b.out.Messages, b.out.System = []wireTurn{{chat.User, b.out.System}}, nil
	default:
		return invalid("messages", "'messages' must say something.")
	}
	return nil
}

// turn adds to the last turn if it is of the role already.
func (b *builder) turn(role chat.Role, blocks []wireBlock) {
	if len(blocks) == 0 {
		return
	}
	if n := len(b.out.Messages); n > 0 && b.out.Messages[n-1].Role == role {
		b.out.Messages[n-1].Content = append(b.out.Messages[n-1].Content, blocks...)
		return
	}
	b.out.Messages = append(b.out.Messages, wireTurn{role, blocks})
}

// result puts the result of a call behind the other ones that the user's turn
// begins with. The cache points in it go behind it: within there are none.
func (b *builder) result(m chat.Message, blocks []wireBlock) {
	r := &wireResult{ID: callID(m.CallID)}
	if m.Failed {
		r.Status = "error"
	}
	added := []wireBlock{{Result: r}}
	for _, block := range blocks {
		if block.Cache != nil {
			added = append(added, block)
			continue
		}
		r.Content = append(r.Content, block)
	}
	if len(r.Content) == 0 {
		r.Content = []wireBlock{{Text: emptyResult}}
	}
	n := len(b.out.Messages)
	if n == 0 || b.out.Messages[n-1].Role != chat.User {
		b.turn(chat.User, added)
		return
	}
	turn := &b.out.Messages[n-1]
	at := 0
	for at < len(turn.Content) && (turn.Content[at].Result != nil || at > 0 && turn.Content[at].Cache != nil) {
		at++
	}
	turn.Content = slices.Insert(turn.Content, at, added...)
}

func callsOf(calls []chat.Call) []wireBlock {
	blocks := make([]wireBlock, len(calls))
	for i, c := range calls {
		blocks[i].ToolUse = &wireToolUse{ID: callID(c.ID), Name: c.Name, Input: json.RawMessage(c.Arguments)}
	}
	return blocks
}

// blocks writes the parts of a message.
func (b *builder) blocks(m chat.Message, at string, names map[string]bool) ([]wireBlock, error) {
	var blocks []wireBlock
	for j, p := range m.Parts {
		block, ok, err := b.block(p, fmt.Sprintf("%s[%d]", at, j), names)
		if err != nil {
			return nil, err
		}
		if ok {
			blocks = append(blocks, block)
		}
		if c := b.cachePoint(p.CacheTTL); c != nil && len(blocks) > 0 {
			blocks = append(blocks, wireBlock{Cache: c})
		}
	}
	return blocks, nil
}

// block writes a part; false: there is nothing to write.
func (b *builder) block(p chat.Part, at string, names map[string]bool) (wireBlock, bool, error) {
	var media *wireMedia
	var err error
	switch p.Kind {
	case chat.TextPart:
		return wireBlock{Text: p.Text}, strings.TrimSpace(p.Text) != "", nil // blank texts are refused
	case chat.ThinkingPart:
		return b.thought(p)
	case chat.ImagePart:
		media, err = mediaOf(p, at, imageFormats())
		return wireBlock{Image: media}, true, err
	case chat.AudioPart:
		media, err = mediaOf(p, at, audioFormats())
		return wireBlock{Audio: media}, true, err
	case chat.FilePart:
		if media, err = mediaOf(p, at, documentFormats()); err == nil {
			media.Name = documentName(p.Filename, names)
		}
		return wireBlock{Document: media}, true, err
	}
	return wireBlock{}, false, invalid(at, "This model does not take %s in '%s'.", p.Kind, at)
}

// thought is for Claude only: no other signs, or wants its thoughts back.
func (b *builder) thought(p chat.Part) (wireBlock, bool, error) {
	switch {
	case b.family != claude:
	case p.Data != "":
		return wireBlock{Reasoning: &wireReasoning{Redacted: p.Data}}, true, nil
	case p.Signature != "":
		return wireBlock{Reasoning: &wireReasoning{Text: &wireThought{Text: p.Text, Signature: p.Signature}}}, true, nil
	}
	return wireBlock{}, false, nil
}

func imageFormats() map[string]string {
	return map[string]string{"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
}

func audioFormats() map[string]string {
	return map[string]string{
		"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3",
		"audio/ogg": "ogg", "audio/opus": "opus", "audio/flac": "flac", "audio/aac": "aac", "audio/mp4": "mp4", "audio/webm": "webm",
	}
}

func documentFormats() map[string]string {
	return map[string]string{
		"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
		"application/msword": "doc", "application/vnd.ms-excel": "xls",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       "xlsx",
	}
}

func mediaOf(p chat.Part, at string, formats map[string]string) (*wireMedia, error) {
	kind, _, _ := strings.Cut(strings.ToLower(p.MediaType), ";")
	format := formats[strings.TrimSpace(kind)]
	if p.URL != "" {
		if !strings.HasPrefix(p.URL, "s3://") {
			return nil, invalid(at, "This model takes no %s by its address in '%s', unless it is in S3.", p.Kind, at)
		}
		if format == "" {
			format = formatOf(p.URL, formats)
		}
	}
	switch {
	case format == "":
		return nil, invalid(at, "This model does not take %s of type '%s' in '%s'.", p.Kind, p.MediaType, at)
	case p.URL != "":
		return &wireMedia{Format: format, Source: wireSource{S3: &wireS3{p.URL}}}, nil
	}
	return &wireMedia{Format: format, Source: wireSource{Bytes: p.Data}}, nil
}

// formatOf tells a format by the end of an address.
func formatOf(address string, formats map[string]string) string {
	end := strings.ToLower(strings.TrimPrefix(path.Ext(address), "."))
	if end == "jpg" {
		end = "jpeg"
	}
	for _, format := range formats {
		if format == end {
			return format
		}
	}
	return ""
}

// odd matches what may not stand in the name of a document.
var odd = regexp.MustCompile(`[^a-zA-Z0-9()\[\]-]+`)

// documentName makes a name that Converse takes and no other document has.
func documentName(filename string, names map[string]bool) string {
	const longest = 100
	name := strings.TrimSpace(odd.ReplaceAllString(strings.TrimSuffix(filename, path.Ext(filename)), " "))
	if name == "" {
		name = "document"
	}
	name = strings.TrimSpace(name[:min(len(name), longest)])
	unique := name
	for n := 2; names[unique]; n++ {
		unique = name + " " + strconv.Itoa(n)
	}
	names[unique] = true
	return unique
}
