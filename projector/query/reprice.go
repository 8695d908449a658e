package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// maxRecords bounds how many attempts are priced again for one answer.
const maxRecords = 500_000

// ErrTooMany refuses to price more than [maxRecords] attempts again.
var ErrTooMany = fmt.Errorf("more than %d attempts would be priced again: narrow the time or filter", maxRecords)

// Pricer tells what usage costs, in nano-USD; false if it is not known.
type Pricer func(t events.Target, at time.Time, u events.Usage) (nano int64, known bool)

// Repriced is what a price book would have billed, beside what was billed.
type Repriced struct {
	Rows   []RepricedRow `json:"rows"` // by the size of the difference
	Totals RepricedRow   `json:"totals"`
	AsOf   AsOf          `json:"as_of"`
}

// RepricedRow is the usage of one team with one vendor's model; an empty team is what
// a tenant used without any.
type RepricedRow struct {
	Tenant   string `json:"tenant,omitempty"`
	Team     string `json:"team,omitempty"`
	Provider string `json:"provider,omitempty"`
	Model    string `json:"upstream_model,omitempty"`
	Attempts int64  `json:"attempts"` // that used something

	Billed           int64 `json:"billed_nano_usd"`   // as it is on the books, corrections included
	BilledUnpriced   int64 `json:"billed_unpriced"`   // records that had no price
	Repriced         int64 `json:"repriced_nano_usd"` // by the book
	RepricedUnpriced int64 `json:"repriced_unpriced"` // attempts without a price in the book
	Difference       int64 `json:"difference_nano_usd"`
}

func (r *RepricedRow) add(o RepricedRow) {
	r.Attempts += o.Attempts
	r.Billed += o.Billed
	r.BilledUnpriced += o.BilledUnpriced
	r.Repriced += o.Repriced
	r.RepricedUnpriced += o.RepricedUnpriced
	r.Difference += o.Difference
}

// Reprice prices every attempt again: its usage as it stands on the books, with
// what replaced an estimate and what corrected it, rounded as a bill is. Nothing is
// written.
func (e *Engine) Reprice(ctx context.Context, f Filter, price Pricer) (Repriced, error) {
	if _, err := f.check(UsageDimensions()); err != nil {
		return Repriced{}, err
	}
	var out Repriced
	groups := map[[4]string]*RepricedRow{}
	var err error
	out.AsOf, err = e.live(ctx, func(v *view) error {
		clear(groups)
		out.Totals = RepricedRow{}
		n := 0
		return e.run(ctx, v.database, recordsOf(v.cut(f, v.kept.Usage)), func(scan func(...any) error) error {
			if n++; n > maxRecords {
				return ErrTooMany
			}
			row, err := repriced(scan, price)
			if err != nil {
				return err
			}
			key := [4]string{row.Tenant, row.Team, row.Provider, row.Model}
			if groups[key] == nil {
				groups[key] = &RepricedRow{Tenant: row.Tenant, Team: row.Team, Provider: row.Provider, Model: row.Model}
			}
			groups[key].add(row)
			out.Totals.add(row)
			return nil
		})
	})
	if err != nil {
		return Repriced{}, fmt.Errorf("reprice: %w", err)
	}
	out.Rows = []RepricedRow{}
	for _, r := range groups {
		out.Rows = append(out.Rows, *r)
	}
	slices.SortFunc(out.Rows, func(a, b RepricedRow) int {
		return cmp.Or(cmp.Compare(max(b.Difference, -b.Difference), max(a.Difference, -a.Difference)),
			cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	return out, nil
}

// recordsOf selects what each attempt comes to.
func recordsOf(f Filter) statement {
	c := f.clause()
	c.and("provider != ''")
	var used []string
	for _, class := range events.ClassNames() {
		used = append(used, "sum("+class+") AS used_"+class)
	}
	return statement{params: c.params, sql: "SELECT toString(tenant), toString(team), toString(provider), toString(credential), toString(upstream_model), max(window_at), " +
		"sum(ifNull(cost_nano_usd, 0)) AS cost, sum(unpriced) AS without, " + strings.Join(used, ", ") + " FROM " + rows("usage", c) +
		" GROUP BY tenant, team, request, attempt, provider, credential, upstream_model HAVING cost != 0 OR without != 0 OR used_" +
		strings.Join(events.ClassNames(), " != 0 OR used_") + fmt.Sprintf(" != 0 LIMIT %d", maxRecords+1)}
}

// repriced reads one attempt and prices it. Usage that was corrected below nothing
// has no price.
func repriced(scan func(...any) error, price Pricer) (RepricedRow, error) {
	var t events.Target
	var at time.Time
	var used events.Usage
	r := RepricedRow{Attempts: 1}
	dest := []any{&r.Tenant, &r.Team, &t.Provider, &t.Credential, &t.Model, &at, &r.Billed, &r.BilledUnpriced}
	negative := false
	for _, amount := range used.Refs() {
		dest = append(dest, amount)
	}
	if err := scan(dest...); err != nil {
		return r, err
	}
	for _, amount := range used.Refs() {
		negative = negative || *amount < 0
	}
	r.Provider, r.Model = t.Provider, t.Model
	r.RepricedUnpriced = 1
	if !negative {
		if nano, known := price(t, at, used); known {
			r.Repriced, r.RepricedUnpriced = nano, 0
		}
	}
	r.Difference = r.Repriced - r.Billed
	return r, nil
}
