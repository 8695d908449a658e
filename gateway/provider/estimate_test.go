package provider_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

func TestTextMeter(t *testing.T) {
	m := provider.TextMeter{Keep: 10}
	m.Add("Hello ")
	m.AddJSON([]byte(`\u00e4\n`)) // an escape does not fit in part
	m.AddJSON([]byte(`\"quoted\"`))
	early := m.Excerpt()
	m.Add("and more")
	x := m.Excerpt()
	if string(x.Text) != "Hello \"qua" {
		t.Errorf("kept %q", x.Text)
	}
	if x.Bytes != int64(len("Hello ä\n\"quoted\"and more")) || m.Tokens() != (x.Bytes+3)/4 {
		t.Errorf("%d bytes, %d tokens", x.Bytes, m.Tokens())
	}
	if !strings.HasPrefix(string(x.Text), string(early.Text)) || len(x.Text) > 10 {
		t.Errorf("an excerpt changed from %q to %q", early.Text, x.Text)
	}
	none := provider.TextMeter{}
	none.Add("text")
	none.AddJSON([]byte("text"))
	if x := none.Excerpt(); len(x.Text) != 0 || x.Bytes != 8 {
		t.Errorf("kept %+v", x)
	}
}
