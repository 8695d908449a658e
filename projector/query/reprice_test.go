package query_test

import (
	"errors"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
)

// reprice: by the prices that were billed at, what was billed comes out again, and
// what had no price gets one; by others each attempt is priced on its own.
func (w world) reprice(t *testing.T) {
	billed := func(_ events.Target, _ time.Time, u events.Usage) (int64, bool) {
		return u.Input*150 + u.Output*600, true
	}
	dearer := func(target events.Target, at time.Time, u events.Usage) (int64, bool) {
		return u.Input/7 + u.Output*601, target.Provider == "openai" && !at.IsZero() // rounded for each attempt
	}
	for name, price := range map[string]query.Pricer{"billed": billed, "dearer": dearer} {
		want := map[string]query.RepricedRow{}
		for _, e := range w.books.Entries {
			if e.Charge == nil {
				continue
			}
			k := string(e.Tenant) + "/" + e.Principal.Team + "/" + e.Target.Provider + e.Target.Model
			row := want[k]
			row.Tenant, row.Team, row.Provider, row.Model = string(e.Tenant), e.Principal.Team, e.Target.Provider, e.Target.Model
			row.Attempts++
			row.Billed += e.Totals.Cost
			row.BilledUnpriced += e.Totals.Unpriced
			if nano, known := price(e.Target, e.WindowAt, e.Totals.Usage); known {
				row.Repriced += nano
			} else {
				row.RepricedUnpriced++
			}
			row.Difference = row.Repriced - row.Billed
			want[k] = row
		}
		a, err := w.engine.Reprice(t.Context(), everything().Filter, price)
		if err != nil {
			t.Fatal(err)
		}
		got, sum := map[string]query.RepricedRow{}, int64(0)
		for _, r := range a.Rows {
			got[r.Tenant+"/"+r.Team+"/"+r.Provider+r.Model] = r
			sum += r.Repriced
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		card := w.fold(all, func(accounting.Entry) string { return "" })[""]
		if a.Totals.Billed != card.Cost || a.Totals.BilledUnpriced != card.Unpriced || a.Totals.Repriced != sum {
			t.Errorf("%s: totals %+v, the books have %+v", name, a.Totals, card)
		}
	}
	f := everything().Filter
	f.Scope = query.Scope{}
	if a, err := w.engine.Reprice(t.Context(), f, billed); err != nil || len(a.Rows) > 0 {
		t.Errorf("nobody sees %d rows, %v", len(a.Rows), err)
	}
	f.Where = map[query.Dimension][]string{query.Status: {"200"}}
	var invalid *query.InvalidError
	if _, err := w.engine.Reprice(t.Context(), f, billed); !errors.As(err, &invalid) {
		t.Errorf("by status: %v", err)
	}
}
