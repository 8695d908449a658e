package verify

import (
	"context"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// A roll-up that is kept longer than its rows has nothing beside it in the tables, so
// that part of it is compared with the log itself: by the sums of each group, at a
// checkpoint at which nothing is being written.

// older is what the roll-ups hold of before the horizons of their rows.
type older struct {
	tenants // of which it is
	groups  groups
}

// hasOlder tells whether a roll-up begins before its rows.
func hasOlder(k projector.Kept) bool { return k.Usage.After(k.RollUps) || k.Requests.After(k.RollUps) }

// checkpoint loads that of the tables, if it can together with the older part of the
// roll-ups; if they are written all the time, that is left to the next run.
func (r *run) checkpoint(ctx context.Context) (c tables.Checkpoint, err error) {
	for range triesRunning {
		var rev, after uint64
		if c, rev, err = tables.Load(ctx, r.cfg.Bucket, events.TablesKey); err != nil || !hasOlder(c.Kept) {
			return c, err
		}
		if c.Intent == nil {
			found, err := r.readOlder(ctx, c)
			if err != nil {
				return c, err
			}
			if _, after, err = tables.Load(ctx, r.cfg.Bucket, events.TablesKey); err != nil {
				return c, err
			}
			if after == rev {
				r.older = found
				return c, nil
			}
		}
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
	return c, nil
}

// readOlder sums up the share of the tenants whose turn it is.
func (r *run) readOlder(ctx context.Context, c tables.Checkpoint) (*older, error) {
	share, some := r.tables.turn()
	if !some {
		return nil, nil
	}
	out := &older{share, groups{}}
	const bounds = " WHERE bucket >= toDateTime({since:Int64}, 'UTC') AND bucket < toDateTime({until:Int64}, 'UTC') AND " + tenantsSQL
	for _, q := range []struct {
		summed
		until time.Time
	}{
		{summed{"usage_15m", usageLabelsSQL, "sum(lines), toUInt64(0), " + classesSQL(rolledSumsSQL, ", sum(%[2]s)")}, c.Kept.Usage},
		{summed{"requests_15m", requestsLabelsSQL, "sum(lines), toUInt64(0), toInt64(sum(count))" + noSums(otherSums-1+events.ClassCount)}, c.Kept.Requests},
	} {
		params := map[string]any{"db": c.Database, "since": second(c.Kept.RollUps), "until": second(q.until), "from": share.from, "before": share.before}
		if err := r.sum(ctx, q.summed, bounds, params, out.groups); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// compareOlder compares what was read with what the log says.
func (r *run) compareOlder() {
	if r.older == nil {
		return
	}
	want := groups{}
	want.merge(r.tables.older.of(r.older.tenants))
	for _, b := range r.tables.due() {
		want.merge(b.older.of(r.older.tenants))
	}
	r.diff(part{}, want, r.older.groups)
}
