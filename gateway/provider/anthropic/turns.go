package anthropic

import (
	"fmt"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// callMark begins the data of a block that bears the signature of the call after
// it: calls have no room for one in this dialect, and every client sends blocks of
// redacted thinking back as they are.
const callMark = "call:"

func (d *decoder) messages(value []byte) error {
	list := rawjson.NewArray(value)
	for list.Next() {
		path := fmt.Sprintf("messages.%d", list.Len()-1)
		role, content, err := d.message(list.Value(), path)
		if err != nil {
			return err
		}
		t := turn{decoder: d, message: chat.Message{Role: role}}
		if err := t.read(content, path+".content"); err != nil {
			return err
		}
		t.end()
	}
	return nil
}

func (d *decoder) message(value []byte, path string) (role chat.Role, content []byte, err error) {
	err = d.members(value, path, func(key, at string, v []byte) (bool, error) {
		switch key {
		case "role":
			return true, read(v, at, &role)
		case "content":
			content = v
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return "", nil, err
	}
	switch role {
	case chat.User, chat.Assistant, chat.System:
		return role, content, nil
	}
	return "", nil, invalid(path+".role", "%s.role: Must be user or assistant.", path)
}

// turn is a message on its way: the results of calls in it become messages of
// their own, in front of what else it says.
type turn struct {
	*decoder
	message   chat.Message
	results   []chat.Message
	signature string // of the call that comes next
}

func (t *turn) end() {
	t.req.Messages = append(t.req.Messages, t.results...)
	if len(t.message.Parts)+len(t.message.Calls) > 0 {
		t.req.Messages = append(t.req.Messages, t.message)
	}
}

func (t *turn) read(content []byte, path string) error {
	if rawjson.TypeOf(content) != rawjson.ArrayType {
		parts, err := t.parts(content, path)
		t.message.Parts = parts
		return err
	}
	list := rawjson.NewArray(content)
	for list.Next() {
		at := fmt.Sprintf("%s.%d", path, list.Len()-1)
		b, err := t.block(list.Value(), at)
		if err != nil {
			return err
		}
		if err := t.add(b, at); err != nil {
			return err
		}
	}
	return nil
}

// speaker says who alone may use a kind of block; empty: everybody.
func speaker(kind string) chat.Role {
	switch kind {
	case thinkingBlock, redactedBlock, toolUseBlock:
		return chat.Assistant
	case toolResult:
		return chat.User
	}
	return ""
}

func (t *turn) add(b block, path string) error {
	if role := speaker(b.kind); role != "" && role != t.message.Role {
		return invalid(path+".type", "%s.type: Only the %s has blocks of %s.", path, role, b.kind)
	}
	switch b.kind {
	case thinkingBlock:
		t.think(chat.Part{Text: b.thinking, Signature: b.signature})
	case redactedBlock:
		if signature, ok := strings.CutPrefix(b.data, callMark); ok {
			t.signature = signature
		} else {
			t.think(chat.Part{Data: b.data})
		}
	case toolUseBlock:
		return t.call(b, path)
	case toolResult:
		return t.result(b, path)
	default:
		parts, err := t.part(b, path)
		t.message.Parts = append(t.message.Parts, parts...)
		return err
	}
	return nil
}

func (t *turn) think(p chat.Part) {
	p.Kind = chat.ThinkingPart
	t.message.Parts = append(t.message.Parts, p)
}

func (t *turn) call(b block, path string) error {
	switch {
	case b.id == "":
		return missing(path + ".id")
	case b.name == "":
		return missing(path + ".name")
	case b.input == nil:
		b.input = []byte("{}")
	}
	if err := wantType(b.input, path+".input", rawjson.ObjectType); err != nil {
		return err
	}
	if b.cache != "" {
		t.req.Drop(path + ".cache_control")
	}
	t.message.Calls = append(t.message.Calls, chat.Call{
		ID: b.id, Name: b.name, Arguments: string(b.input), Signature: t.signature,
	})
	t.signature = ""
	return nil
}

func (t *turn) result(b block, path string) error {
	if b.toolUseID == "" {
		return missing(path + ".tool_use_id")
	}
	m := chat.Message{Role: chat.Tool, CallID: b.toolUseID, Failed: b.failed}
	if b.content != nil {
		var err error
		if m.Parts, err = t.parts(b.content, path+".content"); err != nil {
			return err
		}
	}
	t.cache(m.Parts, b, path)
	t.results = append(t.results, m)
	return nil
}

// cache puts what a block says of the cache on the last of its parts.
func (d *decoder) cache(parts []chat.Part, b block, path string) {
	switch {
	case b.cache == "":
	case len(parts) == 0:
		d.req.Drop(path + ".cache_control")
	default:
		parts[len(parts)-1].CacheTTL = b.cache
	}
}
