package control

import (
	"bytes"
	_ "embed" // for the demo's configuration
	"fmt"
	"text/template"
)

//go:embed demo.yaml
var demoText string

// Demo says where the demo's vendors are.
type Demo struct {
	OpenAI, Anthropic, Gemini string // base URLs
	Key                       string // the secret of the demo's virtual key; empty: generated
}

// Demo makes the configuration of the demo: three vendors with two credentials
// each behind the logical models smart, fast, cheap and any, each vendor alone as
// fake-openai, fake-anthropic and fake-gemini, and one virtual key.
func (l *Loader) Demo(demo Demo) (*Wanted, error) {
	t, err := template.New("demo.yaml").Parse(demoText)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, demo); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return l.Parse(text.Bytes(), t.Name())
}
