package anthropic

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// Decode implements [chat.Client]. What only this vendor can do (its own tools,
// containers, citations) is dropped; what would change the meaning of the prompt
// is refused.
func (Client) Decode(in *provider.Inbound) (*chat.Request, error) {
	d := decoder{req: &chat.Request{N: 1, Stream: in.Stream, MaxOutput: in.MaxOutput}}
	obj := rawjson.NewObject(in.Body)
	for obj.Next() {
		if rawjson.TypeOf(obj.Value()) == rawjson.NullType {
			continue
		}
		if err := d.field(string(obj.Key()), obj.Value()); err != nil {
			return nil, err
		}
	}
	if err := obj.Err(); err != nil {
		return nil, badJSON(err)
	}
	d.req.Messages = append(d.system, d.req.Messages...)
	d.settleChoice()
	return d.req, nil
}

type decoder struct {
	req    *chat.Request
	system []chat.Message
}

func (d *decoder) field(key string, value []byte) error {
	switch key {
	case "model", "max_tokens", "stream": // are read already
		return nil
	case "messages":
		return d.messages(value)
	case "system":
		parts, err := d.parts(value, key)
		d.system = []chat.Message{{Role: chat.System, Parts: parts}}
		return err
	case "tools":
		return d.tools(value)
	case "tool_choice":
		return d.toolChoice(value)
	case "stop_sequences":
		return read(value, key, &d.req.Stop)
	case "temperature":
		return read(value, key, &d.req.Temperature)
	case "top_p":
		return read(value, key, &d.req.TopP)
	case "top_k":
		return read(value, key, &d.req.TopK)
	case "thinking":
		return d.thinking(value)
	case "output_config":
		return d.output(value)
	case "output_format": // the name while it was a beta
		return d.format(value, key)
	case "metadata":
		return d.metadata(value)
	case "service_tier":
		return d.serviceTier(value)
	}
	d.req.Drop(key)
	return nil
}

// read decodes value into the field's place.
func read(value []byte, param string, into any) error {
	if err := json.Unmarshal(value, into); err != nil {
		return invalid(param, "%s: The value has the wrong form.", param)
	}
	return nil
}

// members reads the members that read knows, drops the others, and passes over
// those that are null or are the type.
func (d *decoder) members(value []byte, path string, read func(key, path string, value []byte) (known bool, err error)) error {
	obj := rawjson.NewObject(value)
	for obj.Next() {
		key := string(obj.Key())
		if key == "type" || rawjson.TypeOf(obj.Value()) == rawjson.NullType {
			continue
		}
		at := path + "." + key
		known, err := read(key, at, obj.Value())
		if err != nil {
			return err
		}
		if !known {
			d.req.Drop(at)
		}
	}
	if obj.Err() != nil {
		return invalid(path, "%s: Must be an object.", path)
	}
	return nil
}

// kindOf is the type of an object; empty if it has none.
func kindOf(value []byte) string {
	var w struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(value, &w) != nil {
		return ""
	}
	return w.Type
}

func (d *decoder) tools(value []byte) error {
	list := rawjson.NewArray(value)
	for list.Next() {
		path := fmt.Sprintf("tools.%d", list.Len()-1)
		if kind := kindOf(list.Value()); kind != "" && kind != "custom" {
			d.req.Drop(path) // a tool that the vendor brings along
			continue
		}
		def, err := d.tool(list.Value(), path)
		if err != nil {
			return err
		}
		d.req.Tools = append(d.req.Tools, def)
	}
	if list.Err() != nil {
		return invalid("tools", "tools: Must be an array.")
	}
	return nil
}

func (d *decoder) tool(value []byte, path string) (def chat.ToolDef, err error) {
	err = d.members(value, path, func(key, at string, v []byte) (bool, error) {
		switch key {
		case "name":
			return true, read(v, at, &def.Name)
		case "description":
			return true, read(v, at, &def.Description)
		case "strict":
			return true, read(v, at, &def.Strict)
		case "input_schema":
			def.Parameters = v
			return true, wantType(v, at, rawjson.ObjectType)
		case "cache_control":
			def.CacheTTL, err = cacheTTL(v, at)
			return true, err
		}
		return false, nil
	})
	switch {
	case err != nil:
		return def, err
	case def.Name == "":
		return def, missing(path + ".name")
	case def.Parameters == nil:
		return def, missing(path + ".input_schema")
	}
	return def, nil
}

// cacheTTL reads what a block says of the cache.
func cacheTTL(value []byte, path string) (chat.CacheTTL, error) {
	w := struct {
		TTL chat.CacheTTL `json:"ttl"`
	}{chat.ShortCache}
	if err := read(value, path, &w); err != nil {
		return "", err
	}
	if w.TTL != chat.ShortCache && w.TTL != chat.LongCache {
		return "", invalid(path+".ttl", "%s.ttl: Must be %s or %s.", path, chat.ShortCache, chat.LongCache)
	}
	return w.TTL, nil
}

func (d *decoder) toolChoice(value []byte) error {
	const param = "tool_choice"
	var w struct {
		Type            string `json:"type"`
		Name            string `json:"name"`
		DisableParallel *bool  `json:"disable_parallel_tool_use"`
	}
	if err := read(value, param, &w); err != nil {
		return err
	}
	if w.DisableParallel != nil {
		parallel := !*w.DisableParallel
		d.req.ParallelTools = &parallel
	}
	switch w.Type {
	case "auto":
		d.req.Choice.Mode = chat.AutoChoice
	case "any":
		d.req.Choice.Mode = chat.RequiredChoice
	case "none":
		d.req.Choice.Mode = chat.NoneChoice
	case "tool":
		if w.Name == "" {
			return missing(param + ".name")
		}
		d.req.Choice = chat.Choice{Mode: chat.NamedChoice, Name: w.Name}
	default:
		return invalid(param+".type", "%s.type: Must be auto, any, tool or none.", param)
	}
	return nil
}

// settleChoice drops a choice among tools that were dropped.
func (d *decoder) settleChoice() {
	c := d.req.Choice
	named := slices.ContainsFunc(d.req.Tools, func(t chat.ToolDef) bool { return t.Name == c.Name })
	if len(d.req.Tools) > 0 && (c.Mode != chat.NamedChoice || named) {
		return
	}
	if c.Mode == chat.RequiredChoice || c.Mode == chat.NamedChoice {
		d.req.Drop("tool_choice")
	}
	d.req.Choice = chat.Choice{}
	if len(d.req.Tools) == 0 {
		d.req.ParallelTools = nil
	}
}
