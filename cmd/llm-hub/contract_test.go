package main_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
)

// contractQuestions are those whose answers are made behind the API's ports, where its
// own tests have none; after them, what any hub answers.
func contractQuestions() []string {
	return []string{
		"usage?group_by=hour,model", "usage?compare_from=2026-01-01&compare_to=2026-01-02", "usage/movers", "usage/repriced", "requests?limit=5", "requests/facets",
		"requests/histogram", "latency?group_by=model", "errors", "targets/health", "budgets", "export/usage", "export/focus", "events?to=20",
		"status", "migrations", "audit?limit=5", "audit/verify", "config", "providers", "credentials", "models", "tenants", "users", "keys",
		"tokens", "prices", "cooldowns", "accounts", "invites", "exports", "providers/openai/models", "models/fake-openai/history", "openapi.json",
	}
}

// checkContract holds what a running hub answers operators to docs/openapi.json.
func (h *hub) checkContract(t *testing.T) {
	t.Parallel()
	contract, err := openapi.Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, settleTimeout, "the tables are made", func() error {
		var answer any
		return getJSON(h.url+"/api/v1/usage", h.token, &answer)
	})
	for _, question := range contractQuestions() {
		target, err := url.Parse(h.url + "/api/v1/" + question)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+h.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close() // it was read
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d: %s", question, res.StatusCode, body)
		}
		if err := contract.Answer(http.MethodGet, target.EscapedPath(), res.StatusCode, res.Header, body); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
}
