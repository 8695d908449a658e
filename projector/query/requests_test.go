package query_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
)

// walk reads all pages.
func (w world) walk(t *testing.T, p query.Page) []query.Request {
	t.Helper()
	var out []query.Request
	for {
		list, err := w.engine.Requests(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list.Rows...)
		if list.Next == "" {
			return out
		}
		if p.After, err = query.ParseCursor(list.Next); err != nil {
			t.Fatal(err)
		}
	}
}

// pages: each request that ended is on one page, newest first, with what it used.
func (w world) pages(t *testing.T) {
	used := w.fold(all, func(e accounting.Entry) string { return string(e.Request) })
	rows := w.walk(t, query.Page{RequestFilter: query.RequestFilter{Filter: everything().Filter}, Limit: 97})
	if len(rows) != len(w.books.Ends) {
		t.Errorf("%d requests on the pages, %d ended", len(rows), len(w.books.Ends))
	}
	ends := map[string]accounting.End{}
	for _, e := range w.books.Ends {
		ends[string(e.Request)] = e
	}
	for i, r := range rows {
		end, known := ends[r.ID]
		if !known || totals(r.Amounts) != used[r.ID] || string(end.Outcome) != r.Outcome || int(r.Count) != end.Count || !end.WindowAt.Equal(r.WindowAt) {
			t.Fatalf("%+v, want the end %+v, which used %+v", r, end, used[r.ID])
		}
		if delete(ends, r.ID); i > 0 && r.WindowAt.After(rows[i-1].WindowAt) {
			t.Errorf("%s comes after %s", r.ID, rows[i-1].ID)
		}
	}
	w.pagesFiltered(t, used)
}

func (w world) pagesFiltered(t *testing.T, used map[string]accounting.Totals) {
	f := query.RequestFilter{Filter: everything().Filter, MinTotal: 3 * time.Second, MinFirstByte: 200 * time.Millisecond, MinCost: 100_000}
	f.Where = map[query.Dimension][]string{query.Tenant: {"tenant-0", "tenant-3"}, query.Status: {"200"}, query.Provider: {"openai"}}
	var want, got []string
	for _, e := range w.books.Ends {
		if (e.Tenant == "tenant-0" || e.Tenant == "tenant-3") && e.Finished.Status == 200 && e.Finished.Target.Provider == "openai" &&
			e.Finished.TotalNS >= 3e9 && e.Finished.FirstByteNS >= 2e8 && used[string(e.Request)].Cost >= 100_000 {
			want = append(want, string(e.Request))
		}
	}
	for _, r := range w.walk(t, query.Page{RequestFilter: f, Limit: 7}) {
		got = append(got, r.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("filtered, %d (-want +got):\n%s", len(want), diff)
	}
	matching := []string{} // what the live tail would show
	for _, r := range w.walk(t, query.Page{RequestFilter: query.RequestFilter{Filter: everything().Filter}, Limit: 1000}) {
		if f.Matches(r) {
			matching = append(matching, r.ID)
		}
	}
	slices.Sort(matching)
	if diff := gocmp.Diff(want, matching); diff != "" {
		t.Errorf("matching (-want +got):\n%s", diff)
	}
	for _, bad := range []query.Page{{Limit: 1001}, {Limit: -1}, {RequestFilter: query.RequestFilter{MinCost: -1}}} {
		bad.Filter = everything().Filter
		var invalid *query.InvalidError
		if _, err := w.engine.Requests(t.Context(), bad); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, bad := range []string{"x", "e30", "bm8"} {
		if _, err := query.ParseCursor(bad); err == nil {
			t.Errorf("cursor %q was taken", bad)
		}
	}
}

func endValue(e accounting.End, d query.Dimension) string {
	return map[query.Dimension]string{
		query.Tenant: string(e.Tenant), query.Team: e.Finished.Team, query.User: e.Finished.User, query.Key: e.Finished.Key, query.Model: e.Finished.Model, query.Tag: e.Finished.Tags,
		query.Provider: e.Finished.Target.Provider, query.Credential: e.Finished.Target.Credential, query.UpstreamModel: e.Finished.Target.Model,
		query.Endpoint: e.Finished.Endpoint, query.Outcome: string(e.Outcome), query.Status: fmt.Sprint(e.Finished.Status),
		query.Error: e.Finished.Error, query.Reason: e.Reason, query.Node: string(e.Node), query.Finish: e.Finished.Finish,
	}[d]
}

// facets count by every dimension, each without its own filter, from roll-up and rows.
func (w world) facets(t *testing.T) {
	f := query.RequestFilter{Filter: everything().Filter}
	f.Where = map[query.Dimension][]string{query.Model: {"smart"}, query.Outcome: {"completed"}}
	off := f
	off.From = off.From.Add(time.Second) // not on a quarter: answered by the rows
	slow := f
	slow.MinTotal = 5 * time.Second
	for name, f := range map[string]query.RequestFilter{"roll-up": f, "rows": off, "slow": slow} {
		a, err := w.engine.Facets(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, facet := range a.Facets {
			want := map[string]int64{}
			for _, e := range w.books.Ends {
				fits := e.Finished.TotalNS >= f.MinTotal.Nanoseconds()
				for d, values := range f.Where {
					fits = fits && (d == facet.Dimension || slices.Contains(values, endValue(e, d)))
				}
				values := []string{endValue(e, facet.Dimension)}
				if facet.Dimension == query.Tag {
					values = strings.Split(e.Finished.Tags, ",")
				}
				for _, v := range values {
					if fits {
						want[v] += int64(e.Count)
					}
				}
			}
			got := map[string]int64{}
			for _, v := range facet.Values {
				got[v.Value] = v.Requests
			}
			if diff := gocmp.Diff(want, got); diff != "" || facet.Other != 0 {
				t.Errorf("%s: %s, other %d (-want +got):\n%s", name, facet.Dimension, facet.Other, diff)
			}
		}
		if len(a.Facets) != len(query.AllDimensions()) {
			t.Errorf("%s: %d facets", name, len(a.Facets))
		}
	}
}

func (w world) histogram(t *testing.T) {
	for _, name := range []string{"America/Havana", "Asia/Kathmandu"} {
		zone, _ := time.LoadLocation(name)
		for _, shift := range []time.Duration{0, time.Nanosecond} { // roll-up, rows
			f := query.RequestFilter{Filter: everything().Filter}
			f.Zone, f.From = name, f.From.Add(shift)
			a, err := w.engine.Histogram(t.Context(), f, query.Day)
			if err != nil {
				t.Fatal(err)
			}
			want, got := map[string]int64{}, map[string]int64{}
			for _, e := range w.books.Ends {
				want[accounting.WindowAt(e.WindowAt.In(zone), accounting.Day).Label+string(e.Outcome)] += int64(e.Count)
			}
			sum := int64(0)
			for _, b := range a.Bars {
				for outcome, n := range b.Outcomes {
					got[accounting.WindowAt(b.Start, accounting.Day).Label+outcome] += n
					sum += n
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" || sum != a.Totals.Requests {
				t.Errorf("%s, %s: %d bars, totals %+v (-want +got):\n%s", name, shift, len(a.Bars), a.Totals, diff)
			}
		}
	}
}

// latency: percentiles are within the promised 1 % of the true ones.
func (w world) latency(t *testing.T) {
	a, err := w.engine.Latency(t.Context(), query.Latency{
		RequestFilter: query.RequestFilter{Filter: everything().Filter}, GroupBy: []query.Dimension{query.Model},
	})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][3][]float64{}
	for _, e := range w.books.Ends {
		if e.Outcome == events.Rejected {
			continue
		}
		for _, group := range []string{"", e.Finished.Model} {
			v := values[group]
			if e.Finished.FirstByteNS > 0 {
				v[0] = append(v[0], float64(e.Finished.FirstByteNS))
			}
			if e.Finished.TotalNS > 0 {
				v[1] = append(v[1], float64(e.Finished.TotalNS))
			}
			if e.Output > 0 && e.Finished.FirstByteNS > 0 && e.Finished.TotalNS > e.Finished.FirstByteNS {
				v[2] = append(v[2], float64(e.Output)*1e9/float64(e.Finished.TotalNS-e.Finished.FirstByteNS))
			}
			values[group] = v
		}
	}
	rows := append(slices.Clone(a.Rows), a.All)
	if len(rows) != len(values) {
		t.Fatalf("%d groups, want %d", len(rows), len(values))
	}
	for _, r := range rows {
		for i, p := range []query.Percentiles{r.FirstByte, r.Total, r.Speed} {
			v := values[r.Labels[query.Model]][i]
			slices.Sort(v)
			if int(p.Count) != len(v) || len(v) < 50 {
				t.Errorf("%v: %d values, want %d", r.Labels, p.Count, len(v))
			}
			for q, got := range map[float64]float64{0.5: p.P50, 0.9: p.P90, 0.95: p.P95, 0.99: p.P99} {
				at := q * float64(len(v)-1)
				low, high := v[int(math.Floor(at))]*0.985, v[int(math.Ceil(at))]*1.015
				if got < low || got > high {
					t.Errorf("%v, value %d: the %v percentile is %v, not in %v to %v", r.Labels, i, q, got, low, high)
				}
			}
		}
	}
}

func (w world) errors(t *testing.T) {
	a, err := w.engine.Errors(t.Context(), everything().Filter)
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]int64{}, map[string]int64{}
	for _, e := range w.books.Ends {
		if e.Outcome != events.Completed {
			want[fmt.Sprint(e.Outcome, e.Reason, e.Finished.Model)] += int64(e.Count)
		}
	}
	for _, g := range a.Requests {
		got[fmt.Sprint(g.Outcome, g.Reason, g.Model)] += g.Seen.Count
		if g.Seen.Request == "" || g.Seen.Last.Before(g.Seen.First) {
			t.Errorf("no example: %+v", g)
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	failed, limited := int64(0), int64(0)
	for _, g := range a.Attempts {
		if g.Kind == string(events.AttemptFailedKind) {
			failed += g.Seen.Count
		} else {
			limited += g.Seen.Count
		}
	}
	sum := w.fold(all, func(accounting.Entry) string { return "" })[""]
	if failed != sum.Failures || limited != failed { // the traffic's failures are all 429s
		t.Errorf("%d attempts failed, %d were rate limited, want %d", failed, limited, sum.Failures)
	}
}

func (w world) health(t *testing.T) {
	f := everything().Filter
	f.Zone = "Europe/Berlin"
	a, err := w.engine.Health(t.Context(), f, query.Day)
	if err != nil {
		t.Fatal(err)
	}
	zone, _ := time.LoadLocation(f.Zone)
	key := func(start time.Time, target events.Target) string {
		return strings.Join([]string{accounting.WindowAt(start.In(zone), accounting.Day).Label, target.Provider, target.Credential, target.Model}, " ")
	}
	want := w.fold(func(e accounting.Entry) bool { return e.Target.Provider != "" }, func(e accounting.Entry) string { return key(e.WindowAt, e.Target) })
	answered := map[string]uint64{}
	for _, e := range w.books.Ends {
		if e.Finished.FirstByteNS > 0 {
			answered[key(e.WindowAt, e.Finished.Target)]++
		}
	}
	states := map[string]bool{}
	for _, r := range a.Rows {
		k := key(r.Start, r.Target)
		if r.Attempts != want[k].Attempts || r.Failures != want[k].Failures || r.Limited != r.Failures || r.FirstByte.Count != answered[k] {
			t.Errorf("%s: %+v, want %+v, %d answered", k, r, want[k], answered[k])
		}
		delete(want, k)
		states[r.State] = true
	}
	if len(want) > 0 || !states["degraded"] || !states["ok"] {
		t.Errorf("%d spans are missing, states %v", len(want), states)
	}
	var invalid *query.InvalidError
	if _, err := w.engine.Health(t.Context(), f, query.Tenant); !errors.As(err, &invalid) || invalid.Field != "span" {
		t.Errorf("by tenant: %v", err)
	}
}

// TestHealthState: one failure in twenty degrades, one in two is down, but of a handful.
func TestHealthState(t *testing.T) {
	for _, tt := range []struct {
		attempts, failures, limited int64
		want                        string
	}{
		{0, 0, 0, "ok"}, {100, 4, 0, "ok"}, {100, 5, 0, "degraded"}, {100, 0, 1, "degraded"}, {100, 49, 9, "degraded"},
		{100, 50, 0, "down"}, {5, 3, 0, "down"}, {4, 4, 0, "degraded"},
	} {
		s := query.HealthState{Attempts: tt.attempts, Failures: tt.failures, Limited: tt.limited}
		if query.Judge(&s); s.State != tt.want {
			t.Errorf("%+v is %s", tt, s.State)
		}
	}
}
