package anthropic

import (
	"fmt"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// block is a block of a client's message. Of raw values, nil is none.
type block struct {
	kind      string
	text      string
	thinking  string
	signature string
	data      string
	id        string
	name      string
	toolUseID string
	title     string
	input     []byte
	source    []byte
	content   []byte
	failed    bool
	cache     chat.CacheTTL
}

func (d *decoder) block(value []byte, path string) (b block, err error) {
	b.kind = kindOf(value)
	err = d.members(value, path, func(key, at string, v []byte) (bool, error) {
		switch key {
		case "text":
			return true, read(v, at, &b.text)
		case "thinking":
			return true, read(v, at, &b.thinking)
		case "signature":
			return true, read(v, at, &b.signature)
		case "data":
			return true, read(v, at, &b.data)
		case "id":
			return true, read(v, at, &b.id)
		case "name":
			return true, read(v, at, &b.name)
		case "tool_use_id":
			return true, read(v, at, &b.toolUseID)
		case "is_error":
			return true, read(v, at, &b.failed)
		case "title":
			return true, read(v, at, &b.title)
		case "input":
			b.input = v
		case "source":
			b.source = v
		case "content":
			b.content = v
		case "cache_control":
			b.cache, err = cacheTTL(v, at)
			return true, err
		case "caller": // the vendor's note that the model itself made the call
		default:
			return serverBlock(b.kind), nil // those are dropped whole
		}
		return true, nil
	})
	return b, err
}

// parts reads a text or a list of blocks that are no call, result or thought.
func (d *decoder) parts(content []byte, path string) ([]chat.Part, error) {
	if rawjson.TypeOf(content) == rawjson.StringType {
		text, err := rawjson.String(content)
		if err != nil {
			return nil, invalid(path, "%s: The text is not valid.", path)
		}
		return []chat.Part{{Kind: chat.TextPart, Text: text}}, nil
	}
	if err := wantType(content, path, rawjson.StringType, rawjson.ArrayType); err != nil {
		return nil, err
	}
	var all []chat.Part
	list := rawjson.NewArray(content)
	for list.Next() {
		at := fmt.Sprintf("%s.%d", path, list.Len()-1)
		b, err := d.block(list.Value(), at)
		if err != nil {
			return nil, err
		}
		parts, err := d.part(b, at)
		if err != nil {
			return nil, err
		}
		all = append(all, parts...)
	}
	return all, nil
}

// part reads one block, of which a document may have several parts.
func (d *decoder) part(b block, path string) (parts []chat.Part, err error) {
	switch {
	case b.kind == textBlock:
		parts = []chat.Part{{Kind: chat.TextPart, Text: b.text}}
	case b.kind == imageBlock, b.kind == documentBlock:
		parts, err = d.media(b, path)
	case b.kind == searchBlock: // what the application itself has found
		parts, err = d.parts(b.content, path+".content")
		d.req.Drop(path + ".source")
	case serverBlock(b.kind):
		d.req.Drop(path)
		return nil, nil
	default:
		return nil, invalid(path+".type", "%s.type: %q is not a block that this model takes here.", path, b.kind)
	}
	if err != nil {
		return nil, err
	}
	d.cache(parts, b, path)
	return parts, nil
}

// serverBlock tells whether a kind of block is about the vendor's own tools, which
// nobody else has.
func serverBlock(kind string) bool {
	return strings.HasSuffix(kind, "_tool_use") || strings.HasSuffix(kind, "_tool_result") ||
		kind == "container_upload" || kind == "tool_reference"
}

// media reads an image or a document.
func (d *decoder) media(b block, path string) ([]chat.Part, error) {
	path += ".source"
	s, err := d.source(b.source, path)
	if err != nil {
		return nil, err
	}
	p := chat.Part{Kind: chat.ImagePart}
	if b.kind == documentBlock {
		p = chat.Part{Kind: chat.FilePart, Filename: b.title}
	}
	switch {
	case s.kind == "base64" && s.media != "" && s.data != "":
		p.MediaType, p.Data = s.media, s.data
	case s.kind == "url" && s.url != "":
		p.URL = s.url
	case s.kind == textBlock && b.kind == documentBlock:
		p = chat.Part{Kind: chat.TextPart, Text: s.data}
	case s.kind == "content" && b.kind == documentBlock:
		return d.parts(s.content, path+".content")
	case s.kind == "file":
		return nil, invalid(path, "%s: This model cannot read an uploaded file.", path)
	default:
		return nil, invalid(path, "%s: Must have data in base64 with its media_type, or a url.", path)
	}
	return []chat.Part{p}, nil
}

// mediaSource is where a block's media are.
type mediaSource struct {
	kind    string
	media   string // e.g. image/png
	data    string
	url     string
	content []byte
}

func (d *decoder) source(value []byte, path string) (s mediaSource, err error) {
	s.kind = kindOf(value)
	if value == nil {
		return s, missing(path)
	}
	err = d.members(value, path, func(key, at string, v []byte) (bool, error) {
		switch key {
		case "media_type":
			return true, read(v, at, &s.media)
		case "data":
			return true, read(v, at, &s.data)
		case "url":
			return true, read(v, at, &s.url)
		case "content":
			s.content = v
			return true, nil
		case "file_id":
			return true, nil
		}
		return false, nil
	})
	return s, err
}
