package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// Digests and sums as the store computes them.
const (
	digestSQL = "sum((seq * 1000003 + idx + 1) * reinterpretAsUInt64(toInt64(1 + 3 * toInt64(toUnixTimestamp(toDateTime(window_at, 'UTC'))) + %s)))"

	usageWeightSQL    = "5 * requests + 7 * attempts + 11 * failures + 13 * ifNull(cost_nano_usd, 0) + 17 * unpriced" // and the classes
	requestsWeightSQL = "5 * toInt64(attempts) + 7 * toInt64(count) + 11 * total_ns"
	attemptsWeightSQL = "5 * toInt64(attempt) + 7 * toInt64(status)"

	usageLabelsSQL    = "concatWithSeparator('|', tenant, team, user, key, model, tags, provider, credential, upstream_model)"
	requestsLabelsSQL = "concatWithSeparator('|', tenant, team, key, model, tags, outcome)"
	attemptsLabelsSQL = "concatWithSeparator('|', tenant, team, kind, tags, provider)"

	usageSumsSQL  = "sum(requests), sum(attempts), sum(failures), sum(ifNull(cost_nano_usd, 0)), sum(unpriced)" // and the classes
	rolledSumsSQL = "sum(requests), sum(attempts), sum(failures), sum(cost_nano_usd), sum(unpriced)"            // and the classes
	zeroSQL       = "toInt64(0)"

	tenantsSQL = "(tenant >= {from:String} AND ({before:String} = '' OR tenant < {before:String}))"
)

// classesSQL puts the columns of the classes of usage behind a statement's piece:
// format is given the weight and the name of each.
func classesSQL(sql, format string) string {
	for i, name := range events.ClassNames() {
		sql += fmt.Sprintf(format, classWeight(i), name)
	}
	return sql
}

// noSums stands for the sums that a table does not have.
func noSums(n int) string { return strings.Repeat(", "+zeroSQL, n) }

// loadTables reads the checkpoint of the tables and opens the block of this run.
func (r *run) loadTables(ctx context.Context) error {
	if r.cfg.Tables == nil {
		return nil
	}
	c, err := r.checkpoint(ctx)
	if err == nil && c.Generation == 0 {
		err = tables.ErrNoTables
	}
	if err == nil {
		err = r.guard(ctx, "tables", c.Done)
	}
	t := r.tables
	if err != nil {
		t.begin(t.compared) // what comes now is owed
		return err
	}
	if c.Done.Seq < t.compared || r.last.Seq > 0 && c.Kept != t.kept {
		return errAnew
	}
	t.kept = c.Kept
	if t.generation != 0 && t.generation != c.Generation {
		t.suspect = true
	}
	t.generation = c.Generation
	t.begin(c.Done.Seq)
	r.report.Tables = &TablesReport{Database: c.Database, Seq: c.Done.Seq, Rows: c.Rows, Kept: c.Kept}
	return nil
}

// part is a part of the tables: the rows of some tenants and messages.
type part struct {
	tenants
	after, to uint64 // sequences: the first is not in it
}

func (p part) String() string {
	if p.after == 0 {
		return ""
	}
	return fmt.Sprintf(" after sequence %d", p.after)
}

// compareTables compares what is due: the blocks that are new, and of the older
// rows the share whose turn it is, or all if they are suspect.
func (r *run) compareTables(ctx context.Context) error {
	t := r.tables
	before := r.report.Different
	looked, err := r.compareOld(ctx)
	if err != nil {
		return err
	}
	after := t.compared
	for _, b := range t.due() {
		if err := r.comparePart(ctx, part{everyone(), after, b.to}, b.groups); err != nil {
			return err
		}
		after, looked.quarters = b.to, looked.quarters.and(b.quarters)
	}
	r.compareOlder()
	if err := r.rollUp(ctx, looked); err != nil {
		return err
	}
	if c, _, err := tables.Load(ctx, r.cfg.Bucket, events.TablesKey); err != nil || c.Kept != t.kept {
		return cmp.Or(err, errAnew) // rows were let go meanwhile
	}
	if t.compared > 0 {
		t.rotation.done()
	}
	t.settle()
	t.suspect = r.report.Different > before
	return nil
}

// compareOld compares older rows, and says which part of the roll-up goes with
// them: all of it as long as nothing was compared.
func (r *run) compareOld(ctx context.Context) (roll, error) {
	t := r.tables
	share, some := t.turn()
	if t.compared == 0 || !some {
		return roll{tenants: share, some: some}, nil
	}
	return roll{tenants: share, some: true}, r.comparePart(ctx, part{share, 0, t.compared}, t.all.of(share))
}

// of gives the groups of some tenants.
func (g groups) of(t tenants) groups {
	if t == everyone() {
		return g
	}
	out := groups{}
	for key, s := range g {
		if t.has(key.tenant()) {
			out[key] = s
		}
	}
	return out
}

// comparePart asks the store for the sums of a part.
func (r *run) comparePart(ctx context.Context, p part, want groups) error {
	got := groups{}
	kept := r.tables.kept
	const bounds = " WHERE seq > {after:UInt64} AND seq <= {to:UInt64} AND window_at >= toDateTime({since:Int64}, 'UTC') AND " + tenantsSQL
	counted := func(weight string) string { return "count(), " + fmt.Sprintf(digestSQL, weight) + ", " }
	for _, q := range []struct {
		summed
		since time.Time
	}{
		{summed{"usage", usageLabelsSQL, counted(classesSQL(usageWeightSQL, " + %d * %s")) + classesSQL(usageSumsSQL, ", sum(%[2]s)")}, kept.Usage},
		{summed{"requests", requestsLabelsSQL, counted(requestsWeightSQL) + "toInt64(sum(count))" + noSums(otherSums-1+events.ClassCount)}, kept.Requests},
		{summed{"attempts", attemptsLabelsSQL, counted(attemptsWeightSQL) + zeroSQL + noSums(otherSums-1+events.ClassCount)}, kept.Attempts},
	} {
		params := map[string]any{
			"db": r.report.Tables.Database, "after": p.after, "to": p.to, "from": p.from, "before": p.before, "since": second(q.since),
		}
		if err := r.sum(ctx, q.summed, bounds, params, got); err != nil {
			return err
		}
	}
	r.diff(p, want, got)
	return nil
}

// summed is what is asked of a table: labels, and for each of them the number of rows,
// their digest, and the sums of [accounting.Totals].
type summed struct{ table, labels, sums string }

// otherSums is the number of sums besides those of the classes.
const otherSums = 5

// sum asks for the sums of each group within bounds.
func (r *run) sum(ctx context.Context, q summed, bounds string, params map[string]any, to groups) error {
	sql := "SELECT " + q.labels + " AS labels, " + q.sums + " FROM {db:Identifier}." + q.table + bounds + " GROUP BY labels"
	return r.cfg.Tables.Query(ctx, sql, params, func(scan func(...any) error) error {
		var labels string
		var s sums
		t := &s.totals
		dest := []any{&labels, &s.rows, &s.digest, &t.Requests, &t.Attempts, &t.Failures, &t.Cost, &t.Unpriced}
		for _, amount := range t.Usage.Refs() {
			dest = append(dest, amount)
		}
		err := scan(dest...)
		*to.at(q.table, labels) = s
		return err
	})
}

// diff notes the groups that are not the same.
func (r *run) diff(p part, want, got groups) {
	keys := make([]group, 0, len(want))
	for g := range want {
		keys = append(keys, g)
	}
	for g := range got {
		if want[g] == nil {
			keys = append(keys, g)
		}
	}
	slices.SortFunc(keys, func(a, b group) int {
		return cmp.Or(strings.Compare(a.table, b.table), strings.Compare(a.labels, b.labels))
	})
	for _, g := range keys {
		var w, h sums
		if s := want[g]; s != nil {
			w = *s
		}
		if s := got[g]; s != nil {
			h = *s
		}
		if w != h {
			r.differ(fmt.Sprintf("table %s, rows of %s%s", g.table, g.labels, p), w, h)
			r.drift(w.totals, h.totals)
		}
	}
}
