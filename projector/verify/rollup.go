package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/tables"
)

// The roll-up knows nothing of sequences, so it is compared with the rows while
// neither changes: between two looks at the checkpoint that are the same.
const (
	triesRunning = 40                    // while the writer goes on
	tryEvery     = 25 * time.Millisecond // between two tries
)

// errMoving: the tables were written meanwhile.
var errMoving = errors.New("the tables are being written")

// roll is a part of the roll-up: some quarters of all tenants, and all quarters of
// some tenants, if of any.
type roll struct {
	quarters
	tenants
	some bool
}

// rollUp compares a part of the roll-up with the rows it adds up.
func (r *run) rollUp(ctx context.Context, part roll) error {
	for range triesRunning {
		if err := r.rollUpOnce(ctx, part); !errors.Is(err, errMoving) {
			return err
		}
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if r.cfg.Pause == nil {
		return fmt.Errorf("compare the roll-up: %w all the time", errMoving)
	}
	resume, err := r.cfg.Pause(ctx)
	if err != nil {
		return fmt.Errorf("compare the roll-up: %w", err)
	}
	defer resume()
	return r.rollUpOnce(ctx, part)
}

// rollUpSQL gives the quarters and labels in which rows and roll-up differ, for the
// names of all columns of tokens and the weights of all columns.
const rollUpSQL = `SELECT labels, toString(bucket), sum(n), sum(t), sum(u), sum(c) FROM (
	SELECT concatWithSeparator('|', tenant, team, user, key, model, tags, provider, credential, upstream_model) AS labels,
		toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket, toInt64(count()) AS n,
		sum(%[1]s) AS t,
		sum(%[2]s) AS u,
		sum(ifNull(cost_nano_usd, 0)) AS c
	FROM {db:Identifier}.usage
	WHERE (toDateTime(window_at, 'UTC') BETWEEN toDateTime({first:Int64}, 'UTC') AND toDateTime({last:Int64}, 'UTC') OR {some:UInt8} = 1 AND ` + tenantsSQL + `)
		AND window_at >= toDateTime({usage_since:Int64}, 'UTC')
	GROUP BY labels, bucket
	UNION ALL
	SELECT concatWithSeparator('|', tenant, team, user, key, model, tags, provider, credential, upstream_model) AS labels,
		bucket, -toInt64(sum(lines)) AS n,
		-sum(%[1]s) AS t,
		-sum(%[2]s) AS u,
		-sum(cost_nano_usd) AS c
	FROM {db:Identifier}.usage_15m
	WHERE (bucket BETWEEN toDateTime({first:Int64}, 'UTC') AND toDateTime({last:Int64}, 'UTC') OR {some:UInt8} = 1 AND ` + tenantsSQL + `)
		AND bucket >= toDateTime({usage_since:Int64}, 'UTC')
	GROUP BY labels, bucket
) GROUP BY labels, bucket HAVING sum(n) != 0 OR sum(t) != 0 OR sum(u) != 0 OR sum(c) != 0 ORDER BY bucket, labels LIMIT 1000`

// rollUpStatement fills [rollUpSQL].
func rollUpStatement() string {
	var tokens []string
	for _, class := range events.Classes() {
		if class.Unit == events.TokenUnit {
			tokens = append(tokens, class.Name)
		}
	}
	weights := classesSQL("requests + 3 * attempts + 5 * failures + 7 * unpriced", " + %d * %s")
	return fmt.Sprintf(rollUpSQL, strings.Join(tokens, " + "), weights)
}

// rollUpOnce compares, unless something was written meanwhile.
func (r *run) rollUpOnce(ctx context.Context, part roll) error {
	before, rev, err := tables.Load(ctx, r.cfg.Bucket, events.TablesKey)
	if err != nil {
		return err
	}
	if before.Intent != nil {
		return errMoving
	}
	found, drift, err := r.rolledUp(ctx, before, part)
	if err != nil {
		return err
	}
	var rolledUp uint64
	err = r.cfg.Tables.Query(ctx, "SELECT sum(lines) FROM {db:Identifier}.usage_15m WHERE bucket >= toDateTime({since:Int64}, 'UTC')",
		map[string]any{"db": before.Database, "since": second(before.Kept.RollUps)},
		func(scan func(...any) error) error { return scan(&rolledUp) })
	if err != nil {
		return err
	}
	beyond, err := r.beyond(ctx, before)
	if err != nil {
		return err
	}
	_, after, err := tables.Load(ctx, r.cfg.Bucket, events.TablesKey)
	if err != nil {
		return err
	}
	if after != rev {
		return errMoving
	}
	for _, d := range append(found, beyond...) {
		r.differ(d.What, d.Want, d.Got)
	}
	r.report.Drift.CostNanoUSD += drift.CostNanoUSD
	r.report.Drift.Tokens += drift.Tokens
	r.report.Tables.RolledUp = rolledUp
	return nil
}

// rolledUp asks for the quarters that are not the sum of their rows, where there are both.
func (r *run) rolledUp(ctx context.Context, c tables.Checkpoint, part roll) (found []Difference, drift Drift, err error) {
	some := uint8(0)
	if part.some {
		some = 1
	}
	summed := c.Kept.Summed()
	params := map[string]any{
		"db": c.Database, "first": part.quarters.from, "last": part.to, "some": some, "from": part.tenants.from, "before": part.before,
		"usage_since": second(summed.Usage), "requests_since": second(summed.Requests),
	}
	err = r.cfg.Tables.Query(ctx, rollUpStatement(), params, func(scan func(...any) error) error {
		var labels, bucket string
		var lines, tokens, others, cost int64
		err := scan(&labels, &bucket, &lines, &tokens, &others, &cost)
		found = append(found, Difference{
			What: fmt.Sprintf("roll-up of %s, %s", bucket, labels), Want: "the sum of its rows",
			Got: fmt.Sprintf("%d lines, %d tokens, %d nano-USD less", lines, tokens, cost),
		})
		drift.CostNanoUSD += max(cost, -cost)
		drift.Tokens += max(tokens, -tokens)
		return err
	})
	if err != nil {
		return nil, drift, err
	}
	requests, err := r.requestsRolledUp(ctx, params)
	return append(found, requests...), drift, err
}

// beyond finds tables with rows of sequences that the checkpoint has not come to:
// of a log that was another one, or put there by somebody else.
func (r *run) beyond(ctx context.Context, c tables.Checkpoint) (found []Difference, err error) {
	for _, table := range []string{"usage", "requests", "attempts"} {
		var rows uint64
		err := r.cfg.Tables.Query(ctx, "SELECT count() FROM {db:Identifier}."+table+" WHERE seq > {seq:UInt64}",
			map[string]any{"db": c.Database, "seq": c.Done.Seq}, func(scan func(...any) error) error { return scan(&rows) })
		if err != nil {
			return nil, err
		}
		if rows > 0 {
			found = append(found, Difference{
				What: fmt.Sprintf("table %s, rows beyond the checkpoint at %d", table, c.Done.Seq), Want: "none", Got: fmt.Sprint(rows),
			})
		}
	}
	return found, nil
}
