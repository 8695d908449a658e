package admin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
)

func TestBudgets(t *testing.T) {
	limit := func(per accounting.Per, of accounting.Of, most int64) []accounting.Limit {
		return []accounting.Limit{{Per: per, Of: of, Max: most, Mode: accounting.Hard}, {Of: accounting.OfConcurrency, Max: 4, Mode: accounting.Hard}}
	}
	catalog := &control.Catalog{
		Tenants: map[events.TenantID]*control.Tenant{
			"zoo": {ID: "zoo", Limits: limit(accounting.Life, accounting.OfCost, 9)},
			"acme": {
				ID: "acme", ModelLimits: map[string][]accounting.Limit{"smart": limit(accounting.Day, accounting.OfTokens, 50)},
				Users: []*control.User{{ID: "u1", Limits: limit(accounting.Hour, accounting.OfRequests, 5)}, {ID: "u2"}},
				Keys:  []*control.Key{{Name: "ci", Limits: limit(accounting.Month, accounting.OfCost, 400)}},
			},
		},
		Models: map[string]*control.Model{"smart": {Name: "smart", Limits: limit(accounting.Day, accounting.OfRequests, 7)}},
		Providers: map[string]*control.Provider{"openai": {Name: "openai", Credentials: []*control.Credential{
			{Provider: "openai", Name: "main", Limits: limit(accounting.Minute, accounting.OfRequests, 60)},
		}}},
	}
	names := func(list []admin.Limited) (out []string) {
		for _, l := range list {
			out = append(out, string(l.Scope.Kind)+" "+l.Scope.ID)
		}
		return out
	}
	acme := []string{"tenant_model acme/smart", "user acme/u1", "key acme/ci"}
	if diff := cmp.Diff(acme, names(admin.LimitedScopes(catalog, "acme"))); diff != "" {
		t.Errorf("of a tenant (-want +got):\n%s", diff)
	}
	all := append(acme, "tenant zoo", "model smart", "credential openai/main")
	if diff := cmp.Diff(all, names(admin.LimitedScopes(catalog, ""))); diff != "" {
		t.Errorf("of all (-want +got):\n%s", diff)
	}

	now := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	used := func(seq uint64, cost int64) accounting.Counter {
		w := accounting.Used{Window: accounting.WindowAt(now, accounting.Month), Totals: accounting.Totals{Cost: cost}}
		return accounting.Counter{At: accounting.Position{Seq: seq}, Windows: []accounting.Used{w}}
	}
	got := admin.BudgetsOf(admin.LimitedScopes(catalog, "acme")[2], []accounting.Counter{used(7, 100), used(9, 200)}, now)
	want := []admin.Budget{{
		Scope: accounting.KeyScope, ID: "acme/ci", Limit: limit(accounting.Month, accounting.OfCost, 400)[0], Used: 300, Left: 100,
		Start: now.AddDate(0, 0, -15), ResetAt: now.AddDate(0, 0, 15), PerDay: 20, Forecast: 600, EmptyAt: now.AddDate(0, 0, 5), Seq: 9,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := ask(newHandler(t, admin.Config{}), "GET", "/api/v1/budgets"); w.Code != 503 {
		t.Errorf("without counters: status %d", w.Code)
	}
	if w := ask(newHandler(t, admin.Config{}), "GET", "/api/v1/budgets?tenant=A/B"); w.Code != 400 || problem(t, w).Field != "tenant" {
		t.Errorf("of no tenant: status %d", w.Code)
	}
}
