package client_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/llm-hub/llm-hub/client"
	"github.com/llm-hub/llm-hub/docs"
	"github.com/llm-hub/llm-hub/gateway/admin/openapi"
)

// described answers every call that docs/openapi.json describes with an empty object, or
// an event with one.
type described struct {
	t *testing.T
	*openapi.Contract
	called map[string]bool // operations
}

// RoundTrip implements http.RoundTripper.
func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	name, err := d.Operation(r.Method, r.URL.EscapedPath())
	if err != nil {
		d.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	d.called[name] = true
	known, _ := d.Parameters(r.Method, r.URL.EscapedPath())
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) {
			d.t.Errorf("%s %s: there is no parameter %s", r.Method, r.URL, name)
		}
	}
	w := httptest.NewRecorder()
	if name == "GET /api/v1/requests/stream" {
		w.WriteString("data: {}\n\n")
		return w.Result(), nil
	}
	w.WriteString("{}")
	return w.Result(), nil
}

// forBrowsers are the operations that no method of the client is for: they send a
// browser to a provider of single sign-on and take it back, and only a person in front
// of it can do what lies between. Programs have tokens.
func forBrowsers() []string { return []string{"GET /api/v1/sso/callback", "GET /api/v1/sso/login"} }

// TestEveryOperation: the client has a method for each operation that is described, and
// each method calls one, with parameters that it has.
func TestEveryOperation(t *testing.T) {
	contract, err := openapi.Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	d := &described{t: t, Contract: contract, called: map[string]bool{}}
	c, s := connect(t, "https://hub.example", &http.Client{Transport: d}), connectAs(t, "", "https://hub.example", &http.Client{Transport: d})
	calls := slices.Concat(questions(t.Context(), c), installation(t.Context(), c), session(t.Context(), s), accounts(t.Context(), c))
	calls = slices.Concat(calls,
		ofSort(t.Context(), c.Providers(), "", "a"), ofSort(t.Context(), c.Credentials(), "a", "a/b"), ofSort(t.Context(), c.Models(), "", "a"),
		ofSort(t.Context(), c.Tenants(), "", "a"), ofSort(t.Context(), c.Users(), "a", "a/b"), ofSort(t.Context(), c.Teams(), "a", "a/b"),
		ofSort(t.Context(), c.Keys(), "a", "a/b"), ofSort(t.Context(), c.Tokens(), "", "a"), ofSort(t.Context(), c.Prices(), "", "a/b"),
	)
	for _, err := range calls {
		if err != nil {
			t.Error(err)
		}
	}
	for _, name := range contract.Operations() {
		if d.called[name] == slices.Contains(forBrowsers(), name) {
			t.Errorf("%s: called %t", name, d.called[name])
		}
	}
}

func of[T any](_ T, err error) error { return err }

// first asks an iterator for what it gives first.
func first[T any](all iter.Seq2[T, error]) error {
	for _, err := range all {
		return err
	}
	return nil
}

func traffic() client.Traffic {
	return client.Traffic{From: "a", To: "b", Zone: "c", Tenant: "d", User: "e", Key: "f", Model: "g", Provider: "h", Credential: "i", Upstream: "j", Tag: "k"}
}

func questions(ctx context.Context, c *client.Client) []error {
	traffic, compare := traffic(), client.Compare{CompareFrom: "a", CompareTo: "b"}
	only := client.Only{Endpoint: "a", Outcome: "b", Status: "c", Error: "d", Reason: "e", Node: "f", Finish: "g", MinTotal: 1, MinFirstByte: 2, MinCost: 3}
	span, csv := client.SpanOf{Span: "day"}, client.FileFormat{Format: "csv"}
	return []error{
		of(c.Usage(ctx, client.UsageQuery{Traffic: traffic, GroupBy: "a", Top: 1, RankBy: "b", Compare: compare})),
		of(c.Movers(ctx, client.MoversQuery{Traffic: traffic, By: "a", Metric: "b", Limit: 3, Compare: compare})),
		of(c.Repriced(ctx, client.RepricedQuery{Traffic: traffic, PricesAt: "a"})),
		of(c.RepricedBy(ctx, client.Hub{}, client.RepricedQuery{Traffic: traffic, PricesAt: "a"})),
		first(c.Requests(ctx, client.RequestsQuery{Traffic: traffic, Only: only, Cursor: "a", Limit: 1})),
		of(c.Story(ctx, "a")), of(c.Decision(ctx, "a")),
		of(c.Facets(ctx, client.RequestQuery{Traffic: traffic, Only: only})),
		of(c.Histogram(ctx, client.HistogramQuery{Traffic: traffic, Only: only, SpanOf: span})),
		of(c.Latency(ctx, client.LatencyQuery{Traffic: traffic, Only: only, GroupBy: "a"})),
		of(c.Errors(ctx, traffic)), of(c.Health(ctx, client.HealthQuery{Traffic: traffic, SpanOf: span})), of(c.Summaries(ctx)),
		of(c.Budgets(ctx, client.BudgetsQuery{Tenant: "a", AtQuery: client.AtQuery{At: "b"}, Progress: true})),
		of(c.Export(ctx, "usage", client.UsageFileQuery{Traffic: traffic, GroupBy: "a", Top: 1, RankBy: "b", FileFormat: csv})),
		of(c.Export(ctx, "requests", client.RequestFileQuery{Traffic: traffic, Only: only, FileFormat: csv})),
		of(c.Export(ctx, "focus", client.CostFileQuery{Traffic: traffic, FileFormat: csv})),
		first(c.Events(ctx, client.EventsQuery{From: "1", To: "2", Tenant: "a", Request: "b", Kind: "c", DeadLetters: true})),
		of(c.Exports(ctx)), of(c.ExportOf(ctx, "a")), of(c.OpenExport(ctx, "a")), c.DeleteExport(ctx, "a"),
		of(c.StartExport(ctx, "usage", client.UsageExportQuery{Stored: client.Stored{Store: "s3://b/p"}})),
		of(c.StartExport(ctx, "requests", client.RequestExportQuery{Stored: client.Stored{Store: "s3://b/p"}})),
		of(c.StartExport(ctx, "focus", client.CostExportQuery{Stored: client.Stored{Store: "s3://b/p"}})),
		first(c.Tail(ctx, client.TailQuery{
			Tenant: "a", User: "b", Key: "c", Model: "d", Provider: "e", Credential: "f", Upstream: "g", Tag: "h", Only: only, After: "1.0",
		})),
	}
}

func installation(ctx context.Context, c *client.Client) []error {
	return []error{
		of(c.Status(ctx)), of(c.Schema(ctx)), of(c.Migrate(ctx)), of(c.Rewrap(ctx)), of(c.OpenAPI(ctx)), of(c.Backup(ctx)), of(c.Archive(ctx)),
		of(c.Correct(ctx, client.CorrectionOrder{})), first(c.PriceUnpriced(ctx, client.UnpricedQuery{Traffic: traffic(), DryRun: true})),
		of(c.Apply(ctx, client.Hub{}, client.ApplyQuery{DryRun: true, Prune: true})), of(c.Config(ctx, client.AtQuery{At: "a"})),
		first(c.Simulate(ctx, client.Hub{}, client.SimulateQuery{From: "a", To: "b", Tenant: "c", Each: true})),
		first(c.Verify(ctx)), first(c.Rebuild(ctx, client.RebuildQuery{What: "all"})), first(c.ApplyDeadLetters(ctx, client.DeadLettersQuery{From: 1, To: 2})),
		first(c.RunArchive(ctx, client.ArchiveQuery{Location: "a"})), first(c.VerifyArchive(ctx, client.ArchiveQuery{Location: "a"})),
		first(c.Audit(ctx, client.AuditQuery{Sort: "a", Tenant: "b", ID: "c", Actor: "d", Cause: "e", From: "f", To: "g", Before: "h", Limit: 1})),
		of(c.AuditCounts(ctx, client.AuditCountsQuery{GroupBy: "a", From: "b"})), of(c.AuditKey(ctx)), first(c.AuditExport(ctx)),
		of(c.VerifyAudit(ctx, client.KnownQuery{Known: "a", Key: "b"})),
		of(c.Settings(ctx)), of(c.UpdateSettings(ctx, client.Patch{}, client.DryRun())), first(c.SettingsHistory(ctx)), of(c.RollbackSettings(ctx, 1)),
		of(c.RollKey(ctx, "a/b", client.RollQuery{Overlap: "1h"})), of(c.RollToken(ctx, "a", client.RollQuery{Overlap: "1h"}, client.DryRun())),
		of(c.Cooldown(ctx, "a/b", client.CooldownOrder{})), of(c.Release(ctx, "a/b", client.ReleaseOrder{})), first(c.Cooldowns(ctx)),
		of(c.Test(ctx, "a", client.ProbeOrder{})), of(c.Discover(ctx, "a", client.ModelsQuery{Credential: "b"})),
	}
}

func session(ctx context.Context, c *client.Client) []error {
	return []error{
		of(c.SignIn(ctx)), of(c.Setup(ctx, client.Setup{})), of(c.Register(ctx, client.Registration{})), of(c.Login(ctx, client.Login{})),
		c.ResetPassword(ctx, client.ResetUse{}), c.Logout(ctx, client.Logout{}), of(c.Who(ctx)), of(c.Switch(ctx, client.Membership{})),
		of(c.Reauthenticate(ctx, client.Proof{})), of(c.Join(ctx, client.InviteUse{})), of(c.Rename(ctx, client.Rename{})),
		of(c.ChangePassword(ctx, client.PasswordChange{})), of(c.PersonalTokens(ctx)), of(c.CreatePersonalToken(ctx, client.PersonalToken{})),
		c.DeletePersonalToken(ctx, "a"), of(c.Sessions(ctx)), c.EndSession(ctx, "a"), c.EndOtherSessions(ctx),
	}
}

func accounts(ctx context.Context, c *client.Client) []error {
	return []error{
		first(c.Accounts(ctx, client.AccountsQuery{Limit: 1, After: "a"})), of(c.Account(ctx, "a")), of(c.CreateAccount(ctx, client.AccountSpec{})),
		of(c.UpdateAccount(ctx, "a", client.Patch{})), c.DeleteAccount(ctx, "a"), of(c.ResetAccount(ctx, "a")),
		of(c.Invites(ctx, client.InvitesQuery{Tenant: "a"})), of(c.Invite(ctx, client.InviteOrder{})), c.Uninvite(ctx, "a", "b"),
	}
}

// ofSort does everything that can be done with objects of a sort.
func ofSort[S, L any](ctx context.Context, o client.Objects[S, L], holder, id string) []error {
	var query L
	var spec S
	return []error{
		of(o.List(ctx, query)), first(o.All(ctx, query)), of(o.Get(ctx, id)), of(o.Create(ctx, holder, spec)), of(o.Update(ctx, id, client.Patch{})),
		of(o.Delete(ctx, id)), first(o.History(ctx, id)), of(o.Rollback(ctx, id, 1)),
	}
}
