package query_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/query"
)

// reconciliation: for 50 random combinations of filter, groups, span and time zone
// the card, the sum of the chart, the sum of the ranked table and the sum of all
// pages of requests are what the plain fold of the log comes to, to the nano-dollar.
func (w world) reconciliation(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 7))
	meant := 0
	for range 50 {
		q := randomQuestion(rng)
		want, tagged := accounting.Totals{}, map[string]accounting.Totals{}
		for _, e := range w.books.Entries {
			if fits(q.Filter, e.WindowAt, func(d query.Dimension) string { return value(e, d) }) {
				want = want.Plus(e.Totals)
				for tag := range strings.SplitSeq(e.Principal.Tags, ",") {
					tagged[tag] = tagged[tag].Plus(e.Totals)
				}
			}
		}
		if want.Cost > 0 {
			meant++
		}
		card := q
		card.GroupBy, card.Top = nil, 0
		for name, q := range map[string]query.Question{"card": card, "chart": q} {
			a, err := w.engine.Usage(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			sum, byTag := accounting.Totals{}, map[string]accounting.Totals{}
			for _, r := range a.Rows {
				sum = sum.Plus(totals(r.Amounts))
				byTag[r.Labels[query.Tag]] = byTag[r.Labels[query.Tag]].Plus(totals(r.Amounts))
			}
			if a.Overlap != slices.Contains(q.GroupBy, query.Tag) {
				t.Errorf("%+v: overlapping %t", q.GroupBy, a.Overlap)
			}
			switch {
			case name == "card":
				sum = totals(a.Totals)
			case a.Overlap: // what has two tags is in the rows of both, and in the totals once
				if q.Top == 0 && !maps.Equal(tagged, byTag) {
					t.Errorf("%s of %+v: by tag %+v, want %+v", name, q, byTag, tagged)
				}
				if totals(a.Totals) != want {
					t.Errorf("%s of %+v: totals %+v, want %+v", name, q, a.Totals, want)
				}
				continue
			}
			if file := exported(t, q, a); totals(a.Totals) != want || sum != want || file != want.Cost {
				t.Errorf("%s of %+v: totals %+v, rows %+v, exported $%d, want %+v", name, q, a.Totals, sum, file, want)
			}
		}
		w.reconcilePages(t, q.Filter, want, 250+rng.IntN(700))
	}
	if meant < 30 {
		t.Errorf("only %d of the combinations cost something", meant)
	}
}

// exported writes an answer as JSON lines and adds their costs up.
func exported(t *testing.T, q query.Question, a query.Answer) (cost int64) {
	t.Helper()
	var file bytes.Buffer
	err := export.Usage(q, a, func(c []export.Column) (export.Writer, error) { return export.NewWriter(&file, export.JSONL, c) })
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(&file); d.More(); {
		var row struct {
			Cost int64 `json:"cost_nano_usd"`
		}
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		cost += row.Cost
	}
	return cost
}

// exports: all requests are in the file, as on their pages; and the charges for
// FinOps add up to the card.
func (w world) exports(t *testing.T) {
	f := query.RequestFilter{Filter: everything().Filter}
	pages := w.walk(t, query.Page{RequestFilter: f, Limit: query.MaxPage})
	var file bytes.Buffer
	begin := func(c []export.Column) (export.Writer, error) { return export.NewWriter(&file, export.JSONL, c) }
	if err := export.Requests(t.Context(), w.engine, f, begin); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&file)
	for _, want := range pages {
		var row struct {
			ID    string
			Count uint32
			Cost  *int64 `json:"cost_nano_usd"`
		}
		if err := d.Decode(&row); err != nil || row.ID != want.ID || row.Count != want.Count || !reflect.DeepEqual(row.Cost, want.Amounts.CostNanoUSD) {
			t.Fatalf("exported %+v, the page has %+v, %v", row, want, err)
		}
	}
	if d.More() {
		t.Error("more is exported than is on the pages")
	}
	a, err := w.engine.Usage(t.Context(), export.FocusQuestion(f.Filter))
	if err != nil {
		t.Fatal(err)
	}
	file.Reset()
	if err := export.Focus(a, begin); err != nil {
		t.Fatal(err)
	}
	sum := accounting.Totals{}
	for d := json.NewDecoder(&file); d.More(); {
		var row struct {
			Cost     int64 `json:"x_CostNanoUSD"`
			Quantity int64 `json:"ConsumedQuantity"`
			Unpriced int64 `json:"x_UnpricedRecords"`
		}
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		sum.Cost += row.Cost
		sum.Usage.Input += row.Quantity
		sum.Unpriced += row.Unpriced
	}
	if want := totals(a.Totals); sum.Cost != want.Cost || sum.Usage.Input != want.Usage.Total() || sum.Unpriced != want.Unpriced {
		t.Errorf("charges add up to %+v, want %+v", sum, want)
	}
}

// reconcilePages compares requests with the ends of the fold. Where the filter is on
// who asked, all lines of a request fit or none, so what they used is the card, too.
func (w world) reconcilePages(t *testing.T, f query.Filter, card accounting.Totals, limit int) {
	t.Helper()
	want := int64(0)
	for _, e := range w.books.Ends {
		if fits(f, e.WindowAt, func(d query.Dimension) string { return endValue(e, d) }) {
			want += int64(e.Count)
		}
	}
	got, used := int64(0), accounting.Totals{}
	for _, r := range w.walk(t, query.Page{RequestFilter: query.RequestFilter{Filter: f}, Limit: limit}) {
		got += int64(r.Count)
		used = used.Plus(totals(r.Amounts))
	}
	h, err := w.engine.Histogram(t.Context(), query.RequestFilter{Filter: f}, query.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got != want || h.Totals.Requests != want {
		t.Errorf("requests of %+v: %d on pages, %d in the histogram, want %d", f, got, h.Totals.Requests, want)
	}
	byVendor := len(f.Where[query.Provider])+len(f.Where[query.Credential])+len(f.Where[query.UpstreamModel]) > 0
	if !byVendor && used != card {
		t.Errorf("all pages of %+v used %+v, want %+v", f, used, card)
	}
}

func fits(f query.Filter, at time.Time, value func(query.Dimension) string) bool {
	for d, values := range f.Where {
		has := []string{value(d)}
		if d == query.Tag {
			has = strings.Split(value(d), ",")
		}
		if !slices.ContainsFunc(has, func(v string) bool { return slices.Contains(values, v) }) {
			return false
		}
	}
	return !at.Before(f.From) && at.Before(f.To)
}

// randomQuestion asks about some of the traffic: on quarters or not, and from the
// start of a day in the zone at times.
func randomQuestion(rng *rand.Rand) query.Question {
	name := zones()[rng.IntN(len(zones()))]
	zone, _ := time.LoadLocation(name)
	from := projectortest.Start().Add(time.Duration(rng.Int64N(int64(5 * 24 * time.Hour))))
	to := from.Add(time.Duration(1 + rng.Int64N(int64(4*24*time.Hour))))
	switch rng.IntN(3) {
	case 0:
		from, to = from.Truncate(15*time.Minute), to.Truncate(15*time.Minute).Add(15*time.Minute)
	case 1:
		local := from.In(zone)
		from = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
		to = from.AddDate(0, 0, 1+rng.IntN(4)) // whole days of the zone, some of 23 or 25 hours
	}
	q := query.Question{Filter: query.Filter{Scope: query.Everyone(), From: from, To: to, Zone: name, Where: map[query.Dimension][]string{}}}
	q.GroupBy = []query.Dimension{query.Spans()[rng.IntN(len(query.Spans()))]}
	for _, d := range query.UsageDimensions() {
		if rng.IntN(3) == 0 {
			q.GroupBy = append(q.GroupBy, d)
		}
	}
	if len(q.GroupBy) > 1 && rng.IntN(2) == 0 {
		q.Top, q.RankBy = 1+rng.IntN(3), query.Metrics()[rng.IntN(len(query.Metrics()))]
	}
	for _, of := range []struct {
		d      query.Dimension
		values []string
	}{
		{query.Tenant, []string{"tenant-0", "tenant-1", "tenant-2", "tenant-3", "tenant-4"}}, {query.User, []string{"user-0", "user-1", "user-2"}},
		{query.Tag, []string{"green", "blue", ""}}, {query.Team, []string{"red", ""}},
		{query.Model, []string{"smart", "fast"}}, {query.Provider, []string{"openai", "anthropic"}}, {query.Credential, []string{"main", "spare"}},
	} {
		if rng.IntN(5) == 0 {
			q.Where[of.d] = of.values[:1+rng.IntN(len(of.values))]
		}
	}
	return q
}
