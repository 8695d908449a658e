package bedrock

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
)

const cacheHint = "cache_control"

// setTools comes after setMessages.
func (b *builder) setTools() {
	tools := b.req.Tools
	called := b.called()
	if b.req.Choice.Mode == chat.NoneChoice {
		if len(called) == 0 {
			return
		}
		b.req.Drop("tool_choice")
	}
	if len(tools) == 0 {
		tools = called
	}
	if len(tools) == 0 {
		return
	}
	config := &wireToolConfig{Choice: choiceOf(b.req.Choice)}
	for _, t := range tools {
		config.Tools = append(config.Tools, wireTool{Spec: &wireSpec{
			Name: t.Name, Description: t.Description, Schema: schemaOf(t.Parameters), Strict: t.Strict,
		}})
		if c := b.cachePoint(t.CacheTTL); c != nil {
			config.Tools = append(config.Tools, wireTool{Cache: c})
		}
	}
	b.out.Tools = config
}

// called are the tools that the history calls, each once.
func (b *builder) called() []chat.ToolDef {
	var tools []chat.ToolDef
	seen := make(map[string]bool)
	for _, m := range b.req.Messages {
		for _, c := range m.Calls {
			if !seen[c.Name] {
				seen[c.Name] = true
				tools = append(tools, chat.ToolDef{Name: c.Name})
			}
		}
	}
	return tools
}

func choiceOf(c chat.Choice) *wireChoice {
	switch c.Mode {
	case chat.AutoChoice:
		return &wireChoice{Auto: &struct{}{}}
	case chat.RequiredChoice:
		return &wireChoice{Any: &struct{}{}}
	case chat.NamedChoice:
		return &wireChoice{Tool: &wireNamed{c.Name}}
	case chat.NoneChoice:
	}
	return nil
}

// cachePoint is one for a wish, nil if there is none or the model takes none.
func (b *builder) cachePoint(ttl chat.CacheTTL) *wireCache {
	switch {
	case ttl == "":
		return nil
	case !b.family.caches():
		b.req.Drop(cacheHint)
		return nil
	case ttl == chat.LongCache && b.family == claude:
		return &wireCache{Type: "default", TTL: ttl}
	}
	return &wireCache{Type: "default"}
}

const maxCallID = 64 // characters

// callID makes an id one that Bedrock takes. Ids that differ stay different, and
// the same id always becomes the same.
func callID(id string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, id)
	if clean == id && id != "" && len(id) <= maxCallID {
		return id
	}
	h := fnv.New64a()
	h.Write([]byte(id)) // never fails, says its interface
	sum := strconv.FormatUint(h.Sum64(), 16)
	return clean[:min(len(clean), maxCallID-1-len(sum))] + "_" + sum
}
