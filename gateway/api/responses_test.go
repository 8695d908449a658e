package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/conversation"
	"github.com/llm-hub/llm-hub/gateway/provider"
)

var openaiMain = events.Target{Provider: "openai", Credential: "main", Model: "gpt-x"}

// keptByVendor remembers an answer that OpenAI keeps.
func (f *fixture) keptByVendor(t *testing.T, tenant events.TenantID, id string, at events.Target) {
	t.Helper()
	f.answers.Keep(t.Context(), conversation.Answer{Tenant: tenant, ID: id, Items: []string{"msg_" + id}, Model: "smart", Target: at}, nil, time.Hour)
}

// keptHere keeps the answer to a question.
func (f *fixture) keptHere(t *testing.T, tenant events.TenantID, id, previous string) {
	t.Helper()
	content := conversation.Content{
		Previous: previous, Input: fmt.Appendf(nil, `[{"role":"user","content":"ask %s"}]`, id),
		Response: fmt.Appendf(nil, `{"id":%q,"output":[{"id":"msg_%s","type":"message","role":"assistant","content":"say %s"}]}`, id, id, id),
	}
	f.answers.Keep(t.Context(), conversation.Answer{Tenant: tenant, ID: id, Items: []string{"msg_" + id}, Model: "smart"}, &content, time.Hour)
}

func TestRespond(t *testing.T) {
	for _, path := range []string{"/v1/responses", "/responses"} {
		f := newFixture(t)
		body := `{"model":"smart","input":"Hi.","stream":true,"unknown_field":[1]}`
		if w := f.ask("POST", path, body); w.Code != 200 {
			t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
		}
		in := f.got.Inbound
		if f.got.Endpoint != "responses" || in.Dialect != provider.Responses || string(in.Body) != body || !in.Stream || f.got.Kept != nil {
			t.Errorf("%s: asked %+v of %+v", path, f.got, in)
		}
	}
	f := newFixture(t)
	if w := f.ask("POST", "/v1/responses/input_tokens", `{"model":"smart","input":"Hi."}`); w.Code != 200 || !f.got.Operation.Free || f.got.Operation.Of == nil || f.got.Keep != nil {
		t.Errorf("count: status %d, asked %+v", w.Code, f.got)
	}
	if got := string(f.got.Operation.Local(7)); got != `{"object":"response.input_tokens","input_tokens":7}` {
		t.Errorf("our own count: %s", got)
	}
}

func TestGoOn(t *testing.T) {
	const here = `{"model":"smart","input":"more","previous_response_id":%q}`
	tests := map[string]struct {
		days   int
		body   string
		kept   *events.Target
		input  string // of what is asked; empty: as it was sent
		status int
		code   string
	}{
		"kept by a vendor":      {0, fmt.Sprintf(here, "v1"), &openaiMain, "", 200, ""},
		"a vendor's item":       {0, `{"model":"smart","input":[{"type":"item_reference","id":"msg_v1"},{"role":"user","content":"x"}]}`, &openaiMain, "", 200, ""},
		"kept here":             {1, fmt.Sprintf(here, "h2"), nil, `ask h1,say h1,ask h2,say h2,more`, 200, ""},
		"an item kept here":     {1, `{"model":"smart","input":[{"id":"msg_h1"},{"role":"user","content":"x"}]}`, nil, `say h1,x`, 200, ""},
		"nobody's":              {0, fmt.Sprintf(here, "nobody's"), nil, "", 400, "previous_response_not_found"},
		"another tenant's":      {1, fmt.Sprintf(here, "other"), nil, "", 400, "previous_response_not_found"},
		"another's, by vendor":  {1, fmt.Sprintf(here, "other-v"), nil, "", 400, "previous_response_not_found"},
		"another's item":        {1, `{"model":"smart","input":[{"type":"item_reference","id":"msg_other"}]}`, nil, "", 404, "item_not_found"},
		"of two vendors":        {1, `{"model":"smart","input":[{"type":"item_reference","id":"msg_v2"}],"previous_response_id":"v1"}`, nil, "", 400, "mixed_references"},
		"of a vendor and ours":  {1, `{"model":"smart","input":[{"type":"item_reference","id":"msg_h1"}],"previous_response_id":"v1"}`, nil, "", 400, "mixed_references"},
		"a beginning that went": {1, fmt.Sprintf(here, "torn"), nil, "", 400, "previous_response_not_found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.catalog.ContentDays = tt.days
			f.keptByVendor(t, "acme", "v1", openaiMain)
			f.keptByVendor(t, "acme", "v2", events.Target{Provider: "openai", Credential: "spare"})
			f.keptByVendor(t, "other", "other-v", openaiMain)
			f.keptHere(t, "acme", "h1", "")
			f.keptHere(t, "acme", "h2", "h1")
			f.keptHere(t, "other", "other", "")
			f.keptHere(t, "acme", "torn", "gone")
			w := f.ask("POST", "/v1/responses", tt.body)
			if w.Code != tt.status {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if tt.status != 200 {
				checkRefusal(t, w.Body.Bytes(), tt.code, tt.days == 0)
				return
			}
			if diff := cmp.Diff(tt.kept, f.got.Kept); diff != "" {
				t.Errorf("kept by (-want +got):\n%s", diff)
			}
			body := string(f.got.Inbound.Body)
			if tt.input == "" && body != tt.body || tt.input != "" && saidIn(t, body) != tt.input {
				t.Errorf("asked %s", body)
			}
			if tt.input != "" && strings.Contains(body, "previous_response_id") {
				t.Errorf("an id of ours goes to the vendor: %s", body)
			}
		})
	}
}

// checkRefusal checks a refusal. With nothing kept here it says so.
func checkRefusal(t *testing.T, body []byte, code string, nothingKept bool) {
	t.Helper()
	var w struct {
		Error struct{ Message, Code string }
	}
	if err := json.Unmarshal(body, &w); err != nil || w.Error.Code != code {
		t.Errorf("%v: %s", err, body)
	}
	if says := strings.Contains(w.Error.Message, "content_days"); says != nothingKept {
		t.Errorf("message %q", w.Error.Message)
	}
}

// saidIn is what the items of an input say.
func saidIn(t *testing.T, body string) string {
	t.Helper()
	var w struct{ Input []struct{ Content string } }
	if err := json.Unmarshal([]byte(body), &w); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	said := make([]string, len(w.Input))
	for i, item := range w.Input {
		said[i] = item.Content
	}
	return strings.Join(said, ",")
}

// TestKeeping: an answer is remembered if the client wants that, by whom it is kept.
func TestKeeping(t *testing.T) {
	tests := map[string]struct {
		days     int
		body     string
		kept     provider.Kept
		promised bool // the client is told that it is stored
		found    bool
	}{
		"by its vendor":   {0, `{"model":"smart","input":"q"}`, provider.Kept{ID: "r", ByVendor: true}, false, true},
		"not wanted":      {1, `{"model":"smart","input":"q","store":false}`, provider.Kept{}, false, false},
		"here":            {1, `{"model":"smart","input":"q"}`, provider.Kept{ID: "r", Items: []string{"msg_r"}, Body: []byte(`{"id":"r","output":[]}`)}, true, true},
		"wanted, but not": {0, `{"model":"smart","input":"q"}`, provider.Kept{}, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.catalog.ContentDays = tt.days
			f.ask("POST", "/v1/responses", tt.body)
			if f.got.Inbound.Keep != tt.promised {
				t.Errorf("promised: %t", f.got.Inbound.Keep)
			}
			if tt.kept.ID != "" {
				f.got.Keep(t.Context(), openaiMain, tt.kept)
			}
			a, err := f.answers.Find(t.Context(), "acme", "r")
			if (err == nil) != tt.found || tt.found && a.ByVendor() != tt.kept.ByVendor {
				t.Fatalf("found %+v, %v", a, err)
			}
			if tt.promised {
				c, err := f.answers.Content(t.Context(), a)
				if err != nil || string(c.Input) != `[{"type":"message","role":"user","content":"q"}]` || string(c.Response) != string(tt.kept.Body) {
					t.Errorf("%v: %s, %s", err, c.Input, c.Response)
				}
			}
		})
	}
}

func TestKept(t *testing.T) {
	tests := map[string]struct {
		method, path string
		status       int
		body         string // part of it
		asked        *provider.KeptCall
	}{
		"ours":                 {"GET", "/v1/responses/h1", 200, `"say h1"`, nil},
		"our items":            {"GET", "/responses/h1/input_items", 200, `"text":"ask h1"`, nil},
		"our end":              {"DELETE", "/v1/responses/h1", 200, `{"id":"h1","object":"response","deleted":true}`, nil},
		"our cancellation":     {"POST", "/v1/responses/h1/cancel", 400, "cancelled", nil},
		"vendor's":             {"GET", "/v1/responses/v%2F1?include=x", 200, "answer", &provider.KeptCall{Method: "GET", Path: "v%2F1?include=x"}},
		"vendor's items":       {"GET", "/v1/responses/v%2F1/input_items", 200, "answer", &provider.KeptCall{Method: "GET", Path: "v%2F1/input_items"}},
		"vendor's end":         {"DELETE", "/v1/responses/v%2F1", 200, "answer", &provider.KeptCall{Method: "DELETE", Path: "v%2F1"}},
		"a replay":             {"GET", "/v1/responses/h1?stream=true", 400, "streamed again", nil},
		"another tenant's":     {"GET", "/v1/responses/other", 404, "not found", nil},
		"another's end":        {"DELETE", "/v1/responses/other-v", 404, "not found", nil},
		"another's items":      {"GET", "/v1/responses/other-v/input_items", 404, "not found", nil},
		"another cancellation": {"POST", "/v1/responses/other/cancel", 404, "not found", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.keptHere(t, "acme", "h1", "")
			f.keptByVendor(t, "acme", "v/1", openaiMain)
			f.keptHere(t, "other", "other", "")
			f.keptByVendor(t, "other", "other-v", openaiMain)
			w := f.ask(tt.method, tt.path, "")
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if (f.got == nil) != (tt.asked == nil) {
				t.Fatalf("asked %+v", f.got)
			}
			if tt.asked != nil {
				if diff := cmp.Diff(tt.asked, f.got.Inbound.Kept); diff != "" || *f.got.Kept != openaiMain || !f.got.Operation.Free {
					t.Errorf("asked %+v (-want +got):\n%s", f.got, diff)
				}
			}
			for _, id := range []string{"h1", "v/1"} {
				_, err := f.answers.Find(t.Context(), "acme", id)
				ended := tt.method == "DELETE" && tt.status == 200 && (id == "h1") == (tt.asked == nil)
				if (err != nil) != ended {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}

// lost is a bucket out of reach.
type lost struct{ conversation.Bucket }

func (lost) Get(context.Context, string) (events.Entry, error) {
	return events.Entry{}, events.ErrUnavailable
}

func TestKeptOutOfReach(t *testing.T) {
	f := newFixtureOver(t, lost{})
	for _, ask := range []struct{ method, path, body string }{
		{"POST", "/v1/responses", `{"model":"smart","input":"x","previous_response_id":"v1"}`},
		{"POST", "/v1/responses", `{"model":"smart","input":[{"type":"item_reference","id":"x"}]}`},
		{"GET", "/v1/responses/v1", ""},
		{"DELETE", "/v1/responses/v1", ""},
	} {
		w := f.ask(ask.method, ask.path, ask.body)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || f.got != nil {
			t.Errorf("%s %s: status %d: %s", ask.method, ask.path, w.Code, w.Body)
		}
	}
	if w := f.ask("POST", "/v1/responses", `{"model":"smart","input":"x"}`); w.Code != 200 {
		t.Errorf("what goes on from nothing: status %d", w.Code)
	}
}
