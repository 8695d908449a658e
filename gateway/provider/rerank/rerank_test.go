package rerank_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/rerank"
)

var update = providertest.Update()

func shape(s rerank.Shape) func() provider.Vendor {
	s.URL = "https://vendor.test/rerank"
	return func() provider.Vendor {
		return providertest.Preparing(nil, func(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
			return rerank.Prepare(in, t.Model, s)
		})
	}
}

// shapes are vendors of which each has a folder of transcripts.
func shapes() map[string]func() provider.Vendor {
	return map[string]func() provider.Vendor{
		"objects": shape(rerank.Shape{}),
		"texts":   shape(rerank.Shape{Texts: true, Lacks: []string{"return_documents", "rank_fields", "max_chunks_per_doc"}}),
	}
}

func TestTranscripts(t *testing.T) {
	for dir, vendor := range shapes() {
		t.Run(dir, func(t *testing.T) {
			providertest.Player{Parse: rerank.Parse, Vendor: vendor, Update: *update}.Play(t, "testdata/"+dir)
		})
	}
}

// TestBytes: not a byte is changed, neither way, but for the model.
func TestBytes(t *testing.T) {
	const request = ` {"x_new": [1.50] , "model" : "smart", "query":"\u00e9", "documents" : [ "a", {"text":"b"}], "return_documents":null }` + "\n"
	const answer = "{ \"results\" : [ {\"index\":1, \"relevance_score\":0.50}],\r\n \"x\":1 }\n"
	in, err := rerank.Parse([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	out, err := shapes()["objects"]().Prepare(in, provider.Target{Model: "m"})
	if want := strings.Replace(request, `"smart"`, `"m"`, 1); err != nil || string(out.Body) != want {
		t.Fatalf("%v: the request became %s", err, out.Body)
	}
	reply, err := out.Unary([]byte(answer))
	if err != nil || string(reply.Body) != answer || reply.Usage != nil {
		t.Errorf("%v: the answer became %s", err, reply.Body)
	}
	if p := in.Prompt(in, 100); string(p.Text) != `a{"text":"b"}éé` || p.Messages != 0 || p.Bytes != 17 {
		t.Errorf("prompt %+v", p)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct{ body, param string }{
		"no JSON":            {`{`, ""},
		"not UTF-8":          {"{\"model\":\"\xff\"}", ""},
		"no model":           {`{"query":"a","documents":["b"]}`, "model"},
		"model":              {`{"model":1}`, "model"},
		"no query":           {`{"model":"m","documents":["b"]}`, "query"},
		"empty query":        {`{"model":"m","query":"","documents":["b"]}`, "query"},
		"query":              {`{"model":"m","query":["a"],"documents":["b"]}`, "query"},
		"no documents":       {`{"model":"m","query":"a"}`, "documents"},
		"empty documents":    {`{"model":"m","query":"a","documents":[]}`, "documents"},
		"documents":          {`{"model":"m","query":"a","documents":"b"}`, "documents"},
		"document":           {`{"model":"m","query":"a","documents":["b",1]}`, "documents[1]"},
		"too many documents": {`{"model":"m","query":"a","documents":[` + strings.Repeat(`"a",`, 10_000) + `"a"]}`, "documents"},
		"twice":              {`{"model":"m","query":"a","query":"b","documents":["b"]}`, "query"},
		"top_n":              {`{"model":"m","query":"a","documents":["b"],"top_n":0}`, "top_n"},
		"top_n half":         {`{"model":"m","query":"a","documents":["b"],"top_n":1.5}`, "top_n"},
		"max_tokens_per_doc": {`{"model":"m","query":"a","documents":["b"],"max_tokens_per_doc":"9"}`, "max_tokens_per_doc"},
		"return_documents":   {`{"model":"m","query":"a","documents":["b"],"return_documents":1}`, "return_documents"},
		"rank_fields":        {`{"model":"m","query":"a","documents":["b"],"rank_fields":"text"}`, "rank_fields"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := rerank.Parse([]byte(tt.body))
			if err == nil {
				t.Fatal("taken")
			}
			if e := gateway.AsError(err); e.Kind != gateway.Invalid || e.Param != tt.param || e.Public == "" {
				t.Errorf("%v names %q, want %q", err, e.Param, tt.param)
			}
		})
	}
}

// TestLinear: a list of the largest size takes no time to speak of.
func TestLinear(t *testing.T) {
	body := `{"model":"m","query":"` + strings.Repeat("word ", 1000) + `","documents":[` + strings.Repeat(`{"text":"a"},`, 9_999) + `"a"],"return_documents":true}`
	in, err := rerank.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	in.Prompt(in, 4<<10)
	out, err := shapes()["texts"]().Prepare(in, provider.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	results := strings.Repeat(`{"index":9999,"relevance_score":1},`, 9_999) + `{"index":0,"relevance_score":1}`
	if reply, err := out.Unary([]byte(`{"results":[` + results + `]}`)); err != nil || !json.Valid(reply.Body) {
		t.Error(err)
	}
}

// FuzzRerank holds that what is taken goes to every vendor as JSON that asks the same,
// or is refused with words, and that an answer stays JSON.
func FuzzRerank(f *testing.F) {
	f.Add([]byte(`{"model":"m","query":"a","documents":["b",{"text":"c"},{"a":1,"b":"x"}],"rank_fields":["b"],"return_documents":true}`),
		[]byte(`{"results":[{"index":1,"relevance_score":0.5},{"index":0}],"meta":{"billed_units":{"search_units":1}}}`))
	f.Add([]byte(`{"return_documents":true,"max_chunks_per_doc":1,"model":"m","query":"a","documents":["b"]}`), []byte(`{"message":"no"}`))
	f.Fuzz(func(t *testing.T, body, answer []byte) {
		in, err := rerank.Parse(body)
		if err != nil {
			return
		}
		for name, vendor := range shapes() {
			out, err := vendor().Prepare(in, provider.Target{Model: "vendor"})
			if err != nil {
				if gateway.AsError(err).Kind != gateway.Invalid {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			var was, is map[string]json.RawMessage
			if json.Unmarshal(body, &was) != nil || json.Unmarshal(out.Body, &is) != nil {
				t.Fatalf("%s: %s became %s", name, body, out.Body)
			}
			if diff := cmp.Diff(string(was["query"]), string(is["query"])); diff != "" || string(is["model"]) != `"vendor"` {
				t.Errorf("%s: %s became %s", name, body, out.Body)
			}
			if reply, err := out.Unary(answer); err == nil && !json.Valid(reply.Body) {
				t.Errorf("%s: %s became %s", name, answer, reply.Body)
			}
		}
	})
}
