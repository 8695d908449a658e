package query_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/projectortest"
	"github.com/llm-hub/llm-hub/projector/query"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// keeping is what a hub of a test is told to keep.
type keeping struct{ atomic.Pointer[projector.Kept] }

func (k *keeping) keep(time.Time) projector.Kept {
	if kept := k.Load(); kept != nil {
		return *kept
	}
	return projector.Kept{}
}

// horizon is the start of the month in the midst of the traffic.
func horizon() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

// retention: questions of before a horizon say so, and have exactly what is kept. While
// roll-ups are kept longer, what they can answer is whole.
func (w world) retention(t *testing.T, h *projectortest.Hub, wanted *keeping) {
	letGo := func(k projector.Kept) {
		t.Helper()
		wanted.Store(&k)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Tables.Wait(ctx, func(s tables.Status) bool { return s.Kept == k && !s.Litter }); err != nil {
			t.Fatal(err)
		}
	}
	rows := projector.Kept{Usage: horizon(), Requests: horizon(), Attempts: horizon()}
	source := &moved{Source: tables.LiveSource{Log: w.log, Bucket: w.log}, letGo: func() { letGo(rows) }}
	list, err := query.New(w.store, source).Errors(t.Context(), everything().Filter)
	if err != nil || !list.AsOf.KeptSince.Equal(horizon()) {
		t.Errorf("rows went while they were asked for: %+v, %v", list.AsOf, err)
	}
	t.Run("roll-ups are kept longer", w.keptLonger)
	t.Run("edges of quarters", w.keptQuarters)

	ends := w.books.Ends
	w.books.Ends = slices.DeleteFunc(slices.Clone(ends), func(e accounting.End) bool { return e.WindowAt.Before(horizon()) })
	if len(w.books.Ends) < 5 || len(w.books.Ends) > len(ends)-20 {
		t.Fatalf("%d ends are left of %d", len(w.books.Ends), len(ends))
	}
	first := ends[0].Request
	p, err := w.engine.Place(t.Context(), query.Everyone(), first)
	if err != nil || p.Tenant != "" {
		t.Errorf("%s is still at %+v, %v", first, p, err)
	}

	rows.RollUps = horizon()
	letGo(rows)
	w.books.Entries = slices.DeleteFunc(slices.Clone(w.books.Entries), func(e accounting.Entry) bool { return e.WindowAt.Before(horizon()) })
	t.Run("kept since", w.keptSince)
	t.Run("days that are cut", w.cutDays)
	t.Run("dimensions", w.dimensions)
	t.Run("filters", w.filters)
	t.Run("pages", w.pages)
	t.Run("facets", w.facets)
	t.Run("health", w.health)
	t.Run("exports", w.exports)
}

// keptLonger: what the roll-up answers is all there, and does not say otherwise.
func (w world) keptLonger(t *testing.T) {
	w.dimensions(t)
	a, err := w.engine.Usage(t.Context(), everything())
	if err != nil || !a.AsOf.KeptSince.IsZero() {
		t.Errorf("usage says %+v, %v", a.AsOf, err)
	}
}

// keptQuarters: of before the rows' horizon a question has to begin and end with a quarter.
func (w world) keptQuarters(t *testing.T) {
	before, odd := horizon().AddDate(0, 0, -3), time.Minute
	day := func(from, to time.Time) query.Question {
		return query.Question{Filter: query.Filter{Scope: query.Everyone(), From: from, To: to}}
	}
	compared := func(from, to time.Time) query.Question {
		q := day(horizon().Add(odd), horizon().AddDate(0, 0, 1))
		q.Compare = query.Period{From: from, To: to}
		return q
	}
	for field, q := range map[string]query.Question{
		"":             day(before, horizon().Add(odd)),
		"from":         day(before.Add(odd), horizon()),
		"to":           day(before, horizon().Add(-odd)),
		"compare_from": compared(before.Add(odd), horizon()),
		"compare_to":   compared(before, horizon().Add(-odd)),
	} {
		_, err := w.engine.Usage(t.Context(), q)
		var invalid *query.InvalidError
		if field == "" && err != nil || field != "" && (!errors.As(err, &invalid) || invalid.Field != field) {
			t.Errorf("%q: %v", field, err)
		}
	}
	f := query.RequestFilter{Filter: day(before.Add(odd), horizon()).Filter}
	var invalid *query.InvalidError
	if _, err := w.engine.Histogram(t.Context(), f, query.Day); !errors.As(err, &invalid) || invalid.Field != "from" {
		t.Errorf("histogram: %v", err)
	}
	if _, err := w.engine.Facets(t.Context(), f); !errors.As(err, &invalid) || invalid.Field != "from" {
		t.Errorf("facets: %v", err)
	}
}

// asking is each question about a span of time: what it says of its state, and whether
// it has an answer.
func (w world) asking(t *testing.T) map[string]func(query.Filter) (query.AsOf, bool, error) {
	ctx := t.Context()
	of := func(f query.Filter) query.RequestFilter { return query.RequestFilter{Filter: f} }
	return map[string]func(query.Filter) (query.AsOf, bool, error){
		"usage": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Usage(ctx, query.Question{Filter: f, GroupBy: []query.Dimension{query.Day, query.Model}, Top: 1})
			return a.AsOf, len(a.Rows) > 0, err
		},
		"comparison": func(f query.Filter) (query.AsOf, bool, error) {
			now := f
			now.From, now.To = horizon(), horizon().AddDate(0, 0, 1)
			a, err := w.engine.Usage(ctx, query.Question{Filter: now, GroupBy: []query.Dimension{query.Model}, Compare: query.Period{From: f.From, To: f.To}})
			return a.AsOf, a.Compared != nil && len(a.Compared.Rows) > 0, err
		},
		"movers": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Movers(ctx, query.Moves{Filter: f, By: query.Model, Before: query.Period{From: f.From.AddDate(0, -1, 0), To: f.From}})
			return a.AsOf, len(a.Rows) > 0, err
		},
		"requests": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Requests(ctx, query.Page{RequestFilter: of(f)})
			return a.AsOf, len(a.Rows) > 0, err
		},
		"facets": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Facets(ctx, of(f))
			return a.AsOf, len(a.Facets) > 0 && len(a.Facets[0].Values) > 0, err
		},
		"facets of rows": func(f query.Filter) (query.AsOf, bool, error) {
			slow := of(f)
			slow.MinTotal, slow.MinCost = 1, 1
			a, err := w.engine.Facets(ctx, slow)
			return a.AsOf, len(a.Facets) > 0 && len(a.Facets[0].Values) > 0, err
		},
		"histogram": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Histogram(ctx, of(f), query.Hour)
			return a.AsOf, len(a.Bars) > 0, err
		},
		"latency": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Latency(ctx, query.Latency{RequestFilter: of(f)})
			return a.AsOf, a.All.Requests > 0, err
		},
		"errors": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Errors(ctx, f)
			return a.AsOf, len(a.Attempts) > 0, err
		},
		"health": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Health(ctx, f, query.Hour)
			return a.AsOf, len(a.Rows) > 0, err
		},
		"repriced": func(f query.Filter) (query.AsOf, bool, error) {
			a, err := w.engine.Reprice(ctx, f, func(events.Target, time.Time, events.Usage) (int64, bool) { return 1, true })
			return a.AsOf, len(a.Rows) > 0, err
		},
		"unpriced": func(f query.Filter) (query.AsOf, bool, error) {
			list, asOf, err := w.engine.Unpriced(ctx, f)
			return asOf, len(list) > 0, err
		},
	}
}

// keptSince: every question says the horizon that cut it, and nothing where none did; a
// question of nothing but what is gone has an empty answer.
func (w world) keptSince(t *testing.T) {
	spans := map[string]struct {
		from, to time.Time
		said     bool
		answered bool
	}{
		"cut":   {horizon().AddDate(0, 0, -4), horizon().AddDate(0, 0, 2), true, true},
		"whole": {horizon(), horizon().AddDate(0, 0, 2), false, true},
		"gone":  {horizon().AddDate(0, 0, -4).Add(time.Second), horizon().AddDate(0, 0, -1).Add(time.Second), true, false},
	}
	for name, ask := range w.asking(t) {
		for span, tt := range spans {
			f := query.Filter{Scope: query.Everyone(), From: tt.from, To: tt.to, Zone: "Asia/Kathmandu"}
			asOf, answered, err := ask(f)
			said := asOf.KeptSince.Equal(horizon())
			if name == "movers" && span == "whole" {
				tt.said = true // what it is compared with is gone
			}
			if err != nil || answered != tt.answered || said != tt.said || said == asOf.KeptSince.IsZero() {
				t.Errorf("%s of what is %s: kept since %v, answered %t, %v", name, span, asOf.KeptSince, answered, err)
			}
		}
	}
}

// cutDays: a local day that the horizon cuts is told with what is kept of it.
func (w world) cutDays(t *testing.T) {
	for _, name := range []string{"Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Niue", "America/Havana"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		want := w.fold(all, func(e accounting.Entry) string { return accounting.WindowAt(e.WindowAt.In(zone), accounting.Day).Label })
		q := everything()
		q.Zone, q.GroupBy = name, []query.Dimension{query.Day}
		got := w.ask(t, q, func(r query.Row) string { return accounting.WindowAt(r.Start, accounting.Day).Label })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("days in %s (-want +got):\n%s", name, diff)
		}
		if a, err := w.engine.Usage(t.Context(), q); err != nil || !a.Rows[0].Start.Before(a.AsOf.KeptSince) {
			t.Errorf("the first day in %s begins at %s, kept since %s, %v", name, a.Rows[0].Start, a.AsOf.KeptSince, err)
		}
	}
}

// moved is a source whose tables let go of rows right after it was asked.
type moved struct {
	query.Source
	letGo func()
	asked int
}

func (m *moved) Live(ctx context.Context) (query.Tables, error) {
	live, err := m.Source.Live(ctx)
	if m.asked++; m.asked == 1 {
		m.letGo()
	}
	return live, err
}
