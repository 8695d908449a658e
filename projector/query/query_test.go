package query_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events/memlog"
	"github.com/llm-hub/llm-hub/projector/clickhouse"
	"github.com/llm-hub/llm-hub/projector/clickhouse/embedded/embeddedtest"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/tables"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// world is a filled hub and the plain fold of its log.
type world struct {
	engine *query.Engine
	books  projectortest.Books
	log    *memlog.Log
	store  *clickhouse.Client
}

// TestQuestions is the conformance suite of the questions, for every store there is.
func TestQuestions(t *testing.T) { projectortest.EachStore(t, questions) }

func questions(t *testing.T, c *clickhouse.Client) {
	log := memlog.New()
	wanted := &keeping{}
	h := &projectortest.Hub{Log: log, Store: c, Keep: wanted.keep}
	h.Start(t)
	traffic := projectortest.New(1, 5, 750*time.Second) // nine days, over the end of summer time in Europe and America
	h.Add(t, traffic.Messages(1000)...)
	h.Add(t, traffic.Finish()...)
	h.Settle(t)
	books, err := projectortest.Fold(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	w := world{query.New(h.Store, tables.LiveSource{Log: log, Bucket: log}), books, log, c}
	if books.Open > 0 || len(books.Ends) < 200 {
		t.Fatalf("%d requests have ended, %d are open", len(books.Ends), books.Open)
	}
	t.Run("time zones", w.timeZones)
	t.Run("dimensions", w.dimensions)
	t.Run("filters", w.filters)
	t.Run("roll-up equals rows", w.rollUpEqualsRows)
	t.Run("scopes", w.scopes)
	t.Run("one user", w.oneUser)
	t.Run("ranking", w.ranking)
	t.Run("comparison", w.comparison)
	t.Run("pages", w.pages)
	t.Run("facets", w.facets)
	t.Run("histogram", w.histogram)
	t.Run("latency", w.latency)
	t.Run("errors", w.errors)
	t.Run("health", w.health)
	t.Run("movers", w.movers)
	t.Run("reconciliation", w.reconciliation)
	t.Run("exports", w.exports)
	t.Run("exports in the background", w.exportJobs)
	t.Run("projections", func(t *testing.T) { w.projections(t, c, tables.LiveSource{Log: log, Bucket: log}) })
	t.Run("newest pages", func(t *testing.T) { newestPages(t, c) })
	t.Run("reprice", w.reprice)
	t.Run("changes", w.changes)
	t.Run("invalid", w.invalid)
	t.Run("as of", func(t *testing.T) {
		a, err := w.engine.Usage(t.Context(), everything())
		info, _ := log.Info(t.Context())
		if err != nil || a.AsOf != (query.AsOf{Seq: info.Last}) {
			t.Errorf("as of %+v of %d, %v", a.AsOf, info.Last, err)
		}
	})
	t.Run("retention", func(t *testing.T) { w.retention(t, h, wanted) }) // the last: rows go
}

// everything asks for all of the traffic.
func everything() query.Question {
	return query.Question{Filter: query.Filter{
		Scope: query.Everyone(), From: projectortest.Start().AddDate(0, 0, -1), To: projectortest.Start().AddDate(0, 0, 9),
	}}
}

// fold adds up the entries that keep lets through, by the group of each.
func (w world) fold(keep func(accounting.Entry) bool, group func(accounting.Entry) string) map[string]accounting.Totals {
	out := map[string]accounting.Totals{}
	for _, e := range w.books.Entries {
		if keep(e) {
			out[group(e)] = out[group(e)].Plus(e.Totals)
		}
	}
	return out
}

func all(accounting.Entry) bool { return true }

// ask answers q and gives the rows by group.
func (w world) ask(t *testing.T, q query.Question, group func(query.Row) string) map[string]accounting.Totals {
	t.Helper()
	a, err := w.engine.Usage(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]accounting.Totals{}
	var sum accounting.Totals
	for _, r := range a.Rows {
		if _, twice := out[group(r)]; twice {
			t.Errorf("two rows of %s", group(r))
		}
		out[group(r)] = totals(r.Amounts)
		sum = sum.Plus(totals(r.Amounts))
	}
	if sum != totals(a.Totals) {
		t.Errorf("rows add up to %+v, totals are %+v", sum, a.Totals)
	}
	return out
}

func totals(a query.Amounts) accounting.Totals {
	t := accounting.Totals{Requests: a.Requests, Attempts: a.Attempts, Failures: a.Failures, Usage: a.Usage, Unpriced: a.Unpriced}
	if a.CostNanoUSD != nil {
		t.Cost = *a.CostNanoUSD
	}
	return t
}

// zones are time zones at both ends of the day, off the hour, and with an end of
// summer time in the traffic: at one, at midnight, by half an hour.
func zones() []string {
	return []string{
		"", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "America/Havana", "Africa/Cairo", "Asia/Beirut",
		"Pacific/Kiritimati", "Pacific/Niue", "Pacific/Chatham", "Australia/Lord_Howe",
	}
}

func (w world) timeZones(t *testing.T) {
	pers := map[query.Dimension]accounting.Per{
		query.Hour: accounting.Hour, query.Day: accounting.Day, query.Week: accounting.Week, query.Month: accounting.Month,
	}
	for i, name := range zones() {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for d, per := range pers {
			if per != accounting.Day && i%3 > 0 { // what days do right the others do from the same instant
				continue
			}
			want := w.fold(all, func(e accounting.Entry) string { return accounting.WindowAt(e.WindowAt.In(zone), per).Label })
			q := everything()
			q.Zone, q.GroupBy = name, []query.Dimension{d}
			got := w.ask(t, q, func(r query.Row) string { return accounting.WindowAt(r.Start, per).Label })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by %s in %q (-want +got):\n%s", d, name, diff)
			}
			if d == query.Hour && len(got) < 40 {
				t.Errorf("only %d hours", len(got))
			}
		}
	}
}

func value(e accounting.Entry, d query.Dimension) string {
	switch d {
	case query.Tenant:
		return string(e.Tenant)
	case query.User:
		return e.Principal.User
	case query.Key:
		return e.Principal.Key
	case query.Model:
		return e.Principal.Model
	case query.Provider:
		return e.Target.Provider
	case query.Credential:
		return e.Target.Credential
	case query.Team:
		return e.Principal.Team
	case query.Tag:
		return e.Principal.Tags
	default:
		return e.Target.Model
	}
}

func (w world) dimensions(t *testing.T) {
	for _, by := range [][]query.Dimension{
		{query.Tenant}, {query.User}, {query.Key}, {query.Model}, {query.Provider}, {query.Credential}, {query.UpstreamModel},
		{query.Model, query.Tenant, query.Provider},
	} {
		want := w.fold(all, func(e accounting.Entry) string {
			var labels []string
			for _, d := range by {
				labels = append(labels, value(e, d))
			}
			return fmt.Sprint(labels)
		})
		q := everything()
		q.GroupBy = by
		got := w.ask(t, q, func(r query.Row) string {
			var labels []string
			for _, d := range by {
				labels = append(labels, r.Labels[d])
			}
			return fmt.Sprint(labels)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %v (-want +got):\n%s", by, diff)
		}
	}
}

func (w world) filters(t *testing.T) {
	q := everything()
	q.GroupBy = []query.Dimension{query.Key}
	q.Where = map[query.Dimension][]string{query.Tenant: {"tenant-1", "tenant-3", `no'such\one`}, query.Provider: {"openai"}}
	want := w.fold(func(e accounting.Entry) bool {
		return (e.Tenant == "tenant-1" || e.Tenant == "tenant-3") && e.Target.Provider == "openai"
	}, func(e accounting.Entry) string { return e.Principal.Key })
	if diff := cmp.Diff(want, w.ask(t, q, func(r query.Row) string { return r.Labels[query.Key] })); diff != "" {
		t.Errorf("filtered (-want +got):\n%s", diff)
	}
	q.Where = map[query.Dimension][]string{query.Tenant: {"nobody"}}
	if a, err := w.engine.Usage(t.Context(), q); err != nil || len(a.Rows) != 0 || totals(a.Totals) != (accounting.Totals{}) {
		t.Errorf("a filter that fits nothing: %+v, %v", a, err)
	}
}

// rollUpEqualsRows asks for a span from the roll-up, and for the same span in two
// parts, cut inside a quarter, from the rows.
func (w world) rollUpEqualsRows(t *testing.T) {
	start, cut, end := projectortest.Start(), projectortest.Start().Add(7*time.Hour+3*time.Minute+time.Nanosecond), projectortest.Start().Add(30*time.Hour)
	sum := func(from, to time.Time) map[string]accounting.Totals {
		return w.ask(t, query.Question{
			Filter: query.Filter{Scope: query.Everyone(), From: from, To: to}, GroupBy: []query.Dimension{query.Tenant, query.Model},
		},
			func(r query.Row) string { return r.Labels[query.Tenant] + r.Labels[query.Model] })
	}
	whole, parts := sum(start, end), sum(start, cut)
	for group, t := range sum(cut, end) {
		parts[group] = parts[group].Plus(t)
	}
	if diff := cmp.Diff(whole, parts); diff != "" || len(whole) == 0 {
		t.Errorf("roll-up and rows differ, %d groups:\n%s", len(whole), diff)
	}
	none, err := w.engine.Usage(t.Context(), query.Question{Filter: query.Filter{Scope: query.Everyone(), From: start, To: end}})
	var want accounting.Totals
	for total := range maps.Values(whole) {
		want = want.Plus(total)
	}
	if err != nil || none.Rows != nil || totals(none.Totals) != want {
		t.Errorf("totals alone are %+v, want %+v, %v", none.Totals, want, err)
	}
}

func (w world) invalid(t *testing.T) {
	tests := []struct {
		name   string
		change func(*query.Question)
		field  string
	}{
		{"no from", func(q *query.Question) { q.From = time.Time{} }, "from"},
		{"backwards", func(q *query.Question) { q.To = q.From }, "to"},
		{"too early", func(q *query.Question) { q.From = time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC) }, "from"},
		{"too late", func(q *query.Question) { q.To = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }, "to"},
		{"compared with too late", func(q *query.Question) {
			q.Compare = query.Period{From: q.From, To: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}
		}, "compare_to"},
		{"compared backwards", func(q *query.Question) { q.Compare = query.Period{From: q.To, To: q.From} }, "compare_to"},
		{"zone", func(q *query.Question) { q.Zone = "Mars/Base" }, "time_zone"},
		{"local zone", func(q *query.Question) { q.Zone = "Local" }, "time_zone"},
		{"unknown dimension", func(q *query.Question) { q.GroupBy = []query.Dimension{"price) --"} }, "group_by"},
		{"twice", func(q *query.Question) { q.GroupBy = []query.Dimension{query.Key, query.Key} }, "group_by"},
		{"two spans", func(q *query.Question) { q.GroupBy = []query.Dimension{query.Day, query.Hour} }, "group_by"},
		{"filter by span", func(q *query.Question) { q.Where = map[query.Dimension][]string{query.Day: {"x"}} }, "day"},
		{"filter by nothing", func(q *query.Question) { q.Where = map[query.Dimension][]string{query.Key: {}} }, "key"},
		{"filter by too much", func(q *query.Question) {
			q.Where = map[query.Dimension][]string{query.Key: slices.Repeat([]string{"k"}, 1001)}
		}, "key"},
	}
	for _, tt := range tests {
		q := everything()
		tt.change(&q)
		_, err := w.engine.Usage(t.Context(), q)
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tt.field || !strings.HasPrefix(err.Error(), tt.field+": ") {
			t.Errorf("%s: %v, want an error about %s", tt.name, err, tt.field)
		}
	}
}

// TestUnpriced: unknown is not nothing.
func TestUnpriced(t *testing.T) {
	cost := int64(5)
	a := query.Amounts{Unpriced: 2}.Plus(query.Amounts{Unpriced: 1})
	if a.CostNanoUSD != nil || a.Unpriced != 3 {
		t.Errorf("only unpriced usage: cost %v", *a.CostNanoUSD)
	}
	if a = a.Plus(query.Amounts{CostNanoUSD: &cost}); a.CostNanoUSD == nil || *a.CostNanoUSD != 5 || a.Unpriced != 3 {
		t.Errorf("with some that has a price: %+v", a)
	}
	if a = (query.Amounts{}).Plus(query.Amounts{}); a.CostNanoUSD == nil || *a.CostNanoUSD != 0 {
		t.Error("nothing used costs nothing")
	}
}
