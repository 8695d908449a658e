package query_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/projector/clickhouse"
	"github.com/llm-hub/llm-hub/projector/query"
)

// estimating asks the store how many rows of requests it has to read for what is asked.
type estimating struct {
	*clickhouse.Client
	rows *uint64
}

// Query implements [query.Querier].
func (e estimating) Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error {
	err := e.Client.Query(ctx, "EXPLAIN ESTIMATE "+sql, params, func(scan func(...any) error) error {
		var database, table string
		var parts, rows, marks uint64
		err := scan(&database, &table, &parts, &rows, &marks)
		if table == "requests" {
			*e.rows += rows
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.Client.Query(ctx, sql, params, row)
}

// newestPages: a page of the newest, and the next ones, touch a few granules of a tenant's
// many, however much time is asked about.
func newestPages(t *testing.T, c *clickhouse.Client) {
	const database, requests, granule = "llmhub_newest", 200_000, 8192
	ctx := t.Context()
	for _, sql := range []string{
		"CREATE DATABASE " + database, "CREATE TABLE " + database + ".usage AS " + c.Database() + ".usage",
		"CREATE TABLE " + database + ".requests AS " + c.Database() + ".requests", benchRows(database, 0, requests)[2],
	} {
		if err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := c.Drop(context.WithoutCancel(ctx), database); err != nil {
			t.Error(err)
		}
	})
	read := uint64(0)
	e := query.New(estimating{c, &read}, fixed(database))
	begin := time.Unix(1793491200, 0)
	now := begin.Add(30*24*time.Hour/benchRequests*requests + 20*time.Minute)
	for _, tt := range []struct {
		name  string
		scope query.Scope
		most  uint64
	}{{"of a tenant", query.Of("tenant-0"), 3 * granule}, {"of everyone", query.Everyone(), requests / 2}} {
		p := query.Page{RequestFilter: query.RequestFilter{Filter: query.Filter{Scope: tt.scope, From: begin.AddDate(-1, 0, 0), To: now}}}
		last := time.Time{}
		for range 3 {
			read = 0
			list, err := e.Requests(ctx, p)
			if err != nil || len(list.Rows) != query.DefaultPage || list.Next == "" {
				t.Fatalf("%s: %d rows, next %q, %v", tt.name, len(list.Rows), list.Next, err)
			}
			if read == 0 || read > tt.most {
				t.Errorf("a page %s reads %d rows of %d, at most %d are needed", tt.name, read, requests, tt.most)
			}
			for _, r := range list.Rows {
				if !last.IsZero() && r.WindowAt.After(last) {
					t.Fatalf("%s: a page is not in order", tt.name)
				}
				last = r.WindowAt
			}
			if p.After, err = query.ParseCursor(list.Next); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// explaining keeps how the store answers.
type explaining struct {
	*clickhouse.Client
	plan *strings.Builder
}

// Query implements [query.Querier].
func (e explaining) Query(ctx context.Context, sql string, params map[string]any, row func(scan func(...any) error) error) error {
	err := e.Client.Query(ctx, "EXPLAIN "+sql, params, func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		e.plan.WriteString(line + "\n")
		return err
	})
	if err != nil {
		return err
	}
	return e.Client.Query(ctx, sql, params, row)
}

// projections: charts by model and vendor read the projection that knows no users, also
// of a span that begins on no quarter of an hour; what is about users cannot.
func (w world) projections(t *testing.T, c *clickhouse.Client, s query.Source) {
	q := everything()
	odd := q
	odd.From = odd.From.Add(-time.Second)
	for _, tt := range []struct {
		name string
		q    query.Question
		by   []query.Dimension
		uses bool
	}{
		{"card", q, nil, true}, {"chart", q, []query.Dimension{query.Day, query.Model}, true},
		{"odd chart", odd, []query.Dimension{query.Hour, query.Tenant, query.Provider}, true}, {"users", q, []query.Dimension{query.User}, false},
	} {
		var plan strings.Builder
		tt.q.GroupBy = tt.by
		if _, err := query.New(explaining{c, &plan}, s).Usage(t.Context(), tt.q); err != nil {
			t.Fatal(err)
		}
		if uses := strings.Contains(plan.String(), "by_model"); uses != tt.uses {
			t.Errorf("%s reads the projection: %t\n%s", tt.name, uses, plan.String())
		}
	}
}
