package query

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// Place is where in the log a request is.
type Place struct {
	Tenant events.TenantID // empty: the tables know no such request, of those the asker may see
	Last   uint64          // the last sequence that made a row about it
	AsOf   AsOf
}

// Place finds a request in the tables.
func (e *Engine) Place(ctx context.Context, scope Scope, id events.RequestID) (Place, error) {
	f := Filter{Scope: scope}
	c := f.conditions()
	c.and("request = {id:String}")
	c.params["id"] = string(id)
	var p Place
	var err error
	p.AsOf, err = e.live(ctx, func(v *view) error {
		var parts []string
		for _, t := range []struct {
			name  string
			since time.Time
		}{{"usage", v.kept.Usage}, {"requests", v.kept.Requests}, {"attempts", v.kept.Attempts}} {
			c.params["since_"+t.name] = max(t.since.Unix(), 0)
			parts = append(parts, "SELECT toString(tenant) AS tenant, seq FROM "+rows(t.name, c)+" AND window_at >= toDateTime({since_"+t.name+":Int64}, 'UTC')")
		}
		sql := "SELECT tenant, max(seq) FROM (" + strings.Join(parts, " UNION ALL ") + ") GROUP BY tenant LIMIT 1"
		return e.run(ctx, v.database, statement{sql: sql, params: c.params}, func(scan func(...any) error) error {
			return scan((*string)(&p.Tenant), &p.Last)
		})
	})
	if err != nil {
		return Place{}, fmt.Errorf("request %s: %w", id, err)
	}
	return p, nil
}
