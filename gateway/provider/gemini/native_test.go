package gemini_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
)

const hello = `{"contents":[{"role":"user","parts":[{"text":"Hello?"}]}]}`

func target() provider.Target {
	return provider.Target{BaseURL: "https://vendor.test/", APIKey: "key", Model: "models/gemini-3.8-flash"}
}

func parse(t testing.TB, body string, stream bool) *provider.Inbound {
	t.Helper()
	in, err := gemini.ParseGenerate("smart", []byte(body), stream)
	if err != nil {
		t.Fatalf("parse %s: %v", body, err)
	}
	return in
}

// TestNativeBytes: not a byte is changed, neither way.
func TestNativeBytes(t *testing.T) {
	const request = ` {"x_new": [1.50, "\u00e9"] , "contents":[ {"parts":{"text":"bGxtaHVi \ud83d\ude00"}}],"generation_config":{"top_k":"5"}}` + "\n"
	const answer = "{\n  \"candidates\" : [ {\"content\":{\"parts\":[{\"text\":\"\\u00e9\"}]},\"finishReason\":\"STOP\"}],\r\n \"x\":1e0 }\n"
	in := parse(t, request, false)
	in.Header = http.Header{"X-Goog-Api-Client": {"google-genai-sdk/3"}, "X-Goog-Api-Key": {"virtual"}, "X-Other": {"no"}}
	out, err := gemini.New(newVendor()).Prepare(in, target())
	if err != nil {
		t.Fatal(err)
	}
	if string(out.Body) != request {
		t.Errorf("the request became %s", out.Body)
	}
	if out.Method != http.MethodPost || out.URL != "https://vendor.test/v1beta/models/gemini-3.8-flash:generateContent" {
		t.Errorf("call is %s %s", out.Method, out.URL)
	}
	want := http.Header{
		"X-Goog-Api-Key": {"key"}, "Content-Type": {"application/json"}, "Accept": {"application/json"},
		"X-Goog-Api-Client": {"google-genai-sdk/3"},
	}
	if diff := cmp.Diff(want, out.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	reply, err := out.Unary([]byte(answer))
	if err != nil || string(reply.Body) != answer {
		t.Errorf("the answer became %s (%v)", reply.Body, err)
	}
}

// TestNativeRest: other dialects are the rest's.
func TestNativeRest(t *testing.T) {
	in := &provider.Inbound{Dialect: "unknown"}
	for name, prepare := range map[string]func(*provider.Inbound, provider.Target) (*provider.Outbound, error){
		"answer": gemini.New(newVendor()).Prepare, "count": gemini.New(newVendor()).(provider.TokenCounter).PrepareCount,
	} {
		if _, err := prepare(in, target()); gateway.AsError(err).Kind != gateway.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := gemini.New(newVendor()).Failure(http.StatusServiceUnavailable, nil, nil)
	if f.Class != provider.ServerError {
		t.Errorf("failure is %s", f.Class)
	}
}

func TestCount(t *testing.T) {
	const body = `{"generateContentRequest":{"model":"models/smart","contents":[{"parts":[{"text":"12345678"}]}]}}`
	in, err := gemini.ParseCount("smart", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if in.InputTokens != 2 {
		t.Errorf("%d tokens estimated", in.InputTokens)
	}
	out, err := gemini.New(newVendor()).(provider.TokenCounter).PrepareCount(in, target())
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(body, "models/smart", "models/gemini-3.8-flash", 1); string(out.Body) != want {
		t.Errorf("body %s", out.Body)
	}
	if out.URL != "https://vendor.test/v1beta/models/gemini-3.8-flash:countTokens" {
		t.Errorf("address %s", out.URL)
	}
	reply, err := out.Unary([]byte(`{"totalTokens": 2}`))
	if err != nil || string(reply.Body) != `{"totalTokens": 2}` || reply.Usage != nil {
		t.Errorf("reply %s, %v, %v", reply.Body, reply.Usage, err)
	}
	for _, bad := range []string{"{", `[]`, `{"error":{"code":503,"message":"Busy.","status":"UNAVAILABLE"}}`} {
		if _, err := out.Unary([]byte(bad)); err == nil {
			t.Errorf("%s is taken for a count", bad)
		}
	}
}

func TestEstimates(t *testing.T) {
	in := parse(t, `{"systemInstruction":{"parts":[{"text":"1234"}]},"contents":[{"parts":[{"text":"\u00e4\u00e4"},{"inlineData":{}}]},`+
		`{"parts":[{"functionResponse":{"name":"f","response":{"a":1},"parts":[{"inlineData":{}},{}]}},{"functionCall":{"n":1}}]}],`+
		`"generationConfig":{"maxOutputTokens":100,"candidateCount":3}}`, false)
	if want := int64((4+4+7+7+3)/4 + 3000); in.InputTokens != want || in.MaxOutput != 300 {
		t.Errorf("%d tokens in, want %d; %d out", in.InputTokens, want, in.MaxOutput)
	}
}

// TestPrompt: a short prompt is there whole, of a long one some of everywhere.
func TestPrompt(t *testing.T) {
	in := parse(t, `{"systemInstruction":{"parts":[{"text":"Be \u00e4\n"}]},"contents":[{"role":"user","parts":[{"text":"one"},{"fileData":{}}]},`+
		`{"role":"model","parts":[{"functionCall":{"name":"f"}}]}],"tools":[{}],"labels":{"a":"b"}}`, false)
	p := in.Prompt(in, 8<<10)
	want := "Be ä\none" + `{"name":"f"}` + `[{}]`
	if string(p.Text) != want || p.Bytes != int64(len(want)) || p.Messages != 2 || p.Media != 1000 {
		t.Errorf("text %q of %d bytes, %d messages, %d tokens of media", p.Text, p.Bytes, p.Messages, p.Media)
	}
	var contents []string
	for i := range 200 {
		contents = append(contents, `{"parts":[{"text":"`+strings.Repeat(fmt.Sprintf("%03d ä\\n", i), 100)+`"}]}`)
	}
	in = parse(t, `{"contents":[`+strings.Join(contents, ",")+`]}`, false)
	p = in.Prompt(in, 8<<10)
	if len(p.Text) > 8<<10 || len(p.Text) < 5<<10 || p.Bytes != 200*100*int64(len("000 ä\n")) {
		t.Errorf("%d bytes of %d", len(p.Text), p.Bytes)
	}
	for _, i := range []int{0, 25, 50, 75, 100, 125, 150, 175} {
		if !strings.Contains(string(p.Text), fmt.Sprintf("%03d ä\n", i)) {
			t.Errorf("nothing of turn %d", i)
		}
	}
	if strings.ContainsAny(string(p.Text), "\\\ufffd") {
		t.Errorf("a cut broke the text: %q", p.Text)
	}
}

// TestTokens: what a vendor signs comes back to it through a client's history, also
// with the alphabet of base64 that some clients write.
func TestTokens(t *testing.T) {
	for name, config := range map[string]string{"hidden": "", "shown": `,"generationConfig":{"thinkingConfig":{"includeThoughts":true}}`} {
		for _, urlSafe := range []bool{false, true} {
			in := parse(t, strings.TrimSuffix(hello, "}")+config+"}", false)
			body := gemini.Client{}.Encoder(in).Reply(&chat.Reply{Choices: []chat.Answer{{
				Reasoning: "Hm?>~", Text: "Let me see.", Finish: chat.ToolCalls,
				Thinking: []chat.Part{
					{Kind: chat.ThinkingPart, Text: "Hm?>~", Signature: "other:sig"}, {Kind: chat.ThinkingPart, Data: "other:data"},
				},
				Calls: []chat.Call{
					{ID: "1", Name: "now", Arguments: "{}", Signature: "other:call?>"}, {ID: "2", Name: "now", Arguments: "{}", Signature: "gemini:own"},
				},
			}}})
			var answer struct {
				Candidates []struct{ Content json.RawMessage }
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatal(err)
			}
			said := string(answer.Candidates[0].Content)
			if urlSafe {
				said = strings.ReplaceAll(strings.ReplaceAll(said, "+", "-"), "=\"", "\"")
			}
			again, err := gemini.Client{}.Decode(parse(t, `{"contents":[{"parts":[{"text":"a"}]},`+said+`]}`, false))
			if err != nil {
				t.Fatal(err)
			}
			want := chat.Message{
				Role: chat.Assistant,
				Parts: []chat.Part{
					{Kind: chat.ThinkingPart, Text: "Hm?>~", Signature: "other:sig"}, {Kind: chat.ThinkingPart, Data: "other:data"},
					{Kind: chat.TextPart, Text: "Let me see."},
				},
				Calls: []chat.Call{
					{ID: "1", Name: "now", Arguments: "{}", Signature: "other:call?>"}, {ID: "2", Name: "now", Arguments: "{}", Signature: "own"},
				},
			}
			if diff := cmp.Diff(want, again.Messages[1]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

// FuzzDecode: whatever is parsed is decoded or refused because of a field, results
// follow their calls, and the native lane keeps it JSON.
func FuzzDecode(f *testing.F) {
	f.Add(hello)
	f.Add(`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"bGxtaHVieyJjYWxsIjoieCJ9"}]},` +
		`{"parts":[{"functionResponse":{"name":"f","response":{"error":1}}},{"inline_data":{"mime_type":"image/png","data":"AAA"}}]}],` +
		`"tools":{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","nullable":true,"properties":{"a":{"anyOf":[{"type":"STRING"}],"min_items":"1"}}}}]},` +
		`"generation_config":{"top_k":"4","stop_sequences":"x","thinking_config":{"thinking_level":"low"}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		in, err := gemini.ParseGenerate("smart", []byte(body), false)
		if err != nil {
			wantInvalid(t, err)
			return
		}
		out, err := gemini.New(newVendor()).Prepare(in, target())
		if err != nil || !json.Valid(out.Body) {
			t.Errorf("native: %v", err)
		}
		req, err := gemini.Client{}.Decode(in)
		if err != nil {
			wantInvalid(t, err)
			return
		}
		calls := make(map[string]bool)
		for _, m := range req.Messages {
			for _, c := range m.Calls {
				calls[c.ID] = true
			}
			if m.Role == chat.Tool && !calls[m.CallID] {
				t.Errorf("a result of no call: %q", m.CallID)
			}
		}
		for _, tool := range req.Tools {
			if tool.Parameters != nil && !json.Valid(tool.Parameters) {
				t.Errorf("schema is no JSON: %s", tool.Parameters)
			}
		}
	})
}

func wantInvalid(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*gateway.Error](err); !ok || e.Kind != gateway.Invalid || e.Public == "" {
		t.Errorf("refused by %v", err)
	}
}

// FuzzNativeStream: a stream comes out the same however it arrives, an array is
// JSON to its end, and what broke ends in an error.
func FuzzNativeStream(f *testing.F) {
	f.Add("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\ndata: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n", true)
	f.Add("data: {\"promptFeedback\":{\"blockReason\":\"X\"}}\n\ndata: {}\n\n", false)
	f.Fuzz(func(t *testing.T, answer string, array bool) {
		whole, err := play(t, strings.NewReader(answer), array)
		single, _ := play(t, iotest.OneByteReader(strings.NewReader(answer)), array)
		if whole != single {
			t.Errorf("single bytes differ from the whole:\n%s\n%s", whole, single)
		}
		if array && !json.Valid([]byte(whole)) {
			t.Errorf("no JSON: %q", whole)
		}
		if told := strings.Contains(whole, `"domain":"llmhub"`); err != nil && !told {
			t.Errorf("%v is not told: %s", err, whole)
		}
	})
}

func play(t *testing.T, r io.Reader, array bool) (string, error) {
	t.Helper()
	in := parse(t, hello, true)
	in.Array = array
	out, err := gemini.New(newVendor()).Prepare(in, target())
	if err != nil {
		t.Fatal(err)
	}
	s := out.Stream(r)
	var got strings.Builder
	for {
		chunk, err := s.Next()
		got.Write(chunk)
		switch {
		case err == io.EOF:
			got.Write(s.Trailer(provider.Bill{}))
			return got.String(), nil
		case err != nil:
			got.Write(s.Abort(gateway.AsError(err)))
			return got.String(), err
		}
	}
}
