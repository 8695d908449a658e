package api_test

import (
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

func TestTaskEndpoints(t *testing.T) {
	for _, s := range samples() {
		task := provider.Task(strings.TrimPrefix(s.path, "/v1/"))
		if !(openai.New(nil, openai.Traits{Tasks: provider.Tasks()})).Does(task) {
			continue
		}
		for _, path := range []string{s.path, strings.TrimPrefix(s.path, "/v1")} {
			f := newFixture(t)
			if w := f.ask("POST", path, s.body); w.Code != 200 {
				t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
			}
			got := f.got
			if got.Endpoint != strings.ReplaceAll(string(task), "/", ".") || got.Inbound.Task != task || got.Inbound.Model != "smart" {
				t.Errorf("%s: asked %+v", path, got)
			}
			if (got.Inbound.Form != nil) != strings.HasPrefix(s.body, "--") {
				t.Errorf("%s: form %v", path, got.Inbound.Form)
			}
			adapters := vendors.Adapters()
			if got.Operation.Of(adapters("openai")) == nil || got.Operation.Of(adapters("anthropic")) != nil || got.Operation.Of(adapters("deepseek")) != nil {
				t.Errorf("%s: the wrong vendors are able", path)
			}
		}
	}
}

func TestTaskErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"JSON for a form":  {"/v1/audio/transcriptions", `{"model":"smart"}`, 400, "multipart/form-data"},
		"form for JSON":    {"/v1/audio/speech", formOf("file"), 400, "application/json"},
		"no model":         {"/v1/audio/translations", strings.Replace(formOf("file"), `name="model"`, `name="x"`, 1), 400, "'model' is missing"},
		"torn":             {"/v1/images/variations", formOf("image")[:60], 400, "not whole"},
		"no prompt":        {"/v1/images/edits", formOf("image"), 400, "'prompt' is missing"},
		"JSON too long":    {"/v1/images/edits", `{"prompt":"` + strings.Repeat("a", 33<<20) + `"}`, 413, "more than 33554432 bytes"},
		"speech too long":  {"/v1/audio/speech", `{"input":"` + strings.Repeat("a", 11<<20) + `"}`, 413, "more than 10485760 bytes"},
		"no room for more": {"/v1/audio/translations", strings.Replace(formOf("file"), "abc", strings.Repeat("a", 2<<20), 1), 503, "too many files"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t).ask("POST", tt.path, tt.body)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || !strings.Contains(w.Body.String(), `"error"`) {
				t.Errorf("status %d: %.300s", w.Code, w.Body)
			}
		})
	}
}
