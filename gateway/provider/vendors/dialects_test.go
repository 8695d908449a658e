package vendors_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

const greeting = "Hello there"

// lanes are the ways in which a client may ask.
func lanes() map[string]func() (*provider.Inbound, error) {
	chat := `{"model":"smart","max_tokens":50,"stream":%t,"messages":[{"role":"user","content":"` + greeting + `"}]}`
	contents := []byte(`{"contents":[{"role":"user","parts":[{"text":"` + greeting + `"}]}]}`)
	lanes := map[string]func() (*provider.Inbound, error){
		"gemini/array": func() (*provider.Inbound, error) {
			in, err := gemini.ParseGenerate("smart", contents, true)
			in.Array = true
			return in, err
		},
	}
	for _, stream := range []bool{false, true} {
		body := fmt.Appendf(nil, chat, stream)
		lanes[fmt.Sprint("openai/", stream)] = func() (*provider.Inbound, error) { return openai.ParseChat(body) }
		asked := fmt.Appendf(nil, `{"model":"smart","max_output_tokens":50,"stream":%t,"input":%q}`, stream, greeting)
		lanes[fmt.Sprint("responses/", stream)] = func() (*provider.Inbound, error) { return responses.ParseResponse(asked) }
		lanes[fmt.Sprint("anthropic/", stream)] = func() (*provider.Inbound, error) { return anthropic.ParseMessages(body) }
		lanes[fmt.Sprint("gemini/", stream)] = func() (*provider.Inbound, error) { return gemini.ParseGenerate("smart", contents, stream) }
	}
	return lanes
}

// TestEveryDialectEveryVendor: whole answers end as their dialect wants it, with the
// vendor's usage, and broken ones do not.
func TestEveryDialectEveryVendor(t *testing.T) {
	server := fakellm.New(fakellm.Config{})
	fake := httptest.NewServer(server)
	t.Cleanup(fake.Close)
	for _, base := range bases() {
		site := base.open(t, server, fake.URL)
		for name, parse := range lanes() {
			for _, broken := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/broken=%t", name, base.name, broken), func(t *testing.T) {
					in, err := parse()
					if err != nil {
						t.Fatal(err)
					}
					s := site
					s.target.Model += "+chunk=1"
					if broken {
						s.target.Model += "+cut=3"
					}
					body, whole := fetch(t, s, in)
					if whole == broken {
						t.Fatalf("whole: %t: %s", whole, body)
					}
					if whole || in.Stream {
						checkEnd(t, in, body, whole)
					}
				})
			}
		}
	}
}

// fetch calls a vendor and gives what the client gets of it, and whether it is whole.
func fetch(t *testing.T, site site, in *provider.Inbound) (body string, whole bool) {
	t.Helper()
	out, err := vendors.Adapters()(site.kind).Prepare(in, site.target)
	if err != nil {
		t.Fatal(err)
	}
	res := site.do(t, out)
	defer res.Body.Close()
	if !in.Stream {
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			return "", false
		}
		reply, err := out.Unary(raw)
		if err != nil || reply.Usage == nil {
			t.Fatalf("%v: usage %v of %s", err, reply.Usage, raw)
		}
		return string(reply.Body), true
	}
	s := out.Stream(res.Body)
	var b strings.Builder
	for {
		chunk, err := s.Next()
		if errors.Is(err, io.EOF) {
			if s.Progress().Usage == nil {
				t.Error("no usage")
			}
			return b.String() + string(s.Trailer(provider.Bill{Request: "r1"})), true
		}
		if err != nil {
			return b.String() + string(s.Abort(gateway.AsError(err))), false
		}
		b.Write(chunk)
	}
}

// checkEnd checks the end of an answer in the client's dialect.
func checkEnd(t *testing.T, in *provider.Inbound, body string, whole bool) {
	t.Helper()
	ends := map[provider.Dialect]string{
		provider.OpenAI: "[DONE]", provider.Anthropic: "message_stop", provider.Gemini: `"finishReason":"STOP"`,
		provider.Responses: "event:response.completed",
	}
	switch {
	case !in.Stream:
		if !json.Valid([]byte(body)) || !strings.Contains(body, greeting) {
			t.Errorf("answer %s", body)
		}
		return
	case in.Array:
		if !json.Valid([]byte(body)) || !strings.HasPrefix(body, "[") {
			t.Errorf("no array: %s", body)
		}
	case !strings.HasSuffix(body, "\n\n") && !strings.HasSuffix(body, "\r\n\r\n"):
		t.Errorf("the last event has no end: %q", body)
	}
	ended := strings.Contains(strings.ReplaceAll(body, " ", ""), ends[in.Dialect])
	failed := strings.Contains(body, `"error":{`)
	if ended != whole || failed == whole {
		t.Errorf("whole: %t, ended: %t, failed: %t: %s", whole, ended, failed, body)
	}
}
