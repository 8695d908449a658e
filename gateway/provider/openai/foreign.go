package openai

import (
	"bytes"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// A chat that another vendor began has that vendor's thoughts and signatures in its
// history, in members of ours that this vendor may refuse. They are known by the
// mark, see [chat.Signer]; what has no mark is the client's own and stays.
const (
	detailsMember = "reasoning_details"
	plainMember   = "reasoning_content"
	callsMember   = "tool_calls"
	extraMember   = "extra_content"
)

// withoutForeign gives messages without what was made for other vendors; false if
// there is no such.
func withoutForeign(messages []byte) ([]byte, bool) {
	if !bytes.Contains(messages, []byte(`"`+detailsMember+`"`)) && !bytes.Contains(messages, []byte(`"`+extraMember+`"`)) {
		return nil, false // the usual case, at the cost of two searches
	}
	return eachOf(messages, cleanMessage)
}

// eachOf cleans the elements of an array; false if nothing changed.
func eachOf(array []byte, clean func([]byte) ([]byte, bool)) ([]byte, bool) {
	var edits []rawjson.Edit
	list := rawjson.NewArray(array)
	for list.Next() {
		if cleaned, ok := clean(list.Value()); ok {
			from, to := list.Span()
			edits = append(edits, rawjson.Edit{From: from, To: to, With: cleaned})
		}
	}
	if len(edits) == 0 {
		return nil, false
	}
	return rawjson.Apply(array, edits...), true
}

func cleanMessage(message []byte) ([]byte, bool) {
	thoughts := false
	var calls []byte
	obj := rawjson.NewObject(message)
	for obj.Next() {
		switch string(obj.Key()) {
		case detailsMember:
			thoughts = thoughts || markedThoughts(obj.Value())
		case callsMember:
			if cleaned, ok := eachOf(obj.Value(), cleanCall); ok {
				calls = cleaned
			}
		}
	}
	if !thoughts && calls == nil {
		return nil, false
	}
	return rewrite(message, func(name string, value []byte) []byte {
		switch {
		case name == detailsMember, name == plainMember: // one mark tells whose message it is
			return nil
		case name == callsMember && calls != nil:
			return calls
		}
		return value
	}), true
}

func cleanCall(call []byte) ([]byte, bool) {
	marked := false
	obj := rawjson.NewObject(call)
	for obj.Next() {
		marked = marked || string(obj.Key()) == extraMember && markedExtra(obj.Value())
	}
	if !marked {
		return nil, false
	}
	return rewrite(call, func(name string, value []byte) []byte {
		if name == extraMember {
			return nil
		}
		return value
	}), true
}

func markedThoughts(details []byte) bool {
	for _, p := range readThoughts(details) {
		if marked(p.Signature) || marked(p.Data) {
			return true
		}
	}
	return false
}

func markedExtra(value []byte) bool {
	var c wireCall
	return read(value, extraMember, &c.Extra) == nil && marked(c.signature())
}

func marked(signature string) bool {
	signer, _ := chat.SignedBy(signature)
	return signer != ""
}

// rewrite writes an object anew with the values that keep gives; nil leaves the
// member out.
func rewrite(object []byte, keep func(name string, value []byte) []byte) []byte {
	out := []byte{'{'}
	obj := rawjson.NewObject(object)
	for obj.Next() {
		value := keep(string(obj.Key()), obj.Value())
		if value == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, rawjson.Quote(string(obj.Key()))...), ':'), value...)
	}
	return append(out, '}')
}
