package responses_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway/provider/responses"
)

func TestReferences(t *testing.T) {
	for body, want := range map[string][]string{
		`{"input":"\"id\""}`: nil,
		`{"input":[{"type":"item_reference","id":"a"},{"id":"b"},{"id":"c","role":"user","content":"x"},{"type":"message","id":"d"},{"type":"item_reference"}]}`: {"a", "b", ""},
	} {
		if diff := cmp.Diff(want, responses.References([]byte(body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestExpand(t *testing.T) {
	before := []json.RawMessage{json.RawMessage(`{"a":1}`), json.RawMessage(`{"b":2}`)}
	items := map[string]json.RawMessage{"m": json.RawMessage(`{"m":3}`)}
	for body, want := range map[string]string{
		`{"model":"x","input":"q","previous_response_id":"r"}`:                 `{"input":[{"a":1},{"b":2},{"type":"message","role":"user","content":"q"}],"model":"x"}`,
		`{"input":[{"type":"item_reference","id":"m"},{"id":"n"}],"x": [ 1 ]}`: `{"input":[{"a":1},{"b":2},{"m":3},{"id":"n"}],"x":[ 1 ]}`,
		`{"previous_response_id":"r"}`:                                         `{"input":[{"a":1},{"b":2}]}`,
	} {
		if got := string(responses.Expand([]byte(body), before, items)); got != want {
			t.Errorf("%s became %s, want %s", body, got, want)
		}
	}
}

func TestListed(t *testing.T) {
	for item, want := range map[string]string{
		`{"role":"user","content":"q"}`:                 `{"content":[{"type":"input_text","text":"q"}],"id":"made","role":"user","status":"completed","type":"message"}`,
		`{"role":"assistant","content":"q","id":"m"}`:   `{"content":[{"type":"output_text","text":"q","annotations":[],"logprobs":[]}],"id":"m","role":"assistant","status":"completed","type":"message"}`,
		`{"type":"function_call_output","call_id":"c"}`: `{"call_id":"c","id":"made","type":"function_call_output"}`,
		`3`: `3`,
	} {
		if got, _ := responses.Listed(json.RawMessage(item), "made"); string(got) != want {
			t.Errorf("%s is listed as %s, want %s", item, got, want)
		}
	}
}
