package verify

import (
	"context"
	"fmt"
)

// requestsRollUpSQL gives the quarters and labels in which the rows of requests and
// their roll-up differ.
const requestsRollUpSQL = `SELECT labels, toString(bucket), sum(n), sum(c) FROM (
	SELECT ` + requestsLabels + ` AS labels, toStartOfFifteenMinutes(toDateTime(window_at, 'UTC')) AS bucket,
		toInt64(count()) AS n, toInt64(sum(count)) AS c
	FROM {db:Identifier}.requests
	WHERE (toDateTime(window_at, 'UTC') BETWEEN toDateTime({first:Int64}, 'UTC') AND toDateTime({last:Int64}, 'UTC') OR {some:UInt8} = 1 AND ` + tenantsSQL + `)
		AND window_at >= toDateTime({requests_since:Int64}, 'UTC')
	GROUP BY labels, bucket
	UNION ALL
	SELECT ` + requestsLabels + ` AS labels, bucket, -toInt64(sum(lines)) AS n, -toInt64(sum(count)) AS c
	FROM {db:Identifier}.requests_15m
	WHERE (bucket BETWEEN toDateTime({first:Int64}, 'UTC') AND toDateTime({last:Int64}, 'UTC') OR {some:UInt8} = 1 AND ` + tenantsSQL + `)
		AND bucket >= toDateTime({requests_since:Int64}, 'UTC')
	GROUP BY labels, bucket
) GROUP BY labels, bucket HAVING sum(n) != 0 OR sum(c) != 0 ORDER BY bucket, labels LIMIT 1000`

const requestsLabels = `concatWithSeparator('|', tenant, team, user, key, model, tags, node, endpoint, outcome, toString(status), error, reason,
		provider, credential, upstream_model, finish)`

// requestsRolledUp asks for the quarters of requests that are not the sum of their rows.
func (r *run) requestsRolledUp(ctx context.Context, params map[string]any) (found []Difference, err error) {
	err = r.cfg.Tables.Query(ctx, requestsRollUpSQL, params, func(scan func(...any) error) error {
		var labels, bucket string
		var lines, requests int64
		err := scan(&labels, &bucket, &lines, &requests)
		found = append(found, Difference{
			What: fmt.Sprintf("roll-up of requests of %s, %s", bucket, labels), Want: "the sum of its rows",
			Got: fmt.Sprintf("%d lines, %d requests less", lines, requests),
		})
		return err
	})
	return found, err
}
