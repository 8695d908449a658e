package anthropic

import (
	"bytes"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// signer is this vendor's name in marked signatures, see [chat.Signer].
const signer = string(provider.Anthropic)

// appendOwnThinking adds the edits, to a list of messages that begins at base,
// without which a vendor would refuse it: thinking that another vendor signed, or
// nobody, goes, as do citations that we made of others', and the name in front of our
// own signatures.
func appendOwnThinking(edits []rawjson.Edit, messages []byte, base int) []rawjson.Edit {
	if !bytes.Contains(messages, []byte(thinkingBlock)) && !bytes.Contains(messages, []byte(citationMark)) {
		return edits // as most
	}
	list := rawjson.NewArray(messages)
	for list.Next() {
		from, _ := list.Span()
		obj := rawjson.NewObject(list.Value())
		for obj.Next() {
			if string(obj.Key()) != "content" || rawjson.TypeOf(obj.Value()) != rawjson.ArrayType {
				continue
			}
			at, to := obj.Span()
			if own, changed := ownBlocks(obj.Value()); changed {
				edits = append(edits, rawjson.Edit{From: base + from + at, To: base + from + to, With: own})
			}
		}
	}
	return edits
}

// ownBlocks is a list of blocks without foreign thinking. A list of nothing else
// stays as it is: an empty one is refused, too.
func ownBlocks(blocks []byte) (own []byte, changed bool) {
	var kept [][]byte
	list := rawjson.NewArray(blocks)
	for list.Next() {
		block := list.Value()
		if at, value, thought := signatureOf(block); thought {
			by, own := chat.SignedBy(value)
			if own == "" || by != "" && by != signer {
				changed = true
				continue
			}
			if by == signer {
				changed = true
				block = rawjson.Apply(block, rawjson.Edit{From: at.from, To: at.to, With: rawjson.Quote(own)})
			}
		} else if plain, ours := withoutOurs(block); ours {
			block, changed = plain, true
		}
		kept = append(kept, block)
	}
	if len(kept) == 0 {
		return nil, false
	}
	own = append(append([]byte{'['}, bytes.Join(kept, []byte{','})...), ']')
	return own, changed
}

type span struct{ from, to int }

// signatureOf finds what the vendor recognises a thought by; the empty value if the
// thought has none, and false if the block is another.
func signatureOf(block []byte) (at span, value string, thought bool) {
	var signature, data span
	var kind string
	obj := rawjson.NewObject(block)
	for obj.Next() {
		from, to := obj.Span()
		switch string(obj.Key()) {
		case "type":
			kind, _ = rawjson.String(obj.Value())
		case "signature":
			signature = span{from, to}
		case "data":
			data = span{from, to}
		}
	}
	switch kind {
	case thinkingBlock:
		at = signature
	case redactedBlock:
		at = data
	default:
		return span{}, "", false
	}
	value, _ = rawjson.String(block[at.from:at.to])
	return at, value, true
}
