package responses

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// References are the ids of the items that a request names in place of sending them.
func References(body []byte) []string {
	if !bytes.Contains(body, []byte(`"id"`)) {
		return nil // as most
	}
	var ids []string
	eachItem(body, func(item []byte) {
		if id, ok := reference(item); ok {
			ids = append(ids, id)
		}
	})
	return ids
}

func eachItem(body []byte, give func(item []byte)) {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		if string(obj.Key()) != "input" {
			continue
		}
		list := rawjson.NewArray(obj.Value())
		for list.Next() {
			give(list.Value())
		}
	}
}

// reference is the id that an item is, if it is no more than that.
func reference(item []byte) (string, bool) {
	var w struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Role string `json:"role"`
	}
	if json.Unmarshal(item, &w) != nil {
		return "", false
	}
	return w.ID, w.Type == referenceItem || w.Type == "" && w.Role == "" && w.ID != ""
}

// Input is what is new in a request, as a list of items. A text is an item, too.
func Input(body []byte) json.RawMessage {
	obj := rawjson.NewObject(body)
	for obj.Next() {
		switch {
		case string(obj.Key()) != "input":
		case rawjson.TypeOf(obj.Value()) == rawjson.StringType:
			return fmt.Appendf(nil, `[{"type":"message","role":"user","content":%s}]`, obj.Value())
		case rawjson.TypeOf(obj.Value()) == rawjson.ArrayType:
			return obj.Value()
		}
	}
	return json.RawMessage("[]")
}

// Expand makes a request that stands alone of one that goes on from a conversation:
// what was said before stands in front of its input, and items in place of references
// to them, by id.
func Expand(body []byte, before []json.RawMessage, items map[string]json.RawMessage) []byte {
	input := []byte{'['}
	add := func(item []byte) {
		if len(input) > 1 {
			input = append(input, ',')
		}
		input = append(input, item...)
	}
	for _, item := range before {
		add(item)
	}
	list := rawjson.NewArray(Input(body))
	for list.Next() {
		item := list.Value()
		if id, ok := reference(item); ok && items[id] != nil {
			item = items[id]
		}
		add(item)
	}
	input = append(input, ']')
	return withInput(body, input)
}

// withInput gives a body another input, and takes out what it goes on from.
func withInput(body, input []byte) []byte {
	out := []byte(`{"input":`)
	out = append(out, input...)
	obj := rawjson.NewObject(body)
	for obj.Next() {
		switch name := string(obj.Key()); name {
		case "input", "previous_response_id":
		default:
			out = append(append(append(append(out, ','), rawjson.Quote(name)...), ':'), obj.Value()...)
		}
	}
	return append(out, '}')
}

// Listed is an item of an input as a list of items has it: with a type and an id,
// which is made up if it has none, and with the content of messages as parts.
func Listed(item json.RawMessage, made string) (listed json.RawMessage, id string) {
	var w map[string]json.RawMessage
	if json.Unmarshal(item, &w) != nil {
		return item, made
	}
	if null(w["type"]) {
		w["type"] = rawjson.Quote(messageItem)
	}
	if id, _ = rawjson.String(w["id"]); id == "" {
		id = made
		w["id"] = rawjson.Quote(id)
	}
	if string(w["type"]) == `"`+messageItem+`"` {
		w["status"] = rawjson.Quote(completed)
		if rawjson.TypeOf(w["content"]) == rawjson.StringType {
			w["content"] = listedText(w)
		}
	}
	return marshal(w), id
}

func listedText(message map[string]json.RawMessage) json.RawMessage {
	if string(message["role"]) == `"assistant"` {
		return fmt.Appendf(nil, `[{"type":%q,"text":%s,"annotations":[],"logprobs":[]}]`, outputText, message["content"])
	}
	return fmt.Appendf(nil, `[{"type":"input_text","text":%s}]`, message["content"])
}
