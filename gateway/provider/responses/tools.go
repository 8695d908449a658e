package responses

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// The types of tools that a client runs.
const (
	functionTool = "function"
	customTool   = "custom"
)

type toolIn struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      *bool           `json:"strict"`
	Format      struct {
		Type       string `json:"type"`
		Syntax     string `json:"syntax"`
		Definition string `json:"definition"`
	} `json:"format"`
}

func (d *decoder) tools(value []byte) error {
	list := rawjson.NewArray(value)
	for list.Next() {
		path := fmt.Sprintf("tools[%d]", list.Len()-1)
		var w toolIn
		if err := read(list.Value(), path, &w); err != nil {
			return err
		}
		switch {
		case w.Type == "":
			return missing(path + ".type")
		case w.Type != functionTool && w.Type != customTool:
			d.req.Drop(path) // OpenAI runs it itself
			continue
		case w.Name == "":
			return missing(path + ".name")
		case w.Type == customTool:
			d.req.Tools = append(d.req.Tools, w.function())
			continue
		}
		def := chat.ToolDef{Name: w.Name, Description: w.Description, Strict: w.Strict}
		if !null(w.Parameters) {
			if err := wantType(w.Parameters, path+".parameters", rawjson.ObjectType); err != nil {
				return err
			}
			def.Parameters = w.Parameters
		}
		d.req.Tools = append(d.req.Tools, def)
	}
	return nil
}

// inputMember is the one argument of a function that stands for a custom tool.
const inputMember = "input"

const inputSchema = `{"type":"object","properties":{"` + inputMember + `":{"type":"string"}},"required":["` + inputMember + `"],"additionalProperties":false}`

// function is a function that stands for a custom tool, which takes a text. Its
// grammar can only be described.
func (w toolIn) function() chat.ToolDef {
	def := chat.ToolDef{Name: w.Name, Description: w.Description, Parameters: json.RawMessage(inputSchema)}
	if w.Format.Definition != "" {
		grammar := fmt.Sprintf("The input must be a text of this %s grammar:\n%s", w.Format.Syntax, w.Format.Definition)
		def.Description = strings.TrimLeft(def.Description+"\n\n"+grammar, "\n")
	}
	return def
}

// wrapInput makes a custom tool's input the arguments of its function.
func wrapInput(input string) string {
	return `{"` + inputMember + `":` + string(rawjson.Quote(input)) + `}`
}

// unwrapInput is the inverse. Arguments of another form are the input themselves.
func unwrapInput(arguments string) string {
	var w struct {
		Input *string `json:"input"`
	}
	if json.Unmarshal([]byte(arguments), &w) != nil || w.Input == nil {
		return arguments
	}
	return *w.Input
}

func (d *decoder) toolChoice(value []byte) error {
	const param = "tool_choice"
	if rawjson.TypeOf(value) == rawjson.StringType {
		if err := read(value, param, &d.req.Choice.Mode); err != nil {
			return err
		}
		return knownMode(d.req.Choice.Mode, param)
	}
	var w struct {
		Type  string          `json:"type"`
		Name  string          `json:"name"`
		Mode  chat.ChoiceMode `json:"mode"`
		Tools []struct {
			Type string `json:"type"`
			Name string `json:"name"`
		} `json:"tools"`
	}
	if err := read(value, param, &w); err != nil {
		return err
	}
	switch {
	case w.Type == "allowed_tools":
		d.req.Choice.Mode, d.allowed = w.Mode, []string{}
		for _, t := range w.Tools {
			if t.Type == functionTool || t.Type == customTool { // others are dropped
				d.allowed = append(d.allowed, t.Name)
			}
		}
		return knownMode(w.Mode, param+".mode")
	case w.Type != functionTool && w.Type != customTool:
		d.req.Drop(param) // of tools that are dropped
	case w.Name == "":
		return missing(param + ".name")
	default:
		d.req.Choice = chat.Choice{Mode: chat.NamedChoice, Name: w.Name}
	}
	return nil
}

func knownMode(mode chat.ChoiceMode, param string) error {
	switch mode {
	case chat.AutoChoice, chat.NoneChoice, chat.RequiredChoice:
		return nil
	}
	return invalid(param, codeValue, "Invalid '%s': it must be none, auto, required or name a tool.", param)
}

// settleTools leaves the allowed tools, and drops a choice among tools that were
// dropped.
func (d *decoder) settleTools() error {
	if d.allowed != nil && len(d.allowed) == 0 {
		d.req.Tools = nil
	}
	if unknown := d.req.Allow(d.allowed); unknown != "" {
		return invalid("tool_choice", codeValue, "Invalid 'tool_choice': it allows a tool that is not among 'tools': %q.", unknown)
	}
	c := d.req.Choice
	named := slices.ContainsFunc(d.req.Tools, func(t chat.ToolDef) bool { return t.Name == c.Name })
	if len(d.req.Tools) > 0 && (c.Mode != chat.NamedChoice || named) {
		return nil
	}
	if c.Mode == chat.RequiredChoice || c.Mode == chat.NamedChoice {
		d.req.Drop("tool_choice")
	}
	d.req.Choice = chat.Choice{}
	if len(d.req.Tools) == 0 {
		d.req.ParallelTools = nil
	}
	return nil
}
