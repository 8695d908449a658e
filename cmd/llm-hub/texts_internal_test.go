package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	api "github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/projector/replay"
)

// TestBudgetsText: limits tell their pace and where it leads, in the unit of each.
func TestBudgetsText(t *testing.T) {
	at := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	err := printBudgets(&out, admin.Budgets{Rows: []admin.Budget{
		{
			Scope: accounting.TenantScope, ID: "acme", Limit: accounting.Limit{Per: accounting.Month, Of: accounting.OfCost, Max: 2_000_000_000, Mode: accounting.Hard},
			Used: 1_000_000_000, Left: 1_000_000_000, ResetAt: at, PerDay: 100_000_000, Forecast: 3_000_000_000, EmptyAt: at.AddDate(0, 0, -9),
		},
		{Scope: accounting.KeyScope, ID: "acme/ci", Limit: accounting.Limit{Per: accounting.Life, Of: accounting.OfRequests, Max: 5, Mode: accounting.Soft}, Used: 5},
	}})
	want := `
SCOPE   ID       LIMIT                         USED  LEFT  RESET                 A DAY  FORECAST  USED UP
tenant  acme     $2 cost per month, hard       $1    $1    2026-11-30T00:00:00Z  $0.1   $3        2026-11-21T00:00:00Z
key     acme/ci  5 requests per life, soft     5     0     never                 -      -         -
`
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if diff := cmp.Diff(squeeze(want), squeeze(out.String())); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestRepricedText: what was billed stands beside what would be, and adds up.
func TestRepricedText(t *testing.T) {
	row := api.RepricedRow{Tenant: "acme", Provider: "openai", Model: "gpt", Attempts: 2, BilledUnpriced: 1, Billed: 500_000_000, Repriced: 250_000_001, Difference: -249_999_999}
	totals := row
	totals.Tenant, totals.Provider, totals.Model = "", "", ""
	var out bytes.Buffer
	err := printRepriced(&out, api.Repriced{PriceVersion: "v1", Rows: []api.RepricedRow{row}, Totals: totals})
	want := `TENANT  PROVIDER  MODEL  ATTEMPTS  BILLED  REPRICED      DIFFERENCE     UNPRICED
acme    openai    gpt    2         $0.5    $0.250000001  $-0.249999999  1, then 0
all                      2         $0.5    $0.250000001  $-0.249999999  1, then 0
price version v1
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestRefusalText: the story of a refusal says whose request, which limit, and until when.
func TestRefusalText(t *testing.T) {
	at := time.Date(2026, 11, 30, 8, 15, 0, 0, time.UTC)
	var out bytes.Buffer
	err := printStory(&out, replay.Story{
		Request: "r", Tenant: "acme", State: string(events.Rejected), Admitted: at,
		Rejection: &events.RequestRejected{
			Principal: events.Principal{Key: "ci", Model: "smart", User: "u_1"}, Endpoint: "chat.completions", Reason: "limit", Count: 3,
			Limit: &events.Limit{Scope: "key", Per: "hour", Of: "cost", Max: 5_000_000_000, Used: 4_900_000_000, ResetAt: at.Add(45 * time.Minute)},
		},
	})
	want := `r of acme: rejected
chat.completions smart, key ci, user "u_1", refused 2026-11-30T08:15:00Z: limit, key cost per hour: $4.9 of $5 used, resets 2026-11-30T09:00:00Z; with 2 more alike
charged: 0 tokens in, 0 out, $0
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
