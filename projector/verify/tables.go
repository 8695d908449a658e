package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// tableCheck compares the tables at their checkpoint: for each group of equal
// labels the number of rows, every sum, and a digest that ties the amounts of
// each row to its place in the log.
type tableCheck struct {
	database string
	seq      uint64
	rows     tables.Rows // of the message at hand
	sums     map[group]*sums
}

// group is a table and the labels that its rows are summed by.
type group struct{ table, labels string }

// sums adds up rows. The digest is arithmetic modulo 2^64, here and in the store.
type sums struct {
	rows   uint64
	digest uint64
	totals accounting.Totals
}

func (s sums) String() string {
	return fmt.Sprintf("%d rows, %+v, digest %x", s.rows, s.totals, s.digest)
}

func (r *run) loadTables(ctx context.Context) (*tableCheck, error) {
	c, _, err := tables.Load(ctx, r.cfg.Bucket, events.TablesKey)
	if err != nil {
		return nil, err
	}
	if c.Generation == 0 {
		return nil, tables.ErrNoTables
	}
	if err := r.guard(ctx, "tables", c.Done); err != nil {
		return nil, err
	}
	r.report.Tables = &TablesReport{Database: c.Database, Seq: c.Done.Seq, Rows: c.Rows}
	return &tableCheck{database: c.Database, seq: c.Done.Seq, sums: map[group]*sums{}}, nil
}

// at gives the sums of a group.
func (c *tableCheck) at(table string, labels ...string) *sums {
	g := group{table, strings.Join(labels, "|")}
	if c.sums[g] == nil {
		c.sums[g] = &sums{}
	}
	return c.sums[g]
}

func (s *sums) add(at accounting.Position, weight int64, t accounting.Totals) {
	s.rows++
	s.digest += (at.Seq*placeFactor + uint64(at.Index) + 1) * uint64(weight)
	s.totals = s.totals.Plus(t)
}

// placeFactor spreads the places of rows in a digest.
const placeFactor = 1000003

// message books the rows of one message.
func (c *tableCheck) message(m events.Stored, a accounting.Applied) {
	c.rows = tables.Rows{}
	c.rows.Add(m, a)
	for _, e := range c.rows.Usage {
		c.at("usage", string(e.Tenant), e.Principal.User, e.Principal.Key, e.Principal.Model,
			e.Target.Provider, e.Target.Credential, e.Target.Model).add(e.At, usageWeight(e), e.Totals)
	}
	for _, e := range c.rows.Requests {
		weight := 1 + 3*second(e.WindowAt) + 5*int64(e.Finished.Attempts) + 7*int64(e.Count) + 11*e.Finished.TotalNS
		c.at("requests", string(e.Tenant), e.Finished.Key, e.Finished.Model, string(e.Outcome)).
			add(e.At, weight, accounting.Totals{Requests: int64(e.Count)})
	}
	for _, e := range c.rows.Attempts {
		c.at("attempts", string(e.Tenant), string(e.Kind), e.Target.Provider).
			add(e.At, 1+3*second(e.WindowAt)+5*int64(e.Attempt)+7*int64(e.Status), accounting.Totals{})
	}
}

func second(t time.Time) int64 { return tables.Instant(t).Unix() }

func usageWeight(e accounting.Entry) int64 {
	t, u := e.Totals, e.Totals.Usage
	return 1 + 3*second(e.WindowAt) + 5*t.Requests + 7*t.Attempts + 11*t.Failures + 13*u.Input + 17*u.CacheRead + 19*u.CacheWrite +
		23*u.CacheWrite1h + 29*u.Output + 31*u.Reasoning + 37*t.Cost + 41*t.Unpriced
}

// The same, as the store computes it.
const (
	digestSQL = "sum((seq * 1000003 + idx + 1) * reinterpretAsUInt64(toInt64(1 + 3 * toInt64(toUnixTimestamp(toDateTime(window_at, 'UTC'))) + %s)))"

	usageWeightSQL = "5 * requests + 7 * attempts + 11 * failures + 13 * input + 17 * cache_read + 19 * cache_write + " +
		"23 * cache_write_1h + 29 * output + 31 * reasoning + 37 * ifNull(cost_nano_usd, 0) + 41 * unpriced"
	requestsWeightSQL = "5 * toInt64(attempts) + 7 * toInt64(count) + 11 * total_ns"
	attemptsWeightSQL = "5 * toInt64(attempt) + 7 * toInt64(status)"

	usageLabelsSQL    = "concatWithSeparator('|', tenant, user, key, model, provider, credential, upstream_model)"
	requestsLabelsSQL = "concatWithSeparator('|', tenant, key, model, outcome)"
	attemptsLabelsSQL = "concatWithSeparator('|', tenant, kind, provider)"

	usageSumsSQL = "sum(requests), sum(attempts), sum(failures), sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), " +
		"sum(output), sum(reasoning), sum(ifNull(cost_nano_usd, 0)), sum(unpriced)"
	zeroSQL = "toInt64(0)"
)

// compare asks the store for the same sums.
func (c *tableCheck) compare(ctx context.Context, r *run) error {
	got := &tableCheck{sums: map[group]*sums{}}
	for _, q := range []struct{ table, labels, weight, sums string }{
		{"usage", usageLabelsSQL, usageWeightSQL, usageSumsSQL},
		{"requests", requestsLabelsSQL, requestsWeightSQL, "toInt64(sum(count))" + strings.Repeat(", "+zeroSQL, 10)},
		{"attempts", attemptsLabelsSQL, attemptsWeightSQL, zeroSQL + strings.Repeat(", "+zeroSQL, 10)},
	} {
		sql := "SELECT " + q.labels + " AS labels, count(), " + fmt.Sprintf(digestSQL, q.weight) + ", " + q.sums +
			" FROM {db:Identifier}." + q.table + " WHERE seq <= {seq:UInt64} GROUP BY labels"
		err := r.cfg.Tables.Query(ctx, sql, map[string]any{"db": c.database, "seq": c.seq}, func(scan func(...any) error) error {
			var labels string
			var s sums
			t := &s.totals
			err := scan(&labels, &s.rows, &s.digest, &t.Requests, &t.Attempts, &t.Failures, &t.Usage.Input, &t.Usage.CacheRead,
				&t.Usage.CacheWrite, &t.Usage.CacheWrite1h, &t.Usage.Output, &t.Usage.Reasoning, &t.Cost, &t.Unpriced)
			*got.at(q.table, labels) = s
			return err
		})
		if err != nil {
			return err
		}
	}
	c.diff(r, got)
	return r.rollUp(ctx)
}

// diff notes the groups that are not the same.
func (c *tableCheck) diff(r *run, got *tableCheck) {
	groups := make([]group, 0, len(c.sums))
	for g := range c.sums {
		groups = append(groups, g)
	}
	for g := range got.sums {
		if c.sums[g] == nil {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(strings.Compare(a.table, b.table), strings.Compare(a.labels, b.labels))
	})
	for _, g := range groups {
		want, have := *c.at(g.table, g.labels), *got.at(g.table, g.labels)
		if want != have {
			r.differ(fmt.Sprintf("table %s, rows of %s", g.table, g.labels), want, have)
		}
	}
}
