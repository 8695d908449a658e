package query_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/query"
)

// scopes: nobody sees another tenant's facts, whatever is asked for.
func (w world) scopes(t *testing.T) {
	want := w.fold(func(e accounting.Entry) bool { return e.Tenant == "tenant-1" }, func(e accounting.Entry) string { return string(e.Tenant) })
	for name, scope := range map[string]query.Scope{"nobody": {}, "none": query.Of(), "one": query.Of("tenant-1", "tenant-none")} {
		q := everything()
		q.Scope, q.GroupBy = scope, []query.Dimension{query.Tenant}
		q.Where = map[query.Dimension][]string{query.Tenant: {"tenant-1", "tenant-2"}}
		got := w.ask(t, q, func(r query.Row) string { return r.Labels[query.Tenant] })
		if name != "one" {
			want := map[string]accounting.Totals{}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s sees usage:\n%s", name, diff)
			}
		} else if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("of one tenant (-want +got):\n%s", diff)
		}
		f := query.RequestFilter{Filter: q.Filter}
		page, err := w.engine.Requests(t.Context(), query.Page{RequestFilter: f, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if foreign := slices.ContainsFunc(page.Rows, func(r query.Request) bool { return r.Tenant != "tenant-1" }); foreign || (len(page.Rows) > 0) != (name == "one") {
			t.Errorf("%s sees %d requests, foreign ones: %v", name, len(page.Rows), foreign)
		}
		errs, err := w.engine.Errors(t.Context(), q.Filter)
		if err != nil || (len(errs.Attempts) > 0) != (name == "one") {
			t.Errorf("%s sees %d errors, %v", name, len(errs.Attempts), err)
		}
	}
}

// oneUser: who sees one user's facts gets what a filter on that user gives, whatever is asked.
func (w world) oneUser(t *testing.T) {
	const user = "user-1"
	q := everything()
	q.GroupBy = []query.Dimension{query.Tenant, query.User}
	q.Scope = query.Of("tenant-1").Only(user)
	want := w.fold(func(e accounting.Entry) bool { return e.Tenant == "tenant-1" && e.Principal.User == user }, func(e accounting.Entry) string { return e.Principal.User })
	if diff := gocmp.Diff(want, w.ask(t, q, func(r query.Row) string { return r.Labels[query.User] })); diff != "" || len(want) != 1 {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	facets, err := w.engine.Facets(t.Context(), query.RequestFilter{Filter: q.Filter})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facets.Facets {
		if f.Dimension == query.User && (len(f.Values) != 1 || f.Values[0].Value != user) || f.Dimension == query.Tenant && len(f.Values) != 1 {
			t.Errorf("facets %+v", f)
		}
	}
	filtered := q.Filter
	filtered.Scope, filtered.Where = query.Of("tenant-1"), map[query.Dimension][]string{query.User: {user}}
	for name, ask := range map[string]func(query.Filter) (any, error){
		"requests": func(f query.Filter) (any, error) {
			return w.engine.Requests(t.Context(), query.Page{RequestFilter: query.RequestFilter{Filter: f, MinCost: 1}, Limit: 1000})
		},
		"histogram": func(f query.Filter) (any, error) {
			return w.engine.Histogram(t.Context(), query.RequestFilter{Filter: f}, query.Day)
		},
		"latency": func(f query.Filter) (any, error) {
			return w.engine.Latency(t.Context(), query.Latency{RequestFilter: query.RequestFilter{Filter: f}})
		},
		"errors": func(f query.Filter) (any, error) { return w.engine.Errors(t.Context(), f) },
		"health": func(f query.Filter) (any, error) { return w.engine.Health(t.Context(), f, query.Day) },
	} {
		one, err := ask(q.Filter)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		other, err := ask(filtered)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := json.Marshal(other)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-filter +scope):\n%s", name, diff)
		}
	}
}

// ranking: the groups with the most are kept, in every span, and the others add up.
func (w world) ranking(t *testing.T) {
	const top = 2
	for _, metric := range query.Metrics() {
		byTenant := w.fold(all, func(e accounting.Entry) string { return string(e.Tenant) })
		names := make([]string, 0, len(byTenant))
		for name := range byTenant {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(cmp.Compare(amount(metric, byTenant[b]), amount(metric, byTenant[a])), cmp.Compare(a, b))
		})
		kept := names[:top]
		label := func(name string) string {
			if slices.Contains(kept, name) {
				return name
			}
			return "(other)"
		}
		want := w.fold(all, func(e accounting.Entry) string {
			return accounting.WindowAt(e.WindowAt.UTC(), accounting.Day).Label + label(string(e.Tenant))
		})
		q := everything()
		q.GroupBy, q.Top, q.RankBy = []query.Dimension{query.Day, query.Tenant}, top, metric
		got := w.ask(t, q, func(r query.Row) string {
			name := r.Labels[query.Tenant]
			if r.Other {
				name += "(other)"
			}
			return accounting.WindowAt(r.Start, accounting.Day).Label + name
		})
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", metric, diff)
		}
	}
}

func amount(m query.Metric, t accounting.Totals) int64 {
	return map[query.Metric]int64{
		query.Cost: t.Cost, query.Requests: t.Requests, query.Attempts: t.Attempts, query.Failures: t.Failures,
		query.Tokens: t.Usage.Total(), query.InputTokens: t.Usage.InputTotal(), query.OutputTokens: t.Usage.OutputTotal(),
	}[m]
}

// comparison: the other period is answered on its own, for the groups of the first.
func (w world) comparison(t *testing.T) {
	start := projectortest.Start()
	before := query.Period{From: start, To: start.Add(50 * time.Hour)}
	now := query.Period{From: before.To, To: start.AddDate(0, 0, 9)}
	q := query.Question{
		Filter:  query.Filter{Scope: query.Everyone(), From: now.From, To: now.To},
		GroupBy: []query.Dimension{query.User}, Top: 1, RankBy: query.Tokens, Compare: before,
	}
	a, err := w.engine.Usage(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	top := ""
	for _, r := range a.Rows {
		if !r.Other {
			top = r.Labels[query.User]
		}
	}
	in := func(p query.Period) func(accounting.Entry) bool {
		return func(e accounting.Entry) bool { return !e.WindowAt.Before(p.From) && e.WindowAt.Before(p.To) }
	}
	group := func(e accounting.Entry) string {
		if e.Principal.User == top {
			return top
		}
		return ""
	}
	for name, part := range map[string]struct {
		period query.Period
		rows   []query.Row
		totals query.Amounts
	}{"now": {now, a.Rows, a.Totals}, "before": {before, a.Compared.Rows, a.Compared.Totals}} {
		got := map[string]accounting.Totals{}
		var sum accounting.Totals
		for _, r := range part.rows {
			got[r.Labels[query.User]] = totals(r.Amounts)
			sum = sum.Plus(totals(r.Amounts))
		}
		if diff := gocmp.Diff(w.fold(in(part.period), group), got); diff != "" || sum != totals(part.totals) {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func (w world) movers(t *testing.T) {
	start := projectortest.Start()
	before := query.Period{From: start, To: start.Add(50 * time.Hour)}
	m, err := w.engine.Movers(t.Context(), query.Moves{
		Filter: query.Filter{Scope: query.Everyone(), From: before.To, To: start.AddDate(0, 0, 9)}, Before: before, By: query.Tenant, Limit: 100,
	})
	if err != nil || len(m.Rows) < 3 {
		t.Fatalf("%d movers, %v", len(m.Rows), err)
	}
	sum := query.Mover{}
	for i, r := range m.Rows {
		sum.Before, sum.Now, sum.Change = sum.Before+r.Before, sum.Now+r.Now, sum.Change+r.Change
		if i > 0 && max(r.Change, -r.Change) > max(m.Rows[i-1].Change, -m.Rows[i-1].Change) {
			t.Errorf("%+v comes after %+v", r, m.Rows[i-1])
		}
	}
	if sum != m.Totals {
		t.Errorf("all movers together are %+v, totals %+v", sum, m.Totals)
	}
	want := accounting.Totals{}
	for _, e := range w.books.Entries {
		if e.WindowAt.Before(before.To) && e.Tenant == events.TenantID(m.Rows[0].Value) {
			want = want.Plus(e.Totals)
		}
	}
	if m.Rows[0].Before != want.Cost {
		t.Errorf("%+v was %d before", m.Rows[0], want.Cost)
	}
	w.moversOfTenants(t, before)
}

// moversOfTenants: keys of the same name are of their tenants, not one.
func (w world) moversOfTenants(t *testing.T, before query.Period) {
	t.Helper()
	m, err := w.engine.Movers(t.Context(), query.Moves{
		Filter: query.Filter{Scope: query.Everyone(), From: before.To, To: projectortest.Start().AddDate(0, 0, 9)}, Before: before, By: query.Key, Limit: 100,
	})
	if err != nil || len(m.Rows) == 0 {
		t.Fatalf("%d movers, %v", len(m.Rows), err)
	}
	for _, r := range m.Rows {
		want := int64(0)
		for _, e := range w.books.Entries {
			if e.WindowAt.Before(before.To) && string(e.Tenant) == r.Tenant && e.Principal.Key == r.Value {
				want += e.Totals.Cost
			}
		}
		if r.Before != want {
			t.Errorf("%+v was %d before", r, want)
		}
	}
}
