package control_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// TestSchema keeps the shipped schema what the code says.
func TestSchema(t *testing.T) {
	got, err := control.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "hub.schema.json", string(got))
}

type schemaNode struct {
	Type        string
	Description string
	Properties  map[string]schemaNode
	Items       *schemaNode
	Enum        []string
	AnyOf       []schemaNode
}

// keys lists the path of every key of the schema.
func (s schemaNode) keys(path string) []string {
	var out []string
	for key, p := range s.Properties {
		out = append(out, path+"."+key)
		out = append(out, p.keys(path+"."+key)...)
	}
	if s.Items != nil {
		out = append(out, s.Items.keys(path+"[]")...)
	}
	return out
}

func readSchema(t *testing.T) schemaNode {
	t.Helper()
	text, err := control.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s schemaNode
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// paths lists the path of every key of a configuration.
func paths(v any, path string) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			out = append(out, path+"."+key)
			out = append(out, paths(value, path+"."+key)...)
		}
	case []any:
		for _, value := range v {
			out = append(out, paths(value, path+"[]")...)
		}
	}
	return out
}

// TestExamplesCoverTheSchema: the configurations in testdata use every key there
// is, so every key is decoded by a test.
func TestExamplesCoverTheSchema(t *testing.T) {
	used := map[string]bool{}
	for _, name := range []string{"testdata/full.yaml", "testdata/later.yaml", "testdata/clouds.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		for _, p := range paths(v, "") {
			used[p] = true
		}
	}
	known := map[string]bool{}
	for _, key := range readSchema(t).keys("") {
		known[key] = true
		// Limits are alike wherever they are; every key of one is used somewhere.
		if holder, key, isLimit := strings.Cut(key, "limits[]"); isLimit {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(p string) bool { return strings.HasSuffix(p, "limits[]"+key) }) {
				t.Errorf("no example has a limit's %s", key)
			}
			if !used[holder+"limits"] {
				t.Errorf("no example has %slimits", holder)
			}
			continue
		}
		if !used[key] && !strings.Contains(key, ".timeouts.") {
			t.Errorf("no example has %s", key)
		}
	}
	for p := range used {
		if !known[p] {
			t.Errorf("the schema lacks %s", p)
		}
	}
}

func TestSchemaDescribesEverything(t *testing.T) {
	var walk func(path string, s schemaNode)
	walk = func(path string, s schemaNode) {
		if s.Type == "" && len(s.AnyOf) == 0 {
			t.Errorf("%s has no type", path)
		}
		for key, p := range s.Properties {
			if p.Description == "" || !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s.%s has no description", path, key)
			}
			walk(path+"."+key, p)
		}
		if s.Items != nil {
			walk(path+"[]", *s.Items)
		}
	}
	walk("", readSchema(t))
}

// TestPricesHaveEveryClass: a price can be given for every class of usage, under its name.
func TestPricesHaveEveryClass(t *testing.T) {
	prices := readSchema(t).Properties["settings"].Properties["prices"].Items.Properties
	for _, class := range events.ClassNames() {
		if _, known := prices[class]; !known {
			t.Errorf("no price can be given of %s", class)
		}
	}
	if want := events.ClassCount + len([]string{"model", "provider"}); len(prices) != want {
		t.Errorf("a price has %d keys, want %d", len(prices), want)
	}
}
